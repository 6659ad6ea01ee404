"""Tiles of equal size in rows that fill the width: however many there are, only those in sight cost time."""

from PySide6.QtCore import (
    QEvent,
    QItemSelection,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSize,
    Qt,
)
from PySide6.QtGui import QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QStyle, QStyleOptionViewItem

Index = QModelIndex | QPersistentModelIndex
Move = QAbstractItemView.CursorAction
MARGIN = 8
HINTS = QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform


class TileView(QAbstractItemView):
    """Shows a list model; arrows, Shift and Ctrl select, Enter and double clicks are `activated`."""

    def __init__(self, name: str, tile: QSize) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self._wanted = tile
        self._hovered = -1
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # Always there: one that comes and goes would change the width, and with it whether it is needed.
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setMouseTracking(True)

    # -- sizes --------------------------------------------------------------------------------------------

    def set_tile(self, tile: QSize) -> None:
        """Shows tiles of about another size; the first one in sight stays in sight."""
        first = self._first_in_sight()
        self._wanted = tile
        self._lay_out(first)

    @property
    def columns(self) -> int:
        """Tiles in a row."""
        return max((self.viewport().width() - 2 * MARGIN) // self._wanted.width(), 1)

    @property
    def tile(self) -> QSize:
        """The size of a tile: rows fill the width."""
        width = (self.viewport().width() - 2 * MARGIN) // self.columns
        return QSize(max(width, 1), self._wanted.height())

    @property
    def count(self) -> int:
        """How many tiles there are."""
        model = self.model()
        return model.rowCount() if model is not None else 0

    def _place(self, row: int) -> QRect:
        """Where a tile lies in the viewport."""
        line, column = divmod(row, self.columns)
        tile = self.tile
        top = MARGIN + line * tile.height() - self.verticalOffset()
        return QRect(QPoint(MARGIN + column * tile.width(), top), tile)

    def _first_in_sight(self) -> int:
        line = max(self.verticalOffset() - MARGIN, 0) // self.tile.height()
        return min(line * self.columns, max(self.count - 1, 0))

    def _lay_out(self, first: int) -> None:
        self.updateGeometries()
        if self.count:
            line = first // self.columns
            self.verticalScrollBar().setValue(line * self.tile.height() if line else 0)
        self.viewport().update()

    # -- what Qt asks of a view ---------------------------------------------------------------------------

    def updateGeometries(self) -> None:
        """Fits the scroll bar to the tiles."""
        super().updateGeometries()
        lines = -(-self.count // self.columns)
        height, bar = self.tile.height(), self.verticalScrollBar()
        bar.setRange(0, max(lines * height + 2 * MARGIN - self.viewport().height(), 0))
        bar.setPageStep(self.viewport().height())
        bar.setSingleStep(max(height // 3, 1))

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps the first tile in sight."""
        first = self._first_in_sight()
        super().resizeEvent(event)
        self._lay_out(first)

    def reset(self) -> None:
        """Follows a model with other rows."""
        super().reset()
        self._hovered = -1
        self.updateGeometries()
        self.viewport().update()

    def visualRect(self, index: Index) -> QRect:
        """Where a tile lies in the viewport, in sight or not."""
        return self._place(index.row()) if index.isValid() else QRect()

    def indexAt(self, point: QPoint) -> QModelIndex:
        """The tile at a point of the viewport."""
        row = self._row_at(point)
        return self.model().index(row, 0) if row is not None else QModelIndex()

    def _row_at(self, point: QPoint) -> int | None:
        tile = self.tile
        column, x = divmod(point.x() - MARGIN, tile.width())
        line = (point.y() + self.verticalOffset() - MARGIN) // tile.height()
        row = line * self.columns + column
        inside = 0 <= column < self.columns and x >= 0 and line >= 0
        return row if inside and row < self.count else None

    def scrollTo(
        self, index: Index, hint: QAbstractItemView.ScrollHint = QAbstractItemView.ScrollHint.EnsureVisible
    ) -> None:
        """Brings a tile into sight."""
        place, bar = self.visualRect(index), self.verticalScrollBar()
        if hint == QAbstractItemView.ScrollHint.PositionAtCenter:
            bar.setValue(bar.value() + place.center().y() - self.viewport().height() // 2)
        elif place.top() < MARGIN:
            bar.setValue(bar.value() + place.top() - MARGIN)
        elif place.bottom() > self.viewport().height() - MARGIN:
            bar.setValue(bar.value() + place.bottom() - self.viewport().height() + MARGIN)

    def moveCursor(self, action: Move, modifiers: Qt.KeyboardModifier) -> QModelIndex:
        """Where an arrow, Home, End or Page key leads."""
        if not self.count:
            return QModelIndex()
        row, columns = max(self.currentIndex().row(), 0), self.columns
        page = max(self.viewport().height() // self.tile.height(), 1) * columns
        if not self.currentIndex().isValid():
            steps: dict[Move, int] = {}
        else:
            steps = {
                Move.MoveLeft: -1, Move.MovePrevious: -1, Move.MoveRight: 1, Move.MoveNext: 1,
                Move.MoveUp: -columns, Move.MoveDown: columns,
                Move.MovePageUp: -page, Move.MovePageDown: page,
            }  # fmt: skip
        ends = {Move.MoveHome: 0, Move.MoveEnd: self.count - 1}
        wanted = ends.get(action, row + steps.get(action, 0))
        if not 0 <= wanted < self.count:
            # Up in the first line and down in the last stay; pages go as far as they can.
            is_line = action in (Move.MoveUp, Move.MoveDown)
            wanted = row if is_line else min(max(wanted, 0), self.count - 1)
        return self.model().index(wanted, 0)

    def scrollContentsBy(self, dx: int, dy: int) -> None:
        """Moves what is painted already: only tiles that come into sight are painted anew."""
        self.viewport().scroll(dx, dy)

    def horizontalOffset(self) -> int:
        """Nothing lies beyond the width."""
        return 0

    def verticalOffset(self) -> int:
        """How far it is scrolled."""
        return self.verticalScrollBar().value()

    def isIndexHidden(self, index: Index) -> bool:
        """No tile is hidden."""
        return False

    def setSelection(self, rect: QRect, command: QItemSelectionModel.SelectionFlag) -> None:
        """Selects from tile to tile; while the mouse is dragged, what the rectangle touches."""
        if self.state() == QAbstractItemView.State.DragSelectingState:
            chosen = self._touched(rect.normalized())
        else:
            ends = [self._near(rect.topLeft()), self._near(rect.bottomRight())]
            chosen = self._stretch(min(ends), max(ends)) if self.count else QItemSelection()
        self.selectionModel().select(chosen, command)

    def _near(self, point: QPoint) -> int:
        """The row of the tile that is nearest to a point."""
        tile = self.tile
        column = min(max((point.x() - MARGIN) // tile.width(), 0), self.columns - 1)
        line = max((point.y() + self.verticalOffset() - MARGIN) // tile.height(), 0)
        return min(line * self.columns + column, self.count - 1)

    def _stretch(self, first: int, last: int) -> QItemSelection:
        model = self.model()
        return QItemSelection(model.index(first, 0), model.index(last, 0))

    def _touched(self, rect: QRect) -> QItemSelection:
        tile, columns, chosen = self.tile, self.columns, QItemSelection()
        left = max((rect.left() - MARGIN) // tile.width(), 0)
        right = min((rect.right() - MARGIN) // tile.width(), columns - 1)
        top = max((rect.top() + self.verticalOffset() - MARGIN) // tile.height(), 0)
        bottom = (rect.bottom() + self.verticalOffset() - MARGIN) // tile.height()
        for line in range(top, min(bottom, (self.count - 1) // columns) + 1):
            first, last = line * columns + left, min(line * columns + right, self.count - 1)
            if left <= right and first <= last:
                chosen.merge(self._stretch(first, last), QItemSelectionModel.SelectionFlag.Select)
        return chosen

    def visualRegionForSelection(self, selection: QItemSelection) -> QRegion:
        """What has to be painted anew when the selection changes: all that is in sight."""
        return QRegion(self.viewport().rect())

    # -- painting and keys --------------------------------------------------------------------------------

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the tiles that the event touches."""
        painter = QPainter(self.viewport())
        painter.setRenderHints(HINTS)
        option = QStyleOptionViewItem()
        self.initViewItemOption(option)
        other = QStyle.StateFlag.State_HasFocus | QStyle.StateFlag.State_MouseOver
        plain, chosen, delegate = option.state & ~other, self.selectionModel(), self.itemDelegate()
        model, columns, tile = self.model(), self.columns, self.tile
        has_chosen = chosen.hasSelection()
        top = max((event.rect().top() + self.verticalOffset() - MARGIN) // tile.height(), 0)
        bottom = (event.rect().bottom() + self.verticalOffset() - MARGIN) // tile.height()
        current, first = self.currentIndex().row() if self.hasFocus() else -1, MARGIN - self.verticalOffset()
        for row in range(top * columns, min((bottom + 1) * columns, self.count)):
            index = model.index(row, 0)
            line, column = divmod(row, columns)
            option.rect = QRect(QPoint(MARGIN + column * tile.width(), first + line * tile.height()), tile)
            option.state = plain
            if has_chosen and chosen.isSelected(index):
                option.state |= QStyle.StateFlag.State_Selected
            if row == self._hovered:
                option.state |= QStyle.StateFlag.State_MouseOver
            if row == current:
                option.state |= QStyle.StateFlag.State_HasFocus
            delegate.paint(painter, option, index)
        painter.end()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Notes which tile the pointer is over."""
        super().mouseMoveEvent(event)
        self._hover(self._row_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:
        """The pointer is over none."""
        super().leaveEvent(event)
        self._hover(None)

    def _hover(self, row: int | None) -> None:
        before, self._hovered = self._hovered, -1 if row is None else row
        if before != self._hovered:
            for moved in (before, self._hovered):
                if moved >= 0:
                    self.viewport().update(self._place(moved))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keeps arrows, Enter and the like; what types a character goes on to the window."""
        types = bool(event.text().strip()) and not event.modifiers() & Qt.KeyboardModifier.ControlModifier
        if types and event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            event.ignore()
        else:
            super().keyPressEvent(event)
