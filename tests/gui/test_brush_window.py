"""The brush's options in the window: lists, what is remembered, restoring what was saved, hidden classes."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox

from segstudio.annotation.islands import keep_largest
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.shape import grow, smooth
from segstudio.gui.canvas.modes import ShapeOp, Snap, Source, ToolName
from segstudio.gui.correcting.tool_state import DISTANCE, SMOOTHING, ToolState
from segstudio.gui.memory import Memory
from tests.gui.conftest import CAR, PALETTE, ROAD, SKY, Studio

IGNORE = 255


def pick(combo: QComboBox, text: str) -> None:
    """Chooses an entry as a user does: opens the list and presses Enter on it."""
    row = combo.findText(text)
    assert row >= 0, text
    combo.setFocus()
    while combo.currentIndex() != row:
        QTest.keyClick(combo, Qt.Key.Key_Down if combo.currentIndex() < row else Qt.Key.Key_Up)


def shown(studio: Studio) -> list[str]:
    """The lists that the options row shows now."""
    lists = studio.window.editor.tool_extras.lists
    return [combo.currentText() for combo in lists.values() if combo.isVisible()]


def test_each_tool_shows_its_own_lists(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    expected = {
        ToolName.BRUSH: ["Round", "Image size", "No snap"],
        ToolName.ERASER: ["Erase to unlabelled", "Round", "Image size", "No snap"],
        ToolName.RESTORE: ["From prediction", "Round", "Image size", "No snap"],
        ToolName.WAND: ["Whole image", "Connected"],
        ToolName.POLYGON: [],
    }
    for tool, texts in expected.items():
        studio.window.actions_by_id[f"tool.{tool.value}"].trigger()
        assert shown(studio) == texts


def test_the_eraser_leaves_the_class_that_is_chosen(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_E)
    pick(studio.window.editor.tool_extras.lists["erase_to"], "Erase to car")
    assert studio.window.link.tool_state.options.erase_to == CAR
    studio.canvas.set_brush_radius(4)
    studio.drag((20, 50), (40, 50))
    assert (studio.mask()[50, 20:40] == CAR).all()
    # Another project's ids mean other classes.
    studio.open(folder)
    assert studio.window.link.tool_state.options.erase_to == IGNORE
    assert studio.session.memory.tools.get("erase_to", IGNORE) == IGNORE


def test_what_was_saved_is_painted_back_after_a_later_save_too(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.canvas.set_brush_radius(3)
    studio.session.classes.set_active(CAR)
    studio.drag((20, 50), (40, 50))
    studio.window.editing.save()
    studio.settle()
    studio.session.classes.set_active(SKY)
    studio.drag((10, 50), (60, 50))
    assert (studio.mask()[50, 20:40] == SKY).all()
    studio.key(Qt.Key.Key_B, Qt.KeyboardModifier.ShiftModifier)
    assert studio.tool() is ToolName.RESTORE
    pick(studio.window.editor.tool_extras.lists["restore_from"], "From last saved")
    studio.drag((10, 50), (60, 50))
    assert (studio.mask()[50, 20:40] == CAR).all()
    assert studio.mask()[50, 50] == ROAD
    assert studio.window.editor.history.titles[-1].startswith("Restore, ")


def test_an_image_without_a_mask_has_nothing_saved(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.open_sample("frame_3")
    studio.window.link.tool_state.choose("restore_from", Source.SAVED)
    studio.window.link.choose_tool(ToolName.RESTORE)
    studio.drag((10, 50), (60, 50))
    assert any("no saved mask" in text for text in studio.messages())
    assert (studio.mask() == IGNORE).all()


def test_hidden_classes_are_saved(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.classes.set_active(CAR)
    studio.session.classes.toggle_hidden(CAR)
    studio.canvas.set_brush_radius(4)
    studio.drag((20, 50), (40, 50))
    studio.window.editing.save()
    studio.settle()
    saved = studio.file_mask(studio.session.current or "")
    assert saved is not None
    np.testing.assert_array_equal(saved, studio.mask())
    assert (saved[50, 20:40] == CAR).all()


def test_options_are_remembered() -> None:
    memory = Memory()
    state = ToolState(memory)
    state.choose("snap", Snap.MODEL)
    state.choose("square", True)
    state.choose("restore_from", Source.SAVED)
    state.choose("erase_to", 4)
    state.set_amount(SMOOTHING, 2)
    options = ToolState(memory).options
    assert (options.snap, options.square, options.restore_from) == (Snap.MODEL, True, Source.SAVED)
    assert options.smoothing == 2
    assert options.erase_to == IGNORE


def as_region(mask: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], class_id: int) -> Region:
    """A whole class as one."""
    height, width = mask.shape
    inside = mask == class_id
    return Region(class_id, Rect(0, 0, width, height), inside, int(inside.sum()))


@pytest.mark.parametrize("action", ["class_grow", "class_smooth", "class_largest"])
def test_commands_change_a_whole_class(studio: Studio, folder: Path, action: str) -> None:
    studio.open(folder)
    document = studio.session.entry.document  # type: ignore[union-attr]  # a sample is open
    document.array[40:46, 10:20] = CAR
    document.array[50:52, 60:63] = CAR
    document.array[52, 61] = CAR
    expected = document.array.copy()
    studio.session.classes.set_active(PALETTE.index("car"))
    studio.window.link.tool_state.set_amount(DISTANCE, 2)
    if action == "class_grow":
        grow(expected, as_region(expected, CAR), 2)
    elif action == "class_smooth":
        smooth(expected, as_region(expected, CAR), 2)
    else:
        keep_largest(expected, CAR)
    studio.window.actions_by_id[f"region.{action}"].trigger()
    np.testing.assert_array_equal(studio.mask(), expected)
    assert document.history.position == 1


def test_the_region_tool_keeps_the_clicked_region(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.session.entry.document.array[40:46, 10:20] = CAR  # type: ignore[union-attr]  # a sample is open
    studio.session.entry.document.array[50:52, 60:63] = CAR  # type: ignore[union-attr]  # a sample is open
    studio.window.link.tool_state.set_op(ShapeOp.KEEP)
    studio.window.link.choose_tool(ToolName.SHAPE)
    studio.click(61.5, 51.5)
    assert (studio.mask()[40:46, 10:20] == ROAD).all()
    assert (studio.mask()[50:52, 60:63] == CAR).all()


def test_the_version_that_is_looked_at_is_painted_back(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    studio.canvas.set_brush_radius(4)
    studio.session.classes.set_active(CAR)
    studio.drag((20, 50), (60, 50))
    studio.window.editing.save()
    studio.settle()
    panel = studio.window.editor.history
    studio.window.link.choose_tool(ToolName.RESTORE)
    pick(studio.window.editor.tool_extras.lists["restore_from"], "From chosen version")
    studio.drag((30, 50), (40, 50))
    assert any("choose one in the history panel" in text for text in studio.messages())
    QTest.mouseClick(panel.parts.buttons["versions"], Qt.MouseButton.LeftButton)
    view = panel.versions.view
    studio.wait(lambda: view.isVisible() and view.model().rowCount())
    place = view.visualRect(view.model().index(0, 0)).center()
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    studio.settle()
    assert studio.session.version_shown is not None
    studio.drag((30, 50), (40, 50))
    assert (studio.mask()[50, 30:40] == ROAD).all()
    assert (studio.mask()[50, 48:60] == CAR).all()
