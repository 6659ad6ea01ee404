"""The divider of the split view: a line with a handle, one layer left of it and another one right."""

from collections.abc import Callable

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QColor, QPainter, QPen, QPolygonF

from segstudio.gui.canvas.furniture import Host, Piece

REACH = 5
HANDLE = 14
LEAST, MOST = 0.02, 0.98
LINE, LINE_DARK = QColor(255, 255, 255), QColor(0, 0, 0, 170)
ARROW = QColor(40, 40, 44)


class Divider(Piece):
    """Where the canvas is split, as a share of its width; None while it is not."""

    shape = Qt.CursorShape.SplitHCursor

    def __init__(self, host: Host, moved: Callable[[float], None]) -> None:
        """`moved` is told where the user drags it."""
        super().__init__(host)
        self.share: float | None = None
        self._moved = moved

    def column(self) -> int:
        """The widget column at which the right side begins."""
        return round((self.share or 0.0) * self.host.width())

    def rect(self) -> QRect:
        """The line and its handle."""
        if self.share is None or self.host.scene.image is None:
            return QRect()
        return QRect(self.column() - HANDLE - 2, 0, 2 * HANDLE + 4, self.host.height())

    def holds(self, place: QPointF) -> bool:
        """The line, and the round handle in its middle."""
        if self.rect().isEmpty():
            return False
        away = abs(place.x() - self.column())
        on_handle = abs(place.y() - self.host.height() / 2) <= HANDLE and away <= HANDLE
        return on_handle or away <= REACH

    def press(self, place: QPointF) -> None:
        """Nothing moves before the mouse does."""

    def drag(self, place: QPointF) -> None:
        """Follows the mouse."""
        self._moved(min(max(place.x() / max(self.host.width(), 1), LEAST), MOST))

    def paint(self, painter: QPainter) -> None:
        """Draws a light line on a dark one, readable on everything, and the handle."""
        x, middle = self.column(), self.host.height() / 2
        for pen in (QPen(LINE_DARK, 4), QPen(LINE, 2)):
            painter.setPen(pen)
            painter.drawLine(x, 0, x, self.host.height())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(LINE_DARK, 1))
        painter.setBrush(LINE)
        painter.drawEllipse(QPointF(x, middle), HANDLE - 1, HANDLE - 1)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(ARROW)
        for side in (-1, 1):
            tip, foot = x + side * 9, x + side * 4
            arrow = [QPointF(tip, middle), QPointF(foot, middle - 5), QPointF(foot, middle + 5)]
            painter.drawPolygon(QPolygonF(arrow))
