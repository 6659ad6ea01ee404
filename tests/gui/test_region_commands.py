"""Region commands and the wand as a user works them: keys, clicks, lines, wheel, undo, and what is said."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio import images
from segstudio.annotation import islands, shape
from segstudio.annotation.regions import region_at
from segstudio.gui.canvas.modes import ShapeOp, ToolName
from segstudio.gui.correcting.tool_state import ISLAND, TOLERANCE, ToolState
from segstudio.gui.dialogs.chooser import Chooser
from segstudio.gui.memory import Memory
from tests.gui.conftest import CAR, HEIGHT, PALETTE, ROAD, SKY, WIDTH, Studio

SHIFT, CONTROL = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
NONE = Qt.KeyboardModifier.NoModifier
BUILDING = PALETTE.index("building")
INSIDE = (30, 26)
Mask = NDArray[np.uint8]


def first_mask() -> Mask:
    """A ragged building with a hole on a road, and specks of sky."""
    mask = np.full((HEIGHT, WIDTH), ROAD, np.uint8)
    mask[20:44, 20:60] = BUILDING
    mask[18:20, 30] = BUILDING
    mask[30:34, 40:44] = SKY
    mask[50:52, 80:82] = SKY
    mask[5:7, 5:7] = SKY
    return mask


@pytest.fixture
def town(tmp_path: Path) -> Path:
    """One image, red left and blue right, with that mask."""
    root = tmp_path / "town"
    root.mkdir()
    rgb = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    rgb[:, :48] = (200, 30, 30)
    rgb[:, 48:] = (30, 30, 200)
    rgb[10:12, 10:12] = (195, 34, 30)
    images.write_image(root / "frame_0.png", rgb)
    images.write_mask(root / "masks" / "frame_0.png", first_mask(), PALETTE.colours())
    return root


def point_at(studio: Studio, x: int, y: int) -> None:
    """Moves the mouse to a pixel's middle."""
    # Qt sends nothing when the mouse is there already, as it may be from an earlier test.
    for place in ((x - 3.5, y + 0.5), (x + 0.5, y + 0.5)):
        QTest.mouseMove(studio.canvas, studio.point(*place))


def right_click(studio: Studio, x: int, y: int) -> None:
    """A right click on a pixel's middle."""
    QTest.mouseClick(studio.canvas, Qt.MouseButton.RightButton, NONE, studio.point(x + 0.5, y + 0.5))


def wheel(studio: Studio, notches: int) -> None:
    """Turns the wheel with Shift."""
    place = QPointF(studio.point(30, 30))
    event = QWheelEvent(
        place,
        studio.canvas.mapToGlobal(place),
        QPoint(),
        QPoint(0, 120 * notches),
        Qt.MouseButton.NoButton,
        SHIFT,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QApplication.sendEvent(studio.canvas, event)


def changed(change: Callable[[Mask], object]) -> Mask:
    """The first mask after a change."""
    mask = first_mask()
    change(mask)
    return mask


EXPECTED: dict[ShapeOp, Callable[[Mask], object]] = {
    ShapeOp.GROW: lambda mask: shape.grow(mask, region_at(mask, *INSIDE), 1),
    ShapeOp.SHRINK: lambda mask: shape.shrink(mask, region_at(mask, *INSIDE), 1),
    ShapeOp.SMOOTH: lambda mask: shape.smooth(mask, region_at(mask, *INSIDE), 2),
    ShapeOp.FILL_HOLES: lambda mask: shape.fill_holes(mask, region_at(mask, *INSIDE)),
    ShapeOp.MERGE: lambda mask: shape.merge(mask, region_at(mask, *INSIDE)),
}


@pytest.mark.parametrize(
    ("op", "key", "modifier", "title"),
    [
        (ShapeOp.GROW, Qt.Key.Key_BracketRight, CONTROL, "Grow: building, "),
        (ShapeOp.SHRINK, Qt.Key.Key_BracketLeft, CONTROL, "Shrink, "),
        (ShapeOp.SMOOTH, Qt.Key.Key_S, SHIFT, "Smooth, "),
        (ShapeOp.FILL_HOLES, Qt.Key.Key_F, SHIFT, "Fill holes: building, 16 px"),
        (ShapeOp.MERGE, Qt.Key.Key_M, SHIFT, "Merge: road, "),
    ],
)
def test_a_key_changes_the_region_under_the_cursor_in_one_step(
    studio: Studio, town: Path, op: ShapeOp, key: Qt.Key, modifier: Qt.KeyboardModifier, title: str
) -> None:
    studio.open(town)
    point_at(studio, *INSIDE)
    studio.key(key, modifier)
    expected = changed(EXPECTED[op])
    assert (expected != first_mask()).any()
    np.testing.assert_array_equal(studio.mask(), expected)
    titles = studio.window.editor.history.titles
    assert len(titles) == 2
    assert titles[1].startswith(title)
    assert studio.tool() is ToolName.BRUSH
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), first_mask())


@pytest.mark.parametrize("op", EXPECTED)
def test_the_region_tool_does_what_its_row_says(studio: Studio, town: Path, op: ShapeOp) -> None:
    studio.open(town)
    studio.key(Qt.Key.Key_Z)
    assert studio.tool() is ToolName.SHAPE
    row = studio.window.editor.tool_options
    assert row.ops.isVisible()
    QTest.mouseClick(row.ops.buttons[op.value], Qt.MouseButton.LeftButton)
    studio.click(INSIDE[0] + 0.5, INSIDE[1] + 0.5)
    np.testing.assert_array_equal(studio.mask(), changed(EXPECTED[op]))


@pytest.mark.parametrize(
    ("op", "expected"),
    [
        (ShapeOp.GROW, EXPECTED[ShapeOp.SHRINK]),
        (ShapeOp.SHRINK, EXPECTED[ShapeOp.GROW]),
        (ShapeOp.FILL_HOLES, lambda mask: islands.fill_class_holes(mask, BUILDING)),
        (ShapeOp.MERGE, lambda mask: islands.remove_islands(mask, BUILDING, 2000)),
    ],
)
def test_the_right_button_does_the_opposite(
    studio: Studio, town: Path, op: ShapeOp, expected: Callable[[Mask], object]
) -> None:
    studio.open(town)
    studio.window.link.tool_state.set_op(op)
    studio.window.link.tool_state.set_amount(ISLAND, 2000)
    studio.key(Qt.Key.Key_Z)
    right_click(studio, *INSIDE)
    assert (changed(expected) != first_mask()).any()
    np.testing.assert_array_equal(studio.mask(), changed(expected))


@pytest.mark.parametrize(
    ("action", "class_id", "expected", "title"),
    [
        (
            "class_holes",
            BUILDING,
            lambda mask: islands.fill_class_holes(mask, BUILDING),
            "Fill holes: building",
        ),
        ("class_holes", ROAD, lambda mask: islands.fill_class_holes(mask, ROAD), "Fill holes: road"),
        ("islands", SKY, lambda mask: islands.remove_islands(mask, SKY, 64), "Remove islands, 24 px"),
    ],
)
def test_commands_on_the_active_class_reach_the_whole_image(
    studio: Studio, town: Path, action: str, class_id: int, expected: Callable[[Mask], object], title: str
) -> None:
    studio.open(town)
    studio.session.classes.set_active(class_id)
    studio.window.actions_by_id[f"region.{action}"].trigger()
    assert (changed(expected) != first_mask()).any()
    np.testing.assert_array_equal(studio.mask(), changed(expected))
    assert studio.window.editor.history.titles[-1].startswith(title)
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), first_mask())


def test_from_a_menu_the_next_click_chooses_the_region(studio: Studio, town: Path) -> None:
    studio.open(town)
    point_at(studio, *INSIDE)
    studio.canvas.left.emit()
    studio.window.actions_by_id["region.merge"].trigger()
    np.testing.assert_array_equal(studio.mask(), first_mask())
    assert studio.tool() is ToolName.SHAPE
    assert studio.window.editor.tool_options.ops.value == "merge"
    studio.click(INSIDE[0] + 0.5, INSIDE[1] + 0.5)
    np.testing.assert_array_equal(studio.mask(), changed(EXPECTED[ShapeOp.MERGE]))


def test_the_command_palette_knows_them(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.key(Qt.Key.Key_K, CONTROL)
    chooser = studio.window.findChild(Chooser)
    assert chooser is not None
    QTest.keyClicks(chooser.field, "islands of active")
    studio.session.classes.set_active(SKY)
    QTest.keyClick(chooser.field, Qt.Key.Key_Return)
    QApplication.processEvents()
    assert not (studio.mask() == SKY).any()


def test_locked_classes_stay_and_it_is_said(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.toggle_locked(SKY)
    point_at(studio, *INSIDE)
    studio.key(Qt.Key.Key_F, SHIFT)
    np.testing.assert_array_equal(studio.mask(), first_mask())
    assert "Fill holes: nothing to change; locked classes stay" in studio.messages()
    assert len(studio.window.editor.history.titles) <= 1


def test_a_key_in_mid_stroke_does_nothing(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    QTest.mousePress(studio.canvas, Qt.MouseButton.LeftButton, pos=studio.point(10, 60))
    QTest.mouseMove(studio.canvas, studio.point(30, 60))
    studio.key(Qt.Key.Key_M, SHIFT)
    QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=studio.point(30, 60))
    assert [title.partition(":")[0] for title in studio.window.editor.history.titles[1:]] == ["Brush"]


def test_a_line_splits_a_region(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_C, SHIFT)
    assert studio.tool() is ToolName.SHAPE
    studio.drag((30.5, 10.5), (30.5, 48.5))
    mask = studio.mask()
    assert (mask[20:44, 20:30] == CAR).all()
    assert (mask[18:44, 30] == BUILDING).all()
    assert (mask == CAR).sum() == 24 * 10
    assert studio.window.editor.history.titles[1].startswith("Split: car, 240 px")
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), first_mask())


def test_a_line_that_cannot_split_says_why(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_C, SHIFT)
    studio.drag((30.5, 15.5), (30.5, 35.5))
    assert any("right across" in text for text in studio.messages())
    studio.session.classes.set_active(BUILDING)
    studio.drag((30.5, 10.5), (30.5, 48.5))
    assert any("takes the active class" in text for text in studio.messages())
    np.testing.assert_array_equal(studio.mask(), first_mask())


def test_escape_drops_a_line(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_C, SHIFT)
    QTest.mousePress(studio.canvas, Qt.MouseButton.LeftButton, pos=studio.point(30.5, 10.5))
    QTest.mouseMove(studio.canvas, studio.point(30.5, 48.5))
    studio.key(Qt.Key.Key_Escape)
    QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=studio.point(30.5, 48.5))
    np.testing.assert_array_equal(studio.mask(), first_mask())


def test_the_wand_takes_connected_pixels_of_like_colour(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_W)
    assert studio.tool() is ToolName.WAND
    studio.click(40.5, 60.5)
    assert (studio.mask()[:, :48] == CAR).all()
    np.testing.assert_array_equal(studio.mask()[:, 48:], first_mask()[:, 48:])
    assert studio.window.editor.history.titles[1].startswith("Wand: car, ")
    studio.key(Qt.Key.Key_Z, CONTROL)
    studio.window.link.tool_state.set_amount(TOLERANCE, 0)
    studio.click(40.5, 60.5)
    assert (studio.mask()[10:12, 10:12] == ROAD).all()
    assert (studio.mask() == CAR).sum() == HEIGHT * 48 - 4
    right_click(studio, 80, 30)
    assert (studio.mask()[:, 48:] == 255).all()
    assert studio.window.editor.history.titles[-1].startswith("Erase by wand, ")


def test_dragging_the_wand_changes_its_tolerance(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    studio.window.link.tool_state.set_amount(TOLERANCE, 0)
    studio.key(Qt.Key.Key_W)
    start = studio.point(40.5, 60.5)
    QTest.mousePress(studio.canvas, Qt.MouseButton.LeftButton, pos=start)
    assert (studio.mask() == CAR).sum() == HEIGHT * 48 - 4
    for away, taken in ((40, HEIGHT * 48), (0, HEIGHT * 48 - 4), (60, HEIGHT * 48), (-90, HEIGHT * 48 - 4)):
        QTest.mouseMove(studio.canvas, QPoint(start.x() + away, start.y()))
        assert (studio.mask() == CAR).sum() == taken
    QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=start)
    assert [title.partition(":")[0] for title in studio.window.editor.history.titles[1:]] == ["Wand"]
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), first_mask())


def test_escape_takes_the_wand_back(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    studio.key(Qt.Key.Key_W)
    place = studio.point(40.5, 60.5)
    QTest.mousePress(studio.canvas, Qt.MouseButton.LeftButton, pos=place)
    assert (studio.mask() == CAR).any()
    studio.key(Qt.Key.Key_Escape)
    QTest.mouseRelease(studio.canvas, Qt.MouseButton.LeftButton, pos=place)
    np.testing.assert_array_equal(studio.mask(), first_mask())
    assert len(studio.window.editor.history.titles) <= 1


def test_the_wand_respects_locks(studio: Studio, town: Path) -> None:
    studio.open(town)
    studio.session.classes.set_active(CAR)
    studio.session.classes.toggle_locked(BUILDING)
    studio.key(Qt.Key.Key_W)
    studio.click(5.5, 60.5)
    np.testing.assert_array_equal(studio.mask() == BUILDING, first_mask() == BUILDING)


def test_tolerance_by_wheel_and_box(studio: Studio, town: Path) -> None:
    studio.open(town)
    radius = studio.canvas.brush_radius
    studio.key(Qt.Key.Key_W)
    wheel(studio, 3)
    assert studio.canvas.options.tolerance == 15
    spin = studio.window.editor.tool_options.spin
    assert spin.value() == 15
    spin.setFocus()
    spin.selectAll()
    QTest.keyClicks(spin, "40")
    QTest.keyClick(spin, Qt.Key.Key_Return)
    assert studio.canvas.options.tolerance == 40
    assert studio.canvas.hasFocus()
    assert studio.canvas.brush_radius == radius
    studio.key(Qt.Key.Key_B)
    wheel(studio, 1)
    assert studio.canvas.options.tolerance == 40
    assert studio.canvas.brush_radius > radius


def test_the_row_follows_the_tool(studio: Studio, town: Path) -> None:
    studio.open(town)
    row = studio.window.editor.tool_options
    assert not row.spin.isVisible()
    assert not row.ops.isVisible()
    assert row.hint.text()
    studio.key(Qt.Key.Key_W)
    assert row.spin.isVisible()
    assert not row.ops.isVisible()
    studio.key(Qt.Key.Key_Z)
    assert row.ops.isVisible()
    studio.window.link.tool_state.set_op(ShapeOp.FILL_HOLES)
    assert not row.spin.isVisible()
    studio.window.link.tool_state.set_op(ShapeOp.MERGE)
    assert (row.spin.minimum(), row.spin.value(), row.spin.text()) == (2, 64, "64 px")


class TestToolState:
    def test_amounts_come_back_and_stay_in_range(self) -> None:
        memory = Memory()
        state = ToolState(memory)
        state.set_amount(ISLAND, 200)
        state.set_amount(TOLERANCE, 1000)
        again = ToolState(memory).options
        assert (again.island, again.tolerance) == (200, TOLERANCE.most)

    @pytest.mark.parametrize("value", [-1, 10**9, "12", None, 3.5])
    def test_a_remembered_number_that_makes_no_sense_is_the_default(self, value: object) -> None:
        memory = Memory()
        memory.tools["island"] = value  # type: ignore[assignment]  # as a damaged file would
        assert ToolState(memory).options.island == 64

    def test_parts_of_a_notch_add_up(self) -> None:
        state = ToolState(Memory())
        for _ in range(4):
            state.turn(ToolName.WAND, 0.25)
        assert state.options.tolerance == 13
        state.turn(ToolName.BRUSH, 5)
        assert state.options.tolerance == 13
