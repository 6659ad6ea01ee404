"""Lines that are being drawn: the corners of a polygon to fill, and the cut through a region."""

import math

from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.shape import cut_off
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors, interactions, reshaping
from segstudio.gui.canvas.clicks import UNLABELLED, may_edit
from segstudio.gui.canvas.modes import ShapeOp, ToolName
from segstudio.gui.canvas.surface import Surface

# Screen pixels: a polygon closes this near its first vertex, and a drag this long draws freehand.
CLOSING_REACH = 8.0
FREEHAND_STEP = 4.0
ACROSS = "Draw the line right across the region that it is to part"
OTHER_CLASS = "The part that is cut off takes the active class: choose another one than the region's"


class Drafts:
    """The line that is under way on a canvas; empty between gestures."""

    def __init__(self, canvas: Surface) -> None:
        self._canvas = canvas
        self._line = interactions.PolygonDraft()

    @property
    def is_open(self) -> bool:
        """Whether a line has points."""
        return bool(self._line.points)

    @property
    def is_wanted(self) -> bool:
        """Whether the canvas's tool draws lines."""
        return self._canvas.tool is ToolName.POLYGON or self._cuts

    @property
    def _cuts(self) -> bool:
        canvas = self._canvas
        return canvas.tool is ToolName.SHAPE and canvas.options.op is ShapeOp.SPLIT

    def press(self, point: Point, *, right: bool, subtract: bool, snap: bool) -> None:
        """Adds a corner, takes the last one back, or closes the polygon on its first one; begins a cut."""
        if right:
            self._line.remove_last()
        elif self._cuts:
            self._line.points = [point]
        elif self._line.closes_at(point, CLOSING_REACH / self._canvas.view.scale):
            self.close(subtract=subtract)
        else:
            self._line.add(point, snap=snap)
        self._canvas.update()

    def drag(self, point: Point) -> None:
        """Draws freehand while the button is held."""
        last = self._line.points[-1]
        if math.hypot(point[0] - last[0], point[1] - last[1]) * self._canvas.view.scale >= FREEHAND_STEP:
            self._line.add(point)
            self._canvas.update()

    def release(self, point: Point) -> None:
        """Ends a cut; a polygon goes on."""
        if not self._cuts or not self.is_open:
            return
        path = [*self._line.points, point]
        self.drop()
        canvas = self._canvas
        if canvas.document is None or not may_edit(canvas):
            return
        region = reshaping.region_along(canvas.document, path)
        if region is None or cut_off(region, path) is None:
            canvas.status_text.emit(ACROSS)
        elif region.class_id == canvas.active_class:
            canvas.status_text.emit(OTHER_CLASS)
        else:
            protection = canvas.protection
            canvas.report_edit(
                reshaping.split(canvas.document, region, path, canvas.active_class, protection)
            )

    def remove_last(self) -> None:
        """Takes the last point back."""
        self._line.remove_last()
        self._canvas.update()

    def close(self, *, subtract: bool) -> None:
        """Fills the polygon with the active class, or with nothing."""
        canvas = self._canvas
        if canvas.tool is ToolName.POLYGON and canvas.document is not None and may_edit(canvas):
            value = UNLABELLED if subtract else canvas.active_class
            title = "Erase polygon" if subtract else "Polygon"
            canvas.report_edit(self._line.fill(canvas.document, value, canvas.protection, title))
        self.drop()

    def drop(self) -> None:
        """Forgets the line."""
        self._line.points = []
        self._canvas.update()

    def focus_lost(self) -> None:
        """The release of a cut will not be heard of; the corners of a polygon stay."""
        if self._cuts and self.is_open:
            self.drop()

    def screen_rect(self, cursor: Point) -> QRect:
        """Screen pixels that the line to the cursor may touch."""
        box = interactions.bounds_of([*self._line.points, cursor])
        return cursors.screen_rect(self._canvas.view, box, 10)

    def paint(self, painter: QPainter, cursor: Point | None) -> None:
        """Draws the line so far."""
        cursors.draw_line(painter, self._canvas.view, self._line.points, cursor, corners=not self._cuts)
