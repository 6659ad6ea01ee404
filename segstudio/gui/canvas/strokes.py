"""The stroke of a brush that is held down, without Qt."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.fences import Fence, Pixel
from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.tip import Tip
from segstudio.annotation.tools import Point, put_values, stroke_bounds

# A fenced stroke is painted in pieces of the radius' length, but not shorter than this.
SHORTEST_PIECE = 4.0


@dataclass(frozen=True)
class Paint:
    """What a stroke leaves behind.

    Attributes:
        values: one class, or a mask of the document's size that is copied from, uint8 [H,W].
        title: of the stroke in the history.
        spared: a value of that mask that is not copied.
    """

    values: int | NDArray[np.uint8]
    title: str
    spared: int | None = None


@dataclass
class BrushStroke:
    """A brush that is held down: paints from point to point, and ends as one edit or as nothing.

    Attributes:
        fence: what the brush does not paint across; None for nothing.
    """

    document: MaskDocument
    paint: Paint
    tip: Tip
    protection: Protection
    last: Point
    fence: Fence | None = None

    def __post_init__(self) -> None:
        """Begins the stroke in the document."""
        self.document.begin(self.paint.title)

    def move(self, point: Point) -> Rect:
        """Paints from the last point to this one; returns what may have changed."""
        changed = EMPTY
        for start, end in self._pieces(point):
            rect = self.document.touch(stroke_bounds(start, end, self.tip.radius))
            if not rect.is_empty:
                self._paint(rect, start, end)
            changed = changed.union(rect)
        self.last = point
        return changed

    def _pieces(self, point: Point) -> Iterator[tuple[Point, Point]]:
        """The way to a point; behind a fence in pieces, or a fast stroke would find its way round the end."""
        length = math.dist(self.last, point)
        count = 1
        if self.fence is not None:
            count = max(1, math.ceil(length / max(self.tip.radius, SHORTEST_PIECE)))
        (x, y), (dx, dy) = self.last, (point[0] - self.last[0], point[1] - self.last[1])
        corners = [(x + dx * step / count, y + dy * step / count) for step in range(count)] + [point]
        return pairwise(corners)

    def _paint(self, rect: Rect, start: Point, end: Point) -> None:
        cover = self.tip.cover(rect, start, end)
        if self.fence is not None:
            cover = self.fence.reach(rect, cover, way(start, end))
        values, spared = self.paint.values, self.paint.spared
        if isinstance(values, np.ndarray):
            values = values[rect.slices]
            if spared is not None:
                cover = cover & (values != spared)
        put_values(self.document.array, rect, cover, values, self.protection)

    def finish(self) -> Edit | None:
        """Ends it; returns the edit, or None when no pixel changed."""
        return self.document.commit()

    def cancel(self) -> Rect:
        """Takes it back; returns what changed."""
        return self.document.abort()


def way(start: Point, end: Point) -> list[Pixel]:
    """The pixels under a straight way, at most one apart in each direction."""
    count = math.ceil(max(abs(end[0] - start[0]), abs(end[1] - start[1]))) + 1
    columns = np.floor(np.linspace(start[0], end[0], count)).astype(np.int64)
    rows = np.floor(np.linspace(start[1], end[1], count)).astype(np.int64)
    return list(zip(columns.tolist(), rows.tolist(), strict=True))
