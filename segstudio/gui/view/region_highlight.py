"""An outline over the canvas that stays while the user decides about a region; it catches no mouse."""

import numpy as np
from PySide6.QtCore import QEvent, QLineF, QObject, QRect, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, outline
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.canvas import Canvas
from segstudio.gui.canvas.view import LARGEST_SCALE, View

RIM = 8
# A region that is shown takes at most this share of the view, and at least this many screen pixels of it.
LARGEST_SHARE = 0.6
SMALLEST_SIDE = 64.0
USUAL_SIDE = 200.0
# Beyond this scale nothing more is seen of a region.
CLOSEST = 16.0


class RegionHighlight(QWidget):
    """Lies beside the canvas in its parent, over it, as large as the region is on the screen."""

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas.parentWidget())
        self._canvas = canvas
        self._region: Region | None = None
        self._view: View | None = None
        self._segments = np.zeros((0, 4))
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        canvas.installEventFilter(self)
        self.hide()

    def show_region(self, region: Region | None) -> None:
        """Outlines a region of the canvas's image; None shows nothing."""
        self._region, self._view = region, None
        self._segments = np.zeros((0, 4)) if region is None else outline(region.rect, region.inside)
        self._place()
        self.raise_()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follows the view: the canvas paints itself whenever that changed."""
        moved = event.type() == QEvent.Type.Paint and self._canvas.view != self._view
        if self._region is not None and (moved or event.type() == QEvent.Type.Resize):
            QTimer.singleShot(0, self, self._place)
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        region, canvas = self._region, self._canvas
        if region is None or not canvas.has_image:
            self.hide()
            return
        self._view = canvas.view
        self.setGeometry(self._shown(region.rect).translated(canvas.pos()))
        self.show()
        self.update()

    def _shown(self, rect: Rect) -> QRect:
        """The part of the canvas that a rectangle of the image takes with its rim, in widget pixels."""
        ratio = self._canvas.devicePixelRatioF()
        box = cursors.screen_rect(self._canvas.view, rect, RIM)
        left, top = int(box.left() // ratio), int(box.top() // ratio)
        right, bottom = int(-(-box.right() // ratio)), int(-(-box.bottom() // ratio))
        return QRect(left, top, right - left + 1, bottom - top + 1).intersected(self._canvas.rect())

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws the outline in screen pixels."""
        if self._region is None or self._view is None:
            return
        ratio = self.devicePixelRatioF()
        origin = self.pos() - self._canvas.pos()
        painter = QPainter(self)
        painter.scale(1 / ratio, 1 / ratio)
        painter.translate(-origin.x() * ratio, -origin.y() * ratio)
        view = self._view
        ends = np.rint(self._segments * view.scale + [view.left, view.top] * 2)
        lines = [QLineF(*row) for row in ends.tolist()]
        # Stouter than the outline under the cursor: it must be found at once, on its own colour too.
        for colour, width in ((cursors.DARK, 5.0), (cursors.LIGHT, 3.5), (cursors.CHOSEN, 2.0)):
            painter.setPen(QPen(colour, width * ratio))
            painter.drawLines(lines)


def view_on(view: View, rect: Rect, screen: tuple[int, int]) -> View:
    """The view with a rectangle of the image in the middle of a screen (width, height).

    The scale stays where the rectangle is neither too large for it nor too small to be seen.
    """
    side = max(rect.width, rect.height)
    fits = min(screen[0] * LARGEST_SHARE / rect.width, screen[1] * LARGEST_SHARE / rect.height)
    scale = view.scale
    if scale > fits:
        scale = fits
    elif side * scale < SMALLEST_SIDE:
        scale = max(scale, min(USUAL_SIDE / side, fits, CLOSEST))
    scale = min(scale, LARGEST_SCALE)
    left = round(screen[0] / 2 - (rect.x + rect.width / 2) * scale)
    top = round(screen[1] / 2 - (rect.y + rect.height / 2) * scale)
    return View(scale, left, top)
