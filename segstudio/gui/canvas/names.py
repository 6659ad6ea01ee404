"""Class names on large visible regions, for those to whom colours say little."""

from collections.abc import Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter

from segstudio.gui.canvas.furniture import Host, Piece
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.canvas.overlay import sampled

# Every so many screen pixels a label is looked at; regions smaller than that need no name.
STEP = 8
# A region is named from this share of the canvas on, and when the name fits well inside.
LEAST_SHARE = 0.006
MOST_NAMES = 24
NAMED = (Layer.MASK, Layer.PREDICTION, Layer.VERSION)
TEXT, SHADOW = QColor(255, 255, 255), QColor(0, 0, 0, 190)
AROUND = ((-1, -1), (1, -1), (-1, 1), (1, 1), (0, -1), (0, 1), (-1, 0), (1, 0))
IGNORE = 255


@dataclass(frozen=True)
class Spot:
    """A place for a name: image coordinates of its middle, and how far away the region's border is there."""

    class_id: int
    x: float
    y: float
    room: float


def spots(labels: NDArray[np.uint8]) -> list[tuple[int, int, int, float]]:
    """(id, column, row, room) of the large regions of a coarse sample, uint8 [h,w], largest first.

    The place is far from the region's border, by the distance transform; room is that distance in pixels of
    the sample.
    """
    found: list[tuple[int, int, int, int, float]] = []
    least = LEAST_SHARE * labels.size
    for class_id in np.unique(labels).tolist():
        if class_id == IGNORE:
            continue
        chosen = (labels == class_id).view(np.uint8)
        if int(chosen.sum()) < least:
            continue
        count, parts, boxes, _ = cv2.connectedComponentsWithStats(chosen, connectivity=4)
        for number in range(1, count):
            x, y, width, height, area = (int(value) for value in boxes[number])
            if area < least:
                continue
            inside = (parts[y : y + height, x : x + width] == number).astype(np.uint8)
            away = cv2.distanceTransform(np.pad(inside, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
            row, column = _middle(np.asarray(away >= 0.95 * away.max()))
            found.append((area, class_id, x + column, y + row, float(away[row, column])))
    found.sort(reverse=True)
    return [entry[1:] for entry in found[:MOST_NAMES]]


def _middle(good: NDArray[np.bool_]) -> tuple[int, int]:
    """Of the places that are good, the (row, column) nearest to their mean."""
    rows, columns = np.nonzero(good)
    nearest = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return int(rows[nearest]), int(columns[nearest])


class Names(Piece):
    """Names of regions; they stay on the image while it moves, and are placed anew when it rests."""

    is_on_image = True

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.enabled = False
        self.names: Mapping[int, str] = {}
        self._spots: list[Spot] = []

    def place(self) -> None:
        """Finds places for what is visible now, at a cost that follows the screen."""
        self._repaint()
        self._spots = self._find() if self.enabled else []
        self._repaint()

    def _repaint(self) -> None:
        rect = self.rect()
        if not rect.isEmpty():
            self.host.update(rect)

    def _find(self) -> list[Spot]:
        host = self.host
        layers = [layer for layer in host.shown_layers()[:1] if layer in NAMED]
        source = host.scene.overlay.source(layers[0]) if layers else None
        if source is None:
            return []
        view, ratio = host.view, host.devicePixelRatioF()
        columns, _ = view.columns(0, round(host.width() * ratio), source.shape[1])
        rows, _ = view.rows(0, round(host.height() * ratio), source.shape[0])
        columns, rows = columns[::STEP], rows[::STEP]
        if not columns.size or not rows.size:
            return []
        style = host.scene.overlay.style
        found = []
        for class_id, column, row, room in spots(sampled(source, rows, columns)):
            if class_id not in style.hidden and style.solo in (None, class_id):
                x, y = float(columns[column]) + 0.5, float(rows[row]) + 0.5
                found.append(Spot(class_id, x, y, room * STEP / ratio))
        return found

    def _font(self) -> QFont:
        font = QFont(self.host.font())
        font.setBold(True)
        return font

    def _shown(self) -> list[tuple[str, QRect]]:
        if not self._spots:
            return []
        metrics = QFontMetrics(self._font())
        view, ratio = self.host.view, self.host.devicePixelRatioF()
        found = []
        for spot in self._spots:
            text = self.names.get(spot.class_id, str(spot.class_id))
            width, height = metrics.horizontalAdvance(text) + 4, metrics.height() + 2
            if width > 3.2 * spot.room or height > 2 * spot.room:
                continue
            x, y = round(spot.x * view.scale) + view.left, round(spot.y * view.scale) + view.top
            middle = QPoint(int(x // ratio), int(y // ratio))
            found.append((text, QRect(middle.x() - width // 2, middle.y() - height // 2, width, height)))
        return found

    def rect(self) -> QRect:
        """The box of all names."""
        box = QRect()
        for _, rect in self._shown():
            box = box.united(rect)
        return box

    def paint(self, painter: QPainter) -> None:
        """Draws white letters on a dark rim."""
        painter.setFont(self._font())
        for text, rect in self._shown():
            painter.setPen(SHADOW)
            for dx, dy in AROUND:
                painter.drawText(rect.translated(dx, dy), Qt.AlignmentFlag.AlignCenter, text)
            painter.setPen(TEXT)
            painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)


class Crosshair(Piece):
    """Where the cursor is in the view beside this one."""

    REACH = 12
    is_on_image = True

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.point: tuple[float, float] | None = None

    def show(self, point: tuple[float, float] | None) -> None:
        """Moves it to an image point; None takes it away."""
        self.host.update(self.rect())
        self.point = point
        self.host.update(self.rect())

    def _middle(self) -> QPoint:
        assert self.point is not None
        ratio = self.host.devicePixelRatioF()
        x, y = self.host.view.to_screen(*self.point)
        return QPoint(round(x / ratio), round(y / ratio))

    def rect(self) -> QRect:
        """The cross with its rim."""
        if self.point is None:
            return QRect()
        reach, middle = self.REACH + 2, self._middle()
        return QRect(middle.x() - reach, middle.y() - reach, 2 * reach + 1, 2 * reach + 1)

    def paint(self, painter: QPainter) -> None:
        """Draws four strokes around an open middle."""
        middle = self._middle()
        x, y = middle.x(), middle.y()
        for colour, wide in ((SHADOW, 1), (TEXT, 0)):
            for begin in (-self.REACH, 4):
                length = self.REACH - 4
                across = QRect(x + begin - wide, y - wide, length + 2 * wide, 1 + 2 * wide)
                down = QRect(x - wide, y + begin - wide, 1 + 2 * wide, length + 2 * wide)
                painter.fillRect(across, colour)
                painter.fillRect(down, colour)
