"""Choosing and sorting: against numpy on the whole table, and what is not known stays last."""

from dataclasses import replace

import numpy as np
import pytest

from segstudio.errors import InputError
from segstudio.gui.failures.orders import SIMILAR, VALUES, Order, Sorter
from segstudio.metrics.region_links import true_areas
from segstudio.metrics.segment_cost import segment_costs
from segstudio.metrics.segment_table import Coded
from segstudio.metrics.strata import middles
from segstudio.project.evaluations import ModelEvaluation
from segstudio.workflows.failure_table import FailureTable
from tests.metrics.failure_scenes import CLASSES, noise, scenes


@pytest.fixture
def failures() -> FailureTable:
    """Some hundred segments of three samples; confidence is known of every other one."""
    found = scenes(*(noise(seed) for seed in range(3)))
    count = found.table.count
    sure = np.random.default_rng(1).random(count).astype(np.float32)
    sure[::2] = np.nan
    sent = np.zeros(count, np.uint8)
    sent[:10] = 1
    table = replace(
        found.table,
        rows=replace(found.table.rows, confidence=sure),
        by_row={
            "verdict": Coded(("", "model_wrong"), np.arange(count, dtype=np.uint8) % 2),
            "sent": Coded(("", "ignore,queue"), sent),
        },
        numbers={"row": true_areas(found.table).astype(np.float32), "suspect": sure},
    )
    empty = np.zeros((3, CLASSES, 3), np.int64)
    evaluation = ModelEvaluation(
        "m", table.samples, found.confusion, empty, empty, table, found.regions, found.region_sample
    )
    costs = segment_costs(table, found.confusion.sum(axis=0))
    heights = np.full(len(found.region_sample), 24, np.int32)
    return FailureTable(evaluation, costs, middles(found.regions.box, heights), np.full(3, 24, np.int32))


@pytest.mark.parametrize("key", VALUES)
@pytest.mark.parametrize("falling", [False, True])
def test_every_order_sorts_and_keeps_unknown_ones_last(
    failures: FailureTable, key: str, *, falling: bool
) -> None:
    rows = Sorter(failures).choose("", Order(key, falling), hide_ignored=False).rows
    values = np.asarray(VALUES[key](failures), np.float64)[rows]
    known = values[~np.isnan(values)]
    assert np.isnan(values[len(known) :]).all()
    steps = np.diff(known)
    assert (steps <= 0).all() if falling else (steps >= 0).all()
    assert sorted(rows.tolist()) == list(range(failures.table.count))
    equal = np.flatnonzero(steps == 0)
    assert (rows[equal] < rows[equal + 1]).all()


def test_what_is_chosen_is_counted(failures: FailureTable) -> None:
    chosen = Sorter(failures).choose("gt=car area>=2", Order(), hide_ignored=False)
    rows = failures.table.rows
    wanted = np.flatnonzero((rows.truth == 1) & (rows.area >= 2))
    assert sorted(chosen.rows.tolist()) == wanted.tolist()
    assert chosen.pixels == rows.area[wanted].sum()
    assert chosen.cost == pytest.approx(failures.costs[wanted].sum(), rel=1e-5)
    union = failures.pooled[1].sum() + failures.pooled[:, 1].sum() - failures.pooled[1, 1]
    assert chosen.by_class[1] == pytest.approx(rows.area[wanted].sum() / union)


def test_ignored_ones_are_hidden_on_wish(failures: FailureTable) -> None:
    sorter = Sorter(failures)
    assert sorter.choose("", Order(), hide_ignored=True).rows.min() == 10
    assert len(sorter.choose("", Order(), hide_ignored=False).rows) == failures.table.count


def test_among_some_rows_the_query_still_chooses_in_their_order(failures: FailureTable) -> None:
    sorter, among = Sorter(failures), np.array([40, 3, 12, 30, 7])
    found = sorter.choose("", Order(SIMILAR), hide_ignored=True, among=among)
    assert found.rows.tolist() == [40, 12, 30]
    areas = failures.table.rows.area
    found = sorter.choose("area>=1", Order("area"), hide_ignored=False, among=among)
    assert sorted(found.rows.tolist()) == sorted(among.tolist())
    assert (np.diff(areas[found.rows]) <= 0).all()


def test_other_verdicts_are_sorted_anew(failures: FailureTable) -> None:
    before = Sorter(failures)
    before.choose("", Order("verdict"), hide_ignored=False)
    words = dict(failures.table.by_row)
    words["verdict"] = Coded(("", "model_wrong"), 1 - words["verdict"].codes)
    table = replace(failures.table, by_row=words)
    later = replace(failures, evaluation=replace(failures.evaluation, table=table))
    rows = Sorter(later, before).choose("", Order("verdict"), hide_ignored=False).rows
    assert words["verdict"].codes[rows[0]] == 1


def test_a_bad_query_names_only_what_was_typed(failures: FailureTable) -> None:
    with pytest.raises(InputError) as caught:
        Sorter(failures).choose('gt="road', Order(), hide_ignored=True)
    assert "ignore" not in caught.value.message
