"""Region commands against scipy and naive definitions, and what protection keeps."""

import math
from functools import partial
from typing import Protocol

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage  # scipy has no types

from segstudio.annotation import islands, shape
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, region_at, regions_of_class
from segstudio.annotation.tools import Mask

HEIGHT, WIDTH = 22, 27
Case = tuple[Mask, int, int]
PATH = ((-2.0, 3.5), (12.5, 11.0), (30.0, 14.0))


class Command(Protocol):
    """A region command with its amounts chosen."""

    def __call__(self, mask: Mask, region: Region, guard: Protection) -> Rect:
        """Paints the mask."""


COMMANDS: dict[str, Command] = {
    "fill holes": lambda mask, region, guard: shape.fill_holes(mask, region, protection=guard),
    "grow": lambda mask, region, guard: shape.grow(mask, region, 3, protection=guard),
    "shrink": lambda mask, region, guard: shape.shrink(mask, region, 2, protection=guard),
    "smooth": lambda mask, region, guard: shape.smooth(mask, region, 2, protection=guard),
    "merge": lambda mask, region, guard: shape.merge(mask, region, protection=guard),
    "split": lambda mask, region, guard: shape.split(mask, region, PATH, 7, protection=guard),
    "class holes": lambda mask, region, guard: islands.fill_class_holes(
        mask, region.class_id, protection=guard
    ),
    "islands": lambda mask, region, guard: islands.remove_islands(mask, region.class_id, 6, protection=guard),
}


@st.composite
def cases(draw: st.DrawFn, classes: int = 4) -> Case:
    """A mask of blots and specks, and a pixel of it."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    noise = random.random((classes, HEIGHT, WIDTH))
    blur = draw(st.sampled_from([0.0, 0.8, 1.6, 3.0]))
    mask = np.argmax([ndimage.gaussian_filter(layer, blur) for layer in noise], axis=0).astype(np.uint8)
    mask[random.random(mask.shape) < 0.03] = 255
    return mask, draw(st.integers(0, WIDTH - 1)), draw(st.integers(0, HEIGHT - 1))


def whole(region: Region) -> NDArray[np.bool_]:
    """The region's pixels in the whole mask."""
    found = np.zeros((HEIGHT, WIDTH), bool)
    found[region.rect.slices] = region.inside
    return found


@pytest.mark.parametrize("name", COMMANDS)
@settings(max_examples=25, deadline=None)
@given(case=cases(), locked=st.sets(st.sampled_from([0, 1, 2, 3, 255])), only=st.booleans())
def test_protected_pixels_stay_and_the_rectangle_covers_every_change(
    name: str, case: Case, locked: set[int], only: bool
) -> None:
    mask, x, y = case
    before = mask.copy()
    guard = Protection(frozenset(locked), frozenset({1, 2, 255}) if only else None)
    rect = COMMANDS[name](mask, region_at(mask, x, y), guard)
    free = guard.table()[before]
    assert np.array_equal(mask[~free], before[~free])
    outside = np.ones(mask.shape, bool)
    outside[rect.slices] = False
    assert np.array_equal(mask[outside], before[outside])
    assert rect == rect.clip(WIDTH, HEIGHT)


@settings(max_examples=25, deadline=None)
@given(cases(), st.lists(st.sampled_from(sorted(COMMANDS)), min_size=1, max_size=5))
def test_undo_gives_the_first_bytes(case: Case, names: list[str]) -> None:
    mask, x, y = case
    document = MaskDocument(mask)
    for name in names:
        region = region_at(document.array, x, y)
        document.apply(name, document.whole(), partial(COMMANDS[name], region=region, guard=OPEN))
    last = document.array.copy()
    while document.undo():
        pass
    assert np.array_equal(document.array, mask)
    while document.redo():
        pass
    assert np.array_equal(document.array, last)


@settings(max_examples=60, deadline=None)
@given(cases(classes=3))
def test_fill_holes_equals_scipy_and_is_idempotent(case: Case) -> None:
    mask, x, y = case
    before, region = mask.copy(), region_at(mask, x, y)
    shape.fill_holes(mask, region)
    filled = ndimage.binary_fill_holes(whole(region))
    assert np.array_equal(mask, np.where(filled, region.class_id, before))
    once = mask.copy()
    shape.fill_holes(mask, region_at(mask, x, y))
    assert np.array_equal(mask, once)


@settings(max_examples=40, deadline=None)
@given(cases(classes=3), st.integers(0, 2))
def test_holes_of_a_class_equal_scipy(case: Case, class_id: int) -> None:
    mask = case[0]
    filled = ndimage.binary_fill_holes(mask == class_id)
    expected = np.where(filled, class_id, mask)
    islands.fill_class_holes(mask, class_id)
    assert np.array_equal(mask, expected)


@settings(max_examples=60, deadline=None)
@given(cases(), st.integers(0, 9))
def test_grow_takes_all_within_the_distance(case: Case, pixels: int) -> None:
    mask, x, y = case
    before, region = mask.copy(), region_at(mask, x, y)
    shape.grow(mask, region, pixels)
    near = ndimage.distance_transform_edt(~whole(region)) <= pixels + 1e-9
    assert np.array_equal(mask, np.where(near, region.class_id, before))
    grown = whole(region_at(mask, x, y))
    assert (grown | ~whole(region)).all()


def nearest_others(mask: Mask, class_id: int, x: int, y: int) -> tuple[float, set[int]]:
    """Distance of the nearest pixels of another class, and their classes, one by one."""
    best: float = math.inf
    found: set[int] = set()
    for row in range(HEIGHT):
        for column in range(WIDTH):
            square = (row - y) ** 2 + (column - x) ** 2
            if mask[row, column] != class_id and square <= best:
                found = {int(mask[row, column])} | (found if square == best else set())
                best = square
    return best, found


@settings(max_examples=25, deadline=None)
@given(cases(), st.integers(1, 6))
def test_shrink_gives_pixels_to_the_nearest_class(case: Case, pixels: int) -> None:
    mask, x, y = case
    before, region = mask.copy(), region_at(mask, x, y)
    shape.shrink(mask, region, pixels)
    inside = whole(region)
    assert np.array_equal(mask[~inside], before[~inside])
    for row, column in np.argwhere(inside).tolist():
        square, nearest = nearest_others(before, region.class_id, column, row)
        wanted = nearest if square <= pixels * pixels else {region.class_id}
        assert int(mask[row, column]) in wanted


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(3)
    mask = np.argmax(
        [ndimage.gaussian_filter(layer, 4) for layer in random.random((3, 80, 90))], axis=0
    ).astype(np.uint8)
    parts = mask.copy()
    region = max(regions_of_class(mask, 1), key=lambda found: found.area)
    shape.shrink(mask, region, 5)
    monkeypatch.setattr(shape, "BLOCK", 7)
    shape.shrink(parts, region, 5)
    assert np.array_equal(parts, mask)


@settings(max_examples=40, deadline=None)
@given(cases(), st.integers(1, 4))
def test_smooth_follows_the_majority_of_the_disc(case: Case, radius: int) -> None:
    mask, x, y = case
    before, region = mask.copy(), region_at(mask, x, y)
    shape.smooth(mask, region, radius)
    inside = whole(region)
    offsets = range(-radius, radius + 1)
    disc = np.array([[dx * dx + dy * dy <= radius * radius for dx in offsets] for dy in offsets])
    votes = ndimage.convolve(inside.astype(int), disc.astype(int), mode="nearest")
    kept = 2 * votes > disc.sum()
    if not kept.any():
        assert np.array_equal(mask, before)
        return
    assert (mask[kept] == np.where(inside | kept, region.class_id, before)[kept]).all()
    stays = ~inside & ~kept
    assert np.array_equal(mask[stays], before[stays])
    for row, column in np.argwhere(inside & ~kept).tolist():
        square, nearest = nearest_others(before, region.class_id, column, row)
        wanted = nearest if square <= radius * radius else {region.class_id}
        assert int(mask[row, column]) in wanted


def test_smooth_keeps_straight_borders_that_end_at_the_images_edge() -> None:
    mask = np.zeros((20, 30), np.uint8)
    mask[:8] = 1
    mask[8, 12] = 1
    mask[7, 20] = 0
    shape.smooth(mask, region_at(mask, 0, 0), 2)
    expected = np.zeros((20, 30), np.uint8)
    expected[:8] = 1
    assert np.array_equal(mask, expected)


def test_smooth_never_wipes_a_region_out() -> None:
    mask = np.zeros((9, 9), np.uint8)
    mask[4, :] = 3
    assert shape.smooth(mask, region_at(mask, 4, 4), 3).is_empty
    assert (mask[4] == 3).all()


def test_shrinking_leaves_the_images_edge() -> None:
    mask = np.full((6, 6), 2, np.uint8)
    mask[:, 5] = 9
    shape.shrink(mask, region_at(mask, 0, 0), 2)
    assert mask.tolist() == [[2, 2, 2, 9, 9, 9]] * 6


def longest_border(mask: Mask, inside: NDArray[np.bool_]) -> int | None:
    """The class with most pixel edges to a shape, one by one; the lower id of two."""
    edges: dict[int, int] = {}
    for row, column in np.argwhere(inside).tolist():
        for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
            y, x = row + dy, column + dx
            if 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and not inside[y, x]:
                edges[int(mask[y, x])] = edges.get(int(mask[y, x]), 0) + 1
    return min(edges, key=lambda value: (-edges[value], value)) if edges else None


@settings(max_examples=50, deadline=None)
@given(cases())
def test_merge_takes_the_longest_border(case: Case) -> None:
    mask, x, y = case
    before, region = mask.copy(), region_at(mask, x, y)
    taker = longest_border(mask, whole(region))
    shape.merge(mask, region)
    assert np.array_equal(mask, before if taker is None else np.where(whole(region), taker, before))


@settings(max_examples=50, deadline=None)
@given(cases(), st.integers(0, 3), st.integers(0, 30))
def test_islands_take_their_longest_border(case: Case, class_id: int, smaller_than: int) -> None:
    mask = case[0]
    expected = mask.copy()
    for region in regions_of_class(mask, class_id):
        taker = longest_border(mask, whole(region))
        if region.area < smaller_than and taker is not None:
            expected[whole(region)] = taker
    islands.remove_islands(mask, class_id, smaller_than)
    assert np.array_equal(mask, expected)


def test_a_region_that_fills_the_mask_has_nowhere_to_go() -> None:
    mask = np.full((4, 5), 3, np.uint8)
    region = region_at(mask, 0, 0)
    assert shape.merge(mask, region).is_empty
    shape.shrink(mask, region, 3)
    islands.remove_islands(mask, 3, 100)
    assert (mask == 3).all()


def test_a_line_cuts_the_smaller_side_off() -> None:
    mask = np.zeros((10, 20), np.uint8)
    mask[2:8, 3:17] = 1
    shape.split(mask, region_at(mask, 4, 4), [(6.5, 0.5), (6.5, 9.5)], 5)
    expected = np.zeros((10, 20), np.uint8)
    expected[2:8, 3:17] = 1
    expected[2:8, 3:6] = 5
    assert np.array_equal(mask, expected)


def test_a_line_that_ends_inside_cuts_nothing() -> None:
    mask = np.zeros((10, 20), np.uint8)
    mask[2:8, 3:17] = 1
    before = mask.copy()
    assert shape.split(mask, region_at(mask, 4, 4), [(6.5, 0.5), (6.5, 5.5)], 5).is_empty
    assert np.array_equal(mask, before)


@settings(max_examples=50, deadline=None)
@given(
    cases(classes=2),
    st.lists(st.tuples(st.floats(-5, WIDTH + 5), st.floats(-5, HEIGHT + 5)), min_size=2, max_size=5),
)
def test_a_cut_leaves_the_largest_part_and_keeps_apart(case: Case, path: list[tuple[float, float]]) -> None:
    mask, x, y = case
    before, region = mask.copy(), region_at(mask, x, y)
    shape.split(mask, region, path, 7)
    cut = mask == 7
    assert np.array_equal(mask[~cut], before[~cut])
    assert (whole(region) | ~cut).all()
    if not cut.any():
        return
    left = whole(region) & ~cut
    # No side of a cut pixel is in the largest part: only pixels under the line lie between.
    parts, _ = ndimage.label(left & ~ndimage.binary_dilation(cut))
    assert parts.any()
    assert np.bincount(ndimage.label(cut)[0].ravel())[1:].max() <= left.sum()


def test_cost_is_that_of_the_region() -> None:
    mask = np.zeros((3000, 4000), np.uint8)
    mask[100:200, 100:200] = 1
    for command in ("fill holes", "grow", "shrink", "smooth", "merge"):
        rect = COMMANDS[command](mask.copy(), region_at(mask, 150, 150), OPEN)
        assert rect.width <= 106
        assert rect.height <= 106
