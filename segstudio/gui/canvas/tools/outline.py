"""Outlines that are filled: the polygon of clicked corners, and the lasso that closes on release."""

import math

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors, interactions
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.tool import UNLABELLED, CanvasTool, Pixel, Touch, closing_reach, may_edit

# Screen pixels between the points of a line that is drawn freehand.
FREEHAND_STEP = 4.0


class LineTool(CanvasTool):
    """A tool that draws a line; empty between gestures."""

    # Whether the line's points are shown as corners.
    corners = False

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._line = interactions.PolygonDraft()

    @property
    def is_open(self) -> bool:
        """See CanvasTool."""
        return bool(self._line.points)

    def drag(self, touch: Touch) -> None:
        """Draws freehand while the button is held."""
        if not self.is_open:
            return
        last, point = self._line.points[-1], touch.point
        if math.hypot(point[0] - last[0], point[1] - last[1]) * self._canvas.view.scale >= self.step:
            self._line.add(point)
            self._canvas.update_screen_rect(self.marks(point).united(self._along(last, point)))

    @property
    def step(self) -> float:
        """Screen pixels between the points of a freehand line."""
        return FREEHAND_STEP

    def back(self) -> bool:
        """Takes the last point back."""
        if not self.is_open:
            return False
        self._line.remove_last()
        self._canvas.update()
        return True

    def cancel(self) -> bool:
        """Forgets the line."""
        was_open = self.is_open
        self._line.points = []
        if was_open:
            self._canvas.update()
        return was_open

    def finish(self) -> None:
        """Forgets the line."""
        self.cancel()

    def marks(self, cursor: Point) -> QRect:
        """The way from the line's end to the cursor; with corners the whole line, whose joints move."""
        if not self.is_open:
            return QRect()
        return self._along(*(self._line.points if self.corners else self._line.points[-1:]), cursor)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the line so far."""
        cursors.draw_line(painter, self._canvas.view, self._line.points, cursor, corners=self.corners)

    def _along(self, *points: Point) -> QRect:
        return cursors.screen_rect(self._canvas.view, interactions.bounds_of(points), 10)


class PolygonTool(LineTool):
    """Clicks set corners, a drag draws; Enter, a double click or a click on the first corner fills."""

    corners = True

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._snapping = False

    def hover(self, touch: Touch) -> None:
        """Shows the side where Shift would put it."""
        self._snapping = touch.shift

    def marks(self, cursor: Point) -> QRect:
        """See LineTool; the side that is shown may end elsewhere."""
        return super().marks(self._end(cursor))

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """See LineTool."""
        super().paint(painter, None if cursor is None else self._end(cursor), screen)

    def _end(self, cursor: Point) -> Point:
        return self._line.snapped(cursor) if self._snapping else cursor

    def press(self, touch: Touch) -> None:
        """Adds a corner, takes the last one back, or closes the polygon on its first one."""
        if touch.right:
            self._line.remove_last()
        elif self._line.closes_at(touch.point, closing_reach(self._canvas)):
            self._close(subtract=touch.control)
        else:
            self._line.add(touch.point, snap=touch.shift)
        self._canvas.update()

    def drag(self, touch: Touch) -> None:
        """See LineTool; the right button draws nothing."""
        if not touch.right:
            super().drag(touch)

    def double_click(self, touch: Touch) -> bool:
        """Fills the polygon."""
        if not self.is_open:
            return False
        self._close(subtract=touch.control)
        return True

    def confirm(self, *, control: bool) -> bool:
        """Fills the polygon."""
        if not self.is_open:
            return False
        self._close(subtract=control)
        return True

    def _close(self, *, subtract: bool) -> None:
        """Fills the polygon with the active class, or with nothing; it stays while the mask is locked."""
        canvas = self._canvas
        if not may_edit(canvas) or canvas.document is None:
            return
        value = UNLABELLED if subtract else canvas.active_class
        title = "Erase polygon" if subtract else "Polygon"
        protection = canvas.protection_at(canvas.pixel_at(self._line.points[0]))
        canvas.report_edit(self._line.fill(canvas.document, value, protection, title))
        canvas.update()


class LassoTool(LineTool):
    """Press, drag round an area, release: it takes the active class; the opposite erases.

    With Shift it takes the class of the pixel where the drag begins: a region is extended from inside it,
    with neither a class to choose nor an end to click.
    """

    # Whether a drag takes the class where it begins without Shift, and the active one with it.
    extends = False

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._value: int | None = None
        self._began: Pixel | None = None

    @property
    def is_held(self) -> bool:
        """See CanvasTool."""
        return self.is_open

    @property
    def step(self) -> float:
        """As fine as the pointer moves, but not finer than half a pixel of the image."""
        return max(1.0, self._canvas.view.scale / 2)

    def press(self, touch: Touch) -> None:
        """Begins the outline."""
        canvas = self._canvas
        assert canvas.document is not None
        self._value, self._began = canvas.active_class, touch.pixel
        if touch.opposite:
            self._value = UNLABELLED
        elif self.extends != touch.shift:
            if touch.pixel is None:
                return
            self._value = int(canvas.document.array[touch.pixel[1], touch.pixel[0]])
        self._line.points = [touch.point]
        canvas.stroke_active.emit(True)

    def release(self, touch: Touch) -> None:
        """Closes the outline and fills it."""
        canvas = self._canvas
        if not self.is_open:
            return
        self._line.add(touch.point)
        drawn, value = list(self._line.points), self._value
        canvas.update_screen_rect(cursors.screen_rect(canvas.view, interactions.bounds_of(drawn), 10))
        if canvas.document is not None and value is not None and may_edit(canvas):
            title = "Erase by lasso" if value == UNLABELLED else self._title(canvas.active_class)
            protection = canvas.protection_at(self._began)
            canvas.report_edit(self._line.fill(canvas.document, value, protection, title))
        self._line.points = []
        canvas.stroke_active.emit(False)

    def _title(self, active: int) -> str:
        return "Lasso" if self._value == active else "Extend"

    def cancel(self) -> bool:
        """Forgets the outline."""
        was_open = super().cancel()
        if was_open:
            self._canvas.stroke_active.emit(False)
        return was_open

    def back(self) -> bool:
        """Forgets the outline: its points are not the user's."""
        return self.cancel()

    def focus_lost(self) -> None:
        """Forgets the outline: its end will not be heard of."""
        self.cancel()

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the outline so far, and faintly how it would close."""
        points = self._line.points
        if points and cursor is not None:
            cursors.draw_closing(painter, self._canvas.view, cursor, points[0])
        super().paint(painter, cursor, screen)

    def marks(self, cursor: Point) -> QRect:
        """The last piece, and the way back to the first point."""
        if not self.is_open:
            return QRect()
        return super().marks(cursor).united(self._along(self._line.points[0], cursor))


class ExtendTool(LassoTool):
    """A lasso that takes the class of the pixel where the drag begins; with Shift the active one."""

    extends = True
