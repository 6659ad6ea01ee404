"""The pixel work of every tool: pure functions that paint a mask and return what may have changed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.regions import region_at

Mask = NDArray[np.uint8]
Point = tuple[float, float]


@dataclass(frozen=True)
class Protection:
    """What tools may not change: locked classes always; with `only`, everything but these classes."""

    locked: frozenset[int] = frozenset()
    only: frozenset[int] | None = None

    @property
    def is_off(self) -> bool:
        """Whether every pixel may change."""
        return not self.locked and self.only is None

    def table(self) -> NDArray[np.bool_]:
        """bool [256]: which ids may be painted over."""
        table = np.ones(256, bool) if self.only is None else np.zeros(256, bool)
        if self.only is not None:
            table[list(self.only)] = True
        table[list(self.locked)] = False
        return table


OPEN = Protection()


def stroke_bounds(start: Point, end: Point, radius: float) -> Rect:
    """The rectangle that a stroke from point to point may change; not clipped to any mask."""
    x0 = math.floor(min(start[0], end[0]) - radius) - 1
    y0 = math.floor(min(start[1], end[1]) - radius) - 1
    x1 = math.ceil(max(start[0], end[0]) + radius) + 1
    y1 = math.ceil(max(start[1], end[1]) + radius) + 1
    return Rect(x0, y0, x1 - x0, y1 - y0)


def stroke_cover(
    rect: Rect, start: Point, end: Point, radius: float, *, square: bool = False
) -> NDArray[np.bool_]:
    """bool [h,w] of a rectangle: pixels whose centre is within `radius` of the segment from start to end.

    Points are in image coordinates (the first pixel's centre is at 0.5, 0.5). A round brush measures the
    distance, a square one the larger of both axes' distances. The pixels under both ends always belong.
    """
    x = np.arange(rect.x, rect.right, dtype=np.float32)[None, :] + 0.5
    y = np.arange(rect.y, rect.bottom, dtype=np.float32)[:, None] + 0.5
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    if length < 1e-12:
        off_x, off_y = x - start[0], y - start[1]
    else:
        along = np.clip(((x - start[0]) * dx + (y - start[1]) * dy) / length, 0.0, 1.0)
        off_x, off_y = x - (start[0] + along * dx), y - (start[1] + along * dy)
    cover: NDArray[np.bool_]
    if square:
        cover = np.maximum(np.abs(off_x), np.abs(off_y)) <= radius
    else:
        cover = off_x * off_x + off_y * off_y <= radius * radius
    for px, py in (start, end):
        column, row = math.floor(px) - rect.x, math.floor(py) - rect.y
        if 0 <= row < rect.height and 0 <= column < rect.width:
            cover[row, column] = True
    return cover


def paint_stroke(
    mask: Mask,
    start: Point,
    end: Point,
    radius: float,
    value: int,
    *,
    square: bool = False,
    protection: Protection = OPEN,
) -> Rect:
    """Paints a brush moved in a straight line, both ends included, so consecutive moves leave no gap."""
    rect = stroke_bounds(start, end, radius).clip(mask.shape[1], mask.shape[0])
    if rect.is_empty:
        return EMPTY
    cover = stroke_cover(rect, start, end, radius, square=square)
    _put(mask[rect.slices], cover, value, protection)
    return rect


def restore_stroke(
    mask: Mask,
    source: Mask,
    start: Point,
    end: Point,
    radius: float,
    *,
    square: bool = False,
    protection: Protection = OPEN,
) -> Rect:
    """Paints the pixels of another mask of the same size (prediction, last saved) under the brush."""
    rect = stroke_bounds(start, end, radius).clip(mask.shape[1], mask.shape[0])
    if rect.is_empty:
        return EMPTY
    cover = stroke_cover(rect, start, end, radius, square=square)
    put_pixels(mask, source, rect, cover, protection)
    return rect


def brush_footprint(
    radius: float, centre: Point = (0.5, 0.5), *, square: bool = False
) -> tuple[Rect, NDArray[np.bool_]]:
    """The pixels that one stamp at a centre changes, for the cursor: their box and bool [h,w]."""
    rect = stroke_bounds(centre, centre, radius)
    return rect, stroke_cover(rect, centre, centre, radius, square=square)


def polygon_bounds(points: Sequence[Point]) -> Rect:
    """The rectangle that a polygon may change."""
    xs, ys = [point[0] for point in points], [point[1] for point in points]
    x0, y0 = math.floor(min(xs)), math.floor(min(ys))
    return Rect(x0, y0, math.ceil(max(xs)) - x0 + 1, math.ceil(max(ys)) - y0 + 1)


def polygon_cover(rect: Rect, points: Sequence[Point]) -> NDArray[np.bool_]:
    """bool [h,w] of a rectangle: pixels whose centre lies inside by the even-odd rule."""
    corners = np.asarray(points, np.float64)
    starts, ends = corners, np.roll(corners, -1, axis=0)
    crossings = np.zeros((rect.height, rect.width + 1), np.int32)
    rows = np.arange(rect.y, rect.bottom) + 0.5
    for (x0, y0), (x1, y1) in zip(starts, ends, strict=True):
        if y0 == y1:
            continue
        hit = np.flatnonzero((rows >= min(y0, y1)) & (rows < max(y0, y1)))
        if not hit.size:
            continue
        x = x0 + (rows[hit] - y0) * (x1 - x0) / (y1 - y0)
        # A pixel is behind the crossing when its centre is to the right of it.
        first = np.clip(np.ceil(x - 0.5).astype(np.int64) - rect.x, 0, rect.width)
        np.add.at(crossings, (hit, first), 1)
    inside: NDArray[np.bool_] = (np.cumsum(crossings, axis=1)[:, : rect.width] & 1).astype(bool)
    return inside


def paint_polygon(mask: Mask, points: Sequence[Point], value: int, *, protection: Protection = OPEN) -> Rect:
    """Fills a polygon by the even-odd rule on pixel centres; fewer than 3 points change nothing."""
    if len(points) < 3:
        return EMPTY
    rect = polygon_bounds(points).clip(mask.shape[1], mask.shape[0])
    if rect.is_empty:
        return EMPTY
    _put(mask[rect.slices], polygon_cover(rect, points), value, protection)
    return rect


def relabel_region(mask: Mask, x: int, y: int, value: int, *, protection: Protection = OPEN) -> Rect:
    """Gives the whole region under a pixel another class; also what the fill tool does with one click."""
    region = region_at(mask, x, y)
    _put(mask[region.rect.slices], region.inside, value, protection)
    return region.rect


def fill_value(mask: Mask, old: int, new: int, *, protection: Protection = OPEN) -> Rect:
    """Gives every pixel of a class another one, in the whole mask."""
    rect = Rect(0, 0, mask.shape[1], mask.shape[0])
    if bool(protection.table()[old]):
        mask[mask == old] = new
    return rect


def put_pixels(
    mask: Mask, source: Mask, rect: Rect, cover: NDArray[np.bool_], protection: Protection = OPEN
) -> None:
    """Copies pixels of another mask of the same size where `cover` (bool [h,w] of rect) says so."""
    target = mask[rect.slices]
    if not protection.is_off:
        cover = cover & protection.table()[target]
    np.copyto(target, source[rect.slices], where=cover)


def _put(target: Mask, cover: NDArray[np.bool_], value: int, protection: Protection) -> None:
    if not protection.is_off:
        cover = cover & protection.table()[target]
    target[cover] = value
