"""Polygon, fill, relabel, pick and accept by real events, and the classes and masks they must spare."""

import math

import cv2
import numpy as np
import pytest
from PySide6.QtCore import Qt

from segstudio.annotation.protection import Protection
from segstudio.gui.canvas.modes import ToolName
from tests.gui.canvas.conftest import (
    CONTROL,
    IGNORE,
    RIGHT,
    SHIFT,
    TRIANGLE,
    Make,
    Points,
    distance,
    inside_polygon,
    patchwork,
)

# -- polygon -------------------------------------------------------------------------------------------------

BOW: Points = [(60.3, 40.2), (140.6, 110.4), (140.1, 40.7), (61.37, 110.1)]


@pytest.mark.parametrize("corners", [TRIANGLE, BOW], ids=["triangle", "bow"])
@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_polygon_closed_by_enter(hand: Make, corners: Points, scale: float) -> None:
    made = hand(scale=scale)
    made.canvas.set_tool(ToolName.POLYGON)
    made.canvas.set_active_class(5)
    for corner in corners:
        made.click(*corner)
    assert (made.mask == IGNORE).all()
    made.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(made.mask == 5, inside_polygon(made.mask.shape, corners))
    assert [edit.title for edit in made.edits] == ["Polygon"]


@pytest.mark.parametrize("way", ["first vertex", "double click"])
def test_polygon_closed_by_mouse(hand: Make, way: str) -> None:
    made = hand()
    made.canvas.set_tool(ToolName.POLYGON)
    for corner in TRIANGLE:
        made.click(*corner)
    if way == "first vertex":
        made.click(TRIANGLE[0][0] + 3, TRIANGLE[0][1] - 3)
    else:
        made.double(*TRIANGLE[-1])
    np.testing.assert_array_equal(made.mask == 0, inside_polygon(made.mask.shape, TRIANGLE))
    assert len(made.edits) == 1


def test_polygon_with_control_is_cut_out(hand: Make) -> None:
    made = hand(value=3)
    made.canvas.set_tool(ToolName.POLYGON)
    for corner in TRIANGLE:
        made.click(*corner)
    made.key(Qt.Key.Key_Return, CONTROL)
    np.testing.assert_array_equal(made.mask == IGNORE, inside_polygon(made.mask.shape, TRIANGLE))
    assert [edit.title for edit in made.edits] == ["Erase polygon"]


@pytest.mark.parametrize("by", ["right button", "backspace"])
def test_the_last_vertex_can_be_taken_back(hand: Make, by: str) -> None:
    made = hand()
    made.canvas.set_tool(ToolName.POLYGON)
    for corner in [*TRIANGLE, (10.0, 140.0)]:
        made.click(*corner)
    if by == "right button":
        made.click(100, 100, RIGHT)
    else:
        made.key(Qt.Key.Key_Backspace)
    made.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(made.mask == 0, inside_polygon(made.mask.shape, TRIANGLE))


def test_polygon_dropped_by_escape_or_another_tool(hand: Make) -> None:
    made = hand()
    made.canvas.set_tool(ToolName.POLYGON)
    for corner in TRIANGLE:
        made.click(*corner)
    made.key(Qt.Key.Key_Escape)
    made.key(Qt.Key.Key_Return)
    for corner in TRIANGLE:
        made.click(*corner)
    made.canvas.set_tool(ToolName.BRUSH)
    made.canvas.set_tool(ToolName.POLYGON)
    made.key(Qt.Key.Key_Return)
    assert made.edits == []
    assert (made.mask == IGNORE).all()


def test_two_vertices_are_no_polygon(hand: Make) -> None:
    made = hand()
    made.canvas.set_tool(ToolName.POLYGON)
    for corner in TRIANGLE[:2]:
        made.click(*corner)
    made.key(Qt.Key.Key_Return)
    assert made.edits == []


def test_shift_snaps_a_side_to_45_degrees(hand: Make) -> None:
    made = hand()
    made.canvas.set_tool(ToolName.POLYGON)
    made.click(50, 50)
    made.click(100, 53, modifier=SHIFT)
    made.click(100, 100)
    made.key(Qt.Key.Key_Return)
    reach = math.hypot(50, 3)
    expected = inside_polygon(made.mask.shape, [(50, 50), (50 + reach, 50), (100, 100)])
    np.testing.assert_array_equal(made.mask == 0, expected)


def test_polygon_drawn_freehand(hand: Make) -> None:
    made = hand()
    made.canvas.set_tool(ToolName.POLYGON)
    angles = np.linspace(0, 2 * math.pi, 60, endpoint=False)
    circle = [(100 + 40 * math.cos(a), 75 + 40 * math.sin(a)) for a in angles]
    made.drag(circle)
    made.key(Qt.Key.Key_Return)
    away = distance(made.mask.shape, [(100, 75)])
    assert (made.mask[away < 38] == 0).all()
    assert (made.mask[away > 41] == IGNORE).all()


def test_polygon_over_the_edge_is_clipped(hand: Make) -> None:
    made = hand(scale=0.5)
    made.canvas.set_tool(ToolName.POLYGON)
    corners: Points = [(-40.3, 20.2), (120.6, -60.4), (260.1, 200.7)]
    for corner in corners:
        made.click(*corner)
    made.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(made.mask == 0, inside_polygon(made.mask.shape, corners))


# -- regions -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", [ToolName.FILL, ToolName.RELABEL])
@pytest.mark.parametrize("scale", [0.5, 1.0, 7.3])
def test_a_click_relabels_its_region(hand: Make, tool: ToolName, scale: float) -> None:
    made = hand(scale=scale)
    made.mask[:] = before = patchwork(1, 200, 150)
    made.canvas.set_tool(tool)
    made.canvas.set_active_class(11)
    made.click(101.5, 72.5)
    _, parts = cv2.connectedComponents((before == before[72, 101]).astype(np.uint8), connectivity=4)
    expected = np.where(parts == parts[72, 101], 11, before)
    np.testing.assert_array_equal(made.mask, expected)
    assert len(made.edits) == 1


def test_fill_with_control_takes_the_class_everywhere(hand: Make) -> None:
    made = hand()
    made.mask[:] = before = patchwork(1, 200, 150)
    made.canvas.set_tool(ToolName.FILL)
    made.canvas.set_active_class(11)
    made.click(101.5, 72.5, modifier=CONTROL)
    np.testing.assert_array_equal(made.mask, np.where(before == before[72, 101], 11, before))


@pytest.mark.parametrize("tool", [ToolName.FILL, ToolName.RELABEL, ToolName.PICK, ToolName.ACCEPT_REGION])
@pytest.mark.parametrize("place", [(-0.5, 70.0), (200.5, 70.0), (70.0, -0.01), (70.0, 150.01)])
def test_a_click_outside_does_nothing(hand: Make, tool: ToolName, place: tuple[float, float]) -> None:
    made = hand()
    made.canvas.set_prediction(np.zeros((150, 200), np.uint8), np.zeros((150, 200), np.uint8))
    made.canvas.set_tool(tool)
    made.click(*place)
    assert made.edits == []
    assert made.picked == []
    assert (made.mask == IGNORE).all()
    assert made.hovered[-1] == (-1, -1)


def test_pick_names_the_class_under_the_cursor(hand: Make) -> None:
    made = hand()
    made.mask[:] = before = patchwork(1, 200, 150)
    made.canvas.set_tool(ToolName.PICK)
    places = [(0.5, 0.5), (199.9, 149.9), (33.2, 71.7)]
    for place in places:
        made.click(*place)
    assert made.picked == [before[math.floor(y), math.floor(x)] for x, y in places]
    assert made.hovered == [(math.floor(x), math.floor(y)) for x, y in places]
    np.testing.assert_array_equal(made.mask, before)


def test_accept_region_takes_over_the_predicted_region(hand: Make) -> None:
    made = hand(value=9)
    ids = patchwork(1, 200, 150)
    made.canvas.set_prediction(ids, np.full(ids.shape, 255, np.uint8))
    made.canvas.set_tool(ToolName.ACCEPT_REGION)
    made.click(101.5, 72.5)
    _, parts = cv2.connectedComponents((ids == ids[72, 101]).astype(np.uint8), connectivity=4)
    np.testing.assert_array_equal(made.mask, np.where(parts == parts[72, 101], ids, 9))


def test_accept_region_without_a_prediction_says_so(hand: Make) -> None:
    made = hand()
    made.canvas.set_tool(ToolName.ACCEPT_REGION)
    made.click(100, 75)
    assert made.edits == []
    assert len(made.said) == 1
    assert "predict" in made.said[0]


# -- protection ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("tool", [ToolName.BRUSH, ToolName.ERASER, ToolName.POLYGON])
def test_locked_classes_are_painted_around(hand: Make, tool: ToolName) -> None:
    made = hand()
    made.mask[:] = before = patchwork(1, 200, 150)
    made.canvas.set_filter(Protection(frozenset({1, 2})))
    made.canvas.set_tool(tool)
    made.canvas.set_active_class(11)
    if tool is ToolName.POLYGON:
        for corner in TRIANGLE:
            made.click(*corner)
        made.key(Qt.Key.Key_Return)
    else:
        made.drag([(40, 40), (150, 100)])
    changed = made.mask != before
    assert changed.any()
    assert set(np.unique(before[changed])) == {0, 3}
    locked = np.isin(before, (1, 2))
    np.testing.assert_array_equal(made.mask[locked], before[locked])


@pytest.mark.parametrize("tool", [ToolName.FILL, ToolName.RELABEL])
@pytest.mark.parametrize("modifier", [Qt.KeyboardModifier.NoModifier, CONTROL])
def test_a_locked_region_cannot_be_relabelled(
    hand: Make, tool: ToolName, modifier: Qt.KeyboardModifier
) -> None:
    made = hand()
    made.mask[:] = before = patchwork(1, 200, 150)
    made.canvas.set_filter(Protection(frozenset({int(before[72, 101])})))
    made.canvas.set_tool(tool)
    made.canvas.set_active_class(11)
    made.click(101.5, 72.5, modifier=modifier)
    np.testing.assert_array_equal(made.mask, before)
    assert made.edits == []


def test_locked_classes_are_not_accepted_over(hand: Make) -> None:
    made = hand()
    made.mask[:] = before = patchwork(2, 200, 150)
    made.canvas.set_prediction(np.full((150, 200), 6, np.uint8), np.zeros((150, 200), np.uint8))
    made.canvas.set_filter(Protection(frozenset({0})))
    made.canvas.set_tool(ToolName.ACCEPT_REGION)
    made.click(100, 75)
    np.testing.assert_array_equal(made.mask, np.where(before == 0, 0, 6))


@pytest.mark.parametrize("tool", [tool for tool in ToolName if tool not in (ToolName.PICK, ToolName.PAN)])
def test_what_may_not_be_edited_is_not(hand: Make, tool: ToolName) -> None:
    made = hand(value=2)
    made.canvas.set_prediction(np.zeros((150, 200), np.uint8), np.zeros((150, 200), np.uint8))
    made.canvas.set_editable(False, "it is a museum piece")
    made.canvas.set_tool(tool)
    for corner in TRIANGLE:
        made.click(*corner)
    made.key(Qt.Key.Key_Return)
    assert made.said
    assert set(made.said) == {"it is a museum piece"}
    assert (made.mask == 2).all()
    assert made.edits == []
