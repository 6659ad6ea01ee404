"""Orders of the queue on tables made by hand, and what must hold for any table."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.project.sample import SampleStatus
from segstudio.project.sample_orders import (
    ARM,
    ORDERS,
    Order,
    class_weights,
    expected_gain,
    near_duplicates,
    put_in_order,
    uncertainty,
)
from segstudio.project.sample_table import SampleTable
from tests.project.tables import make_table

NAN = math.nan
P, A = SampleStatus.PREDICTED, SampleStatus.ACCEPTED


def ordered(table: SampleTable, order: Order) -> list[int]:
    found = put_in_order(table, np.arange(table.count), order)
    return [int(row) for row in found.rows]


TABLE = make_table(
    list("abcd"),
    predictions=[(90, 10, 0), (50, 50, 0), (100, 0, 0), None],
    margin=[0.9, 0.2, 0.5, NAN],
    unsure=[0.3, 0.2, 0.1, NAN],
    quality=[0.9, NAN, 0.1, NAN],
    differing=[0.1, 0.3, NAN, 0.2],
    suspect=[0.0, 0.5, NAN, 0.9],
    iou=[0.5, NAN, 0.2, 0.9],
    changed_at=[10.0, 0.0, 30.0, 20.0],
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order("name"), [0, 1, 2, 3]),
        (Order("uncertain"), [1, 2, 0, 3]),
        (Order("quality"), [2, 0, 1, 3]),
        (Order("differing"), [1, 3, 0, 2]),
        (Order("suspect"), [3, 1, 0, 2]),
        (Order("iou"), [2, 0, 3, 1]),
        (Order("recent"), [2, 3, 0, 1]),
        (Order("class", class_id=1), [1, 0, 2, 3]),
        (Order("class", class_id=0), [2, 0, 1, 3]),
    ],
)
def test_the_first_is_the_one_that_is_asked_for(order: Order, expected: list[int]) -> None:
    assert ordered(TABLE, order) == expected


def test_without_all_margins_the_unsure_share_speaks_for_all() -> None:
    assert uncertainty(TABLE)[:3] == pytest.approx([0.1, 0.8, 0.5])
    mixed = make_table(list("ab"), predictions=[(1, 0, 0)] * 2, margin=[0.9, NAN], unsure=[0.3, 0.2])
    assert uncertainty(mixed) == pytest.approx([0.3, 0.2])


class TestGain:
    """Doubt times what the classes of a sample are worth."""

    def test_a_class_weighs_by_its_deficit(self) -> None:
        # 90 % road, 10 % train, no traffic light; an even share is a third.
        table = make_table(["a"], [A], masks=[(900, 100, 0)], class_iou=[0.9, 0.4, NAN])
        expected = [(1 - 0.9) * (1 / 3) / 0.9, (1 - 0.4) * (1 / 3) / 0.1, (1 - 0.5) * 10]
        assert class_weights(table) == pytest.approx(expected)

    def test_only_accepted_masks_tell_how_rare_a_class_is(self) -> None:
        table = make_table(["a"], [SampleStatus.IN_PROGRESS], masks=[(900, 100, 0)])
        assert class_weights(table) == pytest.approx([0.5, 0.5, 0.5])

    def test_it_is_doubt_by_weight_by_area(self) -> None:
        table = make_table(
            list("abcd"),
            [A, P, P, P],
            masks=[(900, 100, 0), None, None, None],
            predictions=[(1, 0, 0), (80, 20, 0), (80, 20, 0), None],
            class_iou=[0.9, 0.4, NAN],
            confidence=[0.5, 0.7, 0.7, NAN],
            quality=[NAN, NAN, 0.2, NAN],
        )
        weight = 0.8 * 0.1 / 3 / 0.9 + 0.2 * 0.6 / 3 / 0.1
        gain = expected_gain(table)
        assert gain[1:3] == pytest.approx([0.3 * weight, 0.8 * weight], rel=1e-5)
        assert gain[0] == -1
        assert np.isnan(gain[3])

    def test_what_is_done_comes_last_and_is_never_drawn(self) -> None:
        statuses = [A if number % 2 else P for number in range(200)]
        table = make_table([f"f{number:03d}" for number in range(200)], statuses)
        found = put_in_order(table, np.arange(200), Order("gain", seed=1))
        assert (table.status[found.rows[:100]] == table.status[0]).all()
        assert not found.drawn[100:].any()

    def test_near_duplicates_wait_behind_all_others(self) -> None:
        table = make_table(
            ["v/1", "v/2", "v/3", "w/1"],
            [P] * 4,
            predictions=[(100, 0, 0), (97, 3, 0), (90, 10, 0), (100, 0, 0)],
            confidence=[0.1, 0.2, 0.8, 0.9],
        )
        # v/2 is like v/1, v/3 moved by 10 %, and another folder is another video.
        assert near_duplicates(table, np.array([0, 1, 2, 3])).tolist() == [False, True, False, False]
        # Of two that are alike, the one that comes first stays.
        assert near_duplicates(table, np.array([1, 0, 2, 3])).tolist() == [False, True, False, False]

    def test_a_frame_like_one_that_is_done_waits_too(self) -> None:
        table = make_table(["v/1", "v/2"], [A, P], masks=[(10, 0, 0), None], predictions=[None, (10, 0, 0)])
        assert near_duplicates(table, np.array([1])).tolist() == [True]

    def test_frames_that_are_far_apart_are_no_duplicates(self) -> None:
        table = make_table([f"{n:02d}" for n in range(12)], [P] * 12, predictions=[(10, 0, 0)] * 12)
        assert near_duplicates(table, np.array([0, 10, 11])).tolist() == [False, True, False]

    def test_a_tenth_is_drawn_at_random_whatever_the_scores(self) -> None:
        rng = np.random.default_rng(0)
        keys = [f"f{number:04d}" for number in range(2000)]
        parts = rng.integers(1, 100, (2000, 3)).tolist()
        table = make_table(keys, [P] * 2000, predictions=parts, confidence=rng.random(2000))
        found = put_in_order(table, np.arange(2000), Order("gain", seed=7))
        drawn = found.rows[found.drawn]
        assert 160 < len(drawn) < 240
        # Drawn blindly: their mean doubt is that of all, four standard errors at most.
        spread = 4 * table.confidence.std() / math.sqrt(len(drawn))
        assert abs(table.confidence[drawn].mean() - table.confidence.mean()) < spread
        # They stand evenly among the others.
        gaps = np.diff(np.flatnonzero(found.drawn))
        assert gaps.min() >= ARM * 0.7
        assert gaps.max() <= ARM * 1.3

    def test_a_sample_is_drawn_by_its_own_lot(self) -> None:
        keys = [f"f{number:03d}" for number in range(300)]
        table = make_table(keys, [P] * 300)
        whole = put_in_order(table, np.arange(300), Order("gain", seed=3))
        half = put_in_order(table, np.arange(0, 300, 2), Order("gain", seed=3))
        drawn = set(whole.rows[whole.drawn].tolist())
        assert set(half.rows[half.drawn].tolist()) == {row for row in drawn if row % 2 == 0}
        assert set(put_in_order(table, np.arange(300), Order("gain", seed=4)).rows[whole.drawn]) != drawn


@given(st.data())
def test_every_order_keeps_the_rows_and_is_the_same_again(data: st.DataObject) -> None:
    count = data.draw(st.integers(0, 30))
    share = st.one_of(st.floats(0, 1, width=32), st.just(NAN))
    column = st.lists(share, min_size=count, max_size=count)
    pixels = st.one_of(st.none(), st.tuples(*[st.integers(0, 50)] * 3))
    table = make_table(
        [f"v{number // 7}/f{number}" for number in range(count)],
        data.draw(st.lists(st.sampled_from(SampleStatus), min_size=count, max_size=count)),
        predictions=data.draw(st.lists(pixels, min_size=count, max_size=count)),
        confidence=data.draw(column),
        quality=data.draw(column),
        iou=data.draw(column),
    )
    some = np.array(sorted(data.draw(st.sets(st.integers(0, max(count - 1, 0))))), np.int64)
    rows = some[some < count]
    for kind in ORDERS:
        order = Order(kind, class_id=1, seed=5)
        found = put_in_order(table, rows, order)
        assert sorted(found.rows.tolist()) == rows.tolist()
        assert len(found.drawn) == len(rows)
        assert put_in_order(table, rows, order).rows.tolist() == found.rows.tolist()
