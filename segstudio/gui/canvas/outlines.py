"""What tools draw of pixels and boxes: outlines along the edges of pixels, line by line, and tints."""

import math

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import outline
from segstudio.gui.canvas.cursors import DARK
from segstudio.gui.canvas.view import View

Cover = NDArray[np.bool_]
SOLID = Qt.PenStyle.SolidLine
# Opacity of a tint, 0-255.
TINT = 104


def draw_cover(painter: QPainter, view: View, rect: Rect, cover: Cover, colour: QColor) -> None:
    """Draws the outline of the pixels `cover` (bool [h,w]) of a rectangle of the image: dark under light."""
    _draw(painter, view, outline(rect, cover), colour)


def draw_box(
    painter: QPainter, view: View, rect: Rect, colour: QColor, *, style: Qt.PenStyle = SOLID
) -> None:
    """Draws the outline of a rectangle of the image, readable on dark and light."""
    x0, y0, x1, y1 = rect.x, rect.y, rect.right, rect.bottom
    sides = np.array([(x0, y0, x1, y0), (x1, y0, x1, y1), (x0, y1, x1, y1), (x0, y0, x0, y1)], np.float64)
    _draw(painter, view, sides, colour, style)


def draw_tint(painter: QPainter, view: View, rect: Rect, cover: Cover, colour: QColor) -> None:
    """Tints the pixels `cover` (bool [h,w], stretched over a rectangle of the image)."""
    height, width = cover.shape
    if not cover.size:
        return
    pixels = np.ascontiguousarray(cover).view(np.uint8)
    image = QImage(pixels.data, width, height, width, QImage.Format.Format_Indexed8)
    tint = QColor(colour)
    tint.setAlpha(TINT)
    image.setColorTable([0, tint.rgba(), *[0] * 254])
    x0, y0 = view.to_screen(rect.x, rect.y)
    x1, y1 = view.to_screen(rect.right, rect.bottom)
    painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, False)
    painter.drawImage(QRectF(x0, y0, x1 - x0, y1 - y0), image)


def _draw(
    painter: QPainter, view: View, lines: NDArray[np.float64], colour: QColor, style: Qt.PenStyle = SOLID
) -> None:
    ends = np.rint(lines * view.scale + [view.left, view.top] * 2)
    drawn = [QLineF(*row) for row in ends.tolist()]
    # One pixel of a dense screen is too thin to be seen on a mask of the same hue.
    width = max(1, round(painter.device().devicePixelRatio()))
    for pen in (QPen(DARK, width + 2), QPen(colour, width, style)):
        painter.setPen(pen)
        painter.drawLines(drawn)


def visible(view: View, screen: QRect) -> Rect:
    """The pixels that lie on a part of the screen, whole or in part, beside the image too."""
    x0, y0 = view.to_image(screen.left(), screen.top())
    x1, y1 = view.to_image(screen.left() + screen.width(), screen.top() + screen.height())
    left, top = math.floor(x0), math.floor(y0)
    return Rect(left, top, math.ceil(x1) - left, math.ceil(y1) - top)
