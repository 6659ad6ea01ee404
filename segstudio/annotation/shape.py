"""The shape of one region: fill its holes, grow, shrink and smooth it, give it away, cut it in two."""

import math
from collections.abc import Callable, Sequence
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.tools import Mask, Point, put_values

Cover = NDArray[np.bool_]
# The four pixels that share an edge with one.
SIDES = ((0, -1), (-1, 0), (1, 0), (0, 1))
# Takes the share that is done, 0-1; may raise to end the work.
Tell = Callable[[float], object]
# Distances are measured in blocks of this side, so that a region as large as the image needs little memory.
BLOCK = 512


def _tell_nobody(_: float) -> None:
    pass


def enclosed(inside: Cover) -> Cover:
    """bool [h,w]: pixels outside a shape (bool [h,w]) that no 4-connected way leads out of.

    What lies around the array counts as outside, so that pixels at its border are never enclosed.
    """
    padded = np.pad(inside.view(np.uint8), 1)
    cv2.floodFill(padded, None, (0, 0), 2, flags=4)
    return np.asarray(padded[1:-1, 1:-1] == 0)


def fill_holes(mask: Mask, region: Region, *, protection: Protection = OPEN) -> Rect:
    """Gives what a region encloses its class."""
    put_values(mask, region.rect, enclosed(region.inside), region.class_id, protection)
    return region.rect


def grow(mask: Mask, region: Region, pixels: int, *, protection: Protection = OPEN) -> Rect:
    """Gives a region's class to everything within a distance, in pixels from centre to centre."""
    rect, inside = _around(mask, region, pixels)
    # The distance is that to the nearest zero: the region's own pixels.
    outside = np.where(inside, 0, 1).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    # Squares of distances are whole numbers; rounding must not lose one on the rim.
    near = np.square(distance, dtype=np.float64) < pixels * pixels + 0.5
    put_values(mask, rect, near, region.class_id, protection)
    return rect


def shrink(
    mask: Mask, region: Region, pixels: int, *, protection: Protection = OPEN, tell: Tell = _tell_nobody
) -> Rect:
    """Gives a region's pixels within a distance of another class to that class, the nearest one.

    Where the region ends at the image's edge it keeps its pixels.
    """
    rect, inside = _around(mask, region, pixels)
    _give_away(mask, rect, inside, region.class_id, pixels, protection, tell)
    return rect


def smooth(
    mask: Mask, region: Region, radius: int, *, protection: Protection = OPEN, tell: Tell = _tell_nobody
) -> Rect:
    """Rounds a region's border: each pixel follows the majority of the disc around it.

    The image is taken to go on beyond its edge, so that a border that ends there stays. Pixels that leave the
    region take the nearest other class. A region of which nothing would be left is not changed.
    """
    rect, inside = _around(mask, region, radius)
    side = np.arange(-radius, radius + 1)
    disc = (side[:, None] ** 2 + side**2 <= radius * radius).astype(np.float32)
    votes = cv2.filter2D(inside.astype(np.float32), -1, disc, borderType=cv2.BORDER_REPLICATE)
    # A disc has an odd number of pixels, so there is no draw.
    kept = votes > float(disc.sum()) / 2
    if not kept.any():
        return EMPTY
    _give_away(mask, rect, inside & ~kept, region.class_id, radius, protection, tell)
    put_values(mask, rect, kept & ~inside, region.class_id, protection)
    return rect


def surrounding_class(mask: Mask, region: Region) -> int | None:
    """The class that shares most pixel edges with a region, the lower id of two; None without neighbours."""
    rect, inside = _around(mask, region, 1)
    part = mask[rect.slices]
    edges = np.zeros(256, np.int64)
    for dx, dy in SIDES:
        here, there = _shifted(part.shape, dx, dy)
        edges += np.bincount(part[there][inside[here] & ~inside[there]], minlength=256)
    return int(edges.argmax()) if edges.any() else None


def merge(mask: Mask, region: Region, *, protection: Protection = OPEN) -> Rect:
    """Gives a region the class that it has the longest border with; one that fills the mask stays."""
    value = surrounding_class(mask, region)
    if value is None:
        return EMPTY
    put_values(mask, region.rect, region.inside, value, protection)
    return region.rect


def cut_off(region: Region, path: Sequence[Point]) -> Cover | None:
    """The part of a region that a drawn line cuts from the largest one, bool [h,w] of its box.

    Pixels under the line stay with the largest part. None when the line does not part the region.

    Args:
        region: the region to cut.
        path: the line's points in image coordinates, 2 or more.
    """
    corners = [(math.floor(x) - region.rect.x, math.floor(y) - region.rect.y) for x, y in path]
    wall = np.zeros(region.inside.shape, np.uint8)
    # An 8-connected line has no gap for 4-connected regions.
    cv2.polylines(wall, [np.array(corners, np.int32)], False, 1, lineType=cv2.LINE_8)
    rest = (region.inside & (wall == 0)).view(np.uint8)
    count, parts, facts, _ = cv2.connectedComponentsWithStats(rest, connectivity=4)
    if count < 3:
        return None
    largest = 1 + int(np.argmax(facts[1:, cv2.CC_STAT_AREA]))
    return np.asarray((parts != 0) & (parts != largest))


def split(
    mask: Mask, region: Region, path: Sequence[Point], value: int, *, protection: Protection = OPEN
) -> Rect:
    """Gives another class to what a line cuts from the largest part of a region; see `cut_off`."""
    cut = cut_off(region, path)
    if cut is None:
        return EMPTY
    put_values(mask, region.rect, cut, value, protection)
    return region.rect


def _around(mask: Mask, region: Region, margin: int) -> tuple[Rect, Cover]:
    """The region's box with a margin, inside the mask, and the region's pixels in it, bool [h,w]."""
    rect = region.rect.grown(margin).clip(mask.shape[1], mask.shape[0])
    inside = np.zeros((rect.height, rect.width), np.bool_)
    left, top = region.rect.x - rect.x, region.rect.y - rect.y
    inside[top : top + region.rect.height, left : left + region.rect.width] = region.inside
    return rect, inside


def _shifted(shape: tuple[int, ...], dx: int, dy: int) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Slices of all pixels [h,w] that have a neighbour at that offset, and of those neighbours."""
    height, width = shape
    here = (slice(max(0, -dy), height - max(0, dy)), slice(max(0, -dx), width - max(0, dx)))
    there = (slice(max(0, dy), height - max(0, -dy)), slice(max(0, dx), width - max(0, -dx)))
    return here, there


def _give_away(
    mask: Mask,
    rect: Rect,
    leaving: Cover,
    class_id: int,
    reach: int,
    protection: Protection,
    tell: Tell,
) -> None:
    """Gives pixels of a class (bool [h,w] of rect) that lie within reach of others to the nearest of them."""
    before = mask[rect.slices].copy()
    corners = list(product(range(0, rect.height, BLOCK), range(0, rect.width, BLOCK)))
    for number, (y, x) in enumerate(corners):
        tell(number / len(corners))
        block = Rect(x, y, BLOCK, BLOCK).clip(rect.width, rect.height)
        if not leaving[block.slices].any():
            continue
        around = block.grown(reach).clip(rect.width, rect.height)
        square, nearest = _nearest_other(before[around.slices], class_id, reach)
        inner = Rect(x - around.x, y - around.y, block.width, block.height).slices
        cover = leaving[block.slices] & (square[inner] <= reach * reach)
        put_values(mask, block.moved(rect.x, rect.y), cover, nearest[inner], protection)


def _nearest_other(part: Mask, class_id: int, reach: int) -> tuple[NDArray[np.int32], Mask]:
    """For every pixel the nearest one of another class: squared distance and value, both [h,w].

    Exact for distances up to `reach`; larger ones are at least its square + 1. The nearest in each column is
    found first, then the best column (the two passes of Felzenszwalb and Huttenlocher, 2012).
    """
    height = part.shape[0]
    rows = np.arange(height, dtype=np.int32)[:, None]
    other = part != class_id
    above = np.maximum.accumulate(np.where(other, rows, np.int32(-2 * (height + reach))), axis=0)
    below = np.minimum.accumulate(np.where(other, rows, np.int32(3 * (height + reach)))[::-1], axis=0)[::-1]
    source = np.where(rows - above <= below - rows, above, below)
    column = np.square(source - rows)
    values = np.take_along_axis(part, np.clip(source, 0, height - 1), axis=0)
    best, found = column.copy(), values.copy()
    for dx in (sign * step for step in range(1, min(reach, part.shape[1] - 1) + 1) for sign in (-1, 1)):
        here, there = _shifted(part.shape, dx, 0)
        square = column[there] + dx * dx
        closer = square < best[here]
        np.copyto(best[here], square, where=closer)
        np.copyto(found[here], values[there], where=closer)
    return best, found
