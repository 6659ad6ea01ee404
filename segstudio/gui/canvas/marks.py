"""What the tools of edges, cells and clicks draw: knots, pins, boxes and regions that are not painted yet."""

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.view import View

INCLUDED, EXCLUDED = QColor(48, 209, 88), cursors.ERASING
# Widget pixels.
KNOT, PIN = 4.0, 5.5
# How strongly the colour of a class shows where it would be painted.
TINT = 110


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


def draw_box(painter: QPainter, view: View, box: Rect) -> None:
    """A dashed box round what is wanted, readable on dark and light."""
    left, top = view.to_screen(box.x, box.y)
    right, bottom = view.to_screen(box.right, box.bottom)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    dashed = QPen(cursors.LIGHT, 1.2 * _ratio(painter), Qt.PenStyle.DashLine)
    for pen in (QPen(cursors.DARK, 3 * _ratio(painter)), dashed):
        painter.setPen(pen)
        painter.drawRect(QRectF(left, top, right - left, bottom - top))


def draw_proposal(painter: QPainter, view: View, region: Region, colour: bytes, within: QRect) -> None:
    """A region that would be painted: tinted with its class's colour (3 bytes), and outlined."""
    if not cursors.screen_rect(view, region.rect, 3).intersects(within):
        return
    inside = np.ascontiguousarray(region.inside, np.uint8)
    height, width = inside.shape
    image = QImage(inside.data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable([0, QColor(colour[0], colour[1], colour[2], TINT).rgba()])
    left, top = view.to_screen(region.rect.x, region.rect.y)
    right, bottom = view.to_screen(region.rect.right, region.rect.bottom)
    painter.drawImage(QRectF(left, top, right - left, bottom - top), image)
    cursors.draw_region(painter, view, region, within)


def _ratio(painter: QPainter) -> float:
    """Screen pixels a widget pixel."""
    return float(painter.device().devicePixelRatio())
