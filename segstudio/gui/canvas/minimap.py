"""The minimap: the whole image in a corner of the canvas, with the visible part framed."""

import math
from dataclasses import replace

import numpy as np
from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QRegion

from segstudio.gui.canvas.furniture import Host, Piece
from segstudio.gui.canvas.view import View

SIDE = 168
LEAST = 24
MARGIN = 12
# The bar by which it is moved to another corner.
GRIP = 12
# A stroke that comes nearer than this makes it fade.
NEAR = 32
FADED = 0.12
BACK, EDGE = QColor(30, 30, 32, 230), QColor(255, 255, 255, 70)
OUTSIDE, FRAME, FRAME_DARK = QColor(0, 0, 0, 110), QColor(255, 255, 255), QColor(0, 0, 0, 170)


class Minimap(Piece):
    """Shows where the visible part lies; a click goes there, a drag takes the view along.

    Only there while the image is larger than the view. It fades while somebody draws near it, and its upper
    bar moves it to another corner.
    """

    def __init__(self, host: Host) -> None:
        super().__init__(host)
        self.enabled = True
        # Right and bottom, as 0 or 1 each.
        self.corner = (1, 1)
        self._faded = False
        self._thumbnail: QImage | None = None
        self._offset = QPointF()
        self._moving: QPointF | None = None

    # -- where --------------------------------------------------------------------------------------------

    def _size(self) -> QSize:
        width, height = self.host.scene.size
        scale = SIDE / max(width, height, 1)
        return QSize(max(LEAST, round(width * scale)), max(LEAST, round(height * scale)))

    def rect(self) -> QRect:
        """Thumbnail and bar."""
        if not self.enabled or not self._is_needed():
            return QRect()
        size = self._size() + QSize(2, GRIP + 2)
        free = QSize(self.host.width(), self.host.height()) - size - QSize(2 * MARGIN, 2 * MARGIN)
        if free.width() < SIDE // 2 or free.height() < SIDE // 2:
            return QRect()
        x, y = MARGIN + self.corner[0] * free.width(), MARGIN + self.corner[1] * free.height()
        if self._moving is not None:
            x, y = round(self._moving.x()), round(self._moving.y())
        return QRect(x, y, size.width(), size.height())

    def _is_needed(self) -> bool:
        if self.host.scene.image is None:
            return False
        view, ratio = self.host.view, self.host.devicePixelRatioF()
        width, height = self.host.scene.size
        fits = view.left >= 0 and view.left + width * view.scale <= self.host.width() * ratio
        return not fits or view.top < 0 or view.top + height * view.scale > self.host.height() * ratio

    def visible_part(self) -> QRectF:
        """The part of the image that the canvas shows, as shares of its width and height."""
        view, ratio = self.host.view, self.host.devicePixelRatioF()
        width, height = self.host.scene.size
        left, top = view.to_image(0, 0)
        right, bottom = view.to_image(self.host.width() * ratio, self.host.height() * ratio)
        whole = QRectF(0, 0, 1, 1)
        part = QRectF(QPointF(left / width, top / height), QPointF(right / width, bottom / height))
        return part.intersected(whole)

    def _picture(self) -> QRect:
        return self.rect().adjusted(1, GRIP + 1, -1, -1)

    def holds(self, place: QPointF) -> bool:
        """Everything on it."""
        return not self._faded and self.rect().contains(place.toPoint())

    # -- what is drawn ------------------------------------------------------------------------------------

    def forget(self) -> None:
        """Mask or looks changed: the thumbnail is drawn anew with the next paint."""
        self._thumbnail = None

    def paint(self, painter: QPainter) -> None:
        """Draws bar, thumbnail and frame."""
        if self._faded:
            painter.setOpacity(FADED)
        rect, picture = self.rect(), self._picture()
        painter.setPen(QPen(EDGE, 1))
        painter.setBrush(BACK)
        painter.drawRect(rect.adjusted(0, 0, -1, -1))
        self._paint_grip(painter, rect)
        if self._thumbnail is None:
            self._thumbnail = self._render()
        painter.drawImage(QRectF(picture), self._thumbnail)
        part = self.visible_part()
        frame = (
            QRectF(
                picture.x() + part.x() * picture.width(),
                picture.y() + part.y() * picture.height(),
                max(part.width() * picture.width(), 3.0),
                max(part.height() * picture.height(), 3.0),
            )
            .toRect()
            .intersected(picture)
        )
        painter.setClipRegion(QRegion(picture) - QRegion(frame))
        painter.fillRect(picture, OUTSIDE)
        painter.setClipping(False)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        for pen, by in ((QPen(FRAME_DARK, 3), 0), (QPen(FRAME, 1), 0)):
            painter.setPen(pen)
            painter.drawRect(frame.adjusted(by, by, -1 - by, -1 - by))

    def _paint_grip(self, painter: QPainter, rect: QRect) -> None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(EDGE)
        middle = rect.x() + rect.width() // 2
        for step in (-6, 0, 6):
            painter.drawRect(middle + step - 1, rect.y() + GRIP // 2, 2, 2)

    def _render(self) -> QImage:
        """Image and labels at the thumbnail's size, whatever the image's is."""
        host, ratio = self.host, self.host.devicePixelRatioF()
        scene, size = host.scene, self._size()
        assert scene.image is not None
        width, height = math.ceil(size.width() * ratio), math.ceil(size.height() * ratio)
        view = View(min(width / scene.size[0], height / scene.size[1]))
        pixels = np.zeros((height, width, 4), np.uint8)
        # Local contrast looks at more of the image than a thumbnail is worth.
        scene.image.sample(view, 0, 0, pixels, replace(scene.adjustment, local=0))
        shown = QImage(pixels.data, width, height, width * 4, QImage.Format.Format_RGB32).copy()
        painter = QPainter(shown)
        for layer in host.shown_layers()[:1]:
            scene.overlay.paint(painter, view, shown.rect(), layer)
        painter.end()
        return shown

    # -- what the mouse does ------------------------------------------------------------------------------

    def press(self, place: QPointF) -> None:
        """On the frame: takes it along. Elsewhere: goes there first."""
        rect, picture = self.rect(), self._picture()
        if place.y() < picture.y():
            self._moving = QPointF(rect.topLeft())
            self._offset = place - self._moving
            return
        part = self.visible_part()
        x = (place.x() - picture.x()) / picture.width()
        y = (place.y() - picture.y()) / picture.height()
        self._offset = QPointF(x, y) - part.center()
        if not part.contains(QPointF(x, y)):
            self._offset = QPointF()
            self._show(x, y)

    def drag(self, place: QPointF) -> None:
        """Moves the view, or the minimap itself."""
        if self._moving is not None:
            self.host.update(self.rect())
            self._moving = place - self._offset
            self.host.update(self.rect())
            return
        picture = self._picture()
        x = (place.x() - picture.x()) / picture.width() - self._offset.x()
        y = (place.y() - picture.y()) / picture.height() - self._offset.y()
        self._show(x, y)

    def _show(self, x: float, y: float) -> None:
        """Brings a place of the image, in shares of its sides, to the middle of the canvas."""
        host, ratio = self.host, self.host.devicePixelRatioF()
        width, height = host.scene.size
        x, y = min(max(x, 0.0), 1.0), min(max(y, 0.0), 1.0)
        left = round(host.width() * ratio / 2 - x * width * host.view.scale)
        top = round(host.height() * ratio / 2 - y * height * host.view.scale)
        # The corner stays on whole widget pixels, so that drawn pixels can be moved.
        step = int(ratio) if ratio == int(ratio) else 1
        left -= (left - host.view.left) % step
        top -= (top - host.view.top) % step
        host.set_view(replace(host.view, left=left, top=top))

    def release(self) -> None:
        """A minimap that was moved goes to the nearest corner."""
        if self._moving is None:
            return
        self.host.update(self.rect())
        middle = QRectF(self.rect()).center()
        self.corner = (int(middle.x() > self.host.width() / 2), int(middle.y() > self.host.height() / 2))
        self._moving = None
        self.host.update(self.rect())

    def stroke_near(self, place: QPointF | None) -> None:
        """Fades while somebody draws there."""
        area = self.rect().adjusted(-NEAR, -NEAR, NEAR, NEAR)
        faded = place is not None and area.contains(place.toPoint())
        if faded != self._faded:
            self._faded = faded
            self.host.update(self.rect())
