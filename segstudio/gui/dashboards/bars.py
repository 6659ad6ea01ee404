"""Paints a fraction as a bar inside a table cell, with a tick where the reference stands."""

from dataclasses import dataclass

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPalette
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

BAR_ROLE = Qt.ItemDataRole.UserRole + 1
BAR_HEIGHT = 12
TICK_WIDTH = 2


@dataclass(frozen=True)
class Bar:
    """A bar to paint: parts are (fraction of the full width, colour), tick a fraction or None."""

    parts: tuple[tuple[float, QColor], ...]
    tick: float | None = None


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
        area = QRectF(option.rect).adjusted(8, 0, -8, 0)
        top = area.center().y() - BAR_HEIGHT / 2
        track = QRectF(area.left(), top, area.width(), BAR_HEIGHT)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(faded(option.palette.color(QPalette.ColorRole.Text), 0.10))
        painter.drawRoundedRect(track, 3, 3)
        left = track.left()
        for fraction, colour in bar.parts:
            width = track.width() * min(max(fraction, 0.0), 1.0)
            painter.setBrush(colour)
            painter.drawRoundedRect(QRectF(left, top, width, BAR_HEIGHT), 3, 3)
            left += width
        if bar.tick is not None:
            selected = bool(option.state & QStyle.StateFlag.State_Selected)
            role = QPalette.ColorRole.HighlightedText if selected else QPalette.ColorRole.Text
            painter.setBrush(option.palette.color(role))
            x = track.left() + track.width() * min(max(bar.tick, 0.0), 1.0)
            painter.drawRect(QRectF(x - TICK_WIDTH / 2, top - 4, TICK_WIDTH, BAR_HEIGHT + 8))
        painter.restore()

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        """Wide enough that differences of a point can be seen."""
        return QSize(220, super().sizeHint(option, index).height())


def faded(colour: QColor, alpha: float) -> QColor:
    """The same colour with an opacity of 0-1."""
    result = QColor(colour)
    result.setAlphaF(alpha)
    return result
