"""The rows of the list of edits: only those that moved are touched, however many there are."""

from collections.abc import Callable, Sequence

from PySide6.QtGui import QColor, QFont, QStandardItem, QStandardItemModel

from segstudio.annotation.history import Edit
from segstudio.gui.correcting.edit_text import edit_text

START = "As opened"


class HistoryModel(QStandardItemModel):
    """The start, then one row for each edit, oldest first; those undone are faded, the last done is bold.

    Qt's own rows, since a list asks for the number of rows once for each of them whenever one is added.
    """

    def __init__(self) -> None:
        super().__init__()
        self._edits: Sequence[Edit] = ()
        self.done = 0
        self._colours = (QColor(), QColor())
        self._fonts = (QFont(), QFont())
        self.appendRow(QStandardItem(START))

    def set_looks(self, done: QColor, undone: QColor, usual: QFont, current: QFont) -> None:
        """The colours of done and undone edits, and the font of all but the one that was done last."""
        self._colours, self._fonts = (done, undone), (usual, current)
        self._dress(0, self.rowCount() - 1)

    def show(self, edits: Sequence[Edit], done: int, name: Callable[[int], str]) -> None:
        """Lists edits, of which the first `done` are in force; `name` gives a class's name."""
        before, known = self.done, self._edits
        gone = _forgotten(known, edits)
        if gone:
            # The oldest made room for new ones.
            self.removeRows(1, gone)
            known = known[gone:]
            before -= gone
        same = _common(known, edits)
        if same < len(known):
            self.removeRows(same + 1, len(known) - same)
        for edit in edits[same:]:
            text = edit_text(edit, name)
            row = QStandardItem(text)
            row.setToolTip(text)
            self.appendRow(row)
        self._edits, self.done = edits, done
        last = len(edits) if same < len(edits) else min(max(before, done), len(edits))
        self._dress(max(min(before, done, same), 0), last)

    def _dress(self, first: int, last: int) -> None:
        for step in range(first, last + 1):
            row = self.item(step)
            row.setForeground(self._colours[step > self.done])
            row.setFont(self._fonts[step == self.done])


def _common(one: Sequence[Edit], other: Sequence[Edit]) -> int:
    """How many edits both begin with."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left is not right:
            return place
    return min(len(one), len(other))


def _forgotten(known: Sequence[Edit], edits: Sequence[Edit]) -> int:
    """How many of the known edits at the start are gone from a list that goes on from them."""
    if not edits or not known or known[0] is edits[0]:
        return 0
    return next((place for place, edit in enumerate(known) if edit is edits[0]), 0)
