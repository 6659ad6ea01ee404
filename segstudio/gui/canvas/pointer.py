"""Pointer: turns mouse, wheel and keys over the canvas into gestures of the current tool."""

import math

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent

from segstudio.annotation.regions import Region
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import clicks, cursors, interactions
from segstudio.gui.canvas.clicks import may_edit
from segstudio.gui.canvas.drafts import Drafts
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.surface import Surface

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier
BRUSHES = (ToolName.BRUSH, ToolName.ERASER)
REGION_TOOLS = (ToolName.RELABEL, ToolName.ACCEPT_REGION, ToolName.SHAPE)
OPTION_TOOLS = (ToolName.WAND, ToolName.SHAPE)
ZOOM_STEP = 1.25
WHEEL_NOTCH = 120.0


class Pointer:
    """The gesture that is under way, and what is drawn at the cursor."""

    def __init__(self, canvas: Surface) -> None:
        self._canvas = canvas
        self._stroke: interactions.Stroke | interactions.WandStroke | None = None
        self._drafts = Drafts(canvas)
        self._pan_from: QPointF | None = None
        self._cursor: Point | None = None
        self._space = False
        self._erasing = False
        self._last_end: Point | None = None
        self._button = Qt.MouseButton.NoButton
        self._hover = interactions.HoverRegion()

    # -- mouse --------------------------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        """Begins what the button and tool mean; the middle button and a held Space always pan."""
        canvas = self._canvas
        canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        event.accept()
        if self._stroke is not None or self._pan_from is not None:
            if event.button() != self._button:
                return
            # A button cannot be pressed twice: its release went elsewhere.
            self.release(event)
        if not canvas.has_image:
            return
        self._button = button = event.button()
        if button == MIDDLE or (button == LEFT and (self._space or canvas.tool is ToolName.PAN)):
            self._pan_from = event.position()
            canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update_cursor()
        elif button in (LEFT, RIGHT):
            self._use_tool(event, self._image_point(event.position()))

    def _use_tool(self, event: QMouseEvent, point: Point) -> None:
        canvas, tool = self._canvas, self._canvas.tool
        opposite = event.button() == RIGHT or bool(event.modifiers() & CONTROL)
        if tool is ToolName.PICK:
            self._pick(point)
        elif not may_edit(canvas):
            return
        elif tool in BRUSHES:
            self._erasing = (tool is ToolName.ERASER) != opposite
            start = self._last_end if event.modifiers() & SHIFT else None
            self._begin(clicks.brush_stroke(canvas, start or point, erase=self._erasing), point)
        elif self._drafts.is_wanted:
            control, shift = bool(event.modifiers() & CONTROL), bool(event.modifiers() & SHIFT)
            self._drafts.press(point, right=event.button() == RIGHT, subtract=control, snap=shift)
        elif (pixel := self._pixel(point)) is None:
            return
        elif tool is ToolName.WAND:
            self._begin(clicks.wand_stroke(canvas, point, pixel, erase=opposite), point)
        else:
            clicks.click(canvas, pixel, event.button(), event.modifiers())
            canvas.update()
        canvas.update_image_rect(interactions.bounds_of([point]))

    def _begin(self, stroke: interactions.Stroke | interactions.WandStroke, point: Point) -> None:
        self._stroke = stroke
        self._canvas.update_image_rect(stroke.move(point))
        self.update_cursor()
        self._canvas.stroke_active.emit(True)

    def _pick(self, point: Point) -> None:
        pixel, canvas = self._pixel(point), self._canvas
        if pixel is not None and canvas.document is not None:
            canvas.class_picked.emit(int(canvas.document.array[pixel[1], pixel[0]]))

    def move(self, event: QMouseEvent) -> None:
        """Goes on with the gesture, or shows what the tool would do here."""
        canvas = self._canvas
        if self._pan_from is not None:
            self._pan(event.position())
            return
        point = self._image_point(event.position())
        self.update_cursor()
        self._cursor = point
        if self._stroke is not None:
            canvas.update_image_rect(self._stroke.move(point))
        elif self._drafts.is_open and event.buttons() & LEFT:
            self._drafts.drag(point)
        self.update_cursor()
        self._tell_pixel(point)
        event.accept()

    def _tell_pixel(self, point: Point) -> None:
        self._canvas.hovered.emit(*(self._pixel(point) or (-1, -1)))

    def _pan(self, position: QPointF) -> None:
        assert self._pan_from is not None
        ratio = self._canvas.devicePixelRatioF()
        # Whole widget pixels, so that drawn pixels can be moved; the rest is kept for the next event.
        dx, dy = int(position.x() - self._pan_from.x()), int(position.y() - self._pan_from.y())
        if dx or dy:
            self._pan_from += QPointF(dx, dy)
            self._canvas.set_view(self._canvas.view.moved(round(dx * ratio), round(dy * ratio)))

    def release(self, event: QMouseEvent) -> None:
        """Ends the gesture: a stroke becomes one edit."""
        event.accept()
        if event.button() != self._button:
            # Another one than began the gesture: the gesture goes on.
            return
        if self._pan_from is not None:
            self._pan_from = None
            self._canvas.setCursor(self._shape())
            self.update_cursor()
        elif self._stroke is not None:
            if isinstance(self._stroke, interactions.Stroke):
                self._last_end = self._stroke.last
            self._end_stroke()
        elif event.button() == LEFT:
            self._drafts.release(self._image_point(event.position()))

    def double_click(self, event: QMouseEvent) -> None:
        """Closes a polygon; for every other tool it is a second press."""
        if self._canvas.tool is ToolName.POLYGON and event.button() == LEFT and self._drafts.is_open:
            event.accept()
            self._drafts.close(subtract=bool(event.modifiers() & CONTROL))
        else:
            self.press(event)

    def wheel(self, event: QWheelEvent) -> None:
        """Zooms about the cursor; with Shift it changes brush or option; a touchpad's two fingers pan."""
        canvas = self._canvas
        delta = event.angleDelta()
        event.accept()
        if event.modifiers() & SHIFT:
            self._turn((delta.y() or delta.x()) / WHEEL_NOTCH)
            return
        if not canvas.has_image or self._stroke:
            return
        ratio = canvas.devicePixelRatioF()
        pixels = event.pixelDelta()
        touchpad = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if touchpad and not event.modifiers() & CONTROL:
            canvas.set_view(canvas.view.moved(round(pixels.x() * ratio), round(pixels.y() * ratio)))
            return
        position = event.position() * ratio
        self.update_cursor()
        canvas.zoom_by(ZOOM_STEP ** (delta.y() / WHEEL_NOTCH), (position.x(), position.y()))
        self._cursor = self._image_point(event.position())
        self.update_cursor()

    def _turn(self, notches: float) -> None:
        canvas = self._canvas
        if canvas.tool in OPTION_TOOLS:
            canvas.option_turned.emit(notches)
            return
        # Small brushes would hardly grow or shrink by a factor.
        wider = max if notches > 0 else min
        canvas.set_brush_radius(
            wider(canvas.brush_radius * 1.15**notches, canvas.brush_radius + 0.5 * notches)
        )

    def enter(self, event: QEnterEvent) -> None:
        """The cursor came; nobody may have said that it went."""
        self.update_cursor()
        self._cursor = self._image_point(event.position())
        self._canvas.setCursor(self._shape())
        self.update_cursor()
        self._tell_pixel(self._cursor)

    def leave(self) -> None:
        """The cursor went."""
        self.update_cursor()
        self._cursor = None
        self._canvas.left.emit()

    # -- keys ---------------------------------------------------------------------------------------------

    def key_press(self, event: QKeyEvent) -> bool:
        """The pan key pans, Esc takes back, Enter closes, Backspace removes a vertex; says if it was used."""
        key = event.key()
        if key in self._canvas.pan_keys:
            if not event.isAutoRepeat():
                self._space = True
                self._canvas.setCursor(self._shape())
                self.update_cursor()
            return True
        if key == Qt.Key.Key_Escape:
            return self.cancel()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self._drafts.is_open:
            self._drafts.close(subtract=bool(event.modifiers() & CONTROL))
            return True
        if key == Qt.Key.Key_Backspace and self._drafts.is_open:
            self._drafts.remove_last()
            return True
        return False

    def key_release(self, event: QKeyEvent) -> bool:
        """The pan key no longer pans."""
        if event.key() not in self._canvas.pan_keys:
            return False
        if not event.isAutoRepeat():
            self._space = False
            self._canvas.setCursor(self._shape())
            self.update_cursor()
        return True

    # -- ends ---------------------------------------------------------------------------------------------

    def cancel(self) -> bool:
        """Takes back what is under way; says whether there was anything."""
        if self._stroke is not None:
            self._canvas.update_image_rect(self._stroke.cancel())
            self._stroke = None
            self._erasing = False
            self.update_cursor()
            self._canvas.stroke_active.emit(False)
            return True
        if self._drafts.is_open:
            self._drafts.drop()
            return True
        return False

    def finish(self) -> None:
        """Ends what is under way without losing it: a stroke is committed, an open line is dropped."""
        if self._stroke is not None:
            self._end_stroke()
        self._pan_from = None
        if self._drafts.is_open:
            self._drafts.drop()
        self._last_end = None

    def focus_lost(self) -> None:
        """The keyboard went elsewhere: keys that are held will not be released here."""
        self._space = False
        if self._stroke is not None:
            self._end_stroke()
        self._drafts.focus_lost()
        self._pan_from = None
        self._canvas.setCursor(self._shape())
        self.update_cursor()

    def _end_stroke(self) -> None:
        assert self._stroke is not None
        stroke, self._stroke = self._stroke, None
        self._erasing = False
        self.update_cursor()
        self._canvas.report_edit(stroke.finish())
        self._canvas.stroke_active.emit(False)

    def tool_changed(self) -> None:
        """Another tool was chosen."""
        self._canvas.setCursor(self._shape())
        self._canvas.update()

    def forget_region(self) -> None:
        """Another mask: the region under the cursor must be found again."""
        self._hover.forget()

    def mask_changed(self) -> None:
        """The mask changed: the region under the cursor may be another one, with another outline."""
        region = self._hover.forget()
        if region is not None:
            self._canvas.update_screen_rect(cursors.screen_rect(self._canvas.view, region.rect, 3))
            self.update_cursor()

    # -- cursor -------------------------------------------------------------------------------------------

    def update_cursor(self) -> None:
        """Repaints where the cursor's drawing is."""
        canvas = self._canvas
        if self._cursor is None or not canvas.has_image:
            return
        if self._drafts.is_open:
            canvas.update_screen_rect(self._drafts.screen_rect(self._cursor))
        if canvas.tool in BRUSHES:
            canvas.update_screen_rect(cursors.brush_rect(canvas.view, self._cursor, canvas.brush_radius))
        elif canvas.tool in REGION_TOOLS:
            region = self._region()
            if region is not None:
                canvas.update_screen_rect(cursors.screen_rect(canvas.view, region.rect, 3))

    def paint(self, painter: QPainter, screen: QRect) -> None:
        """Draws the cursor of the tool, in screen pixels."""
        canvas, cursor = self._canvas, self._cursor
        self._drafts.paint(painter, cursor)
        if cursor is None or self._space or self._pan_from is not None:
            return
        if canvas.tool in BRUSHES:
            erasing = self._erasing or (canvas.tool is ToolName.ERASER and self._stroke is None)
            cursors.draw_brush(painter, canvas.view, cursor, canvas.brush_radius, erasing=erasing)
        elif canvas.tool in REGION_TOOLS and not self._drafts.is_open:
            region = self._region()
            if region is not None:
                cursors.draw_region(painter, canvas.view, region, screen)

    def _region(self) -> Region | None:
        canvas = self._canvas
        pixel = self._pixel(self._cursor) if self._cursor else None
        if pixel is None or canvas.document is None:
            return None
        if canvas.tool is ToolName.ACCEPT_REGION:
            prediction = canvas.overlay.prediction
            return None if prediction is None else self._hover.at(prediction, 0, *pixel)
        return self._hover.at(canvas.document.array, canvas.document.revision, *pixel)

    def _shape(self) -> Qt.CursorShape:
        if self._space or self._canvas.tool is ToolName.PAN:
            return Qt.CursorShape.OpenHandCursor
        return Qt.CursorShape.CrossCursor

    # -- places -------------------------------------------------------------------------------------------

    def _image_point(self, position: QPointF) -> Point:
        ratio = self._canvas.devicePixelRatioF()
        return self._canvas.view.to_image(position.x() * ratio, position.y() * ratio)

    def _pixel(self, point: Point) -> tuple[int, int] | None:
        x, y = math.floor(point[0]), math.floor(point[1])
        width, height = self._canvas.image_size
        return (x, y) if 0 <= x < width and 0 <= y < height else None
