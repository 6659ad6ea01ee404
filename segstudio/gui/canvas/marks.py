"""What the tools of edges and clicks draw: knots, pins and regions that are not painted yet."""

from collections.abc import Sequence

from PySide6.QtCore import QPointF, QRect
from PySide6.QtGui import QColor, QPainter, QPen

from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors, outlines
from segstudio.gui.canvas.view import View

INCLUDED, EXCLUDED = QColor(48, 209, 88), cursors.ERASING
# Widget pixels.
KNOT, PIN = 4.0, 5.5


def draw_path(painter: QPainter, view: View, points: Sequence[Point], knots: Sequence[Point]) -> None:
    """An outline along edges with its knots; a click on the first one, which is larger, closes it."""
    cursors.draw_line(painter, view, points, None, corners=False)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(cursors.DARK, 1))
    painter.setBrush(cursors.LIGHT)
    for number, knot in enumerate(knots):
        size = KNOT * (1.5 if number == 0 and len(knots) > 1 else 1.0) * _ratio(painter)
        painter.drawEllipse(QPointF(*view.to_screen(*knot)), size, size)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_pins(painter: QPainter, view: View, clicks: Sequence[Click]) -> None:
    """Green discs with a plus on what was included, red ones with a minus on what was excluded."""
    ratio = _ratio(painter)
    size, arm = PIN * ratio, PIN * ratio * 0.55
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for click in clicks:
        x, y = view.to_screen(click.x + 0.5, click.y + 0.5)
        painter.setPen(QPen(cursors.LIGHT, 1.5 * ratio))
        painter.setBrush(INCLUDED if click.include else EXCLUDED)
        painter.drawEllipse(QPointF(x, y), size, size)
        painter.setPen(QPen(QColor(0, 0, 0), 1.5 * ratio))
        painter.drawLine(QPointF(x - arm, y), QPointF(x + arm, y))
        if click.include:
            painter.drawLine(QPointF(x, y - arm), QPointF(x, y + arm))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_proposal(painter: QPainter, view: View, region: Region, colour: bytes, within: QRect) -> None:
    """A region that would be painted: tinted with its class's colour (3 bytes), and outlined."""
    if not cursors.screen_rect(view, region.rect, 3).intersects(within):
        return
    outlines.draw_tint(painter, view, region.rect, region.inside, QColor(*colour))
    cursors.draw_region(painter, view, region, within)


def _ratio(painter: QPainter) -> float:
    """Screen pixels a widget pixel."""
    return float(painter.device().devicePixelRatio())
