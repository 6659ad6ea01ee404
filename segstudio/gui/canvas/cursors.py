"""What is drawn above the overlay: a brush's circle, polygon draft, region outline, pixel grid."""

import math
from collections.abc import Sequence
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QLineF, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.tools import Point
from segstudio.gui.canvas.view import View

LIGHT = QColor(255, 255, 255, 235)
DARK = QColor(0, 0, 0, 170)
ERASING = QColor(255, 92, 92)
CHOSEN = QColor(255, 214, 10)
GRID = QColor(128, 128, 128, 70)
GRID_FROM = 8.0
# Circles up to this radius in screen pixels are blended from a picture.
RING_UNTIL = 256.0
VERTEX = 3.5


def screen_rect(view: View, rect: Rect, margin: int = 0) -> QRect:
    """The screen pixels that an image rectangle covers, grown by a margin."""
    x0, y0 = view.to_screen(rect.x, rect.y)
    x1, y1 = view.to_screen(rect.right, rect.bottom)
    left, top = math.floor(x0) - margin, math.floor(y0) - margin
    return QRect(left, top, math.ceil(x1) + margin - left, math.ceil(y1) + margin - top)


def draw_circle(painter: QPainter, view: View, centre: Point, radius: float, colour: QColor) -> None:
    """The rim of a round brush as a circle: dark under light, readable on everything."""
    x, y = view.to_screen(*centre)
    reach = radius * view.scale
    if reach <= RING_UNTIL:
        # A ring is blended from a picture: stroking the circle anew takes longer than painting the mask.
        ring = _ring(round(reach * 4) / 4, colour.rgba())
        half = ring.width() // 2
        painter.drawImage(round(x) - half, round(y) - half, ring)
        return
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(DARK, 3), QPen(colour, 1)):
        painter.setPen(pen)
        painter.drawEllipse(QPointF(x, y), reach, reach)


@lru_cache(maxsize=8)
def _ring(radius: float, colour: int) -> QImage:
    """A circle of a radius in screen pixels, dark under light, in the middle of an otherwise clear image."""
    half = math.ceil(radius) + 3
    image = QImage(2 * half, 2 * half, QImage.Format.Format_ARGB32_Premultiplied)
    image.fill(0)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for pen in (QPen(DARK, 3), QPen(QColor.fromRgba(colour), 1.2)):
        painter.setPen(pen)
        painter.drawEllipse(QPointF(half, half), radius, radius)
    painter.end()
    return image


def brush_rect(view: View, centre: Point, radius: float) -> QRect:
    """Screen pixels that the brush outline may touch."""
    reach = radius + 1.5
    side = math.ceil(2 * reach) + 1
    box = Rect(math.floor(centre[0] - reach), math.floor(centre[1] - reach), side, side)
    return screen_rect(view, box, 4)


def draw_region(painter: QPainter, view: View, region: Region, within: QRect) -> None:
    """The outline of a region; see `draw_edges`."""
    draw_edges(painter, view, region.rect, region.inside, within)


def draw_edges(painter: QPainter, view: View, rect: Rect, inside: NDArray[np.bool_], within: QRect) -> None:
    """The outline of pixels (bool [h,w] of a rectangle of the image) along their edges.

    Only what the screen shows of them is drawn, pixel by pixel: it costs the screen's size, however many
    edges there are.
    """
    # Where the region goes on beyond the screen no line may appear at the screen's own border.
    seen = screen_rect(view, rect, 1).intersected(within.adjusted(-4, -4, 4, 4))
    columns, left = view.columns(seen.x(), seen.x() + seen.width(), rect.right)
    rows, top = view.rows(seen.y(), seen.y() + seen.height(), rect.bottom)
    before, above = (int(np.searchsorted(*pair)) for pair in ((columns, rect.x), (rows, rect.y)))
    columns, rows = columns[before:] - rect.x, rows[above:] - rect.y
    if not columns.size or not rows.size:
        return
    fine = round(fineness(painter))
    marks = edge_marks(np.take(inside.view(np.uint8)[rows], columns, axis=1), fine)
    height, width = marks.shape
    image = QImage(marks.data, width, height, width, QImage.Format.Format_Indexed8)
    image.setColorTable([0, DARK.rgba(), CHOSEN.rgba(), *[0] * 253])
    painter.drawImage(left + before - 2 * fine, top + above - 2 * fine, image)


def edge_marks(inside: NDArray[np.uint8], fine: int = 1) -> NDArray[np.uint8]:
    """uint8 [h+4n,w+4n]: 2 on the edges of `inside` (0 or 1, [h,w], begins at 2n, 2n), 1 beside them, else 0.

    Lines and what is beside them are n (`fine`) pixels wide. Of two pixels the right or lower one has the
    edge, as with outlines of labels; a wider line goes on to the left and up.
    """
    padded = np.pad(inside, 2 * fine)
    edge = np.zeros(padded.shape, np.uint8)
    edge[:, 1:] = padded[:, 1:] != padded[:, :-1]
    edge[1:] |= padded[1:] != padded[:-1]
    if fine > 1:
        edge = np.asarray(cv2.dilate(edge, np.ones((fine, fine), np.uint8), anchor=(0, 0)), np.uint8)
    beside = cv2.dilate(edge, np.ones((2 * fine + 1, 2 * fine + 1), np.uint8))
    return np.asarray(cv2.add(beside, edge), np.uint8)


def fineness(painter: QPainter) -> float:
    """Screen pixels of what is one pixel wide at 100 %, at most 2: wider lines would leave their repaint."""
    return min(painter.device().devicePixelRatioF(), 2.0)


def draw_line(
    painter: QPainter, view: View, points: Sequence[Point], end: Point | None, *, corners: bool
) -> None:
    """A line so far, with the way to the cursor; a polygon's with corners, of which the first is larger."""
    if not points:
        return
    screen = [QPointF(*view.to_screen(*point)) for point in points]
    if end is not None:
        screen.append(QPointF(*view.to_screen(*end)))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    fine = fineness(painter)
    for pen in (QPen(DARK, 3.5 * fine), QPen(CHOSEN, 1.6 * fine)):
        # Pointed joints would reach beyond what is repainted as the line goes on.
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolyline(screen)
    painter.setPen(QPen(DARK, 1))
    painter.setBrush(LIGHT)
    for position, point in enumerate(screen[: len(points)] if corners else []):
        size = VERTEX * (1.6 if position == 0 and len(points) > 2 else 1.0)
        painter.drawEllipse(point, size, size)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_closing(painter: QPainter, view: View, end: Point, start: Point) -> None:
    """The straight way on which an outline would close from its end to its start."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    fine, dots = fineness(painter), Qt.PenStyle.DotLine
    for pen in (QPen(DARK, 2.5 * fine, dots), QPen(CHOSEN, 1.2 * fine, dots)):
        painter.setPen(pen)
        painter.drawLine(QPointF(*view.to_screen(*end)), QPointF(*view.to_screen(*start)))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)


def draw_grid(painter: QPainter, view: View, area: QRect, size: tuple[int, int]) -> None:
    """Lines between pixels, when they are large enough to see."""
    if view.scale < GRID_FROM:
        return
    x0, y0 = view.to_image(area.left(), area.top())
    x1, y1 = view.to_image(area.right() + 1, area.bottom() + 1)
    columns = range(max(0, math.floor(x0)), min(size[0], math.ceil(x1)) + 1)
    rows = range(max(0, math.floor(y0)), min(size[1], math.ceil(y1)) + 1)
    if not columns or not rows:
        return
    top, bottom = view.to_screen(0, rows[0])[1], view.to_screen(0, rows[-1])[1]
    left, right = view.to_screen(columns[0], 0)[0], view.to_screen(columns[-1], 0)[0]
    lines = [QLineF(x, top, x, bottom) for column in columns for x in (round(view.to_screen(column, 0)[0]),)]
    lines += [QLineF(left, y, right, y) for row in rows for y in (round(view.to_screen(0, row)[1]),)]
    painter.setPen(QPen(GRID, 0))
    painter.drawLines(lines)
