"""The wand's options by real events: what is shown before a click, how far it looks, and large images."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect
from segstudio.annotation.wand import Colours, Reach
from segstudio.gui.canvas import wand_stroke
from segstudio.gui.canvas.changes import LARGE, MaskChange
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.wand_stroke import preview
from tests.gui.canvas.conftest import IGNORE, Hand, Make, pixels_of


def squares(height: int = 150, width: int = 200) -> NDArray[np.uint8]:
    """Two green squares on grey, uint8 [H,W,3]."""
    rgb = np.full((height, width, 3), 90, np.uint8)
    rgb[20:60, 20:60] = rgb[20:60, 120:160] = (40, 200, 60)
    return rgb


@pytest.fixture
def wand(hand: Make) -> Hand:
    """The wand over two squares, at 100 %."""
    made = hand()
    made.canvas.set_image(squares())
    made.canvas.set_tool(ToolName.WAND)
    made.canvas.set_active_class(5)
    return made


def shot(made: Hand) -> NDArray[np.uint8]:
    """What the canvas shows."""
    image: QImage = made.canvas.grab().toImage()
    return pixels_of(image)


def on_screen(made: Hand, pixels: NDArray[np.uint8], x: int, y: int) -> NDArray[np.uint8]:
    """The shown colour of an image pixel."""
    place = made.screen(x + 0.5, y + 0.5)
    return np.asarray(pixels[round(place.y()), round(place.x())], np.uint8)


def test_what_a_click_would_take_is_shown_under_the_cursor(wand: Hand) -> None:
    wand.move(100.5, 100.5)
    before = shot(wand)
    wand.move(40.5, 40.5)
    tinted = shot(wand)
    assert (on_screen(wand, tinted, 30, 50) != on_screen(wand, before, 30, 50)).any()
    np.testing.assert_array_equal(on_screen(wand, tinted, 140, 40), on_screen(wand, before, 140, 40))
    wand.press(40.5, 40.5)
    wand.release(40.5, 40.5)
    # What was painted is not seen through a tint; the next move shows the next click.
    painted = shot(wand)
    wand.canvas._pointer.leave()
    wand.canvas.update()
    np.testing.assert_array_equal(painted, shot(wand))
    assert (wand.mask[20:60, 20:60] == 5).all()


def test_all_that_is_alike(wand: Hand) -> None:
    wand.canvas.options = replace(wand.canvas.options, connected=False)
    wand.click(40.5, 40.5)
    np.testing.assert_array_equal(wand.mask == 5, squares()[..., 1] == 200)


def test_only_what_is_on_screen(wand: Hand) -> None:
    canvas = wand.canvas
    canvas.options = replace(canvas.options, within_view=True)
    canvas.set_view(replace(canvas.view, scale=4.0, left=-160, top=-160))
    wand.click(45.5, 45.5)
    assert (wand.mask[40:60, 40:60] == 5).all()
    assert (wand.mask[:40] == IGNORE).all()
    assert (wand.mask[:, :40] == IGNORE).all()


def test_what_is_too_large_for_the_window_is_left_to_a_worker(hand: Make) -> None:
    made = hand()
    side = 1800
    assert side * side > LARGE
    rgb = np.full((side, side, 3), 90, np.uint8)
    rgb[:20, :20] = 200
    made.canvas.set_image(rgb)
    made.canvas.set_document(MaskDocument(np.zeros((side, side), np.uint8)))
    made.canvas.fit()
    made.canvas.set_tool(ToolName.WAND)
    made.canvas.set_active_class(5)
    asked: list[MaskChange] = []
    made.canvas.large_changes = asked.append
    made.click(5.5, 5.5)
    assert not asked
    assert (made.mask == 5).sum() == 400
    made.click(900.5, 900.5)
    assert (made.mask == 5).sum() == 400
    (change,) = asked
    made.canvas.large_changes = None
    made.canvas.change_mask(change)
    assert (made.mask == 5).all()
    assert [edit.title for edit in made.edits] == ["Wand", "Wand"]


@pytest.mark.parametrize("budget", [150 * 200, 9000, 3000])
def test_a_preview_in_steps_is_nearly_the_click(monkeypatch: pytest.MonkeyPatch, budget: int) -> None:
    monkeypatch.setattr(wand_stroke, "PREVIEW_PIXELS", budget)
    rgb = squares()
    colours = Colours(rgb)
    for pixel in ((25, 33), (58, 21)):
        shown = preview(rgb, colours, pixel, 10, Reach(colours.whole))
        whole = np.kron(shown.cover, np.ones((shown.step, shown.step), bool))
        assert whole.shape == (shown.rect.height, shown.rect.width)
        found = np.zeros((170, 220), bool)
        found[shown.rect.moved(10, 10).slices] = whole
        expected = np.zeros_like(found)
        expected[30:70, 30:70] = True
        wrong = np.argwhere(found != expected)
        assert not wrong.size or shown.step > 1
        # Never further from the border than a step.
        inner, outer = Rect(30, 30, 40, 40).grown(-shown.step), Rect(30, 30, 40, 40).grown(shown.step)
        assert found[inner.slices].all()
        found[outer.slices] = False
        assert not found.any()
