"""Tools against naive definitions, and what protection keeps."""

import math
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.annotation import accept, tools
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import outline, region_at, regions_of_class
from tests.strokes import paint_stroke

WIDTH, HEIGHT = 40, 30
coordinates = st.floats(-10, 50, allow_nan=False)
points = st.tuples(coordinates, coordinates)


def naive_capsule(start: tools.Point, end: tools.Point, radius: float) -> NDArray[np.bool_]:
    """Distance of every pixel centre to the segment, one by one."""
    cover = np.zeros((HEIGHT, WIDTH), bool)
    dx, dy = end[0] - start[0], end[1] - start[1]
    for row in range(HEIGHT):
        for column in range(WIDTH):
            x, y = column + 0.5, row + 0.5
            length = dx * dx + dy * dy
            along = 0.0 if length < 1e-12 else ((x - start[0]) * dx + (y - start[1]) * dy) / length
            along = min(max(along, 0.0), 1.0)
            cover[row, column] = math.hypot(x - start[0] - along * dx, y - start[1] - along * dy) <= radius
    for px, py in (start, end):
        if 0 <= math.floor(py) < HEIGHT and 0 <= math.floor(px) < WIDTH:
            cover[math.floor(py), math.floor(px)] = True
    return cover


@settings(max_examples=60, deadline=None)
@given(points, points, st.floats(0.3, 15))
def test_a_stroke_covers_the_pixels_near_its_segment(
    start: tools.Point, end: tools.Point, radius: float
) -> None:
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    rect = paint_stroke(mask, start, end, radius, 1)
    expected = naive_capsule(start, end, radius)
    # Rounding differs: only centres exactly on the rim may.
    rim = naive_capsule(start, end, radius + 1e-6) & ~naive_capsule(start, end, max(radius - 1e-6, 0))
    assert not np.any((mask.astype(bool) != expected) & ~rim)
    outside = mask.copy()
    outside[rect.slices] = 0
    assert not outside.any()


def test_moves_leave_no_gap() -> None:
    mask = np.zeros((100, 100), np.uint8)
    path = [(10.0, 10.0), (80.0, 20.0), (30.0, 90.0)]
    for start, end in pairwise(path):
        paint_stroke(mask, start, end, 0.5, 1)
    count, _ = cv2.connectedComponents(mask, connectivity=8)
    assert count == 2


def inside_even_odd(x: float, y: float, corners: list[tools.Point]) -> bool:
    inside = False
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if (y0 > y) != (y1 > y) and x < x0 + (y - y0) * (x1 - x0) / (y1 - y0):
            inside = not inside
    return inside


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(st.integers(-20, 200), st.integers(-20, 160)), min_size=3, max_size=8))
def test_a_polygon_fills_by_the_even_odd_rule_on_centres(quarters: list[tuple[int, int]]) -> None:
    # Offsets of a third keep corners off pixel centres, where the rule itself is ambiguous.
    corners = [(x / 4 + 1 / 3, y / 4 + 1 / 3) for x, y in quarters]
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    tools.paint_polygon(mask, corners, 1)
    for row in range(HEIGHT):
        for column in range(WIDTH):
            expected = inside_even_odd(column + 0.5, row + 0.5, corners)
            assert bool(mask[row, column]) == expected


def test_a_polygon_of_two_points_changes_nothing() -> None:
    mask = np.zeros((5, 5), np.uint8)
    assert tools.paint_polygon(mask, [(0, 0), (4, 4)], 1).is_empty
    assert not mask.any()


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_region_at_equals_a_naive_flood(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    mask = random.integers(0, classes + 1, (17, 23), dtype=np.uint8)
    x, y = int(random.integers(23)), int(random.integers(17))
    expected = np.zeros(mask.shape, bool)
    pending = [(x, y)]
    while pending:
        column, row = pending.pop()
        inside = 0 <= row < 17 and 0 <= column < 23
        if inside and not expected[row, column] and mask[row, column] == mask[y, x]:
            expected[row, column] = True
            pending += [(column + 1, row), (column - 1, row), (column, row + 1), (column, row - 1)]
    region = region_at(mask, x, y)
    found = np.zeros(mask.shape, bool)
    found[region.rect.slices] = region.inside
    assert np.array_equal(found, expected)
    assert region.area == expected.sum()


def test_a_large_region_is_found_whole_from_a_small_window() -> None:
    mask = np.zeros((900, 1400), np.uint8)
    mask[100:800, 50:1350] = 4
    region = region_at(mask, 700, 450)
    assert region.rect == Rect(50, 100, 1300, 700)
    assert region.area == 1300 * 700


def test_region_outside_the_mask_is_refused() -> None:
    with pytest.raises(IndexError):
        region_at(np.zeros((4, 4), np.uint8), 4, 0)


def test_outline_runs_along_pixel_edges() -> None:
    mask = np.zeros((6, 8), np.uint8)
    mask[2:4, 3:6] = 1
    region = region_at(mask, 3, 2)
    lines = outline(region.rect, region.inside)
    assert sorted(map(tuple, lines.tolist())) == [(3, 2, 3, 4), (3, 2, 6, 2), (3, 4, 6, 4), (6, 2, 6, 4)]


def test_regions_of_class_are_4_connected() -> None:
    mask = np.zeros((4, 4), np.uint8)
    mask[0, 0] = mask[1, 1] = 2
    assert [region.area for region in regions_of_class(mask, 2)] == [1, 1]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sets(st.integers(0, 3), max_size=3))
def test_locked_classes_never_change(seed: int, locked_ids: set[int]) -> None:
    random = np.random.default_rng(seed)
    original = random.integers(0, 4, (HEIGHT, WIDTH), dtype=np.uint8)
    prediction = random.integers(0, 4, (HEIGHT, WIDTH), dtype=np.uint8)
    guard = Protection(frozenset(locked_ids))
    kept = np.isin(original, list(locked_ids))
    x, y = int(random.integers(WIDTH)), int(random.integers(HEIGHT))
    mask = original.copy()
    paint_stroke(mask, (x, y), (20, 15), 9, 5, protection=guard)
    tools.paint_polygon(mask, [(1, 1), (35, 4), (20, 28)], 6, protection=guard)
    tools.paint_region(mask, region_at(mask, x, y), 7, protection=guard)
    tools.fill_value(mask, 1, 8, protection=guard)
    accept.accept_class(mask, prediction, 2, protection=guard)
    accept.accept_region(mask, prediction, x, y, protection=guard)
    accept.accept_all(mask, prediction, protection=guard)
    assert np.array_equal(mask[kept], original[kept])


def test_only_paints_over_the_chosen_classes() -> None:
    mask = np.tile(np.array([0, 1, 2], np.uint8), (3, 1))
    paint_stroke(mask, (1, 1), (2, 2), 10, 9, protection=Protection(only=frozenset({1})))
    assert mask.tolist() == [[0, 9, 2]] * 3


def test_fill_unlabelled_leaves_what_a_person_painted() -> None:
    mask = np.array([[255, 1], [2, 255]], np.uint8)
    accept.fill_unlabelled(mask, np.full((2, 2), 7, np.uint8))
    assert mask.tolist() == [[7, 1], [2, 7]]
