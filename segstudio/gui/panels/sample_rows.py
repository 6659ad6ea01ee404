"""The list of samples as Qt sees it: a model over the sample book and the painter of its rows."""

from typing import Any, Protocol

from PySide6.QtCore import (
    QAbstractListModel,
    QModelIndex,
    QPersistentModelIndex,
    QRect,
    QRectF,
    QSize,
    Qt,
    SignalInstance,
)
from PySide6.QtGui import QColor, QFont, QPainter, QPainterPath, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from segstudio.gui.samples.sample_book import STATUS_ROLE, STATUS_TEXT, SampleBook
from segstudio.gui.theme import Theme, ThemeSwitch
from segstudio.project.sample import Sample

SAMPLE_ROLE = Qt.ItemDataRole.UserRole + 1
Index = QModelIndex | QPersistentModelIndex
ROOT = QModelIndex()

ROW_HEIGHT = 60
PICTURE = QSize(68, 44)
MARGIN = 8
DRAWN_TIP = "Drawn at random: what is found in such samples holds for all"


class PicturesOfSamples(Protocol):
    """What shows samples: `ready` carries the key of one whose picture is new."""

    @property
    def ready(self) -> SignalInstance:
        """The signal."""
        ...

    def get(self, sample: Sample) -> QPixmap | None:
        """A picture, or None while it is made."""

    def is_unreadable(self, key: str) -> bool:
        """Whether there can be none."""
        ...


class SampleModel(QAbstractListModel):
    """One row a listed sample."""

    def __init__(self, book: SampleBook, thumbnails: PicturesOfSamples) -> None:
        super().__init__()
        self._book = book
        self._thumbnails = thumbnails
        self.unsaved: frozenset[str] = frozenset()
        book.reset.connect(self._reset)
        book.refreshed.connect(self._refresh_rows)
        thumbnails.ready.connect(self.refresh)

    def rowCount(self, parent: Index = ROOT) -> int:
        """Number of listed samples."""
        return 0 if parent.isValid() else len(self._book.listed)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Key, sample, picture, tooltip and accessible text of a row."""
        if not index.isValid() or index.row() >= len(self._book.listed):
            return None
        sample = self._book.listed[index.row()]
        if role == Qt.ItemDataRole.DisplayRole:
            return sample.key
        if role == SAMPLE_ROLE:
            return sample
        if role == Qt.ItemDataRole.DecorationRole:
            return self._thumbnails.get(sample)
        if role == Qt.ItemDataRole.ToolTipRole:
            text = f"{sample.key}\n{sample.width} × {sample.height}\n{STATUS_TEXT[sample.status]}"
            return text + (f"\n{DRAWN_TIP}" if sample.key in self._book.drawn else "")
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return f"{sample.key}, {STATUS_TEXT[sample.status]}"
        return None

    def refresh(self, key: str) -> None:
        """Repaints the row of a sample, if it is listed."""
        row = self._book.row(key)
        if row is not None:
            self.dataChanged.emit(self.index(row), self.index(row))

    def set_unsaved(self, keys: frozenset[str]) -> None:
        """Marks the samples whose edits are not on disk yet."""
        moved = self.unsaved ^ keys
        self.unsaved = keys
        for key in moved:
            self.refresh(key)

    def is_drawn(self, key: str) -> bool:
        """Whether the sample stands where it does by chance."""
        return key in self._book.drawn

    def is_unreadable(self, key: str) -> bool:
        """Whether the sample's image could not be read."""
        return self._thumbnails.is_unreadable(key)

    def _reset(self) -> None:
        self.beginResetModel()
        self.endResetModel()

    def _refresh_rows(self, rows: list[int]) -> None:
        for row in rows:
            self.dataChanged.emit(self.index(row), self.index(row))


class SampleDelegate(QStyledItemDelegate):
    """Paints thumbnail, name and status of a sample."""

    def __init__(self, themes: ThemeSwitch, parent: QWidget) -> None:
        super().__init__(parent)
        self._themes = themes

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:
        """All rows are equally high, so 100 000 of them cost nothing to lay out."""
        return QSize(160, ROW_HEIGHT)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:
        """Draws one row."""
        sample = index.data(SAMPLE_ROLE)
        model = index.model()
        if not isinstance(sample, Sample) or not isinstance(model, SampleModel):
            return
        theme = self._themes.current
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        self._paint_back(painter, option, theme)
        area = QRect(option.rect).adjusted(12, MARGIN, -12, -MARGIN)
        picture = QRect(area.topLeft(), PICTURE)
        _paint_picture(painter, picture, index.data(Qt.ItemDataRole.DecorationRole), theme)
        if model.is_unreadable(sample.key):
            painter.setPen(theme.colour("danger"))
            painter.drawText(picture, Qt.AlignmentFlag.AlignCenter, "unreadable")
        words = area.adjusted(PICTURE.width() + 12, 0, 0, 0)
        _paint_words(painter, words, option.font, sample, theme, drawn=model.is_drawn(sample.key))
        if sample.key in model.unsaved:
            painter.setBrush(theme.colour("warning"))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.drawEllipse(QRectF(words.right() - 6, words.bottom() - 12, 6, 6))
        painter.restore()

    @staticmethod
    def _paint_back(painter: QPainter, option: QStyleOptionViewItem, theme: Theme) -> None:
        selected = bool(option.state & QStyle.StateFlag.State_Selected)
        hovered = bool(option.state & QStyle.StateFlag.State_MouseOver)
        box = QRectF(option.rect).adjusted(4, 1, -4, -1)
        if selected or hovered:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme.colour("selection" if selected else "hover"))
            painter.drawRoundedRect(box, 6, 6)
        if (
            option.state & QStyle.StateFlag.State_HasFocus
            and option.state & QStyle.StateFlag.State_KeyboardFocusChange
        ):
            painter.setPen(theme.colour("focus"))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 6, 6)


def _paint_picture(painter: QPainter, box: QRect, pixmap: QPixmap | None, theme: Theme) -> None:
    """Fills the box with the picture's middle, corners rounded."""
    outline = QPainterPath()
    outline.addRoundedRect(QRectF(box), 4, 4)
    painter.save()
    painter.setClipPath(outline)
    painter.fillRect(box, theme.colour("hover"))
    if pixmap is not None and not pixmap.isNull():
        scale = max(box.width() / pixmap.width(), box.height() / pixmap.height())
        width, height = box.width() / scale, box.height() / scale
        part = QRectF((pixmap.width() - width) / 2, (pixmap.height() - height) / 2, width, height)
        painter.drawPixmap(QRectF(box), pixmap, part)
    painter.restore()


def _paint_words(
    painter: QPainter, area: QRect, font: QFont, sample: Sample, theme: Theme, *, drawn: bool
) -> None:
    folder, _, name = sample.key.rpartition("/")
    half = area.height() // 2
    upper, lower = QRect(area), QRect(area)
    upper.setHeight(half)
    lower.setTop(area.top() + half)
    painter.setFont(font)
    painter.setPen(theme.colour("text"))
    metrics = painter.fontMetrics()
    left = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
    painter.drawText(upper, left, metrics.elidedText(name, Qt.TextElideMode.ElideMiddle, upper.width()))
    small = QFont(font)
    small.setPixelSize(max(round(font.pixelSize() * 0.85), 9))
    painter.setFont(small)
    dot = QColor(theme.colour(STATUS_ROLE[sample.status]))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(dot)
    middle = lower.center().y() + 1
    painter.drawEllipse(QRectF(lower.left(), middle - 3.5, 7, 7))
    painter.setPen(theme.colour("muted"))
    text = "  ·  ".join(filter(None, ("Random" if drawn else "", STATUS_TEXT[sample.status], folder)))
    room = lower.adjusted(13, 0, -10, 0)
    painter.drawText(
        room, left, painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, room.width())
    )
