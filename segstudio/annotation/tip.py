"""The brush's tip: round or square, and the pixels that it covers on its way from point to point."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.tools import Point, stroke_bounds, stroke_cover

Cover = NDArray[np.bool_]


@dataclass(frozen=True)
class Tip:
    """A brush's tip.

    Attributes:
        radius: of a round tip, half the side of a square one; image pixels, more than 0.
        square: whether its sides are parallel to the image's.
    """

    radius: float
    square: bool = False

    def cover(self, rect: Rect, start: Point, end: Point) -> Cover:
        """bool [h,w] of a rectangle: pixels whose centre the tip passes over on the straight way.

        A square tip has its right and lower rim outside, so that one of n pixels covers n by n anywhere.
        A round one covers the pixels under both ends at any size.
        """
        if self.square:
            return _square_cover(rect, _off_grid(start), _off_grid(end), self.radius)
        return stroke_cover(rect, start, end, self.radius)

    def box(self, centre: Point) -> Rect:
        """The box of one stamp: a square tip's very pixels, a round one's with a margin."""
        if not self.square:
            return stroke_bounds(centre, centre, self.radius)
        middles = _off_grid(centre)
        left, right, top, bottom = (
            math.ceil(middle + side * self.radius - 0.5) for middle in middles for side in (-1, 1)
        )
        return Rect(left, top, right - left, bottom - top)


def _off_grid(point: Point) -> Point:
    """A point 1/1024 pixel away at most: no side of a square of n pixels there is on a pixel's centre."""
    x, y = ((round(part * 1024) + 0.25) / 1024 for part in point)
    return x, y


def _square_cover(rect: Rect, start: Point, end: Point, radius: float) -> Cover:
    """The pixels of a square that is moved along a segment.

    A row is covered while the square's centre is within `radius` of it, which is one part of the way; there
    the columns from the leftmost to the rightmost centre are covered, with `radius` on both sides.
    """
    (x0, y0), (x1, y1) = start, end
    rows = np.arange(rect.y, rect.bottom, dtype=np.float64) + 0.5
    low, high = rows - radius, rows + radius
    if y1 != y0:
        enter, leave = np.sort(np.stack([low - y0, high - y0]) / (y1 - y0), axis=0)
    else:
        hit = (low <= y0) & (y0 <= high)
        enter, leave = np.where(hit, 0.0, 2.0), np.where(hit, 1.0, -1.0)
    missed = (enter > 1) | (leave < 0)
    at_enter, at_leave = (x0 + np.clip(along, 0, 1) * (x1 - x0) for along in (enter, leave))
    left, right = np.minimum(at_enter, at_leave) - radius, np.maximum(at_enter, at_leave) + radius
    first = np.clip(np.ceil(left - 0.5) - rect.x, 0, rect.width).astype(np.int64)
    after = np.clip(np.ceil(right - 0.5) - rect.x, 0, rect.width).astype(np.int64)
    after[missed] = 0
    cover = np.zeros((rect.height, rect.width), np.bool_)
    for line, begin, stop in zip(cover, first.tolist(), after.tolist(), strict=True):
        line[begin:stop] = True
    return cover
