"""A stroke of the superpixel tool: cells are added or removed along the pointer's way, without Qt."""

import math
from collections import OrderedDict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.superpixels import Superpixels, Tile
from segstudio.annotation.tools import Point, paint_region, put_values

Mask = NDArray[np.uint8]
CellKey = tuple[Rect, bytes]
Place = tuple[int, int]
# Cells are looked for at so many places of a cell's side on the way.
PLACES_A_SIDE = 4
# Cells whose former pixels are kept, to be given back.
KEPT = 256


class AddedCells:
    """What was below the cells that were added, for as long as nothing else changes them."""

    def __init__(self) -> None:
        self._pixels: OrderedDict[CellKey, tuple[Mask, Mask]] = OrderedDict()

    def note(self, cell: Region, before: Mask, after: Mask) -> None:
        """Keeps the pixels of a cell's box from before and after it was added, uint8 [h,w]."""
        if not np.array_equal(before[cell.inside], after[cell.inside]):
            self._pixels[_key(cell)] = (before, after)
            while len(self._pixels) > KEPT:
                self._pixels.popitem(last=False)

    def below(self, cell: Region, mask: Mask) -> Mask | None:
        """The pixels to give back in a cell's box, uint8 [h,w]; None unless the cell is as it was added."""
        before, after = self._pixels.get(_key(cell), (None, None))
        if before is None or after is None:
            return None
        now = mask[cell.rect.slices][cell.inside]
        return before if np.array_equal(now, after[cell.inside]) else None

    def clear(self) -> None:
        """Another mask."""
        self._pixels.clear()


@dataclass
class CellStroke:
    """A button that is held over cells: the first one decides whether cells are added or removed.

    Where the cells of a tile are not at hand it waits: `go_on` takes it on from there.

    Attributes:
        cells: the image's.
        classes: at whose borders cells end too, uint8 [H,W]; None for none.
        value: what added cells take.
        other: what removed cells take of which nobody knows what was below; None leaves them.
        removes: True or False, or None to remove where the first cell was added before.
    """

    document: MaskDocument
    cells: Superpixels
    classes: Mask | None
    added: AddedCells
    value: int
    other: int | None
    protection: Protection
    removes: bool | None
    last: Point
    _seen: set[CellKey] = field(default_factory=set, init=False)
    _ahead: deque[Place] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        """Begins the stroke in the document."""
        self.document.begin("Superpixels")

    def move(self, point: Point) -> Rect:
        """Goes on to a point, as far as cells are at hand; returns what may have changed."""
        self._ahead.extend(self._places(point))
        self.last = point
        return self.go_on()

    def go_on(self) -> Rect:
        """Takes the cells that are at hand by now; returns what may have changed."""
        changed = EMPTY
        while self._ahead and self.waits_for is None:
            cell = self.cells.cell_at(*self._ahead.popleft(), self.classes)
            key = _key(cell)
            if key not in self._seen:
                self._seen.add(key)
                changed = changed.union(self._take(cell))
        return changed

    @property
    def waits_for(self) -> Tile | None:
        """The tile without which it cannot go on; None while nothing is missing."""
        tile = self.cells.tile_at(*self._ahead[0]) if self._ahead else None
        return None if tile is None or self.cells.knows(tile) else tile

    def stop_here(self) -> None:
        """Gives up the part of the way that is still ahead."""
        self._ahead.clear()

    def _places(self, end: Point) -> Iterator[Place]:
        (x0, y0), (x1, y1) = self.last, end
        count = max(1, math.ceil(math.dist(self.last, end) * PLACES_A_SIDE / self.cells.side))
        for number in range(count + 1):
            x = math.floor(x0 + (x1 - x0) * number / count)
            y = math.floor(y0 + (y1 - y0) * number / count)
            if 0 <= x < self.document.width and 0 <= y < self.document.height:
                yield x, y

    def _take(self, cell: Region) -> Rect:
        array = self.document.array
        below = self.added.below(cell, array)
        if self.removes is None:
            self.removes = below is not None
        if not self.removes:
            before = array[cell.rect.slices].copy()
            self.document.touch(cell.rect)
            paint_region(array, cell, self.value, protection=self.protection)
            self.added.note(cell, before, array[cell.rect.slices].copy())
            return cell.rect
        values = below if below is not None else self.other
        if values is None:
            return EMPTY
        self.document.touch(cell.rect)
        put_values(array, cell.rect, cell.inside, values, self.protection)
        return cell.rect

    def finish(self) -> Edit | None:
        """Ends it; returns the edit, or None when no pixel changed."""
        return self.document.commit()

    def cancel(self) -> Rect:
        """Takes it back; returns what changed."""
        return self.document.abort()


def _key(cell: Region) -> CellKey:
    return cell.rect, cell.inside.tobytes()
