"""Regions by size and place: groups counted by hand, and no region lost or counted twice."""

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from segstudio.metrics.strata import Stratum, by_area, by_band, by_height, middles
from segstudio.metrics.true_regions import TrueRegions


def regions(areas: list[int], hits: list[float], boxes: list[tuple[int, int, int, int]]) -> TrueRegions:
    count = len(areas)
    return TrueRegions(
        np.zeros(count, np.uint8), np.array(areas, np.int32), np.array(boxes, np.int32).reshape(-1, 4),
        np.array(hits, np.float32), np.zeros(count, np.uint8),
    )  # fmt: skip


RIDERS = regions(
    [10, 12, 40, 900], [0.0, 0.05, 0.55, 0.9], [(0, 0, 2, 5), (0, 10, 3, 6), (5, 45, 4, 20), (0, 60, 30, 40)]
)
ALL = np.arange(4)


def bounds(found: tuple[Stratum, ...]) -> list[tuple[float, float, int]]:
    return [(part.low, part.high, part.regions) for part in found]


def test_heights_have_fixed_bounds_and_begin_where_regions_do() -> None:
    found = by_height(RIDERS, ALL)
    assert bounds(found) == [(0, 8, 2), (8, 16, 0), (16, 24, 1), (24, 32, 0), (32, 48, 1)]
    assert (found[0].pixels, round(found[0].found, 6), found[0].missed) == (22, 0.025, 1.0)
    assert math.isnan(found[1].found)
    assert (round(found[2].found, 6), found[2].missed) == (0.55, 0.0)


def test_area_groups_hold_about_the_same_count() -> None:
    assert bounds(by_area(RIDERS, ALL, 2)) == [(10, 40, 2), (40, math.inf, 2)]
    assert [part.missed for part in by_area(RIDERS, ALL, 2)] == [1.0, 0.0]
    assert [part.regions for part in by_area(RIDERS, ALL)] == [1, 1, 1, 1]


def test_regions_of_one_area_are_never_parted() -> None:
    same = regions([5] * 30 + [7], [0.5] * 31, [(0, 0, 1, 5)] * 31)
    assert bounds(by_area(same, np.arange(31))) == [(5, math.inf, 31)]


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80), st.integers(1, 12))
def test_every_region_is_in_one_group(areas: list[int], parts: int) -> None:
    some = regions(areas, [0.5] * len(areas), [(0, 0, 1, area) for area in areas])
    every = np.arange(len(areas))
    for found, values in ((by_area(some, every, parts), areas), (by_height(some, every), areas)):
        assert sum(part.regions for part in found) == len(areas)
        assert sum(part.pixels for part in found) == sum(areas)
        for part in found:
            assert part.regions == sum(part.low <= value < part.high for value in values)
    assert len(by_area(some, every, parts)) <= parts


def test_bands_are_tenths_of_the_height() -> None:
    heights = np.array([100, 100, 100, 100])
    found = by_band(middles(RIDERS.box, heights), RIDERS, ALL)
    assert [part.regions for part in found] == [1, 1, 0, 0, 0, 1, 0, 0, 1, 0]
    assert [round(part.high, 1) for part in found] == [round(band / 10, 1) for band in range(1, 11)]
    # An image whose height is not known sends its regions to the bottom, not out of sight.
    lost = by_band(middles(RIDERS.box, np.zeros(4, np.int32)), RIDERS, ALL)
    assert lost[-1].regions == 4


def test_only_the_chosen_regions_count_and_none_make_no_groups() -> None:
    assert bounds(by_height(RIDERS, np.array([3]))) == [(32, 48, 1)]
    nothing = np.zeros(0, np.int64)
    assert by_area(RIDERS, nothing) == by_height(RIDERS, nothing) == ()
    assert by_band(middles(RIDERS.box, np.full(4, 100)), RIDERS, nothing) == ()
