"""Edits and the stack of them: what undo and redo walk along, bounded by bytes."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect

COMPRESSION = 1
LIMIT_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Edit:
    """One undoable change: the rectangle, its pixels before and after (zlib), and how many changed."""

    title: str
    rect: Rect
    before: bytes
    after: bytes
    pixels: int

    @classmethod
    def of(cls, title: str, rect: Rect, before: NDArray[np.uint8], after: NDArray[np.uint8]) -> "Edit | None":
        """The edit between two states of a rectangle, cut to what differs; None when nothing does."""
        differs = before != after
        rows = np.flatnonzero(differs.any(axis=1))
        if not rows.size:
            return None
        columns = np.flatnonzero(differs.any(axis=0))
        top, left = int(rows[0]), int(columns[0])
        height, width = int(rows[-1]) - top + 1, int(columns[-1]) - left + 1
        inner = (slice(top, top + height), slice(left, left + width))
        return cls(
            title,
            Rect(rect.x + left, rect.y + top, width, height),
            zlib.compress(np.ascontiguousarray(before[inner]).tobytes(), COMPRESSION),
            zlib.compress(np.ascontiguousarray(after[inner]).tobytes(), COMPRESSION),
            int(np.count_nonzero(differs)),
        )

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory, roughly."""
        return len(self.before) + len(self.after) + 200

    def put_before(self, array: NDArray[np.uint8]) -> None:
        """Writes the old pixels into a mask [H,W]."""
        array[self.rect.slices] = self._pixels(self.before)

    def put_after(self, array: NDArray[np.uint8]) -> None:
        """Writes the new pixels into a mask [H,W]."""
        array[self.rect.slices] = self._pixels(self.after)

    def _pixels(self, packed: bytes) -> NDArray[np.uint8]:
        flat = np.frombuffer(zlib.decompress(packed), np.uint8)
        return flat.reshape(self.rect.height, self.rect.width)


class History:
    """Edits in order, and how many of them are in force; the oldest go when the bytes run out."""

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self._limit = limit_bytes
        self._edits: list[Edit] = []
        self._position = 0
        self._bytes = 0

    @property
    def edits(self) -> Sequence[Edit]:
        """All edits that are kept, undone ones included, oldest first."""
        return tuple(self._edits)

    @property
    def position(self) -> int:
        """How many of them are in force."""
        return self._position

    @property
    def can_undo(self) -> bool:
        """Whether an edit is in force."""
        return self._position > 0

    @property
    def can_redo(self) -> bool:
        """Whether an edit was undone and not overtaken."""
        return self._position < len(self._edits)

    def push(self, edit: Edit) -> None:
        """Adds an edit that was just made; undone ones are forgotten."""
        self._bytes -= sum(gone.size for gone in self._edits[self._position :])
        del self._edits[self._position :]
        self._edits.append(edit)
        self._bytes += edit.size
        while self._bytes > self._limit and len(self._edits) > 1:
            self._bytes -= self._edits.pop(0).size
        self._position = len(self._edits)

    def step_back(self) -> Edit | None:
        """The edit to take back, or None."""
        if not self.can_undo:
            return None
        self._position -= 1
        return self._edits[self._position]

    def step_forward(self) -> Edit | None:
        """The edit to make again, or None."""
        if not self.can_redo:
            return None
        self._position += 1
        return self._edits[self._position - 1]
