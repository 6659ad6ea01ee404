"""The grid of regions that are alike: a model of what was found, and a list that paints crops with ticks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    Signal,
)
from PySide6.QtGui import QFont, QKeyEvent, QPainter, QPainterPath, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from segstudio.annotation.alike import Alike
from segstudio.gui.correcting.alike_crops import AlikeCrops
from segstudio.gui.panels.sample_tiles import paint_whole
from segstudio.gui.theme import Theme, ThemeSwitch
from segstudio.workflows.relabel_alike import Finds

FIND_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
CELL = QSize(140, 148)
PAD, BOX, PICTURE_HEIGHT = 6, 18, 94


class AlikeModel(QAbstractListModel):
    """One row a region, ticked at first; rows of a sample stand together."""

    counted = Signal()

    def __init__(self, crops: AlikeCrops) -> None:
        super().__init__()
        self._crops = crops
        self._rows: list[tuple[str, Alike]] = []
        self._ticked: list[bool] = []
        crops.ready.connect(self._refresh)

    def clear(self) -> None:
        """Forgets all rows."""
        self.beginResetModel()
        self._rows, self._ticked = [], []
        self._crops.forget()
        self.endResetModel()
        self.counted.emit()

    def add(self, arrived: Sequence[Finds]) -> None:
        """Adds the regions of more samples; many at once, since the list lays out all cells each time."""
        rows = [(finds.key, region) for finds in arrived for region in finds.regions]
        if not rows:
            return
        self.beginInsertRows(QModelIndex(), len(self._rows), len(self._rows) + len(rows) - 1)
        self._rows += rows
        self._ticked += [True] * len(rows)
        self.endInsertRows()
        self.counted.emit()

    def rowCount(self, parent: Index = ROOT) -> int:
        """Number of regions."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Key, region, picture, tick and texts of a row."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = index.row()
        key, found = self._rows[row]
        if role == Qt.ItemDataRole.DisplayRole:
            return key
        if role == FIND_ROLE:
            return found
        if role == Qt.ItemDataRole.DecorationRole:
            return self._crops.get(row, key, found)
        if role == Qt.ItemDataRole.CheckStateRole:
            return Qt.CheckState.Checked if self._ticked[row] else Qt.CheckState.Unchecked
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            state = "ticked" if self._ticked[row] else "not ticked"
            place = f"at {found.rect.x}, {found.rect.y}"
            return f"{key}\n{facts_text(found)} {place}\n{state}"
        return None

    def toggle(self, index: Index) -> None:
        """Ticks or unticks a row."""
        if index.isValid():
            row = index.row()
            self._ticked[row] = not self._ticked[row]
            self.dataChanged.emit(self.index(row), self.index(row))
            self.counted.emit()

    def tick_all(self, ticked: bool) -> None:
        """Ticks or unticks all rows."""
        self._ticked = [ticked] * len(self._rows)
        if self._rows:
            self.dataChanged.emit(self.index(0), self.index(len(self._rows) - 1))
        self.counted.emit()

    def chosen(self) -> list[Finds]:
        """The ticked regions by sample."""
        by_key: dict[str, list[Alike]] = {}
        for key, found in self._ticked_rows():
            by_key.setdefault(key, []).append(found)
        return [Finds(key, tuple(regions)) for key, regions in by_key.items()]

    def counts(self) -> tuple[int, int]:
        """Regions and samples that were found."""
        return len(self._rows), len({key for key, _ in self._rows})

    def ticked_by_sample(self) -> Counter[str]:
        """How many regions of each sample are ticked."""
        return Counter(key for key, _ in self._ticked_rows())

    def _ticked_rows(self) -> Iterator[tuple[str, Alike]]:
        return (row for row, ticked in zip(self._rows, self._ticked, strict=True) if ticked)

    def _refresh(self, row: int) -> None:
        if row < len(self._rows):
            self.dataChanged.emit(self.index(row), self.index(row), [Qt.ItemDataRole.DecorationRole])


class AlikeGrid(QListView):
    """Cells of equal size that wrap; a click or Space ticks."""

    def __init__(self, model: AlikeModel, themes: ThemeSwitch) -> None:
        super().__init__()
        self.setObjectName("alike")
        self.cell = CELL
        self.setAccessibleName("Regions that are alike")
        self._model = model
        self.setModel(model)
        self.setItemDelegate(_CellDelegate(themes, self))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setUniformItemSizes(True)
        self.setMouseTracking(True)
        self.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setEditTriggers(QListView.EditTrigger.NoEditTriggers)
        self.clicked.connect(model.toggle)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Gives as many cells as fit the whole width."""
        super().resizeEvent(event)
        width = self.viewport().width()
        # Cells that fill the width to the last pixel would wrap one too early.
        self.cell = QSize((width - 1) // max(width // CELL.width(), 1), CELL.height())
        self.setGridSize(self.cell)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space ticks; arrows move."""
        if event.key() == Qt.Key.Key_Space:
            self._model.toggle(self.currentIndex())
        else:
            super().keyPressEvent(event)


class _CellDelegate(QStyledItemDelegate):
    """Paints crop, tick and facts of a region."""

    def __init__(self, themes: ThemeSwitch, grid: AlikeGrid) -> None:
        super().__init__(grid)
        self._themes = themes
        self._grid = grid

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        return self._grid.cell

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        found, theme = index.data(FIND_ROLE), self._themes.current
        if not isinstance(found, Alike):
            return
        ticked = index.data(Qt.ItemDataRole.CheckStateRole) == Qt.CheckState.Checked
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        cell = QRect(option.rect).adjusted(3, 3, -3, -3)
        self._paint_back(painter, option, cell, theme)
        side = cell.width() - 2 * PAD
        picture = QRect(cell.left() + PAD, cell.top() + PAD, side, PICTURE_HEIGHT)
        painter.setOpacity(1.0 if ticked else 0.4)
        paint_whole(painter, picture, index.data(Qt.ItemDataRole.DecorationRole), theme)
        painter.setOpacity(1.0)
        _paint_tick(painter, QRect(picture.left() + 4, picture.top() + 4, BOX, BOX), theme, ticked=ticked)
        words = QRect(picture.left(), picture.bottom() + 3, side, cell.bottom() - picture.bottom() - 5)
        _paint_words(painter, words, option.font, str(index.data()), facts_text(found), theme)
        painter.restore()

    @staticmethod
    def _paint_back(painter: QPainter, option: QStyleOptionViewItem, cell: QRect, theme: Theme) -> None:
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        if hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("hover"))
            painter.drawRoundedRect(cell, 6, 6)
        if option.state & QStyle.StateFlag.State_HasFocus:
            painter.setPen(theme.colour("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(QRectF(cell).adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def facts_text(found: Alike) -> str:
    """Area and sureness of a region."""
    text = f"{found.area:,} px"
    return text if found.confidence is None else f"{text} · {found.confidence * 100:.0f} %"


def _paint_tick(painter: QPainter, box: QRect, theme: Theme, *, ticked: bool) -> None:
    painter.setPen(theme.colour("primary" if ticked else "edge"))
    painter.setBrush(theme.colour("primary" if ticked else "field"))
    painter.drawRoundedRect(QRectF(box).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    if ticked:
        pen = painter.pen()
        pen.setColor(theme.colour("on-primary"))
        pen.setWidthF(2)
        painter.setPen(pen)
        x, y, side = box.left(), box.top(), BOX
        mark = QPainterPath()
        mark.moveTo(x + side * 0.26, y + side * 0.52)
        mark.lineTo(x + side * 0.43, y + side * 0.69)
        mark.lineTo(x + side * 0.75, y + side * 0.33)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(mark)


def _paint_words(painter: QPainter, area: QRect, font: QFont, key: str, facts: str, theme: Theme) -> None:
    small = QFont(font)
    small.setPixelSize(max(round(font.pixelSize() * 0.85), 9))
    painter.setFont(small)
    half = area.height() // 2
    lines: Sequence[tuple[str, str, int]] = ((key, "text", 0), (facts, "muted", half))
    for text, role, top in lines:
        line = QRect(area.left(), area.top() + top, area.width(), half)
        painter.setPen(theme.colour(role))
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideMiddle, area.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
