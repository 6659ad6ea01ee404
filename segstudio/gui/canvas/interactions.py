"""What a press, drag and release do to the mask: one small object a gesture, without Qt."""

import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, region_at
from segstudio.annotation.tools import (
    Point,
    fill_value,
    paint_polygon,
    paint_region,
    polygon_bounds,
    put_pixels,
)
from segstudio.gui.canvas.changes import MaskChange

SNAP_ANGLE = math.pi / 4


@dataclass
class PolygonDraft:
    """Vertices that were clicked or dragged so far, in image coordinates."""

    points: list[Point] = field(default_factory=list)

    def add(self, point: Point, *, snap: bool = False) -> None:
        """Adds a vertex; with `snap` at a multiple of 45 degrees from the last one."""
        self.points.append(self.snapped(point) if snap else point)

    def snapped(self, point: Point) -> Point:
        """The point at the same distance from the last vertex at the nearest multiple of 45 degrees."""
        if not self.points:
            return point
        x, y = self.points[-1]
        dx, dy = point[0] - x, point[1] - y
        angle = round(math.atan2(dy, dx) / SNAP_ANGLE) * SNAP_ANGLE
        length = math.hypot(dx, dy)
        return x + length * math.cos(angle), y + length * math.sin(angle)

    def remove_last(self) -> None:
        """Takes the last vertex back."""
        if self.points:
            self.points.pop()

    def closes_at(self, point: Point, reach: float) -> bool:
        """Whether a click there is on the first vertex, within `reach` image pixels."""
        if len(self.points) < 3:
            return False
        x, y = self.points[0]
        return math.hypot(point[0] - x, point[1] - y) <= reach

    def fill(self, document: MaskDocument, value: int, protection: Protection, title: str) -> Edit | None:
        """Fills the polygon as one edit and forgets the vertices."""
        points, self.points = self.points, []
        if len(points) < 3:
            return None
        bounds = polygon_bounds(points)
        return document.apply(
            title, bounds, lambda array: paint_polygon(array, points, value, protection=protection)
        )


def relabel(
    document: MaskDocument, x: int, y: int, value: int, protection: Protection, title: str
) -> Edit | None:
    """Gives the region under a pixel another class."""
    return relabel_region(document, region_at(document.array, x, y), value, protection, title)


def relabel_region(
    document: MaskDocument, region: Region, value: int, protection: Protection, title: str
) -> Edit | None:
    """Gives a region that was found already another class."""
    return document.apply(
        title, region.rect, lambda array: paint_region(array, region, value, protection=protection)
    )


def fill_everywhere(
    document: MaskDocument, x: int, y: int, value: int, protection: Protection, title: str
) -> MaskChange:
    """Gives every pixel of the clicked class another one."""
    old = int(document.array[y, x])
    return MaskChange(
        document,
        title,
        document.whole(),
        lambda mask, _: fill_value(mask, old, value, protection=protection),
    )


def accept_at(
    document: MaskDocument, prediction: NDArray[np.uint8], x: int, y: int, protection: Protection
) -> Edit | None:
    """Takes over the predicted region under a pixel."""
    region = region_at(prediction, x, y)
    return document.apply(
        "Accept region",
        region.rect,
        lambda array: put_pixels(array, prediction, region.rect, region.inside, protection),
    )


class HoverRegion:
    """The region under the cursor, found again only when the cursor leaves it or what it lies in changes."""

    def __init__(self) -> None:
        self._region: Region | None = None
        self._stamp: Hashable = None

    def at(self, array: NDArray[np.uint8], revision: int, x: int, y: int) -> Region:
        """The region that holds a pixel of an array at a revision."""
        return self.found((id(array), revision), lambda: region_at(array, x, y), x, y)

    def found(self, stamp: Hashable, find: Callable[[], Region], x: int, y: int) -> Region:
        """The region that holds a pixel, by `find` if the last one does not or had another stamp."""
        region = self._region
        if region is not None and stamp == self._stamp and _holds(region, x, y):
            return region
        self._region, self._stamp = find(), stamp
        return self._region

    def forget(self) -> Region | None:
        """Drops what was found last, and returns it."""
        region, self._region = self._region, None
        return region


def _holds(region: Region, x: int, y: int) -> bool:
    rect = region.rect
    inside = rect.x <= x < rect.right and rect.y <= y < rect.bottom
    return inside and bool(region.inside[y - rect.y, x - rect.x])


def bounds_of(points: Sequence[Point]) -> Rect:
    """The box of points, empty without any."""
    return polygon_bounds(points) if points else Rect(0, 0, 0, 0)
