"""Brush and eraser under real presses, moves and releases, also those that end in an unusual way."""

import cv2
import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit
from pytestqt.qtbot import QtBot

from segstudio.annotation.mask import MaskDocument
from segstudio.gui.canvas.canvas import SMALLEST_BRUSH
from segstudio.gui.canvas.modes import ToolName
from tests.gui.canvas.conftest import (
    CONTROL,
    IGNORE,
    LEFT,
    MIDDLE,
    RIGHT,
    SHIFT,
    Make,
    Points,
    check_stroke,
)

SCALES = (0.25, 0.5, 1.0, 1.5, 2.0, 7.3, 16.0)


# -- brush and eraser ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", SCALES)
def test_brush_paints_where_the_hand_goes(hand: Make, scale: float) -> None:
    made = hand(scale=scale)
    canvas = made.canvas
    canvas.set_active_class(13)
    canvas.set_brush_radius(6.5)
    way: Points = [(100.2, 75.6), (109.3, 70.1), (96.0, 66.4), (88.8, 80.5)]
    made.drag(way)
    check_stroke(made.mask, way, 6.5, 13, IGNORE)
    assert len(made.edits) == 1
    assert made.strokes == [True, False]
    assert made.edits[0].pixels == np.count_nonzero(made.mask == 13)


def test_brush_by_window_system_events(hand: Make) -> None:
    made = hand()
    made.canvas.set_active_class(4)
    places = [made.screen(x, y).toPoint() for x, y in ((40, 40), (60, 50), (80, 40))]
    QTest.mousePress(made.canvas, LEFT, pos=places[0])
    for place in places[1:]:
        QTest.mouseMove(made.canvas, place)
    QTest.mouseRelease(made.canvas, LEFT, pos=places[-1])
    check_stroke(made.mask, [(40, 40), (60, 50), (80, 40)], made.canvas.brush_radius, 4, IGNORE)


@pytest.mark.parametrize(
    ("tool", "button", "modifier", "expected"),
    [
        (ToolName.BRUSH, LEFT, CONTROL, IGNORE),
        (ToolName.BRUSH, RIGHT, Qt.KeyboardModifier.NoModifier, IGNORE),
        (ToolName.ERASER, LEFT, Qt.KeyboardModifier.NoModifier, IGNORE),
        (ToolName.ERASER, RIGHT, Qt.KeyboardModifier.NoModifier, 8),
        (ToolName.ERASER, LEFT, CONTROL, 8),
    ],
)
def test_right_button_and_control_do_the_opposite(
    hand: Make, tool: ToolName, button: Qt.MouseButton, modifier: Qt.KeyboardModifier, expected: int
) -> None:
    made = hand(value=2, scale=2.0)
    made.canvas.set_tool(tool)
    made.canvas.set_active_class(8)
    way: Points = [(90.0, 70.0), (110.0, 75.0)]
    made.drag(way, button, modifier)
    check_stroke(made.mask, way, made.canvas.brush_radius, expected, 2)
    assert [edit.title for edit in made.edits] == ["Erase" if expected == IGNORE else "Brush"]


def test_smallest_brush_paints_the_pixel_under_it(hand: Make) -> None:
    made = hand(scale=16.0)
    made.canvas.set_brush_radius(0.0)
    assert made.canvas.brush_radius == SMALLEST_BRUSH
    made.click(100.02, 75.97)
    assert np.argwhere(made.mask != IGNORE).tolist() == [[75, 100]]


def test_a_fast_move_leaves_no_gap(hand: Make) -> None:
    made = hand()
    made.canvas.set_brush_radius(1.0)
    made.drag([(5.5, 5.5), (190.5, 140.5)])
    check_stroke(made.mask, [(5.5, 5.5), (190.5, 140.5)], 1.0, 0, IGNORE)
    count, _ = cv2.connectedComponents((made.mask == 0).astype(np.uint8), connectivity=8)
    assert count == 2


def test_shift_joins_to_the_last_stroke(hand: Make) -> None:
    made = hand()
    made.click(20, 20)
    made.click(150, 100, modifier=SHIFT)
    check_stroke(made.mask, [(20, 20), (150, 100)], made.canvas.brush_radius, 0, IGNORE)
    assert len(made.edits) == 2


def test_a_double_click_paints_twice(hand: Make) -> None:
    made = hand()
    made.click(50, 50)
    made.canvas.set_active_class(3)
    made.double(50, 50)
    check_stroke(made.mask, [(50, 50)], made.canvas.brush_radius, 3, IGNORE)
    assert made.strokes == [True, False] * 2


def test_painting_the_same_again_is_no_edit(hand: Make) -> None:
    made = hand(value=0)
    made.drag([(50, 50), (60, 60)])
    assert made.edits == []
    assert made.strokes == [True, False]
    assert made.canvas.document is not None
    assert not made.canvas.document.history.can_undo


@pytest.mark.parametrize("scale", [0.5, 1.0, 7.3])
def test_a_stroke_may_leave_the_image_and_come_back(hand: Make, scale: float) -> None:
    made = hand(scale=scale)
    made.canvas.set_brush_radius(4.0)
    way: Points = [(190.0, 80.0), (230.0, 90.0), (230.0, 160.0), (120.0, 160.0), (100.0, 140.0)]
    made.drag(way)
    check_stroke(made.mask, way, 4.0, 0, IGNORE)


def test_a_stroke_beside_the_image_changes_nothing(hand: Make) -> None:
    made = hand(scale=0.5)
    made.drag([(-60.0, -50.0), (-60.0, 200.0), (260.0, 200.0)])
    assert made.edits == []
    assert made.strokes == [True, False]
    assert (made.mask == IGNORE).all()


def test_the_rim_of_a_brush_beside_the_image_reaches_in(hand: Make) -> None:
    made = hand()
    made.canvas.set_brush_radius(5.0)
    made.click(-2.0, 75.0)
    check_stroke(made.mask, [(-2.0, 75.0)], 5.0, 0, IGNORE)


# -- strokes that do not end as usual ------------------------------------------------------------------------


def test_leaving_the_widget_keeps_the_stroke(hand: Make) -> None:
    made = hand()
    made.press(50, 50)
    QApplication.sendEvent(made.canvas, QEvent(QEvent.Type.Leave))
    assert made.edits == []
    made.move(80, 50)
    made.release(80, 50)
    check_stroke(made.mask, [(50, 50), (80, 50)], made.canvas.brush_radius, 0, IGNORE)
    assert len(made.edits) == 1


def test_escape_takes_a_stroke_back(hand: Make) -> None:
    made = hand()
    made.press(50, 50)
    made.move(120, 90)
    assert (made.mask == 0).any()
    made.key(Qt.Key.Key_Escape)
    assert (made.mask == IGNORE).all()
    made.move(20, 20)
    made.release(20, 20)
    assert (made.mask == IGNORE).all()
    assert made.edits == []
    assert made.strokes == [True, False]


def test_losing_the_keyboard_ends_the_stroke(hand: Make, qtbot: QtBot) -> None:
    made = hand()
    other = QLineEdit(made.canvas)
    other.show()
    made.canvas.activateWindow()
    qtbot.waitUntil(made.canvas.isActiveWindow)
    made.press(50, 50)
    made.move(80, 50)
    assert made.canvas.hasFocus()
    other.setFocus()
    assert made.strokes == [True, False]
    made.move(120, 120)
    made.release(120, 120)
    check_stroke(made.mask, [(50, 50), (80, 50)], made.canvas.brush_radius, 0, IGNORE)
    assert len(made.edits) == 1


def test_another_document_in_mid_stroke_leaves_the_stroke_in_the_first(hand: Make) -> None:
    made = hand()
    first = made.mask
    made.press(50, 50)
    made.move(80, 50)
    second = MaskDocument(np.full((150, 200), 7, np.uint8))
    made.canvas.set_document(second)
    made.move(120, 120)
    made.release(120, 120)
    check_stroke(first, [(50, 50), (80, 50)], made.canvas.brush_radius, 0, IGNORE)
    assert (second.array == 7).all()
    assert len(made.edits) == 1


def test_another_tool_in_mid_stroke_commits_it(hand: Make) -> None:
    made = hand()
    made.press(50, 50)
    made.canvas.set_tool(ToolName.POLYGON)
    assert len(made.edits) == 1
    made.release(50, 50)
    assert len(made.edits) == 1


def test_a_second_button_does_not_disturb_a_stroke(hand: Make) -> None:
    made = hand()
    made.press(50, 50)
    made.press(60, 50, RIGHT)
    made.move(70, 50)
    made.release(70, 50, RIGHT)
    assert made.edits == [], "releasing a button that did not begin the stroke ended it"
    made.move(100, 50)
    made.press(100, 50, MIDDLE)
    made.release(100, 50, MIDDLE)
    made.release(100, 50)
    check_stroke(made.mask, [(50, 50), (100, 50)], made.canvas.brush_radius, 0, IGNORE)
    assert len(made.edits) == 1


def test_a_second_button_does_not_end_a_pan(hand: Make) -> None:
    made = hand()
    start = made.canvas.view
    place = made.screen(50, 50)
    made.press(50, 50, MIDDLE)
    made.press(50, 50, LEFT)
    made.release(50, 50, LEFT)
    made.move_on_screen(place + QPointF(30, 20))
    assert made.canvas.view == start.moved(30, 20)
    made.release(50, 50, MIDDLE)
    assert made.edits == []


@pytest.mark.parametrize("button", [LEFT, MIDDLE])
def test_a_release_that_never_came_does_not_block_the_next_press(hand: Make, button: Qt.MouseButton) -> None:
    made = hand()
    made.press(50, 50, button)
    made.move(80, 50)
    made.click(150, 100)
    made.click(150, 100, button)
    made.click(20, 120)
    assert made.mask[120, 20] == 0
    assert made.strokes[-2:] == [True, False]
    assert made.canvas.document is not None
    assert not made.canvas.document.in_stroke


def test_the_wheel_does_not_move_the_image_under_a_stroke(hand: Make) -> None:
    made = hand()
    view = made.canvas.view
    made.press(50, 50)
    made.wheel(100, 100, 1)
    assert made.canvas.view == view
    made.release(50, 50)
    assert len(made.edits) == 1


def test_undo_waits_for_the_end_of_the_stroke(hand: Make) -> None:
    made = hand()
    made.drag([(20, 20), (30, 20)])
    made.press(50, 50)
    document = made.canvas.document
    assert document is not None
    assert document.undo() is None
    made.release(50, 50)
    assert document.undo() is not None
    check_stroke(made.mask, [(20, 20), (30, 20)], made.canvas.brush_radius, 0, IGNORE)


# -- undo and redo -------------------------------------------------------------------------------------------


def test_undo_and_redo_pass_through_every_state(hand: Make) -> None:
    made = hand(scale=2.0)
    document = made.canvas.document
    assert document is not None
    random = np.random.default_rng(3)
    states = [made.mask.copy()]
    for _ in range(12):
        made.canvas.set_active_class(int(random.integers(0, 19)))
        made.canvas.set_brush_radius(float(random.uniform(1, 30)))
        way = [(float(x), float(y)) for x, y in random.uniform((-20, -20), (220, 170), (4, 2))]
        made.drag(way, RIGHT if random.random() < 0.3 else LEFT)
        if len(made.edits) == len(states):
            states.append(made.mask.copy())
    for state in reversed(states[:-1]):
        rect = document.undo()
        made.canvas.mask_changed(rect)
        np.testing.assert_array_equal(made.mask, state)
    assert document.undo() is None
    for state in states[1:]:
        made.canvas.mask_changed(document.redo())
        np.testing.assert_array_equal(made.mask, state)
    assert document.redo() is None
