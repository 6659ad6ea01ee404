"""Lasso and extend by real events: what a drag encloses, which class it takes, and what takes it back."""

import numpy as np
import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtWidgets import QApplication

from segstudio.annotation.protection import Protection
from segstudio.gui.canvas.modes import ToolName
from tests.gui.canvas.conftest import (
    CONTROL,
    IGNORE,
    NONE,
    RIGHT,
    SHIFT,
    TRIANGLE,
    Make,
    inside_polygon,
)


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_lasso_fills_what_the_drag_encloses_when_the_button_comes_up(hand: Make, scale: float) -> None:
    made = hand(scale=scale)
    made.canvas.set_tool(ToolName.LASSO)
    made.canvas.set_active_class(5)
    made.press(*TRIANGLE[0])
    for corner in TRIANGLE[1:]:
        made.move(*corner)
    assert (made.mask == IGNORE).all()
    made.release(*TRIANGLE[-1])
    np.testing.assert_array_equal(made.mask == 5, inside_polygon(made.mask.shape, TRIANGLE))
    assert [edit.title for edit in made.edits] == ["Lasso"]


@pytest.mark.parametrize(
    ("tool", "modifier", "wanted"),
    [
        (ToolName.LASSO, NONE, 5),
        (ToolName.LASSO, SHIFT, 2),
        (ToolName.EXTEND, NONE, 2),
        (ToolName.EXTEND, SHIFT, 5),
        (ToolName.LASSO, CONTROL, IGNORE),
        (ToolName.EXTEND, CONTROL, IGNORE),
    ],
)
def test_class_that_a_drag_takes(
    hand: Make, tool: ToolName, modifier: Qt.KeyboardModifier, wanted: int
) -> None:
    made = hand(value=7)
    made.mask[:, :80] = 2
    made.canvas.set_tool(tool)
    made.canvas.set_active_class(5)
    outline = [(60.0, 40.0), (140.0, 40.0), (140.0, 110.0), (60.0, 110.0)]
    made.drag(outline, modifier=modifier)
    assert (made.mask[50:100, 85:135] == wanted).all()
    assert (made.mask[:, 150:] == 7).all()
    assert made.canvas.active_class == 5


def test_right_button_erases(hand: Make) -> None:
    made = hand(value=3)
    made.canvas.set_tool(ToolName.LASSO)
    made.drag(TRIANGLE, button=RIGHT)
    np.testing.assert_array_equal(made.mask == IGNORE, inside_polygon(made.mask.shape, TRIANGLE))
    assert [edit.title for edit in made.edits] == ["Erase by lasso"]


@pytest.mark.parametrize("way", ["escape", "backspace", "focus", "another tool"])
def test_outline_that_is_dropped_changes_nothing(hand: Make, way: str) -> None:
    made = hand(value=3)
    made.canvas.set_tool(ToolName.LASSO)
    made.press(*TRIANGLE[0])
    made.move(*TRIANGLE[1])
    made.move(*TRIANGLE[2])
    if way == "escape":
        made.key(Qt.Key.Key_Escape)
    elif way == "backspace":
        made.key(Qt.Key.Key_Backspace)
    elif way == "focus":
        QApplication.sendEvent(made.canvas, QFocusEvent(QEvent.Type.FocusOut))
    else:
        made.canvas.set_tool(ToolName.BRUSH)
    made.release(*TRIANGLE[2])
    assert (made.mask == 3).all()
    assert not made.edits
    assert made.strokes == [True, False]


def test_click_without_a_drag_changes_nothing(hand: Make) -> None:
    made = hand(value=3)
    for tool in (ToolName.LASSO, ToolName.EXTEND):
        made.canvas.set_tool(tool)
        made.click(50, 50)
    assert (made.mask == 3).all()
    assert not made.edits


def test_extend_that_begins_beside_the_image_has_no_class_to_take(hand: Make) -> None:
    made = hand(value=3)
    made.canvas.set_tool(ToolName.EXTEND)
    made.drag([(-5.0, 20.0), (60.0, 20.0), (60.0, 60.0)])
    assert (made.mask == 3).all()


def test_locked_classes_stay(hand: Make) -> None:
    made = hand(value=3)
    made.mask[60:] = 4
    made.canvas.set_filter(Protection(frozenset({4})))
    made.canvas.set_tool(ToolName.LASSO)
    made.canvas.set_active_class(5)
    made.drag(TRIANGLE)
    assert (made.mask[60:] == 4).all()
    np.testing.assert_array_equal(made.mask[:60] == 5, inside_polygon(made.mask.shape, TRIANGLE)[:60])
