"""Pen and fingers on the canvas: the pen becomes the mouse, fingers move and zoom the view."""

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import (
    QInputDevice,
    QMouseEvent,
    QNativeGestureEvent,
    QPointingDevice,
    QTabletEvent,
    QTouchEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.view import View

LEFT, RIGHT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton, Qt.MouseButton.NoButton
MOUSE = {
    QEvent.Type.TabletPress: QEvent.Type.MouseButtonPress,
    QEvent.Type.TabletMove: QEvent.Type.MouseMove,
    QEvent.Type.TabletRelease: QEvent.Type.MouseButtonRelease,
}
TOUCHES = (QEvent.Type.TouchBegin, QEvent.Type.TouchUpdate, QEvent.Type.TouchEnd, QEvent.Type.TouchCancel)


class Touched(Protocol):
    """What a pen and fingers need of the canvas."""

    tool: ToolName
    view: View

    def set_tool(self, tool: ToolName) -> None:
        """Uses another tool."""

    def set_view(self, view: View) -> None:
        """Shows another part."""

    def zoom_by(self, factor: float, anchor: tuple[float, float] | None = None) -> None:
        """Multiplies the scale about a point in screen pixels."""

    def devicePixelRatioF(self) -> float:
        """Screen pixels in a pixel of the widget."""
        ...


class Stylus(QObject):
    """An event filter of the canvas.

    Tip = left button, barrel buttons = right, eraser end = the eraser while it is down. Pressure changes
    nothing: edges are hard and sizes are exact. One finger pans, two pan and zoom; neither ever paints, nor
    does a palm move the view while the pen is down.
    """

    def __init__(self, canvas: QWidget, touched: Touched) -> None:
        super().__init__(canvas)
        self._widget = canvas
        self._canvas = touched
        self._pen_down = False
        self._tool_before: ToolName | None = None
        self._fingers: tuple[int, QPointF, float] | None = None
        canvas.setAttribute(Qt.WidgetAttribute.WA_AcceptTouchEvents)
        canvas.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Takes what pens and fingers do; the mouse goes on."""
        if isinstance(event, QTabletEvent):
            return self._pen(event)
        if isinstance(event, QTouchEvent) and event.type() in TOUCHES:
            return self._touch(event)
        if isinstance(event, QNativeGestureEvent):
            return self._gesture(event)
        return False

    # -- pen ----------------------------------------------------------------------------------------------

    def _pen(self, event: QTabletEvent) -> bool:
        kind = MOUSE.get(event.type())
        if kind is None:
            return False
        event.accept()
        if event.type() == QEvent.Type.TabletPress:
            self._pen_down = True
            if event.pointerType() == QPointingDevice.PointerType.Eraser:
                self._lend_eraser()
        mouse = QMouseEvent(
            kind,
            event.position(),
            event.globalPosition(),
            mouse_button(event.button()),
            mouse_buttons(event.buttons()),
            event.modifiers(),
        )
        QApplication.sendEvent(self._widget, mouse)
        if event.type() == QEvent.Type.TabletRelease and event.buttons() == NO_BUTTON:
            self._pen_down = False
            self._give_back()
        return True

    def _lend_eraser(self) -> None:
        if self._canvas.tool is not ToolName.ERASER:
            self._tool_before = self._canvas.tool
            self._canvas.set_tool(ToolName.ERASER)

    def _give_back(self) -> None:
        before, self._tool_before = self._tool_before, None
        # Whoever chose another tool meanwhile keeps it.
        if before is not None and self._canvas.tool is ToolName.ERASER:
            self._canvas.set_tool(before)

    # -- fingers ------------------------------------------------------------------------------------------

    def _touch(self, event: QTouchEvent) -> bool:
        if event.deviceType() != QInputDevice.DeviceType.TouchScreen:
            return False
        event.accept()
        places = [point.position() for point in event.points() if point.state() != point.state().Released]
        if self._pen_down or not places or event.type() == QEvent.Type.TouchCancel:
            self._fingers = None
            return True
        middle, width = spread(places)
        if self._fingers is None or self._fingers[0] != len(places):
            self._fingers = (len(places), middle, width)
            return True
        _, before, width_before = self._fingers
        ratio = self._canvas.devicePixelRatioF()
        # Whole widget pixels, so that drawn pixels can be moved; the rest is kept for the next event.
        moved = QPointF(int(middle.x() - before.x()), int(middle.y() - before.y()))
        if not moved.isNull():
            self._canvas.set_view(self._canvas.view.moved(round(moved.x() * ratio), round(moved.y() * ratio)))
        if width > 0 and width_before > 0 and width != width_before:
            self._canvas.zoom_by(width / width_before, (middle.x() * ratio, middle.y() * ratio))
        self._fingers = (len(places), before + moved, width)
        return True

    def _gesture(self, event: QNativeGestureEvent) -> bool:
        if event.gestureType() != Qt.NativeGestureType.ZoomNativeGesture:
            return False
        ratio = self._canvas.devicePixelRatioF()
        place = event.position() * ratio
        self._canvas.zoom_by(1 + event.value(), (place.x(), place.y()))
        event.accept()
        return True


def mouse_button(button: Qt.MouseButton) -> Qt.MouseButton:
    """The mouse's button that a pen's stands for."""
    return button if button in (NO_BUTTON, LEFT) else RIGHT


def mouse_buttons(buttons: Qt.MouseButton) -> Qt.MouseButton:
    """The mouse's buttons that the pen's pressed ones stand for."""
    barrel = bool(buttons & ~LEFT)
    return (buttons & LEFT) | (RIGHT if barrel else NO_BUTTON)


def spread(places: Sequence[QPointF]) -> tuple[QPointF, float]:
    """(middle, mean distance from it) of points; the distance is 0 for one point."""
    count = len(places)
    middle = QPointF(sum(place.x() for place in places) / count, sum(place.y() for place in places) / count)
    offsets = [place - middle for place in places]
    return middle, sum((off.x() ** 2 + off.y() ** 2) ** 0.5 for off in offsets) / count
