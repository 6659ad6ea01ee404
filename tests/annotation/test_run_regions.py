"""Regions by runs against OpenCV's connected components, value by value."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from segstudio.annotation.run_regions import find_regions

Codes = NDArray[np.uint8]
SMALL = array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12)


def by_components(codes: Codes) -> set[tuple[int, int, tuple[int, ...], bytes]]:
    """(value, area, box, pixels) of every region."""
    found: set[tuple[int, int, tuple[int, ...], bytes]] = set()
    for value in np.unique(codes[codes > 0]).tolist():
        count, labels, facts, _ = cv2.connectedComponentsWithStats(
            (codes == value).astype(np.uint8), connectivity=4
        )
        for number in range(1, count):
            x, y, width, height, area = (int(fact) for fact in facts[number])
            inside = labels[y : y + height, x : x + width] == number
            found.add((int(value), area, (x, y, width, height), inside.tobytes()))
    return found


@given(arrays(np.uint8, SMALL, elements=st.integers(0, 3)))
def test_the_regions_are_the_connected_components(codes: Codes) -> None:
    found = find_regions(codes)
    regions = [found.region(number, 7) for number in range(found.count)]
    ours = {
        (
            int(value),
            region.area,
            (region.rect.x, region.rect.y, region.rect.width, region.rect.height),
            region.inside.tobytes(),
        )
        for value, region in zip(found.values, regions, strict=True)
    }
    assert len(ours) == found.count
    assert ours == by_components(codes)
    assert all(region.class_id == 7 for region in regions)


@given(arrays(np.uint8, SMALL, elements=st.integers(0, 2)), st.integers(0, 2**31))
def test_sums_and_shares_are_those_of_the_pixels(codes: Codes, seed: int) -> None:
    random = np.random.default_rng(seed)
    plane = random.integers(0, 256, codes.shape, np.uint8)
    chosen = random.random(codes.shape) < 0.4
    found = find_regions(codes)
    sums, shares = found.sums(plane), found.shares(chosen)
    for number in range(found.count):
        region = found.region(number, 0)
        assert sums[number] == plane[region.rect.slices][region.inside].sum()
        assert shares[number] == chosen[region.rect.slices][region.inside].sum()


def test_a_spiral_is_one_region() -> None:
    codes = np.zeros((9, 9), np.uint16)
    codes[0, :], codes[:, 8], codes[8, :], codes[2:, 0], codes[2, :7], codes[2:7, 6] = [40_000] * 6
    found = find_regions(codes)
    assert found.count == 1
    assert found.values.tolist() == [40_000]
    assert found.areas.tolist() == [int((codes > 0).sum())]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (3, 4)])
def test_nothing_has_no_regions(shape: tuple[int, int]) -> None:
    found = find_regions(np.zeros(shape, np.uint8))
    assert found.count == 0
    assert found.sums(np.ones(shape, np.uint8)).tolist() == []
