"""Edits and the stack of them: what undo and redo walk along, bounded by bytes that open masks share."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.packed_changes import RunReader, RunWriter, bands
from segstudio.annotation.rect import EMPTY, Rect

LIMIT_BYTES = 384 * 2**20
# Steps that a sample keeps for as long as another one has more than that.
STEPS = 200
# What an edit costs beside its pixels.
OVERHEAD = 300
Mask = NDArray[np.uint8]
Strip = tuple[Mask, Mask]


@dataclass(frozen=True)
class Edit:
    """One undoable change.

    Attributes:
        title: what was done, such as "Brush".
        rect: holds every changed pixel.
        packed: the changed pixels before and after (`runs`).
        pixels: how many changed.
        written: the one class that they have now, or None when they have several.
    """

    title: str
    rect: Rect
    packed: bytes
    pixels: int
    written: int | None = None

    @classmethod
    def of(cls, title: str, rect: Rect, before: Mask, after: Mask) -> "Edit | None":
        """The edit between two states uint8 [h,w] of a rectangle, cut to what differs; None without any."""
        strips = [(before[top:bottom], after[top:bottom]) for top, bottom in bands(*before.shape)]
        return cls.of_strips(title, rect, strips)

    @classmethod
    def of_strips(cls, title: str, rect: Rect, strips: Sequence[Strip]) -> "Edit | None":
        """As `of`, from strips (before, after) that cover a rectangle from top to bottom."""
        differing = [np.asarray(cv2.compare(*strip, cv2.CMP_NE), np.uint8) for strip in strips]
        tight = _tight(rect, differing)
        if tight.is_empty:
            return None
        writer, top = RunWriter(), rect.y
        across = slice(tight.x - rect.x, tight.right - rect.x)
        for (before, after), differs in zip(strips, differing, strict=True):
            first, last = max(tight.y - top, 0), min(tight.bottom - top, len(before))
            if first < last:
                inner = (slice(first, last), across)
                writer.add(before[inner], after[inner], differs[inner])
            top += len(before)
        return cls(title, tight, writer.packed(), writer.pixels, writer.written())

    @property
    def size(self) -> int:
        """Bytes that it keeps in memory, roughly."""
        return len(self.packed) + OVERHEAD

    def put_before(self, array: Mask) -> None:
        """Writes the old pixels into a mask [H,W]."""
        RunReader(self.packed, self.rect.height, self.rect.width).put(array[self.rect.slices], old=True)

    def put_after(self, array: Mask) -> None:
        """Writes the new pixels into a mask [H,W]."""
        RunReader(self.packed, self.rect.height, self.rect.width).put(array[self.rect.slices], old=False)


class History:
    """The edits of one mask in order, and how many of them are in force."""

    def __init__(self, budget: "HistoryBudget | None" = None) -> None:
        self._budget = budget or HistoryBudget()
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
    def length(self) -> int:
        """How many edits are kept."""
        return len(self._edits)

    @property
    def size(self) -> int:
        """Bytes of all edits."""
        return self._bytes

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
        self._position = len(self._edits)
        self._budget.grown(self)

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

    def drop_one(self) -> None:
        """Forgets the oldest edit; if all are undone the last one, for the first would be missed by redo."""
        if not self._edits:
            return
        if self._position:
            self._bytes -= self._edits.pop(0).size
            self._position -= 1
        else:
            self._bytes -= self._edits.pop().size

    def let_go(self) -> None:
        """Its mask is closed: what it keeps no longer counts."""
        self._budget.forget(self)


class HistoryBudget:
    """Bytes that the histories of all open masks share.

    When they run out, the samples that were not edited for longest lose their oldest steps: first those
    beyond `STEPS`, then all. The mask in hand keeps its last edit at any size.
    """

    def __init__(self, limit_bytes: int = LIMIT_BYTES) -> None:
        self.limit = limit_bytes
        # The one that was edited last stands last.
        self._histories: OrderedDict[int, History] = OrderedDict()

    @property
    def size(self) -> int:
        """Bytes of all histories."""
        return sum(history.size for history in self._histories.values())

    def grown(self, history: History) -> None:
        """Takes note of an edit, and makes room for it."""
        self._histories[id(history)] = history
        self._histories.move_to_end(id(history))
        over = self.size - self.limit
        for keep in (STEPS, 0):
            for other in list(self._histories.values()):
                least = max(keep, 1) if other is history else keep
                while over > 0 and other.length > least:
                    over -= other.size
                    other.drop_one()
                    over += other.size

    def forget(self, history: History) -> None:
        """Leaves a history out."""
        self._histories.pop(id(history), None)


def _tight(rect: Rect, differing: Iterable[Mask]) -> Rect:
    """The smallest part of a rectangle that holds every pixel that differs (255 in its strips)."""
    rows: list[Mask] = []
    columns = np.zeros(rect.width, np.uint8)
    for differs in differing:
        rows.append(differs.max(axis=1))
        columns |= differs.max(axis=0)
    across = np.flatnonzero(columns)
    if not across.size:
        return EMPTY
    down = np.flatnonzero(np.concatenate(rows))
    left, top = int(across[0]), int(down[0])
    return Rect(rect.x + left, rect.y + top, int(across[-1]) - left + 1, int(down[-1]) - top + 1)
