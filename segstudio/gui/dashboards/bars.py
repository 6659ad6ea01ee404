"""Paints fractions as a bar inside a table cell, with a tick for the reference; its parts have tips."""

from dataclasses import dataclass

from PySide6.QtCore import QEvent, QModelIndex, QPersistentModelIndex, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QHelpEvent, QPainter, QPainterPath, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QToolTip,
    QWidget,
)

BAR_ROLE = Qt.ItemDataRole.UserRole + 1
BAR_HEIGHT = 12
TICK_WIDTH = 2
MARGIN = 8
ROUND = 3
# Two bars in one cell share its height.
THIN = 8


@dataclass(frozen=True)
class Bar:
    """A bar to paint.

    Attributes:
        parts: (fraction of the full width, colour) from left to right.
        tick: a fraction to mark, or None.
        tips: what each part says under the pointer; the cell's own tip where there is none.
        below: the parts of a second bar under the first one.
    """

    parts: tuple[tuple[float, QColor], ...]
    tick: float | None = None
    tips: tuple[str, ...] = ()
    below: tuple[tuple[float, QColor], ...] = ()


class BarDelegate(QStyledItemDelegate):
    """Draws the `Bar` that a model returns for BAR_ROLE; cells without one stay empty."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)

    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        """Draws the cell's background as the style would, then track, parts and tick."""
        super().paint(painter, option, index)
        bar = index.data(BAR_ROLE)
        if not isinstance(bar, Bar):
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        empty = faded(option.palette.color(QPalette.ColorRole.Text), 0.10)
        track = track_of(option.rect)
        if bar.below:
            middle = track.center().y()
            upper = QRectF(track.left(), middle - THIN - 1, track.width(), THIN)
            _fill(painter, upper, bar.parts, empty)
            _fill(painter, upper.translated(0, THIN + 2), bar.below, empty)
        else:
            _fill(painter, track, bar.parts, empty)
        if bar.tick is not None:
            selected = bool(option.state & QStyle.StateFlag.State_Selected)
            role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
            painter.setBrush(option.palette.color(role))
            x = track.left() + track.width() * min(max(bar.tick, 0.0), 1.0)
            painter.drawRect(QRectF(x - TICK_WIDTH / 2, track.top() - 4, TICK_WIDTH, BAR_HEIGHT + 8))
        painter.restore()

    def helpEvent(
        self,
        event: QHelpEvent,
        view: QAbstractItemView,
        option: QStyleOptionViewItem,
        index: QModelIndex | QPersistentModelIndex,
    ) -> bool:
        """Says what the part under the pointer is."""
        bar = index.data(BAR_ROLE)
        if event.type() == QEvent.Type.ToolTip and isinstance(bar, Bar) and bar.tips:
            part = part_at(bar, option.rect, event.pos().x())
            if part is not None and part < len(bar.tips):
                QToolTip.showText(event.globalPos(), bar.tips[part], view.viewport())
                return True
        return super().helpEvent(event, view, option, index)

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Wide enough that differences of a point can be seen."""
        return QSize(220, super().sizeHint(option, index).height())


def track_of(cell: QRect) -> QRectF:
    """Where in a cell the bar's full width is."""
    area = QRectF(cell).adjusted(MARGIN, 0, -MARGIN, 0)
    return QRectF(area.left(), area.center().y() - BAR_HEIGHT / 2, area.width(), BAR_HEIGHT)


def part_at(bar: Bar, cell: QRect, x: int) -> int | None:
    """Which of a bar's parts is at a place of its cell."""
    track = track_of(cell)
    right = track.left()
    for number, (fraction, _) in enumerate(bar.parts):
        left, right = right, right + track.width() * min(max(fraction, 0.0), 1.0)
        # Too thin to be hit is too thin to be meant.
        if left <= x < right:
            return number
    return None


def _fill(painter: QPainter, track: QRectF, parts: tuple[tuple[float, QColor], ...], empty: QColor) -> None:
    painter.save()
    shape = QPainterPath()
    shape.addRoundedRect(track, ROUND, ROUND)
    painter.setClipPath(shape)
    painter.fillRect(track, empty)
    left = track.left()
    for fraction, colour in parts:
        width = track.width() * min(max(fraction, 0.0), 1.0)
        painter.fillRect(QRectF(left, track.top(), width, track.height()), colour)
        left += width
    painter.restore()


def faded(colour: QColor, alpha: float) -> QColor:
    """The same colour with an opacity of 0-1."""
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result
