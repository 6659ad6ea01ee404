"""The scissors: an outline that follows the image's edges from knot to knot, and is filled when it closes."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect
from PySide6.QtGui import QPainter

from segstudio.annotation.scissors import Outline
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors, interactions, marks
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.tool import UNLABELLED, CanvasTool, Touch, closing_reach, may_edit


class ScissorsTool(CanvasTool):
    """Clicks set knots; Enter, a double click or a click on the first knot fills what the outline encloses.

    With Ctrl the way to the cursor is straight; the right button and Backspace take the last knot back.
    """

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._outline: Outline | None = None
        self._preview: list[Point] = []

    @property
    def is_open(self) -> bool:
        """See CanvasTool."""
        return self._outline is not None

    def press(self, touch: Touch) -> None:
        """Sets a knot, takes the last one back, or closes the outline on its first one."""
        rgb = self._canvas.rgb
        if touch.right:
            self.back()
        elif self._outline is not None and self._outline.closes_at(touch.point, closing_reach(self._canvas)):
            self._close(value=self._canvas.active_class, straight=touch.control)
        elif rgb is not None:
            self._add(rgb, touch)
        self._canvas.update()

    def _add(self, rgb: NDArray[np.uint8], touch: Touch) -> None:
        if self._outline is None:
            self._outline = Outline(rgb)
        self._outline.add(touch.point, straight=touch.control)
        self._preview = []

    def hover(self, touch: Touch) -> None:
        """Follows the cursor along edges."""
        if self._outline is None:
            return
        self._canvas.update_screen_rect(self._along(self._preview))
        target = touch.point
        if self._outline.closes_at(target, closing_reach(self._canvas)):
            target = self._outline.knots[0]
        self._preview = self._outline.preview(target, straight=touch.control)
        self._canvas.update_screen_rect(self._along(self._preview))

    def double_click(self, touch: Touch) -> bool:
        """Fills the outline; its first click has set the last knot."""
        return self._close(value=self._canvas.active_class)

    def confirm(self, *, control: bool) -> bool:
        """Fills the outline; with Ctrl it is cut out."""
        return self._close(value=UNLABELLED if control else self._canvas.active_class)

    def back(self) -> bool:
        """Takes the last knot back."""
        if self._outline is None:
            return False
        self._outline.remove_last()
        self._preview = []
        if not self._outline.knots:
            self._outline = None
        self._canvas.update()
        return True

    def cancel(self) -> bool:
        """Forgets the outline."""
        was_open = self.is_open
        self._outline, self._preview = None, []
        if was_open:
            self._canvas.update()
        return was_open

    def finish(self) -> None:
        """Forgets the outline."""
        self.cancel()

    def marks(self, cursor: Point) -> QRect:
        """The way to the cursor; what is fixed was drawn before."""
        return self._along(self._preview)

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the outline so far, and how it would go on to the cursor."""
        if self._outline is not None:
            ahead = self._preview if cursor is not None else []
            points = [*self._outline.points, *ahead]
            marks.draw_path(painter, self._canvas.view, points, self._outline.knots)

    def _close(self, *, value: int, straight: bool = False) -> bool:
        """Fills the outline, which stays while the mask is locked; says whether there was one."""
        outline, canvas = self._outline, self._canvas
        if outline is None:
            return False
        if may_edit(canvas) and canvas.document is not None:
            title = "Erase by scissors" if value == UNLABELLED else "Scissors"
            protection = canvas.protection_at(canvas.pixel_at(outline.knots[0]))
            draft = interactions.PolygonDraft(outline.closed(straight=straight))
            self.cancel()
            canvas.report_edit(draft.fill(canvas.document, value, protection, title))
        return True

    def _along(self, points: list[Point]) -> QRect:
        """Screen pixels of the way ahead, with the knot that it begins at."""
        if self._outline is None or not points:
            return QRect()
        box = interactions.bounds_of([self._outline.knots[-1], *points])
        return cursors.screen_rect(self._canvas.view, box, 10)
