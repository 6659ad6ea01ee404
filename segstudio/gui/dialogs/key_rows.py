"""The list of all actions with their keys, found by words or by a key."""

from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt

from segstudio.gui.actions.action_spec import ActionSpec, pretty_key
from segstudio.gui.actions.table import ACTIONS
from segstudio.gui.keys.key_book import KeyBook, plain_text
from segstudio.gui.keys.key_map import distinct, twin

COLUMNS = ("Action", "Keys", "Set by", "Menu")
NAME, KEYS, SOURCE, MENU = range(4)
HELD = "Held keys"
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()


class KeyRows(QAbstractTableModel):
    """One row an action, in the order of the menus."""

    def __init__(self, book: KeyBook) -> None:
        super().__init__()
        self._book = book
        self.rows: list[ActionSpec] = list(ACTIONS)
        book.changed.connect(self._refresh)

    def find(self, words: str = "", key: str = "") -> None:
        """Lists the actions that hold every word in name, menu or keys, and have the key if one is given."""
        self.beginResetModel()
        parts = words.casefold().split()
        self.rows = [
            spec
            for spec in ACTIONS
            if all(part in self._searched(spec) for part in parts) and (not key or self._has(spec, key))
        ]
        self.endResetModel()

    def _searched(self, spec: ActionSpec) -> str:
        keys = " ".join(self._book.keys(spec.id))
        return f"{spec.text} {place(spec)} {keys}".casefold()

    def _has(self, spec: ActionSpec, key: str) -> bool:
        return any(own in (key, twin(key)) for own in self._book.keys(spec.id))

    def _refresh(self) -> None:
        if self.rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.rows) - 1, len(COLUMNS) - 1))

    def rowCount(self, parent: Index = ROOT) -> int:
        """The actions that were found."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = ROOT) -> int:
        """See COLUMNS."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """The headings, to the left like what stands below."""
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return COLUMNS[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts of a row."""
        if not index.isValid():
            return None
        spec = self.rows[index.row()]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._book.fill(spec.hint) or None
        if role != Qt.ItemDataRole.DisplayRole:
            return None
        source = self._book.map.source(spec.id)
        texts = {NAME: plain_text(spec), KEYS: keys_text(self._book, spec), MENU: place(spec)}
        return texts.get(index.column(), source if self._book.keys(spec.id) or source == "you" else "")


def place(spec: ActionSpec) -> str:
    """Where an action stands."""
    return spec.menu.replace("/", " › ") or HELD


def keys_text(book: KeyBook, spec: ActionSpec) -> str:
    """All keys of an action in one line."""
    return "    ".join(pretty_key(key) for key in distinct(book.keys(spec.id)))
