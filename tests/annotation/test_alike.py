"""Alike regions: each filter against the pixels, and edits that never touch what is protected."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.annotation.alike import Alike, Likeness, find_alike, is_still_there, relabelled, touches
from segstudio.annotation.protection import Protection
from segstudio.annotation.regions import regions_of_class
from segstudio.annotation.second_choice import Evidence, candidates

Mask = NDArray[np.uint8]
SHAPE = (16, 18)


def some(seed: int) -> tuple[Mask, Evidence]:
    random = np.random.default_rng(seed)
    small = random.integers(0, 4, (6, 6), np.uint8)
    mask = np.repeat(np.repeat(small, 3, 0), 3, 1)[: SHAPE[0]].copy()
    ids = np.where(random.random(SHAPE) < 0.2, random.integers(0, 4, SHAPE), mask).astype(np.uint8)
    confidence, margin = (random.integers(0, 256, SHAPE, np.uint8) for _ in range(2))
    return mask, Evidence(ids, confidence, (ids + 1) % 4, margin)


@given(
    st.integers(0, 2**31),
    st.sampled_from(["mask", "prediction"]),
    st.integers(1, 30),
    st.integers(0, 40),
    st.tuples(st.floats(0, 1), st.floats(0, 1)),
    st.one_of(st.none(), st.integers(0, 3)),
    st.one_of(st.none(), st.integers(0, 3)),
)
def test_every_filter_means_what_it_says(
    seed: int,
    source: str,
    least: int,
    most: int,
    sure: tuple[float, float],
    touching: int | None,
    second: int | None,
) -> None:
    mask, said = some(seed)
    low, high = sorted(sure)
    wanted = Likeness(
        1, "mask" if source == "mask" else "prediction", least, most, low, high, touching, 0.2, 0.8, second
    )
    plane = mask if source == "mask" else said.ids
    expected = set()
    for region in regions_of_class(plane, 1):
        mean = said.confidence[region.rect.slices][region.inside].mean() / 255
        middle = (region.rect.y + region.rect.height / 2) / SHAPE[0]
        ranked = candidates(region, said)
        if (
            region.area >= least
            and (not most or region.area <= most)
            and low <= mean <= high
            and 0.2 <= middle <= 0.8
            and (touching is None or touches(plane, region, touching))
            and (second is None or (bool(ranked) and ranked[0].class_id == second))
        ):
            expected.add((region.rect, region.inside.tobytes()))
    found = find_alike(mask, said, wanted)
    assert {(entry.rect, entry.region.inside.tobytes()) for entry in found} == expected
    assert [entry.area for entry in found] == sorted((entry.area for entry in found), reverse=True)


def test_touching_is_by_edges_not_corners() -> None:
    mask = np.zeros((6, 6), np.uint8)
    mask[2:4, 2:4], mask[1, 1], mask[4, 3] = 1, 5, 6
    (region,) = regions_of_class(mask, 1)
    assert touches(mask, region, 6)
    assert not touches(mask, region, 5)
    assert touches(mask, region, 0)


def test_without_a_mask_or_a_prediction_there_is_nothing() -> None:
    mask, said = some(1)
    assert find_alike(None, said, Likeness(1)) == []
    assert find_alike(mask, None, Likeness(1, "prediction")) == []
    assert find_alike(mask, None, Likeness(1, surest=0.5)) == []
    assert all(entry.confidence is None for entry in find_alike(mask, None, Likeness(1)))
    assert find_alike(mask, said, Likeness(99)) == []


@given(st.integers(0, 2**31), st.sets(st.integers(0, 3)), st.sampled_from(["mask", "prediction"]))
def test_protected_pixels_never_change_and_undo_restores_them(
    seed: int, locked: set[int], source: str
) -> None:
    mask, said = some(seed)
    before = mask.copy()
    wanted = Likeness(1, "mask" if source == "mask" else "prediction")
    regions = [entry.region for entry in find_alike(mask, said, wanted)]
    edit = relabelled(mask, regions, 9, "Relabel", Protection(frozenset(locked)))
    np.testing.assert_array_equal(mask, before)
    plane = mask if source == "mask" else said.ids
    expected = np.where((plane == 1) & ~np.isin(mask, list(locked)), 9, mask).astype(np.uint8)
    if edit is None:
        np.testing.assert_array_equal(expected, before)
        return
    edit.put_after(mask)
    np.testing.assert_array_equal(mask, expected)
    edit.put_before(mask)
    assert mask.tobytes() == before.tobytes()


def test_a_region_that_was_edited_is_known_to_be_gone() -> None:
    mask, _ = some(3)
    region = find_alike(mask, None, Likeness(1))[0].region
    assert is_still_there(mask, region)
    row, column = np.argwhere(region.inside)[0]
    mask[region.rect.y + row, region.rect.x + column] = 2
    assert not is_still_there(mask, region)
    assert not is_still_there(mask[:2, :2], region)


@given(st.integers(0, 2**31))
def test_a_kept_region_comes_back_whole(seed: int) -> None:
    mask, _ = some(seed)
    for region in regions_of_class(mask, 2):
        back = Alike.of(region, None).region
        assert (back.class_id, back.rect, back.area) == (2, region.rect, region.area)
        np.testing.assert_array_equal(back.inside, region.inside)
