"""A list of picture strips with two lines of text below each; a worker makes what comes into view."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QPersistentModelIndex, QRect, QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPalette, QResizeEvent
from PySide6.QtWidgets import QListView, QStyle, QStyledItemDelegate, QStyleOptionViewItem

from segstudio.gui.panels.parts import RowList
from segstudio.gui.samples.pictures import Limits, Make, Pictures
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch

Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()
ROW_ROLE = Qt.ItemDataRole.UserRole + 1
PAD = 8
# How much larger than asked for a picture becomes to fill the width.
MOST_LARGER = 2
LIMITS = Limits(room=64 * 2**20, waiting=16, batch=4)


@dataclass(frozen=True)
class StripRow:
    """One strip: what its picture is made of, and its texts."""

    wish: Any
    title: str
    detail: str


class StripModel(QAbstractListModel):
    """The rows, and pictures as they come."""

    def __init__(self, session: Session, title: str, make: Make) -> None:
        super().__init__()
        self._session = session
        self._rows: Sequence[StripRow] = ()
        self._pictures = Pictures(session.bridge, title, make, LIMITS)
        self._pictures.ready.connect(self._refresh)

    def show_rows(self, rows: Sequence[StripRow]) -> None:
        """Shows other rows."""
        self.beginResetModel()
        self._rows = rows
        self._pictures.set_project(self._session.project)
        self.endResetModel()

    def row(self, number: int) -> StripRow:
        """One row."""
        return self._rows[number]

    def rowCount(self, parent: Index = ROOT) -> int:
        """Number of strips."""
        return 0 if parent.isValid() else len(self._rows)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Texts, and the picture once a worker made it."""
        if not index.isValid() or index.row() >= len(self._rows):
            return None
        row = self._rows[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return row.title
        if role == ROW_ROLE:
            return row
        if role == Qt.ItemDataRole.DecorationRole:
            return self._pictures.shown(index.row(), row.wish)
        if role in (Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole):
            return f"{row.title}\n{row.detail}"
        return None

    def _refresh(self, number: int) -> None:
        if number < len(self._rows):
            self.dataChanged.emit(self.index(number), self.index(number), [Qt.ItemDataRole.DecorationRole])


class StripList(RowList):
    """Strips that fill the width; a click, or Enter, asks for one."""

    asked = Signal(object)

    def __init__(self, session: Session, themes: ThemeSwitch, name: str, make: Make, picture: QSize) -> None:
        super().__init__(name)
        self.strips = StripModel(session, name, make)
        self.strips.setParent(self)
        self.picture = picture
        self.setObjectName("alike")
        self.setModel(self.strips)
        self.setItemDelegate(_StripDelegate(self, themes))
        self.setFlow(QListView.Flow.LeftToRight)
        self.setWrapping(True)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.clicked.connect(self._ask)
        self.activated.connect(self._ask)
        self._cell = picture

    def show_rows(self, rows: Sequence[StripRow]) -> None:
        """Shows other rows from the first on."""
        self.strips.show_rows(rows)
        self.scrollToTop()

    def cell(self) -> QSize:
        """The size of one strip with its texts."""
        return self._cell

    def resizeEvent(self, event: QResizeEvent) -> None:
        """As many columns as fit, which share the width."""
        # A row that fills the width to the last pixel would be wrapped.
        width = self.viewport().width() - 2
        columns = max(width // (self.picture.width() + 2 * PAD), 1)
        shown = min(width // columns, self.picture.width() * MOST_LARGER + 2 * PAD)
        picture = self._picture_size(shown)
        self._cell = QSize(shown, picture.height() + 2 * self.fontMetrics().height() + 3 * PAD)
        super().resizeEvent(event)
        self.doItemsLayout()

    def _picture_size(self, cell: int) -> QSize:
        width = cell - 2 * PAD
        return QSize(width, width * self.picture.height() // self.picture.width())

    def _ask(self, index: QModelIndex) -> None:
        self.asked.emit(index.data(ROW_ROLE))


class _StripDelegate(QStyledItemDelegate):
    def __init__(self, parent: StripList, themes: ThemeSwitch) -> None:
        super().__init__(parent)
        self._list, self._themes = parent, themes

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All cells are alike."""
        return self._list.cell()

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """The picture, the title and the detail below it."""
        row = index.data(ROW_ROLE)
        if row is None:
            return
        theme, area = self._themes.current, option.rect.adjusted(2, 2, -2, -2)
        state = option.state
        painter.save()
        if state & (QStyle.StateFlag.State_Selected | QStyle.StateFlag.State_MouseOver):
            chosen = bool(state & QStyle.StateFlag.State_Selected)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection" if chosen else "hover"))
            painter.drawRoundedRect(area, 6, 6)
        inner = area.adjusted(PAD - 2, PAD - 2, 2 - PAD, 2 - PAD)
        height = inner.width() * self._list.picture.height() // self._list.picture.width()
        self._paint_picture(painter, QRect(inner.left(), inner.top(), inner.width(), height), index)
        line = painter.fontMetrics().height()
        top = inner.top() + height + 4
        for text, role in (
            (row.title, QPalette.ColorRole.Text),
            (row.detail, QPalette.ColorRole.PlaceholderText),
        ):
            painter.setPen(option.palette.color(role))
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, inner.width())
            painter.drawText(QRect(inner.left(), top, inner.width(), line), Qt.AlignmentFlag.AlignLeft, shown)
            top += line + 1
        painter.restore()

    def _paint_picture(self, painter: QPainter, box: QRect, index: Index) -> None:
        pixmap = index.data(Qt.ItemDataRole.DecorationRole)
        theme = self._themes.current
        if pixmap is None or pixmap.isNull():
            painter.fillRect(box, theme.colour("hover"))
            if pixmap is not None:
                painter.setPen(theme.colour("muted"))
                painter.drawText(box, Qt.AlignmentFlag.AlignCenter, "cannot be read")
            return
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        size = pixmap.size().scaled(box.size(), Qt.AspectRatioMode.KeepAspectRatio)
        painter.drawPixmap(QRect(box.topLeft(), size), pixmap)
