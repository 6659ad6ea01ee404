"""The pixel work of every tool: pure functions that paint a mask and return what may have changed."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.regions import Region

Mask = NDArray[np.uint8]
Point = tuple[float, float]

# Pixel centres exactly on the rim belong to a stroke, whatever the rounding of its arithmetic.
RIM = 1e-9


def stroke_bounds(start: Point, end: Point, radius: float) -> Rect:
    """The rectangle that a stroke from point to point may change; not clipped to any mask."""
    x0 = math.floor(min(start[0], end[0]) - radius) - 1
    y0 = math.floor(min(start[1], end[1]) - radius) - 1
    x1 = math.ceil(max(start[0], end[0]) + radius) + 1
    y1 = math.ceil(max(start[1], end[1]) + radius) + 1
    return Rect(x0, y0, x1 - x0, y1 - y0)


def stroke_cover(rect: Rect, start: Point, end: Point, radius: float) -> NDArray[np.bool_]:
    """bool [h,w] of a rectangle: pixels whose centre is within `radius` of the segment from start to end.

    Points are in image coordinates (the first pixel's centre is at 0.5, 0.5). The pixels under both ends
    always belong.
    """
    left, right = _stroke_rows(np.arange(rect.y, rect.bottom, dtype=np.float64) + 0.5, start, end, radius)
    first = np.clip(np.ceil(left - 0.5 - RIM) - rect.x, 0, rect.width).astype(np.int64)
    after = np.clip(np.floor(right - 0.5 + RIM) + 1 - rect.x, 0, rect.width).astype(np.int64)
    cover = np.zeros((rect.height, rect.width), np.bool_)
    # Slices row by row are ten times faster here than a comparison of all pixels.
    for line, begin, stop in zip(cover, first.tolist(), after.tolist(), strict=True):
        line[begin:stop] = True
    for px, py in (start, end):
        column, row = math.floor(px) - rect.x, math.floor(py) - rect.y
        if 0 <= row < rect.height and 0 <= column < rect.width:
            cover[row, column] = True
    return cover


def _stroke_rows(
    y: NDArray[np.float64], start: Point, end: Point, radius: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Where rows at `y` [h] enter and leave the stroke's shape, [h] each; enter > leave where they miss it.

    The shape is convex (two discs and what lies between), so each row meets it in one interval. Its ends are
    on a disc's rim or on one of the two sides parallel to the segment.
    """
    left, right = np.full(len(y), np.inf), np.full(len(y), -np.inf)
    for centre_x, centre_y in (start, end):
        square = radius * radius - (y - centre_y) ** 2
        half = np.where(square >= 0, np.sqrt(np.maximum(square, 0)), -np.inf)
        np.minimum(left, centre_x - half, out=left)
        np.maximum(right, centre_x + half, out=right)
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = math.hypot(dx, dy)
    if abs(dy) > 1e-9:
        for side in (radius / length, -radius / length):
            corner_x, corner_y = start[0] - dy * side, start[1] + dx * side
            along = (y - corner_y) / dy
            x = corner_x + along * dx
            on_side = (along >= 0) & (along <= 1)
            np.minimum(left, x, out=left, where=on_side)
            np.maximum(right, x, out=right, where=on_side)
    return left, right


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
    rows = np.arange(rect.y, rect.bottom, dtype=np.float64) + 0.5
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
    put_values(mask, rect, polygon_cover(rect, points), value, protection)
    return rect


def paint_region(mask: Mask, region: Region, value: int, *, protection: Protection = OPEN) -> None:
    """Gives a region another class: relabel, and what the fill tool does with one click."""
    put_values(mask, region.rect, region.inside, value, protection)


def fill_value(mask: Mask, old: int, new: int, *, protection: Protection = OPEN) -> Rect:
    """Gives every pixel of a class another one, in the whole mask."""
    rect = Rect(0, 0, mask.shape[1], mask.shape[0])
    if bool(protection.table()[old]):
        put_values(mask, rect, mask == old, new, protection)
    return rect


def put_pixels(
    mask: Mask, source: Mask, rect: Rect, cover: NDArray[np.bool_], protection: Protection = OPEN
) -> None:
    """Copies pixels of another mask of the same size where `cover` (bool [h,w] of rect) says so."""
    put_values(mask, rect, cover, source[rect.slices], protection)


def put_values(
    mask: Mask, rect: Rect, cover: NDArray[np.bool_], values: int | Mask, protection: Protection = OPEN
) -> None:
    """Writes into a rectangle inside the mask where `cover`, bool [h,w], and protection allow.

    Values are one class, or uint8 [h,w].
    """
    if not protection.is_off:
        cover = cover & protection.open(mask, rect)
    np.copyto(mask[rect.slices], values, where=cover)
