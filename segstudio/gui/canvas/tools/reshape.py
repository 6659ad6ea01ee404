"""The region tool: grows, shrinks, smooths, fills, merges or splits what is clicked; also for keys."""

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.shape import cut_off
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import reshaping
from segstudio.gui.canvas.modes import ShapeOp
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.outline import LineTool
from segstudio.gui.canvas.tools.regions import RegionTool
from segstudio.gui.canvas.tools.tool import Pixel, Touch, may_edit

ACROSS = "Draw the line right across the region that it is to part"
OTHER_CLASS = "The part that is cut off takes the active class: choose another one than the region's"


class CutLine(LineTool):
    """The line along which a region is split."""

    def press(self, touch: Touch) -> None:
        """Begins the line."""
        self._line.points = [] if touch.right else [touch.point]
        self._canvas.update()

    def release(self, touch: Touch) -> None:
        """Cuts the region in the line's middle."""
        if not self.is_open:
            return
        path = [*self._line.points, touch.point]
        self.cancel()
        canvas = self._canvas
        if canvas.document is None or not may_edit(canvas):
            return
        region = reshaping.region_along(canvas.document, path)
        if region is None or cut_off(region, path) is None:
            canvas.status_text.emit(ACROSS)
        elif region.class_id == canvas.active_class:
            canvas.status_text.emit(OTHER_CLASS)
        else:
            value, protection = canvas.active_class, canvas.protection
            canvas.report_edit(reshaping.split(canvas.document, region, path, value, protection))


class ReshapeTool(RegionTool):
    """Does what its options say to the clicked region; to split one, a line is drawn across it."""

    has_options = True

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._cut = CutLine(canvas)

    @property
    def is_open(self) -> bool:
        """See CanvasTool."""
        return self._cut.is_open

    def press(self, touch: Touch) -> None:
        """See CanvasTool."""
        op = self._canvas.options.op
        if op is ShapeOp.SPLIT:
            self._cut.press(touch)
        elif touch.pixel is not None:
            reshape(self._canvas, op, touch.pixel, opposite=touch.opposite, whole=touch.shift)

    def drag(self, touch: Touch) -> None:
        """See CanvasTool."""
        self._cut.drag(touch)

    def release(self, touch: Touch) -> None:
        """See CanvasTool."""
        self._cut.release(touch)

    def back(self) -> bool:
        """See CanvasTool."""
        return self._cut.back()

    def cancel(self) -> bool:
        """See CanvasTool."""
        return self._cut.cancel()

    def finish(self) -> None:
        """See CanvasTool."""
        self._cut.cancel()

    def focus_lost(self) -> None:
        """The release of a cut will not be heard of."""
        self._cut.cancel()

    def marks(self, cursor: Point) -> QRect:
        """See CanvasTool."""
        return self._cut.marks(cursor) if self.is_open else super().marks(cursor)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """See CanvasTool."""
        if self.is_open:
            self._cut.paint(painter, cursor, screen)
        else:
            super().paint(painter, cursor, screen)


def reshape(
    canvas: Surface, op: ShapeOp, pixel: Pixel, *, opposite: bool = False, whole: bool = False
) -> None:
    """Changes the region under a pixel of a mask that may be edited, or its class in the whole image.

    The opposite of growing is shrinking; that of an operation without one is the same for the whole class.
    """
    document = canvas.document
    assert document is not None
    if opposite and op in (ShapeOp.GROW, ShapeOp.SHRINK):
        op = ShapeOp.SHRINK if op is ShapeOp.GROW else ShapeOp.GROW
    elif opposite:
        whole = True
    if whole:
        reshape_class(canvas, op, int(document.array[pixel[1], pixel[0]]))
    else:
        protection = canvas.protection
        canvas.change_mask(reshaping.reshape(document, op, canvas.options, *pixel, protection))


def reshape_class(canvas: Surface, op: ShapeOp, class_id: int) -> None:
    """Changes a class in the whole image of a mask that may be edited."""
    assert canvas.document is not None
    protection = canvas.protection
    canvas.change_mask(reshaping.reshape_class(canvas.document, op, canvas.options, class_id, protection))
