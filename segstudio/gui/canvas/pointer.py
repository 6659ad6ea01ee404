"""Pointer: turns mouse, wheel and keys over the canvas into calls of the current tool; pans and zooms."""

from PySide6.QtCore import QPointF, QRect, Qt
from PySide6.QtGui import QEnterEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent

from segstudio.annotation.tools import Point
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.navigation import WHEEL_NOTCH, Navigation
from segstudio.gui.canvas.surface import Surface
from segstudio.gui.canvas.tools.table import make_tools
from segstudio.gui.canvas.tools.tool import CanvasTool, Touch, may_edit

LEFT, RIGHT, MIDDLE = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.MiddleButton
CONTROL, SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


class Pointer:
    """The gesture that is under way, and what is drawn at the cursor."""

    def __init__(self, canvas: Surface) -> None:
        self._canvas = canvas
        self._tools = make_tools(canvas)
        self._navigation = Navigation(canvas)
        self._cursor: Point | None = None
        self._space = False
        self._tapping = False
        self._button = Qt.MouseButton.NoButton

    @property
    def tool(self) -> CanvasTool:
        """The tool in use."""
        return self._tools[self._canvas.tool]

    # -- mouse --------------------------------------------------------------------------------------------

    def press(self, event: QMouseEvent) -> None:
        """Begins what the button and tool mean; the middle button and a held Space always pan."""
        canvas = self._canvas
        canvas.setFocus(Qt.FocusReason.MouseFocusReason)
        event.accept()
        if self.tool.is_held or self._navigation.is_panning:
            if event.button() != self._button:
                return
            # A button cannot be pressed twice: its release went elsewhere.
            self.release(event)
        if not canvas.has_image:
            return
        self._button = button = event.button()
        if button == MIDDLE or (button == LEFT and (self._space or canvas.tool is ToolName.PAN)):
            self._navigation.take(event.position())
            self._tapping = False
            canvas.setCursor(Qt.CursorShape.ClosedHandCursor)
            self.update_cursor()
        elif button in (LEFT, RIGHT) and (not self.tool.edits or may_edit(canvas)):
            self.update_cursor()
            self.tool.press(self._touch(event))
            self.update_cursor()
        else:
            # Nothing was begun that a drag could go on with.
            self._button = Qt.MouseButton.NoButton

    def move(self, event: QMouseEvent) -> None:
        """Goes on with the gesture, or shows what the tool would do here."""
        if self._navigation.is_panning:
            self._navigation.drag(event.position())
            return
        touch = self._touch(event)
        self.update_cursor()
        self._cursor = touch.point
        if self.tool.is_held or event.buttons() & self._button & (LEFT | RIGHT):
            self.tool.drag(touch)
        else:
            self.tool.hover(touch)
        self.update_cursor()
        self._tell_pixel(touch.point)
        event.accept()

    def _tell_pixel(self, point: Point) -> None:
        self._canvas.hovered.emit(*(self._canvas.pixel_at(point) or (-1, -1)))

    def release(self, event: QMouseEvent) -> None:
        """Ends the gesture: a stroke becomes one edit."""
        event.accept()
        if event.button() != self._button:
            # Another one than began the gesture: the gesture goes on.
            return
        if self._navigation.is_panning:
            self._navigation.let_go()
            self._canvas.setCursor(self._shape())
        elif event.button() in (LEFT, RIGHT):
            self.tool.release(self._touch(event))
        self._button = Qt.MouseButton.NoButton
        self.update_cursor()

    def double_click(self, event: QMouseEvent) -> None:
        """What the tool makes of it; for most it is a second press."""
        canvas = self._canvas
        if event.button() == LEFT and canvas.has_image and self.tool.double_click(self._touch(event)):
            event.accept()
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
        if not canvas.has_image or self.tool.is_held:
            return
        self.update_cursor()
        self._navigation.wheel(event)
        self._cursor = self._image_point(event.position())
        self.update_cursor()

    def _turn(self, notches: float) -> None:
        canvas = self._canvas
        if self.tool.has_options:
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
                self._space = self._tapping = True
                self._canvas.setCursor(self._shape())
                self.update_cursor()
            return True
        if key == Qt.Key.Key_Escape:
            return self.cancel()
        if key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            return self.tool.confirm(control=bool(event.modifiers() & CONTROL))
        if key == Qt.Key.Key_Backspace:
            return self.tool.back()
        return False

    def key_release(self, event: QKeyEvent) -> bool:
        """The pan key no longer pans."""
        if event.key() not in self._canvas.pan_keys:
            return False
        if not event.isAutoRepeat():
            self._space = False
            if self._tapping and self.tool.space_confirms:
                self.tool.confirm(control=False)
            self._tapping = False
            self._canvas.setCursor(self._shape())
            self.update_cursor()
        return True

    # -- ends ---------------------------------------------------------------------------------------------

    def cancel(self) -> bool:
        """Takes back what is under way; says whether there was anything."""
        self.update_cursor()
        taken_back = self.tool.cancel()
        self.update_cursor()
        return taken_back

    def finish(self) -> None:
        """Ends what is under way without losing it: a stroke is committed, an open line is dropped."""
        self.update_cursor()
        self.tool.finish()
        self._navigation.let_go()

    def focus_lost(self) -> None:
        """The keyboard went elsewhere: keys that are held will not be released here."""
        self._space = False
        self.tool.focus_lost()
        self._navigation.let_go()
        self._canvas.setCursor(self._shape())
        self.update_cursor()

    def tool_changed(self) -> None:
        """Another tool was chosen."""
        self._canvas.setCursor(self._shape())
        self._canvas.update()

    def forget(self) -> None:
        """Another mask: what the tools know of the one before no longer holds."""
        for tool in self._tools.values():
            tool.forget()

    def mask_changed(self) -> None:
        """The mask changed: what the tool shows at the cursor may be another thing now."""
        self.tool.mask_changed()
        self.update_cursor()

    # -- cursor -------------------------------------------------------------------------------------------

    def update_cursor(self) -> None:
        """Repaints where the cursor's drawing is."""
        if self._cursor is not None and self._canvas.has_image:
            marks = self.tool.marks(self._cursor)
            if not marks.isEmpty():
                self._canvas.update_screen_rect(marks)

    def paint(self, painter: QPainter, screen: QRect) -> None:
        """Draws the cursor and drafts of the tool, in screen pixels."""
        panning = self._space or self._navigation.is_panning
        self.tool.paint(painter, None if panning else self._cursor, screen)

    def _shape(self) -> Qt.CursorShape:
        return Qt.CursorShape.OpenHandCursor if self._space else self.tool.shape

    # -- places -------------------------------------------------------------------------------------------

    def _touch(self, event: QMouseEvent) -> Touch:
        point, modifiers = self._image_point(event.position()), event.modifiers()
        return Touch(
            point,
            self._canvas.pixel_at(point),
            self._button == RIGHT,
            bool(modifiers & CONTROL),
            bool(modifiers & SHIFT),
            bool(modifiers & Qt.KeyboardModifier.AltModifier),
        )

    def _image_point(self, position: QPointF) -> Point:
        ratio = self._canvas.devicePixelRatioF()
        return self._canvas.view.to_image(position.x() * ratio, position.y() * ratio)
