"""Superpixels, scissors and click to segment by real events: what they paint, take back and leave alone."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click
from segstudio.annotation.superpixels import Superpixels
from segstudio.gui.canvas.modes import ToolName, ToolOptions
from tests.gui.canvas.conftest import CONTROL, IGNORE, RIGHT, SHIFT, Hand, Make, pixels_of

CLASS = 5
Mask = NDArray[np.uint8]


def halves(width: int, height: int) -> NDArray[np.uint8]:
    """Red left of a slanted edge, blue right of it."""
    y, x = np.mgrid[0:height, 0:width]
    left = x < width // 2 + y // 8 - 4
    rgb: NDArray[np.uint8] = np.where(left[..., None], (190, 40, 40), (40, 60, 190)).astype(np.uint8)
    return rgb


@pytest.fixture
def worker(hand: Make) -> Hand:
    """A hand on a canvas with two halves, all of class 7, that paints class 5."""
    made = hand(scale=2.0, value=7)
    height, width = made.mask.shape
    made.canvas.set_image(halves(width, height))
    made.canvas.set_active_class(CLASS)
    return made


# -- superpixels ------------------------------------------------------------------------------------------


def test_a_click_adds_a_cell_and_a_second_one_gives_back_what_was_there(worker: Hand) -> None:
    worker.canvas.set_tool(ToolName.SUPERPIXEL)
    worker.mask[30:34, 30:50] = 3
    before = worker.mask.copy()
    worker.click(36.5, 36.5)
    added = worker.mask == CLASS
    assert 200 < added.sum() < 1200
    assert (worker.mask[~added] == before[~added]).all()
    worker.click(37.5, 36.5)
    np.testing.assert_array_equal(worker.mask, before)
    worker.click(36.5, 36.5)
    worker.click(36.5, 36.5, RIGHT)
    np.testing.assert_array_equal(worker.mask, before)
    assert [edit.title for edit in worker.edits] == ["Superpixels"] * 4


def test_a_drag_is_one_edit_of_all_cells_on_its_way_and_esc_takes_it_back(worker: Hand) -> None:
    worker.canvas.set_tool(ToolName.SUPERPIXEL)
    worker.press(10.5, 30.5)
    worker.move(70.5, 30.5)
    assert (worker.mask[30, 10:70] == CLASS).all()
    worker.release(70.5, 30.5)
    assert len(worker.edits) == 1
    before = worker.mask.copy()
    worker.press(10.5, 80.5)
    worker.move(90.5, 80.5)
    worker.key(Qt.Key.Key_Escape)
    worker.release(90.5, 80.5)
    np.testing.assert_array_equal(worker.mask, before)
    worker.drag([(10.5, 30.5), (70.5, 30.5)])
    assert (worker.mask == 7).all()
    assert len(worker.edits) == 2


def test_what_was_not_added_here_is_erased_by_the_opposite(worker: Hand) -> None:
    worker.canvas.set_tool(ToolName.SUPERPIXEL)
    worker.click(36.5, 36.5, modifier=CONTROL)
    assert set(np.unique(worker.mask)) == {7, IGNORE}
    worker.click(36.5, 36.5)
    assert CLASS in worker.mask


def test_cells_follow_the_edge_the_size_and_what_may_be_painted(worker: Hand) -> None:
    canvas = worker.canvas
    canvas.set_tool(ToolName.SUPERPIXEL)
    sizes = []
    for side in (8, 64):
        canvas.options = ToolOptions(cell=side)
        worker.click(20.5, 20.5)
        sizes.append(int((worker.mask == CLASS).sum()))
        worker.mask[:] = 7
        canvas.mask_changed()
    assert sizes[0] * 8 < sizes[1]
    middle = worker.mask.shape[1] // 2
    worker.click(middle - 8.5, 30.5)
    red = halves(worker.mask.shape[1], worker.mask.shape[0])[..., 0] == 190
    assert not (worker.mask[~red] == CLASS).any()
    worker.mask[:] = 7
    canvas.set_filter(Protection(frozenset({7})), under_start=False)
    worker.click(20.5, 20.5)
    assert (worker.mask == 7).all()


def test_with_shift_a_cell_ends_at_the_borders_of_predicted_classes(worker: Hand) -> None:
    worker.canvas.set_tool(ToolName.SUPERPIXEL)
    worker.mask[:, :36] = 3
    worker.click(35.5, 36.5, modifier=SHIFT)
    assert (worker.mask[:, 36:] == 7).all()
    assert CLASS in worker.mask[:, :36]
    prediction = np.zeros_like(worker.mask)
    prediction[40:] = 1
    worker.canvas.set_prediction(prediction, None)
    worker.mask[:] = 7
    worker.click(60.5, 38.5, modifier=SHIFT)
    assert CLASS in worker.mask[:40]
    assert (worker.mask[40:] == 7).all()


def test_the_cell_under_the_cursor_is_looked_for_once(worker: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[tuple[int, int]] = []
    cell_at = Superpixels.cell_at

    def counted(cells: Superpixels, x: int, y: int, classes: Mask | None = None) -> Region:
        looked.append((x, y))
        return cell_at(cells, x, y, classes)

    monkeypatch.setattr(Superpixels, "cell_at", counted)
    worker.canvas.set_tool(ToolName.SUPERPIXEL)
    for step in range(5):
        worker.move(36.5 + step / 2, 36.5)
        shown = pixels_of(worker.canvas.grab().toImage())
    assert looked == [(36, 36)]
    # Shift makes other cells, and so do other borders.
    worker.mask[:, :36] = 3
    worker.move(36.5, 36.5, SHIFT)
    assert len(looked) == 2
    assert (pixels_of(worker.canvas.grab().toImage()) != shown).any()
    worker.mask[:, :30] = 4
    worker.canvas.mask_changed()
    assert len(looked) == 3


# -- scissors ---------------------------------------------------------------------------------------------


def test_knots_on_the_edge_enclose_the_half(worker: Hand) -> None:
    canvas = worker.canvas
    canvas.set_tool(ToolName.SCISSORS)
    height, width = worker.mask.shape
    red = halves(width, height)[..., 0] == 190
    edge = {y: int(red[y].sum()) for y in (20, 90)}
    worker.click(edge[20], 20.5)
    worker.move(edge[90], 90.5)
    worker.click(edge[90], 90.5)
    worker.click(10.5, 90.5, modifier=CONTROL)
    worker.click(10.5, 20.5, modifier=CONTROL)
    assert not worker.edits
    worker.move(edge[20] + 1, 21, CONTROL)
    worker.click(edge[20] + 1, 21, modifier=CONTROL)
    wanted = red.copy()
    wanted[:20], wanted[91:], wanted[:, :10] = False, False, False
    found = worker.mask == CLASS
    assert (found & wanted).sum() / (found | wanted).sum() > 0.97
    assert [edit.title for edit in worker.edits] == ["Scissors"]


def test_backspace_and_the_right_button_take_knots_back_and_esc_all_of_them(worker: Hand) -> None:
    worker.canvas.set_tool(ToolName.SCISSORS)
    for place in ((20.5, 20.5), (60.5, 20.5), (60.5, 60.5), (90.5, 90.5)):
        worker.click(*place, modifier=CONTROL)
    worker.click(5.5, 5.5, RIGHT)
    worker.key(Qt.Key.Key_Backspace)
    worker.click(20.5, 60.5, modifier=CONTROL)
    worker.double(20.5, 60.5)
    assert (worker.mask[25:30, 25:30] == CLASS).all()
    assert (worker.mask[61:] == 7).all()
    before = worker.mask.copy()
    for place in ((20.5, 20.5), (60.5, 20.5), (60.5, 60.5)):
        worker.click(*place)
    worker.key(Qt.Key.Key_Escape)
    worker.key(Qt.Key.Key_Return)
    np.testing.assert_array_equal(worker.mask, before)
    assert len(worker.edits) == 1


def test_ctrl_enter_cuts_out_and_another_tool_drops_the_outline(worker: Hand) -> None:
    worker.canvas.set_tool(ToolName.SCISSORS)
    corners = [(20.5, 20.5), (60.5, 20.5), (60.5, 60.5), (20.5, 60.5)]
    for place in corners:
        worker.click(*place, modifier=CONTROL)
    worker.key(Qt.Key.Key_Return, CONTROL)
    assert (worker.mask[22:58, 22:58] == IGNORE).all()
    for place in corners:
        worker.click(*place)
    worker.canvas.set_tool(ToolName.BRUSH)
    worker.canvas.set_tool(ToolName.SCISSORS)
    worker.key(Qt.Key.Key_Return)
    worker.key(Qt.Key.Key_Backspace)
    assert len(worker.edits) == 1


# -- click to segment -------------------------------------------------------------------------------------


class Squares:
    """An embedding that proposes 20 pixels around each included click, without those of excluded ones."""

    nbytes = 0

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.shape = shape
        self.asked: list[tuple[tuple[Click, ...], Rect | None]] = []

    def mask(self, clicks: Sequence[Click], box: Rect | None = None) -> Region | None:
        self.asked.append((tuple(clicks), box))
        inside = np.zeros(self.shape, bool)
        if box is not None:
            inside[box.slices] = True
        for click in clicks:
            inside[click.y - 10 : click.y + 10, click.x - 10 : click.x + 10] = click.include
        whole = Rect(0, 0, self.shape[1], self.shape[0])
        return Region(0, whole, inside, int(inside.sum())) if inside.any() else None


@pytest.fixture
def squares(worker: Hand) -> Squares:
    worker.canvas.set_tool(ToolName.SEGMENT)
    embedding = Squares(worker.mask.shape)
    worker.canvas.set_embedding(embedding)
    return embedding


@pytest.mark.parametrize("confirm", [Qt.Key.Key_Return, Qt.Key.Key_Space])
def test_clicks_propose_and_enter_or_space_paints(worker: Hand, squares: Squares, confirm: Qt.Key) -> None:
    worker.click(40.5, 40.5)
    worker.click(60.5, 40.5)
    worker.click(60.5, 46.5, RIGHT)
    assert squares.asked[-1][0] == (Click(40, 40), Click(60, 40), Click(60, 46, include=False))
    assert (worker.mask == 7).all()
    worker.key(confirm)
    expected = squares.mask(*squares.asked[-1])
    assert expected is not None
    np.testing.assert_array_equal(worker.mask == CLASS, expected.inside)
    worker.key(confirm)
    assert [edit.title for edit in worker.edits] == ["Segment"]


def test_backspace_takes_a_click_back_and_esc_all(worker: Hand, squares: Squares) -> None:
    worker.click(40.5, 40.5)
    worker.click(80.5, 40.5)
    worker.key(Qt.Key.Key_Backspace)
    assert squares.asked[-1] == ((Click(40, 40),), None)
    worker.key(Qt.Key.Key_Escape)
    worker.key(Qt.Key.Key_Return)
    assert (worker.mask == 7).all()
    worker.click(40.5, 40.5, RIGHT)
    assert len(squares.asked) == 3
    worker.key(Qt.Key.Key_Return)
    assert not worker.edits


def test_a_drag_is_a_box_and_ctrl_enter_cuts_out(worker: Hand, squares: Squares) -> None:
    worker.drag([(70.2, 60.2), (30.7, 20.7), (20.7, 20.7)])
    assert squares.asked[-1] == ((), Rect(20, 20, 51, 41))
    worker.click(40.5, 40.5, RIGHT)
    worker.key(Qt.Key.Key_Return, CONTROL)
    assert (worker.mask[20:30, 20:71] == IGNORE).all()
    assert worker.mask[40, 40] == 7


def test_clicks_wait_for_the_model(worker: Hand) -> None:
    worker.canvas.set_tool(ToolName.SEGMENT)
    worker.click(40.5, 40.5)
    assert "a moment" in worker.said[-1]
    worker.key(Qt.Key.Key_Return)
    assert not worker.edits
    worker.canvas.set_embedding(Squares(worker.mask.shape))
    worker.key(Qt.Key.Key_Return)
    assert len(worker.edits) == 1


def test_space_that_pans_does_not_paint_and_another_sample_drops_the_clicks(
    worker: Hand, squares: Squares
) -> None:
    worker.click(40.5, 40.5)
    QTest.keyPress(worker.canvas, Qt.Key.Key_Space)
    worker.press(50.5, 50.5)
    worker.move(60.5, 50.5)
    worker.release(60.5, 50.5)
    QTest.keyRelease(worker.canvas, Qt.Key.Key_Space)
    assert not worker.edits
    QApplication.sendEvent(worker.canvas, QFocusEvent(QEvent.Type.FocusOut))
    worker.canvas.set_document(worker.canvas.document)
    worker.key(Qt.Key.Key_Return)
    assert not worker.edits


@pytest.mark.parametrize("tool", [ToolName.SUPERPIXEL, ToolName.SCISSORS, ToolName.SEGMENT])
def test_a_mask_that_may_not_be_edited_stays(worker: Hand, tool: ToolName) -> None:
    worker.canvas.set_tool(tool)
    worker.canvas.set_embedding(Squares(worker.mask.shape))
    worker.canvas.set_editable(False, "locked by Ann")
    for place in ((20.5, 20.5), (60.5, 20.5), (60.5, 60.5)):
        worker.click(*place)
    worker.key(Qt.Key.Key_Return)
    assert (worker.mask == 7).all()
    assert set(worker.said) == {"locked by Ann"}


def test_the_way_ahead_is_shown_and_a_class_key_colours_the_proposal(worker: Hand, squares: Squares) -> None:
    def shown() -> Mask:
        return pixels_of(worker.canvas.grab().toImage())

    empty = shown()
    worker.click(60.5, 60.5)
    worker.move(150.5, 100.5)
    proposed = shown()
    assert (proposed != empty).any()
    worker.canvas.set_active_class(11)
    assert (shown() != proposed).any()
    worker.key(Qt.Key.Key_Escape)
    worker.canvas.set_tool(ToolName.SCISSORS)
    worker.click(60.5, 60.5)
    worker.move(120.5, 100.5)
    ahead = shown()
    worker.move(20.5, 100.5)
    assert (shown() != ahead).any()
