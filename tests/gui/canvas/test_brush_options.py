"""The brush's options by real events: square, snapping, what the eraser leaves, restoring, resizing."""

from dataclasses import replace

import numpy as np
import pytest
from PySide6.QtCore import Qt

from segstudio.annotation.protection import Protection
from segstudio.gui.canvas.modes import Snap, Source, ToolName
from segstudio.gui.correcting.screen_brush import ScreenBrush
from tests.gui.canvas.conftest import IGNORE, RIGHT, SHIFT, Hand, Make, patchwork, pixels_of

ALT = Qt.KeyboardModifier.AltModifier


def choose(made: Hand, tool: ToolName, **options: object) -> None:
    """Takes a tool with options."""
    made.canvas.options = replace(made.canvas.options, **options)  # type: ignore[arg-type]  # names are checked
    made.canvas.set_tool(tool)


@pytest.mark.parametrize("scale", [0.5, 1.0, 4.0])
def test_a_square_brush_paints_a_square(hand: Make, scale: float) -> None:
    made = hand(scale=scale)
    choose(made, ToolName.BRUSH, square=True)
    made.canvas.set_active_class(5)
    made.canvas.set_brush_radius(4)
    made.click(100.0, 70.0)
    expected = np.full((150, 200), IGNORE, np.uint8)
    expected[66:74, 96:104] = 5
    np.testing.assert_array_equal(made.mask, expected)


@pytest.mark.parametrize("snap", [Snap.EDGES, Snap.MODEL])
def test_a_snapping_stroke_stays_on_its_side(hand: Make, snap: Snap) -> None:
    made = hand()
    rgb = np.full((150, 200, 3), 50, np.uint8)
    rgb[:, 100:] = 190
    made.canvas.set_image(rgb)
    made.canvas.set_prediction((rgb[..., 0] // 60).astype(np.uint8), np.full((150, 200), 255, np.uint8))
    choose(made, ToolName.BRUSH, snap=snap)
    made.canvas.set_active_class(5)
    made.canvas.set_brush_radius(20)
    made.drag([(90.5, 40.5), (92.5, 90.5), (85.5, 110.5)])
    assert (made.mask[30:110, 85:100] == 5).all()
    assert (made.mask[:, 100:] == IGNORE).all()
    assert len(made.edits) == 1
    choose(made, ToolName.BRUSH, snap=Snap.NOTHING)
    made.drag([(90.5, 40.5), (92.5, 90.5)])
    assert (made.mask[50:80, 100:105] == 5).all()


def test_snapping_to_a_model_that_said_nothing_paints_nothing(hand: Make) -> None:
    made = hand()
    choose(made, ToolName.BRUSH, snap=Snap.MODEL)
    made.drag([(90.5, 40.5), (92.5, 90.5)])
    assert not made.edits
    assert "predict this image" in made.said[-1]


def test_a_brush_on_the_other_side_of_a_snapped_edge_takes_over(hand: Make) -> None:
    made = hand()
    rgb = np.full((150, 200, 3), 50, np.uint8)
    rgb[:, 100:] = 190
    made.canvas.set_image(rgb)
    choose(made, ToolName.BRUSH, snap=Snap.EDGES)
    made.canvas.set_active_class(5)
    made.canvas.set_brush_radius(8)
    # Right across in one fast move: both sides are under the brush's middle.
    made.drag([(60.5, 70.5), (140.5, 70.5)])
    assert (made.mask[66:75, 60:140] == 5).all()


@pytest.mark.parametrize(("target", "title"), [(3, "Erase"), (IGNORE, "Erase"), (Source.SAVED, "Restore")])
def test_the_eraser_leaves_what_its_option_says(hand: Make, target: int | Source, title: str) -> None:
    made = hand(value=7)
    saved = patchwork(3, 200, 150)
    made.canvas.restorable = {Source.SAVED: saved}.get
    choose(made, ToolName.ERASER, erase_to=target)
    made.canvas.set_brush_radius(10)
    made.drag([(60.5, 70.5), (120.5, 70.5)])
    changed = made.mask != 7
    assert changed[70, 60:120].all()
    wanted = saved if isinstance(target, Source) else np.full_like(saved, target)
    np.testing.assert_array_equal(made.mask[changed], wanted[changed])
    assert [edit.title for edit in made.edits] == [title]


def test_the_brushs_right_button_erases_to_the_same(hand: Make) -> None:
    made = hand(value=7)
    choose(made, ToolName.BRUSH, erase_to=2)
    made.drag([(60.5, 70.5), (120.5, 70.5)], RIGHT)
    assert (made.mask[70, 60:120] == 2).all()


def test_restoring_a_prediction_keeps_what_the_model_does_not_know(hand: Make) -> None:
    made = hand(value=7)
    ids = patchwork(4, 200, 150)
    ids[60:80, 80:90] = IGNORE
    made.canvas.set_prediction(ids, np.full(ids.shape, 255, np.uint8))
    choose(made, ToolName.RESTORE, restore_from=Source.PREDICTION)
    made.canvas.set_brush_radius(6)
    made.drag([(60.5, 70.5), (120.5, 70.5)])
    assert (made.mask[70, 80:90] == 7).all()
    np.testing.assert_array_equal(made.mask[70, 60:80], ids[70, 60:80])
    made.canvas.document.undo()  # type: ignore[union-attr]  # there is one
    assert (made.mask == 7).all()


@pytest.mark.parametrize("source", list(Source))
def test_restoring_from_nothing_says_so(hand: Make, source: Source) -> None:
    made = hand(value=7)
    choose(made, ToolName.RESTORE, restore_from=source)
    made.drag([(60.5, 70.5), (120.5, 70.5)])
    assert (made.mask == 7).all()
    assert "restore from" in made.said[-1]
    # A mask of another size is none.
    made.canvas.restorable = {Source.SAVED: np.zeros((4, 4), np.uint8)}.get
    made.canvas.set_prediction(np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8))
    made.drag([(60.5, 70.5), (120.5, 70.5)])
    assert (made.mask == 7).all()


def test_locked_pixels_are_not_restored(hand: Make) -> None:
    made = hand(value=7)
    made.mask[:, 90:] = 4
    made.canvas.restorable = {Source.SAVED: np.full((150, 200), 1, np.uint8)}.get
    made.canvas.set_filter(Protection(frozenset({4})))
    choose(made, ToolName.RESTORE, restore_from=Source.SAVED)
    made.drag([(60.5, 70.5), (120.5, 70.5)])
    assert (made.mask[:, 90:] == 4).all()
    assert (made.mask[70, 60:90] == 1).all()


def test_alt_and_the_right_button_resize_the_brush(hand: Make) -> None:
    made = hand(scale=2.0)
    made.canvas.set_brush_radius(10)
    made.press(60.0, 70.0, RIGHT, ALT)
    made.move(90.0, 70.0, ALT)
    assert made.canvas.brush_radius == pytest.approx(10 * 2 ** (60 / 120))
    made.release(0.0, 70.0, RIGHT, ALT)
    assert made.canvas.brush_radius == pytest.approx(10 * 2 ** (60 / 120))
    assert not made.edits
    made.press(60.0, 70.0, RIGHT, ALT)
    made.move(20.0, 70.0, ALT)
    assert made.canvas.brush_radius < 10
    made.key(Qt.Key.Key_Escape)
    assert made.canvas.brush_radius == pytest.approx(10 * 2 ** (60 / 120))


def test_a_brush_that_keeps_its_size_on_screen(hand: Make) -> None:
    made = hand()
    canvas = made.canvas
    ScreenBrush(canvas)
    canvas.set_brush_radius(16)
    canvas.zoom_to(2.0)
    assert canvas.brush_radius == 16
    choose(made, ToolName.BRUSH, on_screen=True)
    canvas.zoom_to(4.0)
    assert canvas.brush_radius == 8
    canvas.zoom_to(64.0)
    assert canvas.brush_radius == 0.5
    canvas.zoom_to(1.0)
    assert canvas.brush_radius == 32


def test_the_largest_brush_is_wider_than_2000_pixels(hand: Make) -> None:
    made = hand()
    made.canvas.set_brush_radius(9999)
    assert made.canvas.brush_radius == 2000
    made.canvas.set_active_class(5)
    made.click(100.0, 70.0)
    assert (made.mask == 5).all()


def test_the_polygon_shows_the_side_that_shift_would_make(hand: Make) -> None:
    made = hand()
    made.canvas.set_image(np.zeros((150, 200, 3), np.uint8))
    made.canvas.set_overlay_visible(False)
    made.canvas.set_tool(ToolName.POLYGON)
    made.click(40.0, 70.0)
    place = made.screen(100.0, 70.0)

    def brightness() -> int:
        shown = pixels_of(made.canvas.grab().toImage())
        return int(shown[round(place.y()) - 1 : round(place.y()) + 2, round(place.x())].max())

    made.move(140.0, 88.0)
    assert brightness() < 60
    made.move(140.0, 89.0, SHIFT)
    assert brightness() > 150
    made.press(140.0, 89.0, modifier=SHIFT)
    made.release(140.0, 89.0)
    made.click(140.0, 120.0)
    made.canvas.set_active_class(5)
    made.key(Qt.Key.Key_Return)
    assert (made.mask[70, 60:130] == 5).all()
    assert (made.mask[:70] == IGNORE).all()


def test_a_line_goes_on_over_the_class_that_the_stroke_before_ended_on(hand: Make) -> None:
    made = hand(value=7)
    made.mask[:, 100:] = 4
    made.canvas.set_filter(Protection(), under_start=True)
    made.canvas.set_active_class(5)
    made.canvas.set_brush_radius(3)
    made.click(60.5, 70.5)
    # The dot's own paint is no class to begin on, nor is the class where the line ends.
    made.click(140.5, 70.5, modifier=SHIFT)
    assert (made.mask[70, 58:100] == 5).all()
    assert (made.mask[:, 100:] == 4).all()
    made.click(180.5, 70.5, modifier=SHIFT)
    assert (made.mask[70, 141:180] == 5).all()
    assert (made.mask[70, 100:137] == 4).all()
    # Somebody else's paint since then is.
    made.mask[60:80, 170:] = 9
    made.canvas.mask_changed()
    made.click(60.5, 70.5, modifier=SHIFT)
    assert (made.mask[70, 170:183] == 5).all()
    assert (made.mask[70, 100:137] == 4).all()


def test_a_line_from_beside_the_image_begins_on_no_class(hand: Make) -> None:
    made = hand(value=7)
    made.canvas.set_active_class(5)
    made.canvas.set_brush_radius(3)
    made.drag([(60.5, 70.5), (-20.5, 70.5)])
    made.canvas.set_filter(Protection(), under_start=True)
    before = made.mask.copy()
    made.click(60.5, 100.5, modifier=SHIFT)
    np.testing.assert_array_equal(made.mask, before)
