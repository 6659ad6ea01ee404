"""The confusion matrix as a table of coloured cells: heads stay while it scrolls, arrow keys move in it."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QKeyEvent, QMouseEvent, QPainter, QPen, QResizeEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QTableView,
    QWidget,
)

from segstudio.gui.dashboards.figures_table import Index
from segstudio.gui.dashboards.plot_colours import theme_of
from segstudio.metrics.confusion import Counts
from segstudio.metrics.confusion_shares import Whole, shares
from segstudio.metrics.segment_table import NO_CLASS

LEAST_CELL, MOST_CELL = 18, 46
# Cells from this width on have room for a number.
NUMBERED = 26
LONGEST_NAME = 110
STRENGTH_ROLE = Qt.ItemDataRole.UserRole + 3


class ConfusionModel(QAbstractTableModel):
    """The counts of the classes that occur: rows are truth, columns are predicted, the last one no class."""

    def __init__(self) -> None:
        super().__init__()
        self._names: tuple[str, ...] = ()
        self._ids: tuple[int, ...] = ()
        self._counts: Counts = np.zeros((0, 1), np.int64)
        self._by_row = self._by_column = self._strength = np.zeros((0, 1))
        self._whole = Whole.ROW

    def show_counts(self, counts: Counts, names: tuple[str, ...], ids: NDArray[np.intp]) -> None:
        """Shows some classes of confusion counts int64 [K,K+1]; shares stay those of all classes."""
        self.beginResetModel()
        self._names, self._ids = names, tuple(int(class_id) for class_id in ids)
        rows, columns = np.array(self._ids, int), np.array((*self._ids, len(names)), int)
        self._counts = counts[np.ix_(rows, columns)]
        self._by_row = shares(counts, Whole.ROW)[np.ix_(rows, columns)]
        self._by_column = shares(counts, Whole.COLUMN)[np.ix_(rows, columns)]
        self._set_strength()
        self.endResetModel()

    def set_whole(self, whole: Whole) -> None:
        """Chooses what colours and numbers are shares of."""
        self.beginResetModel()
        self._whole = whole
        self._set_strength()
        self.endResetModel()

    def _set_strength(self) -> None:
        if self._whole is Whole.PIXELS:
            # Pixels differ by powers of ten; on a linear scale all but the road would be empty.
            most = math.log1p(float(self._counts.max(initial=0))) or 1.0
            self._strength = np.log1p(self._counts) / most
        else:
            self._strength = np.sqrt(self._by_row if self._whole is Whole.ROW else self._by_column)

    def pair(self, index: Index) -> tuple[int, int]:
        """True and predicted class of a cell; the predicted one is K for no class."""
        column = index.column()
        return self._ids[index.row()], self._ids[column] if column < len(self._ids) else len(self._names)

    def place(self, class_id: int) -> int | None:
        """The row of a class, which is also its column; None where it does not occur."""
        return self._ids.index(class_id) if class_id in self._ids else None

    def name(self, class_id: int) -> str:
        """A class's name, also that of none."""
        return self._names[class_id] if class_id < len(self._names) else NO_CLASS

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """One row a class that occurs."""
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's signature
        """One more than rows."""
        return 0 if parent.isValid() or not self._ids else len(self._ids) + 1

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Class names."""
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        name = self.name(self._ids[section] if section < len(self._ids) else len(self._names))
        if role == Qt.ItemDataRole.DisplayRole:
            return name
        return f"{name} in the masks" if orientation == Qt.Orientation.Vertical else f"predicted as {name}"

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """The share as text, how strong its colour is, and the whole story as a tip."""
        place = index.row(), index.column()
        if role == STRENGTH_ROLE:
            return float(self._strength[place])
        if role == Qt.ItemDataRole.DisplayRole:
            return self._text(place)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            truth, predicted = self.pair(index)
            return (
                f"{self.name(truth)} called {self.name(predicted)}: {self._counts[place]:,} pixels, "
                f"{self._by_row[place] * 100:.1f} % of {self.name(truth)}, "
                f"{self._by_column[place] * 100:.1f} % of what is called {self.name(predicted)}"
            )
        return None

    def _text(self, place: tuple[int, int]) -> str:
        pixels = int(self._counts[place])
        if not pixels:
            return ""
        if self._whole is Whole.PIXELS:
            power = int(math.log10(pixels))
            return (
                str(pixels) if power < 3 else f"{pixels / 1000:.0f}k" if power < 6 else f"{pixels / 1e6:.0f}M"
            )
        share = (self._by_row if self._whole is Whole.ROW else self._by_column)[place] * 100
        return "" if share < 0.5 else f"{share:.0f}"


class CellDelegate(QStyledItemDelegate):
    """Paints right cells in the accent, wrong ones in the colour of danger, the stronger the larger."""

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """A rectangle, a number where there is room, and a frame around the current cell."""
        theme = theme_of(option.palette)
        hue = theme.colour("accent" if index.row() == index.column() else "danger")
        ground = theme.colour("panel")
        filled = mixed(ground, hue, float(index.data(STRENGTH_ROLE)))
        inner = option.rect.adjusted(0, 0, -1, -1)
        painter.fillRect(option.rect, theme.colour("border"))
        painter.fillRect(inner, filled)
        if inner.width() >= NUMBERED:
            painter.setFont(smaller(option.font))
            dark = filled.lightness() < 130
            painter.setPen(QColor("#ffffff" if dark else "#000000"))
            painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, index.data())
        if option.state & QStyle.StateFlag.State_Selected:
            painter.setPen(QPen(theme.colour("text"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(inner.adjusted(1, 1, -1, -1))


class UprightHeader(QHeaderView):
    """Heads whose names run upwards, so that columns may be as narrow as cells."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)

    def sizeHint(self) -> QSize:
        """As high as the longest name, up to a limit."""
        model, metrics = self.model(), self.fontMetrics()
        names = [str(model.headerData(place, Qt.Orientation.Horizontal)) for place in range(self.count())]
        longest = max((metrics.horizontalAdvance(name) for name in names), default=20)
        return QSize(super().sizeHint().width(), min(longest, LONGEST_NAME) + 12)

    def paintSection(self, painter: QPainter, rect: QRect, place: int) -> None:
        """The name, turned to the left."""
        theme = theme_of(self.palette())
        painter.save()
        painter.fillRect(rect, theme.colour("panel"))
        painter.setPen(theme.colour("muted"))
        painter.setFont(smaller(self.font()))
        painter.translate(rect.left(), rect.bottom())
        painter.rotate(-90)
        text = str(self.model().headerData(place, Qt.Orientation.Horizontal))
        room = rect.height() - 8
        name = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room)
        # Small letters stand low on their line: two pixels make them look centred.
        painter.drawText(QRect(4, -2, room, rect.width()), Qt.AlignmentFlag.AlignVCenter, name)
        painter.restore()


class HeatMap(QTableView):
    """The matrix; `pair_chosen` is the pair of a cell that is current, `asked` one that was clicked."""

    pair_chosen = Signal(int, int)
    asked = Signal(int, int)

    def __init__(self) -> None:
        super().__init__()
        self.cells = ConfusionModel()
        self.cells.setParent(self)
        self.setModel(self.cells)
        self.setObjectName("heatMap")
        self.setAccessibleName("Confusion matrix: rows are the masks, columns the model")
        self.setItemDelegate(CellDelegate(self))
        self.setHorizontalHeader(UprightHeader(self))
        self.setShowGrid(False)
        self.setCornerButtonEnabled(False)
        self.setTabKeyNavigation(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for header in (self.horizontalHeader(), self.verticalHeader()):
            header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
            header.setMinimumSectionSize(LEAST_CELL)
            header.setHighlightSections(False)
        self.verticalHeader().setMaximumWidth(LONGEST_NAME + 24)
        self.selectionModel().currentChanged.connect(self._moved)
        self.cells.modelReset.connect(self.fit)

    def choose(self, class_id: int) -> None:
        """Goes to the right cell of a class."""
        place = self.cells.place(class_id)
        if place is not None:
            self.setCurrentIndex(self.cells.index(place, place))

    def fit(self) -> None:
        """Makes cells as large as there is room for all, within limits."""
        columns = max(self.cells.columnCount(), 1)
        room_across = self.width() - self.verticalHeader().sizeHint().width() - 4
        room_down = self.height() - self.horizontalHeader().sizeHint().height() - 4
        across, down = room_across // columns, room_down // max(columns - 1, 1)
        self.horizontalHeader().setDefaultSectionSize(min(max(across, LEAST_CELL), MOST_CELL))
        self.verticalHeader().setDefaultSectionSize(min(max(down, LEAST_CELL), MOST_CELL))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Cells grow and shrink with the window."""
        super().resizeEvent(event)
        self.fit()

    def _moved(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.pair_chosen.emit(*self.cells.pair(current))

    def _ask(self, index: QModelIndex) -> None:
        if index.isValid():
            self.asked.emit(*self.cells.pair(index))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """A click on a cell asks for what is behind it."""
        super().mouseReleaseEvent(event)
        if event.button() == Qt.MouseButton.LeftButton:
            self._ask(self.indexAt(event.position().toPoint()))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter is a click on the current cell."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self._ask(self.currentIndex())
        else:
            super().keyPressEvent(event)


def smaller(font: QFont) -> QFont:
    """The font of heads and cells."""
    result = QFont(font)
    result.setPixelSize(max(round(font.pixelSize() * 0.85), 9))
    return result


def mixed(ground: QColor, hue: QColor, strength: float) -> QColor:
    """A colour between the two, 0 is the ground."""
    part = min(max(strength, 0.0), 1.0)
    red, green, blue = (
        round(one + (other - one) * part)
        for one, other in (
            (ground.red(), hue.red()),
            (ground.green(), hue.green()),
            (ground.blue(), hue.blue()),
        )
    )
    return QColor(red, green, blue)
