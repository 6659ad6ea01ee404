"""Tables of speeds: what was measured here, and what the model cards publish."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QWidget

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.figures_table import LEFT, RIGHT, FiguresTable, Index


@dataclass(frozen=True)
class SpeedRow:
    """One row: texts by column, and the frames per second that its bar shows."""

    texts: tuple[str, ...]
    fps: float
    tip: str = ""


class SpeedTableModel(QAbstractTableModel):
    """Rows with a bar in the last column; the bar's full width is the fastest row."""

    def __init__(self, headings: Sequence[str], left: int) -> None:
        """The first `left` columns hold words, the others numbers."""
        super().__init__()
        self._headings = (*headings, "")
        self._left = left
        self._rows: Sequence[SpeedRow] = ()
        self._fastest = 1.0

    def show_rows(self, rows: Sequence[SpeedRow]) -> None:
        """Replaces all rows."""
        self.beginResetModel()
        self._rows = rows
        self._fastest = max((row.fps for row in rows), default=1.0) or 1.0
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """One row a record."""
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The headings and the bar."""
        return 0 if parent.isValid() else len(self._headings)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column names, aligned as their columns are."""
        if orientation == Qt.Orientation.Horizontal:
            if role == Qt.ItemDataRole.DisplayRole:
                return self._headings[section]
            if role == Qt.ItemDataRole.TextAlignmentRole:
                return RIGHT if self._is_number(section) else LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts and bars."""
        row, column = self._rows[index.row()], index.column()
        is_bar = column == len(self._headings) - 1
        if role == Qt.ItemDataRole.DisplayRole and not is_bar:
            return row.texts[column]
        if role == Qt.ItemDataRole.TextAlignmentRole and self._is_number(column):
            return RIGHT
        if role == Qt.ItemDataRole.ToolTipRole and row.tip:
            return row.tip
        if role == BAR_ROLE and is_bar:
            parent = self.parent()
            accent = QColor("#4C8DFF")
            if isinstance(parent, QWidget):
                accent = parent.palette().color(QPalette.ColorRole.Link)
            return Bar(((row.fps / self._fastest, accent),))
        return None

    def _is_number(self, column: int) -> bool:
        return self._left <= column < len(self._headings) - 1


class SpeedTable(FiguresTable):
    """A table whose last column is a bar."""

    def __init__(self, name: str, headings: Sequence[str], left: int = 1) -> None:
        self.rows = SpeedTableModel(headings, left)
        super().__init__(name, self.rows, len(headings))
