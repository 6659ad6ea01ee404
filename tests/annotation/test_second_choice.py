"""The ranking of candidates against sums pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.annotation import second_choice
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, region_at
from segstudio.annotation.second_choice import Evidence, candidates

SHAPE = (9, 11)


def some(seed: int) -> tuple[Region, Evidence]:
    random = np.random.default_rng(seed)
    mask = random.integers(0, 2, SHAPE, np.uint8)
    ids = np.array([0, 1, 2, 3, 255], np.uint8)[random.integers(0, 5, SHAPE)]
    second = np.array([1, 2, 3, 4, 255], np.uint8)[random.integers(0, 5, SHAPE)]
    confidence, margin = (random.integers(0, 256, SHAPE, np.uint8) for _ in range(2))
    return region_at(mask, 5, 4), Evidence(ids, confidence, second, margin)


@given(st.integers(0, 2**31), st.booleans())
def test_scores_are_the_mean_evidence_of_the_pixels(seed: int, runner_up: bool) -> None:
    region, said = some(seed)
    if not runner_up:
        said = Evidence(said.ids, said.confidence)
    sums: dict[int, float] = {}
    for row, column in np.argwhere(region.inside):
        y, x = region.rect.y + row, region.rect.x + column
        sure = int(said.confidence[y, x])
        sums[int(said.ids[y, x])] = sums.get(int(said.ids[y, x]), 0) + sure
        if said.second is not None and said.margin is not None:
            other = int(said.second[y, x])
            sums[other] = sums.get(other, 0) + max(0, sure - int(said.margin[y, x]))
    expected = {
        class_id: total / 255 / region.area
        for class_id, total in sums.items()
        if total and class_id not in (255, region.class_id)
    }
    ranked = candidates(region, said)
    assert {entry.class_id: pytest.approx(entry.score) for entry in ranked} == expected
    assert list(ranked) == sorted(ranked, key=lambda entry: (-entry.score, entry.class_id))


def test_a_region_that_the_model_sees_alike_has_its_second_choice() -> None:
    full = np.full(SHAPE, 7, np.uint8)
    region = region_at(full, 0, 0)
    sure = np.full(SHAPE, 153, np.uint8)
    assert candidates(region, Evidence(full, sure)) == ()
    said = Evidence(full, sure, np.full(SHAPE, 2, np.uint8), np.full(SHAPE, 102, np.uint8))
    (only,) = candidates(region, said)
    assert only.class_id == 2
    assert only.score == pytest.approx(0.2)


def test_a_huge_region_is_sampled_by_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(second_choice, "ENOUGH_PIXELS", 20)
    ids = np.repeat(np.array([1, 2], np.uint8), 20).reshape(4, 10)
    region = Region(0, Rect(0, 0, 10, 4), np.ones((4, 10), bool), 40)
    ranked = candidates(region, Evidence(ids, np.full(ids.shape, 255, np.uint8)))
    assert [(entry.class_id, entry.score) for entry in ranked] == [(1, 0.5), (2, 0.5)]
