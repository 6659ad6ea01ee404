"""A pen's events paint like the mouse's; fingers only move and zoom the view."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QTabletEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.stylus import mouse_button, mouse_buttons, spread
from tests.gui.canvas.conftest import IGNORE, LEFT, MIDDLE, NONE, RIGHT, Hand, Make, Points, check_stroke

NO_BUTTON = Qt.MouseButton.NoButton
PEN, ERASER = QPointingDevice.PointerType.Pen, QPointingDevice.PointerType.Eraser
WAY: Points = [(100.2, 75.6), (109.3, 70.1), (96.0, 66.4)]


class Pen:
    """Sends what a tablet's driver would."""

    def __init__(self, hand: Hand, end: QPointingDevice.PointerType = PEN) -> None:
        self.hand = hand
        capabilities = QInputDevice.Capability.Position | QInputDevice.Capability.Pressure
        kind = QInputDevice.DeviceType.Stylus
        self.device = QPointingDevice("pen", 7, kind, end, capabilities, 1, 3)

    def send(
        self,
        kind: QEvent.Type,
        at: tuple[float, float],
        button: Qt.MouseButton = NO_BUTTON,
        buttons: Qt.MouseButton = NO_BUTTON,
        pressure: float = 0.1,
    ) -> None:
        place = self.hand.screen(*at)
        far = QPointF(self.hand.canvas.mapToGlobal(place))
        event = QTabletEvent(
            kind, self.device, place, far, pressure, 0.0, 0.0, 0.0, 0.0, 0.0, NONE, button, buttons
        )
        QApplication.sendEvent(self.hand.canvas, event)

    def draw(self, way: Points, button: Qt.MouseButton = LEFT) -> None:
        self.send(QEvent.Type.TabletPress, way[0], button, button)
        for number, at in enumerate(way[1:]):
            self.send(QEvent.Type.TabletMove, at, buttons=button, pressure=0.2 + 0.3 * number)
        self.send(QEvent.Type.TabletRelease, way[-1], button)


def tool(hand: Hand) -> ToolName:
    """The canvas's tool now."""
    return hand.canvas.tool


def test_the_tip_paints_and_pressure_changes_nothing(hand: Make) -> None:
    made = hand()
    made.canvas.set_active_class(13)
    made.canvas.set_brush_radius(6.5)
    Pen(made).draw(WAY)
    check_stroke(made.mask, WAY, 6.5, 13, IGNORE)
    assert len(made.edits) == 1
    assert made.strokes == [True, False]


@pytest.mark.parametrize("barrel", [RIGHT, MIDDLE])
def test_the_barrel_is_the_right_button(hand: Make, barrel: Qt.MouseButton) -> None:
    made = hand()
    made.canvas.set_active_class(13)
    Pen(made).draw(WAY)
    Pen(made).draw(WAY, barrel)
    assert (made.mask == IGNORE).all()


def test_the_eraser_end_erases_and_gives_the_tool_back(hand: Make) -> None:
    made = hand()
    made.canvas.set_active_class(13)
    Pen(made).draw(WAY)
    assert (made.mask == 13).any()
    eraser = Pen(made, ERASER)
    eraser.send(QEvent.Type.TabletPress, WAY[0], LEFT, LEFT)
    assert tool(made) is ToolName.ERASER
    for at in WAY[1:]:
        eraser.send(QEvent.Type.TabletMove, at, buttons=LEFT)
    eraser.send(QEvent.Type.TabletRelease, WAY[-1], LEFT)
    assert tool(made) is ToolName.BRUSH
    assert (made.mask == IGNORE).all()


def test_a_tool_chosen_meanwhile_stays(hand: Make) -> None:
    made = hand()
    eraser = Pen(made, ERASER)
    eraser.send(QEvent.Type.TabletPress, WAY[0], LEFT, LEFT)
    made.canvas.set_tool(ToolName.PAN)
    eraser.send(QEvent.Type.TabletRelease, WAY[0], LEFT)
    assert made.canvas.tool is ToolName.PAN


def test_buttons_are_those_of_the_mouse() -> None:
    assert [mouse_button(button) for button in (NO_BUTTON, LEFT, RIGHT, MIDDLE)] == [
        NO_BUTTON,
        LEFT,
        RIGHT,
        RIGHT,
    ]
    assert mouse_buttons(LEFT | MIDDLE) == LEFT | RIGHT
    assert mouse_buttons(NO_BUTTON) == NO_BUTTON


def test_spread_of_points() -> None:
    middle, width = spread([QPointF(0, 0), QPointF(6, 8)])
    assert (middle, width) == (QPointF(3, 4), 5.0)


def test_one_finger_pans_and_never_paints(hand: Make) -> None:
    made = hand()
    canvas, device = made.canvas, QTest.createTouchDevice()
    view, before = canvas.view, made.mask.copy()
    start = made.screen(60, 60).toPoint()
    QTest.touchEvent(canvas, device).press(0, start, canvas).commit()
    QTest.touchEvent(canvas, device).move(0, start + QPointF(-20, 10).toPoint(), canvas).commit()
    QTest.touchEvent(canvas, device).release(0, start + QPointF(-20, 10).toPoint(), canvas).commit()
    ratio = canvas.devicePixelRatioF()
    assert canvas.view == view.moved(round(-20 * ratio), round(10 * ratio))
    assert (made.mask == before).all()
    assert made.strokes == []


def test_two_fingers_zoom_about_their_middle(hand: Make) -> None:
    made = hand()
    canvas, device = made.canvas, QTest.createTouchDevice()
    scale = canvas.view.scale
    middle = canvas.rect().center()
    ratio = canvas.devicePixelRatioF()
    under = canvas.view.to_image(middle.x() * ratio, middle.y() * ratio)
    for reach in (20, 30, 40):
        left, right = middle - QPointF(reach, 0).toPoint(), middle + QPointF(reach, 0).toPoint()
        touch = QTest.touchEvent(canvas, device)
        if reach == 20:
            touch.press(0, left, canvas).press(1, right, canvas).commit()
        else:
            touch.move(0, left, canvas).move(1, right, canvas).commit()
    QTest.touchEvent(canvas, device).release(0, left, canvas).release(1, right, canvas).commit()
    assert canvas.view.scale == pytest.approx(scale * 2, rel=0.02)
    after = canvas.view.to_image(middle.x() * ratio, middle.y() * ratio)
    assert np.allclose(after, under, atol=2)
    assert made.strokes == []


def test_a_palm_does_not_move_the_view_while_the_pen_is_down(hand: Make) -> None:
    made = hand()
    canvas, device = made.canvas, QTest.createTouchDevice()
    view, pen = canvas.view, Pen(made)
    pen.send(QEvent.Type.TabletPress, WAY[0], LEFT, LEFT)
    start = made.screen(60, 60).toPoint()
    QTest.touchEvent(canvas, device).press(0, start, canvas).commit()
    QTest.touchEvent(canvas, device).move(0, start + QPointF(30, 0).toPoint(), canvas).commit()
    QTest.touchEvent(canvas, device).release(0, start, canvas).commit()
    pen.send(QEvent.Type.TabletRelease, WAY[0], LEFT)
    assert canvas.view == view
