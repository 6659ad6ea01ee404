"""MaskDocument: the mask of one sample while it is edited, with strokes, revision and history."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit, History, Strip
from segstudio.annotation.rect import EMPTY, Rect

TILE = 128
Mask = NDArray[np.uint8]


class MaskDocument:
    """Owns a mask's pixels; its `array` is the same memory for life, so that a canvas can draw from it.

    A stroke is `begin`, any number of `touch` and writes, then `commit` or `abort`. `touch` must come before
    pixels of its rectangle are written: it saves the tiles beneath, so a stroke costs what it touches.
    """

    def __init__(self, array: Mask, history: History | None = None) -> None:
        if array.ndim != 2 or array.dtype != np.uint8:
            raise ValueError(f"a mask is uint8 [H,W], not {array.dtype} {array.shape}")
        self.array: Mask = np.ascontiguousarray(array)
        if self.array is array:
            self.array = array.copy()
        self.history = history or History()
        self.revision = 0
        self._title = ""
        self._touched: Rect | None = None
        self._tiles: dict[tuple[int, int], Mask] = {}

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.array.shape[1])

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.array.shape[0])

    @property
    def in_stroke(self) -> bool:
        """Whether a stroke was begun and neither committed nor aborted."""
        return self._touched is not None

    def begin(self, title: str) -> None:
        """Starts a stroke.

        Raises:
            RuntimeError: one is under way.
        """
        if self.in_stroke:
            raise RuntimeError(f"stroke {self._title!r} is not finished")
        self._title = title
        self._touched = EMPTY

    def touch(self, rect: Rect) -> Rect:
        """Saves the pixels of a rectangle for undo; returns the part of it inside the mask.

        Raises:
            RuntimeError: no stroke was begun.
        """
        if self._touched is None:
            raise RuntimeError("touch outside a stroke")
        inside = rect.clip(self.width, self.height)
        if inside.is_empty:
            return EMPTY
        self._touched = self._touched.union(inside)
        for row in range(inside.y // TILE, (inside.bottom - 1) // TILE + 1):
            for column in range(inside.x // TILE, (inside.right - 1) // TILE + 1):
                if (row, column) not in self._tiles:
                    self._tiles[row, column] = self._tile(row, column).copy()
        return inside

    def before(self, x: int, y: int) -> int:
        """The class that a pixel of the mask had when the stroke began; without a stroke the one it has."""
        row, column = y // TILE, x // TILE
        pixels = self._tiles.get((row, column), self._tile(row, column))
        return int(pixels[y - row * TILE, x - column * TILE])

    def commit(self) -> Edit | None:
        """Ends the stroke; returns its edit, or None when no pixel changed.

        Raises:
            RuntimeError: no stroke was begun.
        """
        if self._touched is None:
            raise RuntimeError("commit outside a stroke")
        rect, title = self._touched, self._title
        edit = None
        if not rect.is_empty:
            edit = Edit.of_strips(title, rect, self._strips(rect))
        self._end()
        if edit is not None:
            self.history.push(edit)
            self.revision += 1
        return edit

    def abort(self) -> Rect:
        """Ends the stroke and restores every pixel; returns what may have changed back."""
        rect = self._touched or EMPTY
        for (row, column), pixels in self._tiles.items():
            self._tile(row, column)[:] = pixels
        self._end()
        return rect

    def apply(self, title: str, rect: Rect, change: Callable[[Mask], object]) -> Edit | None:
        """A whole stroke at once; if `change` raises, every pixel is restored and the error goes on."""
        self.begin(title)
        try:
            self.touch(rect)
            change(self.array)
        except BaseException:
            self.abort()
            raise
        return self.commit()

    def take(self, edit: Edit, pixels: Mask) -> None:
        """Makes an edit of the present mask that was worked out elsewhere.

        Args:
            edit: its "before" is what the mask holds now.
            pixels: what its rectangle holds afterwards, uint8 [h,w].

        Raises:
            RuntimeError: a stroke is under way.
        """
        if self.in_stroke:
            raise RuntimeError(f"stroke {self._title!r} is not finished")
        self.array[edit.rect.slices] = pixels
        self.history.push(edit)
        self.revision += 1

    def whole(self) -> Rect:
        """The rectangle of all pixels."""
        return Rect(0, 0, self.width, self.height)

    def undo(self) -> Rect | None:
        """Takes the last edit back; returns what changed, None without any or while a stroke is under way."""
        edit = None if self.in_stroke else self.history.step_back()
        if edit is None:
            return None
        edit.put_before(self.array)
        self.revision += 1
        return edit.rect

    def redo(self) -> Rect | None:
        """Makes the last undone edit again; returns what changed, or None."""
        edit = None if self.in_stroke else self.history.step_forward()
        if edit is None:
            return None
        edit.put_after(self.array)
        self.revision += 1
        return edit.rect

    def _tile(self, row: int, column: int) -> Mask:
        return self.array[row * TILE : (row + 1) * TILE, column * TILE : (column + 1) * TILE]

    def _strips(self, rect: Rect) -> list[Strip]:
        """A touched rectangle in rows of tiles: the pixels as the stroke began, and as they are now."""
        strips = []
        for row in range(rect.y // TILE, (rect.bottom - 1) // TILE + 1):
            strip = rect.intersection(Rect(rect.x, row * TILE, rect.width, TILE))
            after = self.array[strip.slices]
            before = after.copy()
            first = strip.y - row * TILE
            for column in range(rect.x // TILE, (rect.right - 1) // TILE + 1):
                pixels = self._tiles.get((row, column))
                if pixels is not None:
                    left, right = max(column * TILE, rect.x), min((column + 1) * TILE, rect.right)
                    inner = pixels[first : first + strip.height, left - column * TILE : right - column * TILE]
                    before[:, left - rect.x : right - rect.x] = inner
            strips.append((before, after))
        return strips

    def _end(self) -> None:
        self._touched = None
        self._title = ""
        self._tiles = {}
