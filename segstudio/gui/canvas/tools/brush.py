"""Brush and eraser: a disc that paints along the pointer's way."""

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.interactions import Stroke
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.held import HeldTool
from segstudio.gui.canvas.tools.tool import UNLABELLED, Touch


class BrushTool(HeldTool):
    """Paints the active class; its opposite erases. Shift+press goes straight on from the last stroke."""

    erases = False

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._erasing = self.erases
        self._last_end: Point | None = None

    def begin(self, touch: Touch) -> Stroke:
        """See HeldTool."""
        canvas = self._canvas
        assert canvas.document is not None
        self._erasing = self.erases != touch.opposite
        value, title = (UNLABELLED, "Erase") if self._erasing else (canvas.active_class, "Brush")
        start = (self._last_end if touch.shift else None) or touch.point
        protection = canvas.protection_at(touch.pixel)
        return Stroke(canvas.document, value, canvas.brush_radius, protection, start, title)

    def release(self, touch: Touch) -> None:
        """Ends the stroke; a straight line may go on from here."""
        if isinstance(self._stroke, Stroke):
            self._last_end = self._stroke.last
        super().release(touch)

    def cancel(self) -> bool:
        """See CanvasTool."""
        taken_back = super().cancel()
        self._erasing = self.erases
        return taken_back

    def finish(self) -> None:
        """See CanvasTool."""
        super().finish()
        self._erasing = self.erases

    def forget(self) -> None:
        """No straight line begins in the image before."""
        self._last_end = None

    def marks(self, cursor: Point) -> QRect:
        """See CanvasTool."""
        return cursors.brush_rect(self._canvas.view, cursor, self._canvas.brush_radius)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the outline of what a press would change, red when it erases."""
        if cursor is not None:
            radius = self._canvas.brush_radius
            cursors.draw_brush(painter, self._canvas.view, cursor, radius, erasing=self._erasing)


class EraserTool(BrushTool):
    """Makes pixels unlabelled; its opposite paints."""

    erases = True
