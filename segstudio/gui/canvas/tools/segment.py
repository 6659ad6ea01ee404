"""Click to segment: a region is proposed from clicks and boxes, refined by more of them, then painted."""

import math

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click
from segstudio.annotation.tools import Point, paint_region
from segstudio.gui.canvas import cursors, marks, outlines
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.tool import UNLABELLED, CanvasTool, Touch, may_edit

# Widget pixels from which on a drag is a box.
BOX_FROM = 5.0
WAIT = "The model looks at this image: the region comes in a moment"
NOTHING = "Nothing there is like what you clicked: include or exclude another place"


class SegmentTool(CanvasTool):
    """Left clicks include, right clicks exclude, a drag sets a box; Enter or Space paints the region.

    Clicks that come before the embedding wait for it.
    """

    space_confirms = True

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._clicks: list[Click] = []
        self._box: Rect | None = None
        self._drawn: Rect | None = None
        self._began: Point | None = None
        self._region: Region | None = None

    @property
    def is_open(self) -> bool:
        """See CanvasTool."""
        return bool(self._clicks) or self._box is not None

    def press(self, touch: Touch) -> None:
        """Begins a click or a box."""
        self._began = touch.point

    def drag(self, touch: Touch) -> None:
        """Draws a box."""
        if self._began is None or touch.right:
            return
        away = max(abs(now - then) for now, then in zip(touch.point, self._began, strict=True))
        far = away * self._canvas.view.scale >= BOX_FROM * self._canvas.devicePixelRatioF()
        if self._drawn is not None or far:
            self._repaint(self._drawn)
            self._drawn = _box(self._began, touch.point).clip(*self._canvas.image_size)
            self._repaint(self._drawn)

    def release(self, touch: Touch) -> None:
        """Takes the click or the box into account."""
        began, drawn = self._began, self._drawn
        self._began = self._drawn = None
        if began is None:
            return
        pixel = self._canvas.pixel_at(began)
        if drawn is not None and not drawn.is_empty:
            self._box, self._clicks = drawn, []
        elif pixel is not None and (not touch.opposite or self.is_open):
            self._clicks.append(Click(*pixel, include=not touch.opposite))
        self._propose()

    def back(self) -> bool:
        """Takes the last click back, then the box."""
        if not self.is_open:
            return False
        if self._clicks:
            self._clicks.pop()
        else:
            self._box = None
        self._propose()
        return True

    def confirm(self, *, control: bool) -> bool:
        """Paints the region with the active class; with Ctrl it is cut out."""
        canvas, region = self._canvas, self._region
        if not self.is_open or region is None:
            return False
        if not may_edit(canvas) or canvas.document is None:
            # The clicks stay: whoever made them can paint once the mask is free.
            return True
        value, title = (UNLABELLED, "Erase region") if control else (canvas.active_class, "Segment")
        protection = canvas.protection_at(self._seed(region))
        edit = canvas.document.apply(
            title, region.rect, lambda array: paint_region(array, region, value, protection=protection)
        )
        canvas.report_edit(edit)
        self.cancel()
        return True

    def _seed(self, region: Region) -> tuple[int, int]:
        """The first included pixel, without one the middle of the region's box."""
        for click in self._clicks:
            if click.include:
                return click.x, click.y
        return region.rect.x + region.rect.width // 2, region.rect.y + region.rect.height // 2

    def cancel(self) -> bool:
        """Drops the region."""
        was_open = self.is_open or self._drawn is not None
        self._clicks, self._box, self._drawn, self._began, self._region = [], None, None, None, None
        if was_open:
            self._canvas.update()
        return was_open

    def finish(self) -> None:
        """Drops the region: it was not painted yet."""
        self.cancel()

    def forget(self) -> None:
        """See CanvasTool."""
        self.cancel()

    def focus_lost(self) -> None:
        """A box under way is dropped, the clicks stay."""
        self._began = self._drawn = None
        self._canvas.update()

    def embedded(self) -> None:
        """What the model sees of the image came: clicks that waited for it are answered."""
        if self.is_open:
            self._propose()

    def _propose(self) -> None:
        embedding = self._canvas.embedding
        self._region = None
        if self.is_open and embedding is None:
            self._canvas.status_text.emit(WAIT)
        elif self.is_open and embedding is not None:
            self._region = embedding.mask(self._clicks, self._box)
            if self._region is None:
                self._canvas.status_text.emit(NOTHING)
        self._canvas.update()

    def _repaint(self, box: Rect | None) -> None:
        if box is not None:
            self._canvas.update_screen_rect(cursors.screen_rect(self._canvas.view, box, 6))

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the region as it would be painted, the box and the clicks."""
        canvas = self._canvas
        if self._region is not None:
            first = 3 * canvas.active_class
            colour = canvas.overlay.style.colours[first : first + 3]
            marks.draw_proposal(painter, canvas.view, self._region, colour, screen)
        for box in (self._box, self._drawn):
            if box is not None:
                outlines.draw_box(painter, canvas.view, box, cursors.LIGHT, style=Qt.PenStyle.DashLine)
        marks.draw_pins(painter, canvas.view, self._clicks)


def _box(start: Point, end: Point) -> Rect:
    """The pixels between two points."""
    left, top = (math.floor(min(one, other)) for one, other in zip(start, end, strict=True))
    right, bottom = (math.ceil(max(one, other)) for one, other in zip(start, end, strict=True))
    return Rect(left, top, right - left, bottom - top)
