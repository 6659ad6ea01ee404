"""A table of texts whose last column is a bar: lists of speeds, of confused classes, of days."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.figures_table import LEFT, RIGHT, FiguresTable, Index
from segstudio.gui.dashboards.plot_tools import to_csv


@dataclass(frozen=True)
class BarRow:
    """One row: texts by column, its bar, a tip, what it stands for, and a swatch before the first text."""

    texts: tuple[str, ...]
    bar: Bar
    tip: str = ""
    key: str = ""
    colour: QColor | None = None


class BarTableModel(QAbstractTableModel):
    """Rows with a bar in the last column."""

    def __init__(self, headings: Sequence[str], left: int, over_bars: str = "") -> None:
        """The first `left` columns hold words, the others numbers; `over_bars` heads the bars."""
        super().__init__()
        self._headings = (*headings, over_bars)
        self._left = left
        self._rows: Sequence[BarRow] = ()

    def show_bars(self, rows: Sequence[BarRow]) -> None:
        """Replaces all rows."""
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def row(self, number: int) -> BarRow:
        """One row."""
        return self._rows[number]

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """As many as were shown."""
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
        """Texts, swatches and bars."""
        row, column = self._rows[index.row()], index.column()
        is_bar = column == len(self._headings) - 1
        if role == Qt.ItemDataRole.DisplayRole and not is_bar:
            return row.texts[column]
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return row.colour
        if role == Qt.ItemDataRole.TextAlignmentRole and self._is_number(column):
            return RIGHT
        if role == Qt.ItemDataRole.ToolTipRole and row.tip:
            return row.tip
        return row.bar if role == BAR_ROLE and is_bar else None

    def to_csv(self) -> str:
        """All rows, without their bars."""
        return to_csv(self._headings[:-1], [row.texts for row in self._rows])

    def _is_number(self, column: int) -> bool:
        return self._left <= column < len(self._headings) - 1


class BarTable(FiguresTable):
    """The view on a `BarTableModel`; `chosen` is the key of a row that was double-clicked, or had Enter."""

    chosen = Signal(str)

    def __init__(self, name: str, model: BarTableModel) -> None:
        self.rows = model
        super().__init__(name, model, model.columnCount() - 1)
        self.setIconSize(QSize(12, 12))
        self.setTabKeyNavigation(False)
        self.doubleClicked.connect(self._choose)
        model.modelReset.connect(self.fit_columns)

    def _choose(self, index: QModelIndex) -> None:
        if index.isValid() and self.rows.row(index.row()).key:
            self.chosen.emit(self.rows.row(index.row()).key)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter chooses the row."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._choose(self.currentIndex())
        else:
            super().keyPressEvent(event)
