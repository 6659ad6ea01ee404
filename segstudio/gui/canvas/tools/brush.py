"""Brush, eraser and restore brush: a tip that paints along the pointer's way."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.fences import ClassFence, Fence
from segstudio.annotation.tip import Tip
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors, outlines
from segstudio.gui.canvas.modes import Snap, Source
from segstudio.gui.canvas.strokes import BrushStroke, Paint, way
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.held import HeldTool
from segstudio.gui.canvas.tools.tool import UNLABELLED, Touch

# From this scale on the cursor shows the very pixels, below it the tip's shape.
PIXELS_FROM = 1.5
# What a fence leaves of a brush is shown up to this radius in image pixels, or where the screen bounds it.
FENCED_UNTIL = 256.0
# Screen pixels that Alt and the right button are dragged to the right for a brush of twice the size.
TWICE = 120.0
NO_SOURCE = {
    Source.PREDICTION: "There is no prediction to restore from: predict this image first",
    Source.SAVED: "There is no saved mask to restore from yet",
    Source.VERSION: "No version is looked at to restore from: choose one in the history panel",
}
NO_BORDERS = "The brush snaps to the model's borders, and there is no prediction: predict this image first"


@dataclass(frozen=True)
class Grip:
    """A brush that is resized: where it stays meanwhile, the place that was pressed, the radius there."""

    centre: Point
    screen_x: float
    radius: float


@dataclass(frozen=True)
class End:
    """Where a stroke ended.

    Attributes:
        point: in image coordinates.
        before: the class there as the stroke began; None beside the image.
        after: the class that the stroke left there.
    """

    point: Point
    before: int | None
    after: int | None


class BrushTool(HeldTool):
    """Paints the active class; its opposite erases. Shift+press goes straight on from the last stroke.

    A drag with Alt and the right button resizes it: to the right is larger.
    """

    erases = False

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._erasing = self.erases
        self._last_end: End | None = None
        self._grip: Grip | None = None

    @property
    def is_held(self) -> bool:
        """See CanvasTool."""
        return self._grip is not None or super().is_held

    @property
    def tip(self) -> Tip:
        """The tip in use."""
        return Tip(self._canvas.brush_radius, self._canvas.options.square)

    def press(self, touch: Touch) -> None:
        """Begins the stroke, or to resize the brush."""
        if touch.alt and touch.right:
            screen_x = self._canvas.view.to_screen(*touch.point)[0]
            self._grip = Grip(touch.point, screen_x, self._canvas.brush_radius)
        else:
            super().press(touch)

    def begin(self, touch: Touch) -> BrushStroke | None:
        """See HeldTool."""
        canvas = self._canvas
        assert canvas.document is not None
        erasing = self.erases != touch.opposite
        paint = self.erased() if erasing else self.painted()
        if canvas.options.snap is Snap.MODEL and self._prediction() is None:
            canvas.status_text.emit(NO_BORDERS)
            return None
        if paint is None:
            return None
        self._erasing = erasing
        last = self._last_end if touch.shift else None
        start = touch.point if last is None else last.point
        protection = canvas.protection_over(self._class_below(start, last))
        return BrushStroke(canvas.document, paint, self.tip, protection, start, self.fence())

    def _class_below(self, start: Point, last: End | None) -> int | None:
        """The class on which a stroke begins; None beside the image.

        A line that goes on from a stroke begins on what was there before it, not on its own paint: else it
        could never paint where only the class below may be painted over.
        """
        pixel, document = self._canvas.pixel_at(start), self._canvas.document
        if pixel is None or document is None:
            return None
        now = int(document.array[pixel[1], pixel[0]])
        return last.before if last is not None and now == last.after else now

    def painted(self) -> Paint | None:
        """What a stroke that does not erase leaves; None, and a word why, if that cannot be."""
        return Paint(self._canvas.active_class, "Brush")

    def erased(self) -> Paint | None:
        """What an erasing stroke leaves."""
        target = self._canvas.options.erase_to
        return self.restored(target) if isinstance(target, Source) else Paint(target, "Erase")

    def restored(self, source: Source) -> Paint | None:
        """Pixels of a source; where a model knows no class, what is there stays."""
        pixels = self._canvas.restore_source(source)
        document = self._canvas.document
        if pixels is None or document is None or pixels.shape != document.array.shape:
            self._canvas.status_text.emit(NO_SOURCE[source])
            return None
        return Paint(pixels, "Restore", UNLABELLED if source is Source.PREDICTION else None)

    def fence(self) -> Fence | None:
        """What the brush does not paint across, as the options say."""
        canvas, snap = self._canvas, self._canvas.options.snap
        if snap is Snap.EDGES:
            return canvas.edges
        prediction = self._prediction() if snap is Snap.MODEL else None
        return ClassFence(prediction) if prediction is not None else None

    def _prediction(self) -> NDArray[np.uint8] | None:
        prediction = self._canvas.restore_source(Source.PREDICTION)
        document = self._canvas.document
        fits = prediction is not None and document is not None and prediction.shape == document.array.shape
        return prediction if fits else None

    def drag(self, touch: Touch) -> None:
        """Paints on, or resizes the brush."""
        if self._grip is None:
            super().drag(touch)
            return
        way_x = self._canvas.view.to_screen(*touch.point)[0] - self._grip.screen_x
        self._canvas.set_brush_radius(self._grip.radius * 2 ** (way_x / TWICE))

    def release(self, touch: Touch) -> None:
        """Ends the stroke; a straight line may go on from here."""
        if isinstance(self._stroke, BrushStroke):
            self._last_end = self._end_of(self._stroke)
        super().release(touch)

    def _end_of(self, stroke: BrushStroke) -> End:
        pixel, document = self._canvas.pixel_at(stroke.last), stroke.document
        if pixel is None:
            return End(stroke.last, None, None)
        return End(stroke.last, document.before(*pixel), int(document.array[pixel[1], pixel[0]]))

    def cancel(self) -> bool:
        """Takes the stroke back, or gives the brush its size back."""
        self._erasing = self.erases
        grip, self._grip = self._grip, None
        if grip is None:
            return super().cancel()
        self._canvas.set_brush_radius(grip.radius)
        return True

    def finish(self) -> None:
        """See CanvasTool."""
        super().finish()
        self._grip = None
        self._erasing = self.erases

    def forget(self) -> None:
        """No straight line begins in the image before."""
        self._last_end = None

    def marks(self, cursor: Point) -> QRect:
        """See CanvasTool."""
        centre = self._grip.centre if self._grip is not None else cursor
        return cursors.brush_rect(self._canvas.view, centre, self._canvas.brush_radius)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the outline of what a press would change, red when it erases."""
        if cursor is None:
            return
        canvas, fence = self._canvas, self.fence()
        centre = self._grip.centre if self._grip is not None else cursor
        colour = cursors.ERASING if self._erasing else cursors.LIGHT
        if canvas.view.scale < PIXELS_FROM and (fence is None or self.tip.radius > FENCED_UNTIL):
            if self.tip.square:
                outlines.draw_box(painter, canvas.view, self.tip.box(centre), colour)
            else:
                cursors.draw_circle(painter, canvas.view, centre, self.tip.radius, colour)
            return
        # More than is seen: no line may appear along the screen's border.
        rect = self.tip.box(centre).intersection(outlines.visible(canvas.view, screen).grown(2))
        inside = rect.clip(*canvas.image_size)
        if fence is not None and not inside.is_empty:
            rect = inside
        cover = self.tip.cover(rect, centre, centre)
        if fence is not None and not inside.is_empty:
            cover = fence.reach(rect, cover, way(centre, centre))
        outlines.draw_cover(painter, canvas.view, rect, cover, colour)


class EraserTool(BrushTool):
    """Leaves what its options say; its opposite paints."""

    erases = True


class RestoreTool(BrushTool):
    """Paints back what was predicted or saved; its opposite erases."""

    def painted(self) -> Paint | None:
        """See BrushTool."""
        return self.restored(self._canvas.options.restore_from)
