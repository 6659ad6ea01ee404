"""The rows of the list of edits: only what moved is told to the view, and only what is seen gets its text."""

from collections.abc import Callable, Sequence

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor, QFont

from segstudio.annotation.history import Edit
from segstudio.gui.edit_text import edit_text

START = "As opened"
TOP = QModelIndex()
Index = QModelIndex | QPersistentModelIndex


class HistoryModel(QAbstractListModel):
    """The start, then one row for each edit, oldest first; those undone are faded, the last done is bold."""

    def __init__(self) -> None:
        super().__init__()
        self._edits: Sequence[Edit] = ()
        self._name: Callable[[int], str] = str
        self.done = 0
        self._faded = QColor()
        self._current = QFont()

    def set_looks(self, faded: QColor, current: QFont) -> None:
        """The colour of undone edits, and the font of the one that was done last."""
        self._faded, self._current = faded, current
        self._moved(0, self.rowCount() - 1)

    def show(self, edits: Sequence[Edit], done: int, name: Callable[[int], str]) -> None:
        """Lists edits, of which the first `done` are in force; `name` gives a class's name."""
        self._name = name
        before, known = self.done, self._edits
        gone = _forgotten(known, edits)
        if gone:
            # The oldest made room for new ones.
            self.beginRemoveRows(TOP, 1, gone)
            known = self._edits = known[gone:]
            self.endRemoveRows()
            before -= gone
        same = _common(known, edits)
        if same < len(known):
            self.beginRemoveRows(TOP, same + 1, len(known))
            self._edits = known[:same]
            self.endRemoveRows()
        if same < len(edits):
            self.beginInsertRows(TOP, same + 1, len(edits))
            self._edits = edits
            self.endInsertRows()
        self._edits, self.done = edits, done
        self._moved(max(min(before, done), 0), min(max(before, done), len(edits)))

    def _moved(self, first: int, last: int) -> None:
        if first <= last:
            self.dataChanged.emit(self.index(first), self.index(last))

    def rowCount(self, parent: Index = TOP) -> int:
        """One more than there are edits."""
        return 0 if parent.isValid() else len(self._edits) + 1

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        """What a row says, and how."""
        step = index.row()
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return edit_text(self._edits[step - 1], self._name) if step else START
        if role == Qt.ItemDataRole.ForegroundRole and step > self.done:
            return self._faded
        if role == Qt.ItemDataRole.FontRole and step == self.done:
            return self._current
        return None


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
