"""Tables of figures with a sign, a bar and coloured cells, for the results of an export."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QEvent, QModelIndex, QSize, Qt
from PySide6.QtGui import QFont, QPalette, QResizeEvent
from PySide6.QtWidgets import QHeaderView, QSizePolicy

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.figures_table import LEAST_WIDTH, LEFT, RIGHT, ROW_HEIGHT, FiguresTable, Index
from segstudio.gui.icons import Icons
from segstudio.gui.theme import ThemeSwitch

SIGN = QSize(16, 16)
LEAST_NAMES = 160
LEAST_ROWS = 3


@dataclass(frozen=True)
class FigureRow:
    """One row of texts.

    Attributes:
        texts: by column.
        roles: the theme's colour of single cells, by column.
        sign: an icon of the Phosphor set before the first text, "" for none; `sign_role` is its colour.
        bar, tick: fractions of the bar's width; None draws none.
        tip: of the whole row.
    """

    texts: tuple[str, ...]
    roles: Mapping[int, str] = field(default_factory=dict)
    sign: str = ""
    sign_role: str = "muted"
    bar: float | None = None
    tick: float | None = None
    tip: str = ""


class FigureRows(QAbstractTableModel):
    """Rows; the column after the texts holds the bars, without a heading."""

    def __init__(self, headings: Mapping[str, str], words: int, themes: ThemeSwitch, icons: Icons) -> None:
        """Headings with their tips; the first `words` columns hold words, the others figures."""
        super().__init__()
        self._headings = (*headings, "")
        self._tips = (*headings.values(), "")
        self._words = words
        self._themes = themes
        self._icons = icons
        self._numeric = QFont()
        self._numeric.setStyleHint(QFont.StyleHint.SansSerif)
        self._numeric.setFeature(QFont.Tag("tnum"), 1)
        self.rows: Sequence[FigureRow] = ()

    def show_rows(self, rows: Sequence[FigureRow]) -> None:
        """Replaces all rows."""
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """One row a figure row."""
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """The headings and the bar."""
        return 0 if parent.isValid() else len(self._headings)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column names, aligned as their columns are, and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        if role == Qt.ItemDataRole.DisplayRole:
            return self._headings[section]
        if role == Qt.ItemDataRole.ToolTipRole:
            return self._tips[section] or None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return RIGHT if self._is_figure(section) else LEFT
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, colour, sign, bar, alignment."""
        row, column = self.rows[index.row()], index.column()
        is_bar = column == len(self._headings) - 1
        if role == Qt.ItemDataRole.DisplayRole and not is_bar:
            return row.texts[column]
        if role == Qt.ItemDataRole.ForegroundRole and column in row.roles:
            return self._themes.current.colour(row.roles[column])
        if role == Qt.ItemDataRole.DecorationRole and column == 0 and row.sign:
            return self._icons.icon(row.sign, row.sign_role)
        if role == Qt.ItemDataRole.TextAlignmentRole and self._is_figure(column):
            return RIGHT
        if role == Qt.ItemDataRole.FontRole and self._is_figure(column):
            return self._numeric
        if role == Qt.ItemDataRole.ToolTipRole:
            return row.tip or None
        if role == BAR_ROLE and is_bar and row.bar is not None:
            colour = self._themes.current.palette.color(QPalette.ColorRole.Link)
            return Bar(((row.bar, colour),), row.tick)
        return None

    def _is_figure(self, column: int) -> bool:
        return self._words <= column < len(self._headings) - 1


class ResultTable(FiguresTable):
    """As high as its rows, so that the page around it scrolls; one that shrinks scrolls where room lacks."""

    def __init__(
        self,
        name: str,
        headings: Mapping[str, str],
        words: int,
        themes: ThemeSwitch,
        icons: Icons,
        *,
        shrinks: bool = False,
    ) -> None:
        """Headings and words as for `FigureRows`."""
        self._shrinks = shrinks
        self._height = 0
        self._widths: list[int] = []
        self._bars = len(headings)
        self.rows = FigureRows(headings, words, themes, icons)
        super().__init__(name, self.rows, len(headings))
        self.setIconSize(SIGN)
        if not shrinks:
            self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        for column in range(self._bars):
            self.horizontalHeader().setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
        self.rows.modelReset.connect(self._measure)

    def sizeHint(self) -> QSize:
        """All rows."""
        return QSize(super().sizeHint().width(), self._height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leaves the bars out where the figures need the room."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Measures again when the text has another size."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._measure()

    def _measure(self) -> None:
        # Asked once: Qt would read every cell again at each change of the layout.
        self.ensurePolished()
        header = self.horizontalHeader()
        self._widths = [
            max(self.sizeHintForColumn(column), header.sectionSizeHint(column))
            for column in range(self._bars)
        ]
        self._fit()

    def _fit(self) -> None:
        if not self._widths:
            return
        header, room = self.horizontalHeader(), self.viewport().width()
        names, *others = self._widths
        # A long name is cut before a figure is.
        widths = [min(names, max(room - sum(others), LEAST_NAMES)), *others]
        figures = sum(widths)
        self.setColumnHidden(self._bars, figures + LEAST_WIDTH > room)
        if room > figures and self.isColumnHidden(self._bars):
            widths[-1] += room - figures
        for column, width in enumerate(widths):
            header.resizeSection(column, width)
        row = max(ROW_HEIGHT, self.fontMetrics().height() + 12)
        self.verticalHeader().setDefaultSectionSize(row)
        scroll = self.horizontalScrollBar().sizeHint().height() if figures > room else 0
        count = len(self.rows.rows)
        around = header.sizeHint().height() + scroll + 4
        self._height = around + row * count
        self.setMinimumHeight(around + row * min(count, LEAST_ROWS) if self._shrinks else self._height)
        self.setMaximumHeight(self._height)
        self.updateGeometry()
