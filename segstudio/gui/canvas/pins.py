"""Pins on the image where somebody said something; a press on one asks for what was said."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPen, QPolygonF

from segstudio.gui.canvas.furniture import Host, Piece

# Widget pixels: the disc, and how far its middle stands above the place.
RADIUS, LIFT = 10.0, 16.0
RIM = 3
OPEN, RESOLVED, CHOSEN = QColor(255, 190, 40), QColor(150, 152, 160), QColor(10, 132, 255)
DARK, LIGHT = QColor(20, 20, 22), QColor(255, 255, 255)


@dataclass(frozen=True)
class Pin:
    """A place in image pixels with what is written on the pin, and the comment that it stands for."""

    comment: int
    number: int
    x: float
    y: float
    resolved: bool = False
    chosen: bool = False


class Pins(Piece):
    """Takes presses on the pins themselves alone: wheel and strokes beside them are the tool's."""

    shape = Qt.CursorShape.PointingHandCursor
    is_on_image = True

    def __init__(self, host: Host, pressed: Callable[[int], object]) -> None:
        super().__init__(host)
        self.pins: tuple[Pin, ...] = ()
        self._pressed = pressed

    def _middle(self, pin: Pin) -> QPointF:
        """Of a pin's disc."""
        ratio = self.host.devicePixelRatioF()
        x, y = self.host.view.to_screen(pin.x, pin.y)
        return QPointF(x / ratio, y / ratio - LIFT)

    def box(self, pin: Pin) -> QRect:
        """What a pin covers."""
        middle = self._middle(pin)
        size = RADIUS + RIM
        return QRectF(middle.x() - size, middle.y() - size, 2 * size, size + LIFT + RIM).toAlignedRect()

    def rect(self) -> QRect:
        """The box of all."""
        found = QRect()
        if self.host.scene.image is not None:
            for pin in self.pins:
                found = found.united(self.box(pin))
        return found

    def at(self, place: QPointF) -> Pin | None:
        """The pin whose disc is at a place, the one drawn last first."""
        for pin in reversed(self.pins):
            away = self._middle(pin) - place
            if away.x() ** 2 + away.y() ** 2 <= (RADIUS + 1) ** 2:
                return pin
        return None

    def holds(self, place: QPointF) -> bool:
        """Whether a pin is there."""
        return self.host.scene.image is not None and self.at(place) is not None

    def press(self, place: QPointF) -> None:
        """Says which one."""
        pin = self.at(place)
        if pin is not None:
            self._pressed(pin.comment)

    def paint(self, painter: QPainter) -> None:
        """A disc with a number over a tip that touches the place."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        font = QFont(self.host.font())
        font.setPixelSize(12)
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        for pin in self.pins:
            self._paint_one(painter, pin)

    def _paint_one(self, painter: QPainter, pin: Pin) -> None:
        middle = self._middle(pin)
        colour = CHOSEN if pin.chosen else RESOLVED if pin.resolved else OPEN
        tip = QPolygonF(
            [
                middle + QPointF(-5.5, RADIUS - 2.5),
                middle + QPointF(5.5, RADIUS - 2.5),
                middle + QPointF(0, LIFT),
            ]
        )
        painter.setPen(QPen(DARK, 2.5))
        painter.setBrush(colour)
        painter.drawPolygon(tip)
        painter.drawEllipse(middle, RADIUS, RADIUS)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.drawPolygon(tip)
        painter.setPen(LIGHT if pin.chosen else DARK)
        box = QRectF(middle.x() - RADIUS, middle.y() - RADIUS, 2 * RADIUS, 2 * RADIUS)
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, str(pin.number))
