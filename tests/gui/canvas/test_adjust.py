"""Adjustments: the table of tones, local contrast that knows no seams, and an image that stays as it is."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.gui.canvas.adjust import NEUTRAL, TILE, Adjustment, LocalContrast, tone_table
from segstudio.gui.canvas.base import BaseImage
from tests.gui.canvas.conftest import Make, picture, pixels_of


def test_the_neutral_table_changes_no_tone() -> None:
    assert NEUTRAL.is_neutral
    np.testing.assert_array_equal(tone_table(NEUTRAL), np.arange(256))


@pytest.mark.parametrize(
    ("adjustment", "tone", "shown"),
    [
        (Adjustment(brightness=100), 0, 128),
        (Adjustment(brightness=-100), 255, 128),
        (Adjustment(contrast=-100), 7, 128),
        (Adjustment(contrast=25), 140, 152),
        (Adjustment(gamma=200), 64, 128),
        (Adjustment(gamma=50), 128, 64),
    ],
)
def test_tones(adjustment: Adjustment, tone: int, shown: int) -> None:
    assert abs(int(tone_table(adjustment)[tone]) - shown) <= 1
    assert (np.diff(tone_table(adjustment).astype(int)) >= 0).all()


def smooth_picture(width: int, height: int) -> NDArray[np.uint8]:
    """Slow waves of colour with a little noise, uint8 [H,W,3]."""
    y, x = np.mgrid[:height, :width]
    waves = [100 + 60 * np.sin(x / 70 + channel) + 40 * np.cos(y / 50) for channel in range(3)]
    noise = np.random.default_rng(0).integers(0, 9, (height, width, 3))
    return (np.stack(waves, axis=2) + noise).clip(0, 255).astype(np.uint8)


def test_local_contrast_of_a_part_is_that_of_the_whole() -> None:
    rgb = smooth_picture(3 * TILE + 40, 2 * TILE + 90)
    height, width = rgb.shape[:2]
    lightness = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    rows, columns = -(-height // TILE), -(-width // TILE)
    padded = cv2.copyMakeBorder(
        lightness[..., 0], 0, rows * TILE - height, 0, columns * TILE - width, cv2.BORDER_REFLECT_101
    )
    lightness[..., 0] = cv2.createCLAHE(2.0, (columns, rows)).apply(padded)[:height, :width]
    whole = cv2.cvtColor(lightness, cv2.COLOR_YCrCb2RGB)
    for box in (
        Rect(5, 7, 30, 20),
        Rect(TILE - 9, 3, 60, 300),
        Rect(700, 500, 100, 100),
        Rect(0, 0, width, height),
    ):
        part = LocalContrast().crop(rgb, 0, box, 50)
        np.testing.assert_array_equal(part, whole[box.slices])


def test_local_contrast_is_kept_while_the_view_moves_within_its_tiles() -> None:
    rgb = smooth_picture(900, 600)
    contrast = LocalContrast()
    first = contrast.crop(rgb, 0, Rect(300, 300, 100, 100), 50)
    second = contrast.crop(rgb, 0, Rect(310, 290, 100, 100), 50)
    assert np.shares_memory(first, second)
    assert not np.shares_memory(second, contrast.crop(rgb, 0, Rect(310, 290, 100, 100), 60))


def test_an_adjusted_canvas_shows_the_table_and_changes_no_pixel(hand: Make) -> None:
    made = hand(value=4)
    canvas = made.canvas
    rgb = picture(7, 200, 150)
    adjustment = Adjustment(brightness=15, contrast=-20, gamma=130)
    canvas.set_adjustment(adjustment)
    canvas.set_overlay_visible(False)
    view = canvas.view
    seen = pixels_of(canvas.grab().toImage())
    # Below the caption that says so.
    rows = slice(max(view.top, 0) + 50, view.top + 150)
    shown = seen[rows, view.left : view.left + 200]
    np.testing.assert_array_equal(
        shown, tone_table(adjustment)[rgb[50 - min(view.top, 0) :][: shown.shape[0]]]
    )
    assert canvas.rgb is not None
    np.testing.assert_array_equal(canvas.rgb, rgb)
    assert (made.mask == 4).all()
    canvas.set_adjustment(NEUTRAL)
    seen = pixels_of(canvas.grab().toImage())
    np.testing.assert_array_equal(seen[view.top : view.top + 150, view.left : view.left + 200], rgb)


def test_the_surround_stays_neutral(hand: Make) -> None:
    made = hand(40, 30)
    before = pixels_of(made.canvas.grab().toImage())[300, 5]
    made.canvas.set_adjustment(Adjustment(brightness=80, local=50))
    np.testing.assert_array_equal(pixels_of(made.canvas.grab().toImage())[300, 5], before)


def test_the_image_is_not_copied() -> None:
    rgb = picture(1, 64, 48)
    assert np.shares_memory(BaseImage(rgb).rgb, rgb)
