"""A small table of figures in which every line stands for a condition of the query."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QSize, QSortFilterProxyModel, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent
from PySide6.QtWidgets import QHeaderView, QWidget

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.figures_table import LEFT, RIGHT, FiguresTable, Index
from segstudio.gui.keys.typed_keys import types_character

SORT_ROLE = Qt.ItemDataRole.UserRole + 2
CONDITIONS_ROLE = Qt.ItemDataRole.UserRole + 3
ROOT = QModelIndex()
# Widths of the first column, and the room that its texts need besides.
LEAST_NAME, LARGEST_NAME, ROOM = 96, 260, 8


@dataclass(frozen=True)
class Line:
    """A line of the table.

    Attributes:
        texts: one a column; the bar's column is "".
        keys: what each column is sorted by.
        conditions: what a click adds to the query; "" adds nothing.
        bar: length of the bar, 0-1; None for none.
        tip: the line in words.
        colour: of the bar; None takes the accent.
        swatch: the colour stands before the first text, too.
    """

    texts: tuple[str, ...]
    keys: tuple[float | str, ...]
    conditions: str
    bar: float | None
    tip: str
    colour: QColor | None = None
    swatch: bool = False


class LinesModel(QAbstractTableModel):
    """Lines below fixed headings, one of which is that of the bars."""

    def __init__(self, headings: Sequence[str], bar_column: int, tips: Sequence[str]) -> None:
        super().__init__()
        self.headings = tuple(headings)
        self._bar = bar_column
        self._tips = tuple(tips)
        self.lines: tuple[Line, ...] = ()
        self.accent = QColor()
        self._numeric = QFont()
        self._numeric.setFeature(QFont.Tag("tnum"), 1)

    def show_lines(self, lines: Sequence[Line], headings: Sequence[str]) -> None:
        """Replaces all lines."""
        self.beginResetModel()
        self.lines, self.headings = tuple(lines), tuple(headings)
        self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        """One row a line."""
        return 0 if parent.isValid() else len(self.lines)

    def columnCount(self, parent: Index = ROOT) -> int:
        """One column a heading."""
        return 0 if parent.isValid() else len(self.headings)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Headings and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self.headings[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tips[section]
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return LEFT if section in (0, self._bar) else RIGHT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, bar, swatch, alignment, sorting key and conditions."""
        line, column = self.lines[index.row()], index.column()
        if role == Qt.ItemDataRole.DisplayRole:
            return line.texts[column]
        if role == BAR_ROLE and column == self._bar and line.bar is not None:
            return Bar(((line.bar, line.colour or self.accent),))
        if role == Qt.ItemDataRole.DecorationRole and column == 0:
            return line.colour if line.swatch else None
        if role == SORT_ROLE:
            return line.keys[column]
        if role == CONDITIONS_ROLE:
            return line.conditions
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleDescriptionRole):
            return line.tip
        if role == Qt.ItemDataRole.TextAlignmentRole and column not in (0, self._bar):
            return RIGHT
        return self._numeric if role == Qt.ItemDataRole.FontRole and column else None


class LinesTable(FiguresTable):
    """The view; `asked` carries the conditions of the line that was clicked, `entered` those of Enter."""

    asked = Signal(str)
    entered = Signal(str)

    def __init__(
        self, name: str, headings: Sequence[str], bar_column: int, tips: Sequence[str],
        parent: QWidget | None = None,
    ) -> None:  # fmt: skip
        self.rows = LinesModel(headings, bar_column, tips)
        ordered = QSortFilterProxyModel()
        ordered.setSourceModel(self.rows)
        ordered.setSortRole(SORT_ROLE)
        super().__init__(name, ordered, bar_column)
        self.rows.setParent(self)
        if parent is not None:
            self.setParent(parent)
        self.setIconSize(QSize(12, 12))
        # Folders and tags often differ at their ends.
        self.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.horizontalHeader().setSectionResizeMode(0, QHeaderView.ResizeMode.Interactive)
        self.horizontalHeader().setSortIndicatorClearable(True)
        self.setSortingEnabled(True)
        # Enabling sorts by the first column at once; this brings the given order back.
        self.sortByColumn(-1, Qt.SortOrder.AscendingOrder)
        self.clicked.connect(lambda index: self._tell(index, self.asked))
        self.activated.connect(lambda index: self._tell(index, self.entered))

    def show_lines(self, lines: Sequence[Line], headings: Sequence[str] | None = None) -> None:
        """Replaces all lines, and the headings if given; the column that sorts stays."""
        self.rows.accent = self.palette().color(self.palette().ColorRole.Link)
        self.rows.show_lines(lines, self.rows.headings if headings is None else headings)
        # A long name must not push the bars out of sight.
        self.setColumnWidth(0, min(max(self.sizeHintForColumn(0) + ROOM, LEAST_NAME), LARGEST_NAME))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keeps arrows and the like; what types a character goes on to the page."""
        if types_character(event):
            event.ignore()
            return
        super().keyPressEvent(event)
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            # It did its work here, and must not mean anything more to the page.
            event.accept()

    def _tell(self, index: QModelIndex, signal: Any) -> None:
        conditions = index.data(CONDITIONS_ROLE)
        if conditions:
            signal.emit(conditions)
