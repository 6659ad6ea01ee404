"""Zoom, pan, peek and blending on screen, and images of unusual sizes."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.gui.canvas.canvas import LARGEST_BRUSH, SMALLEST_BRUSH, Canvas
from segstudio.gui.canvas.modes import OutlineMode, ToolName
from segstudio.gui.canvas.view import LARGEST_SCALE, SMALLEST_SCALE, View
from tests.gui.canvas.conftest import (
    COLOURS,
    IGNORE,
    LEFT,
    MIDDLE,
    RIGHT,
    SHIFT,
    Make,
    check_stroke,
    patchwork,
    picture,
    pixels_of,
)

# -- view ----------------------------------------------------------------------------------------------------


def test_zoom_keeps_the_point_under_the_cursor(hand: Make) -> None:
    made = hand()
    random = np.random.default_rng(11)
    for _ in range(200):
        x, y = (float(value) for value in random.uniform((0, 0), (420, 320)))
        point = made.canvas.view.to_image(x, y)
        made.wheel(x, y, float(random.integers(-3, 4)))
        after = made.canvas.view.to_screen(*point)
        assert abs(after[0] - x) <= 0.5
        assert abs(after[1] - y) <= 0.5
        assert SMALLEST_SCALE <= made.canvas.view.scale <= LARGEST_SCALE


def test_zoom_goes_by_steps_and_comes_back(hand: Make) -> None:
    made = hand()
    scales: list[float] = []
    made.canvas.zoom_changed.connect(scales.append)
    made.wheel(200, 100, 1)
    made.wheel(200, 100, 1)
    assert scales == pytest.approx([1.25, 1.5625])
    made.wheel(200, 100, -2)
    assert made.canvas.view.scale == pytest.approx(1.0)


def test_zoom_has_ends(hand: Make) -> None:
    made = hand()
    for notches, end in ((40, LARGEST_SCALE), (-80, SMALLEST_SCALE)):
        made.wheel(200, 100, notches)
        assert made.canvas.view.scale == end


def test_shift_and_wheel_size_the_brush(hand: Make) -> None:
    made = hand()
    view, radius = made.canvas.view, made.canvas.brush_radius
    made.wheel(200, 100, 1, SHIFT)
    assert made.canvas.brush_radius > radius
    made.wheel(200, 100, 100, SHIFT)
    assert made.canvas.brush_radius == LARGEST_BRUSH
    made.wheel(200, 100, -400, SHIFT)
    assert made.canvas.brush_radius == SMALLEST_BRUSH
    assert made.canvas.view == view


@pytest.mark.parametrize("by", ["middle button", "space", "tool"])
@pytest.mark.parametrize("scale", [0.5, 3.0])
def test_pan_moves_the_image_with_the_hand(hand: Make, by: str, scale: float) -> None:
    made = hand(scale=scale)
    canvas = made.canvas
    start, place = canvas.view, made.screen(60, 60)
    if by == "tool":
        canvas.set_tool(ToolName.PAN)
    elif by == "space":
        QTest.keyPress(canvas, Qt.Key.Key_Space)
    button = MIDDLE if by == "middle button" else LEFT
    made.press(60, 60, button)
    for step in range(1, 41):
        made.move_on_screen(place + QPointF(step * 0.7, -step * 1.3))
    assert canvas.view == start.moved(28, -52)
    made.release(60, 60, button)
    made.move_on_screen(QPointF(5, 5))
    assert canvas.view == start.moved(28, -52)
    assert made.edits == []
    if by == "space":
        QTest.keyRelease(canvas, Qt.Key.Key_Space)
        made.click(100, 75)
        assert len(made.edits) == 1


def test_fit_shows_the_whole_image_and_follows_the_window(hand: Make) -> None:
    made = hand(scale=9.0)
    canvas = made.canvas
    canvas.fit()
    for size in ((420, 320), (300, 600), (900, 200)):
        canvas.resize(*size)
        QApplication.processEvents()
        left, top = canvas.view.to_screen(0, 0)
        right, bottom = canvas.view.to_screen(200, 150)
        assert left >= 0
        assert top >= 0
        assert right <= size[0]
        assert bottom <= size[1]
        assert left == pytest.approx(size[0] - right, abs=1)
    before = canvas.view
    made.wheel(100, 100, 1)
    zoomed = canvas.view
    assert zoomed != before
    canvas.resize(500, 400)
    QApplication.processEvents()
    assert canvas.view == zoomed


# -- what is on screen ---------------------------------------------------------------------------------------


def shown(canvas: Canvas, width: int, height: int) -> NDArray[np.uint8]:
    """The widget's pixels where the image lies at scale 1, uint8 [H,W,3]."""
    left, top = canvas.view.left, canvas.view.top
    return pixels_of(canvas.grab().toImage())[top : top + height, left : left + width]


def test_peek_shows_the_bare_image(hand: Make) -> None:
    made = hand(value=4)
    canvas = made.canvas
    rgb = picture(7, 200, 150)
    labelled = shown(canvas, 200, 150)
    canvas.peek(True)
    np.testing.assert_array_equal(shown(canvas, 200, 150), rgb)
    canvas.peek(False)
    np.testing.assert_array_equal(shown(canvas, 200, 150), labelled)
    canvas.set_overlay_visible(False)
    np.testing.assert_array_equal(shown(canvas, 200, 150), rgb)


def test_labels_are_blended_in_their_colours(hand: Make) -> None:
    made = hand()
    made.mask[:] = mask = patchwork(1, 200, 150)
    canvas = made.canvas
    canvas.set_opacity(0.4)
    canvas.set_outline(OutlineMode.FILL)
    canvas.set_hidden(frozenset({2}))
    alpha = np.where(mask == 2, 0.0, 0.4)[..., None]
    expected = picture(7, 200, 150) * (1 - alpha) + COLOURS[mask] * alpha
    assert np.abs(shown(canvas, 200, 150) - expected).max() <= 2
    canvas.set_opacity(1.0)
    opaque = np.where((mask == 2)[..., None], picture(7, 200, 150), COLOURS[mask])
    np.testing.assert_array_equal(shown(canvas, 200, 150), opaque)


# -- sizes ---------------------------------------------------------------------------------------------------


def test_an_image_of_one_pixel(hand: Make) -> None:
    made = hand(1, 1)
    canvas = made.canvas
    canvas.set_active_class(3)
    for scale in (LARGEST_SCALE, 1.0, SMALLEST_SCALE):
        canvas.zoom_to(scale)
        canvas.grab()
        for tool in ToolName:
            canvas.set_tool(tool)
            made.click(0.5, 0.5)
            canvas.grab()
            made.click(5.5, 5.5)
    assert made.mask.shape == (1, 1)
    canvas.fit()
    canvas.set_tool(ToolName.ERASER)
    made.click(0.5, 0.5)
    assert made.mask[0, 0] == IGNORE
    canvas.set_tool(ToolName.RELABEL)
    made.click(0.5, 0.5)
    assert made.mask[0, 0] == 3


@pytest.mark.parametrize("size", [(1, 400), (400, 1), (3, 2)])
def test_thin_images(hand: Make, size: tuple[int, int]) -> None:
    made = hand(*size)
    made.canvas.fit()
    made.drag([(0.0, 0.0), (float(size[0]), float(size[1]))])
    made.canvas.grab()
    made.wheel(210, 160, -12)
    made.canvas.grab()
    assert (made.mask == 0).any()
    assert len(made.edits) == 1


def test_a_large_image(hand: Make) -> None:
    made = hand(4096, 4096)
    canvas = made.canvas
    canvas.set_brush_radius(200.0)
    canvas.fit()
    canvas.grab()
    made.drag([(4000.0, 4000.0), (3800.0, 4090.0)])
    canvas.zoom_to(4.0)
    canvas.set_brush_radius(3.0)
    canvas.set_view(View(4.0, -8192, -8192))
    canvas.set_active_class(1)
    made.drag([(2060.0, 2060.0), (2100.0, 2100.0)])
    canvas.grab()
    part = made.mask[2040:2140, 2040:2140]
    check_stroke(part, [(20.0, 20.0), (60.0, 60.0)], 3.0, 1, IGNORE)
    corner = made.mask[3500:, 3500:]
    check_stroke(corner, [(500.0, 500.0), (300.0, 590.0)], 200.0, 0, IGNORE)
    assert (made.mask[:2040] == IGNORE).all()
    document = canvas.document
    assert document is not None
    assert document.undo() is not None
    assert document.undo() is not None
    assert (made.mask == IGNORE).all()


def test_an_empty_canvas_bears_everything(hand: Make) -> None:
    made = hand()
    made.canvas.clear()
    for tool in ToolName:
        made.canvas.set_tool(tool)
        made.drag([(20, 20), (50, 50)])
        made.double(20, 20)
        made.drag([(20, 20), (50, 50)], MIDDLE)
        made.drag([(20, 20), (50, 50)], RIGHT)
    made.wheel(100, 100, 3)
    made.canvas.fit()
    made.canvas.fit_width()
    for key in (Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Backspace, Qt.Key.Key_Space):
        made.key(key)
    colours = {made.canvas.grab().toImage().pixel(x, 160) for x in range(420)}
    assert len(colours) > 1, "the hint is not drawn"
    assert made.edits == []


def test_an_image_without_a_mask_is_shown_but_not_edited(hand: Make) -> None:
    made = hand()
    made.canvas.set_document(None)
    made.drag([(20, 20), (50, 50)])
    assert made.said == ["There is no mask to edit yet"]
    np.testing.assert_array_equal(shown(made.canvas, 200, 150)[100:, 100:], picture(7, 200, 150)[100:, 100:])
