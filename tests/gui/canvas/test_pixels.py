"""What a pixel looks like at every scale: squares, smoothness, the grid, outlines, hatches and patterns."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.gui.canvas.base import BaseImage
from segstudio.gui.canvas.modes import Layer, OutlineMode
from segstudio.gui.canvas.overlay import borders
from segstudio.gui.canvas.patterns import pattern_marks
from segstudio.gui.canvas.view import View
from tests.gui.canvas.conftest import COLOURS, IGNORE, SIZE, Hand, Make, picture, pixels_of


def seen(hand: Hand) -> NDArray[np.uint8]:
    """The canvas's pixels, uint8 [H,W,3]."""
    return pixels_of(hand.canvas.grab().toImage())


def on_grid(size: int, scale: float) -> NDArray[np.intp]:
    """The image pixel under each of `size` screen pixels, from the image's corner on."""
    return np.asarray(np.floor((np.arange(size) + 0.5) / scale), np.intp)


@pytest.mark.parametrize("scale", [1.0, 2.0, 2.6, 5.0])
def test_pixels_are_squares_from_200_percent_on(hand: Make, scale: float) -> None:
    made = hand(60, 50, value=IGNORE)
    made.canvas.set_overlay_visible(False)
    made.canvas.set_view(View(scale, 0, 0))
    shape = min(SIZE[1], int(50 * scale)), min(SIZE[0], int(60 * scale))
    rows, columns = on_grid(shape[0], scale), on_grid(shape[1], scale)
    wanted = picture(7, 60, 50)[rows][:, columns]
    np.testing.assert_array_equal(seen(made)[: shape[0], : shape[1]], wanted)


@pytest.mark.parametrize("scale", [0.25, 0.6, 1.5])
def test_the_image_is_smooth_below_while_labels_stay_exact(hand: Make, scale: float) -> None:
    made = hand(400, 300, value=0)
    canvas = made.canvas
    canvas.set_view(View(scale, 0, 0))
    canvas.set_overlay_visible(False)
    rows, columns = on_grid(int(200 * scale), scale), on_grid(int(240 * scale), scale)
    nearest = picture(7, 400, 300)[rows][:, columns]
    smooth = seen(made)[: len(rows), : len(columns)]
    assert smooth.std() < 0.95 * nearest.std()
    made.mask[:] = np.random.default_rng(0).integers(0, 19, (300, 400), np.uint8)
    canvas.set_overlay_visible(True)
    canvas.set_opacity(1.0)
    np.testing.assert_array_equal(
        seen(made)[: len(rows), : len(columns)], COLOURS[made.mask][rows][:, columns]
    )


def test_the_grid_begins_at_800_percent(hand: Make) -> None:
    made = hand(20, 15, value=0)
    made.canvas.set_opacity(1.0)
    for scale, lines in ((7.9, False), (8.0, True), (16.0, True)):
        made.canvas.set_view(View(scale, 0, 0))
        inner = seen(made)[: int(15 * scale) - 2, : int(20 * scale) - 2]
        assert (np.ptp(inner.reshape(-1, 3), axis=0).max() > 0) == lines
        if lines:
            across = (inner[5] != COLOURS[0]).any(axis=1)
            np.testing.assert_array_equal(np.flatnonzero(across), np.arange(0, len(across), int(scale)))


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 5.0, 7.5])
def test_outlines_are_one_or_two_screen_pixels_on_the_edge(hand: Make, scale: float) -> None:
    made = hand(40, 30, value=3)
    made.mask[:, 20:] = 8
    canvas = made.canvas
    canvas.set_outline(OutlineMode.OUTLINE)
    canvas.set_opacity(1.0)
    canvas.set_view(View(scale, 5, 5))
    bare = seen(made)
    canvas.set_overlay_visible(False)
    marked = (bare != seen(made)).any(axis=2)[5 : 5 + int(30 * scale)]
    columns = np.flatnonzero(marked.any(axis=0))
    edge = 5 + int(np.ceil(20 * scale - 0.5))
    assert columns.tolist() == ([edge - 1, edge] if scale >= 2 else [edge])
    assert marked[:, columns].all()


def test_a_class_of_value_0_is_shown_and_ignore_is_hatched(hand: Make) -> None:
    made = hand(200, 150, value=0)
    made.mask[:, 100:] = IGNORE
    canvas = made.canvas
    canvas.set_opacity(1.0)
    canvas.set_view(View(1.0, 0, 0))
    shown, rgb = seen(made), picture(7, 200, 150)
    assert (shown[:150, :100] == COLOURS[0]).all()
    hatched = (shown[:150, 101:200] != rgb[:, 101:]).any(axis=2)
    assert 0.2 < hatched.mean() < 0.5
    canvas.set_hidden(frozenset({0}))
    np.testing.assert_array_equal(seen(made)[:150, :100], rgb[:, :100])


def test_hatches_move_with_the_image(hand: Make) -> None:
    made = hand(200, 150, value=IGNORE)
    made.canvas.set_view(View(1.0, 0, 0))
    before = seen(made)
    made.canvas.set_view(View(1.0, 7, 5))
    np.testing.assert_array_equal(seen(made)[5:155, 7:207], before[:150, :200])


def test_patterns_tell_classes_apart_without_colour(hand: Make) -> None:
    made = hand(240, 150, value=IGNORE)
    canvas = made.canvas
    for number in range(6):
        made.mask[:, number * 40 : (number + 1) * 40] = number
    canvas.set_colours(np.full((256, 3), 128, np.uint8))
    canvas.set_opacity(1.0)
    canvas.set_view(View(1.0, 0, 0))
    assert np.ptp(seen(made)[:150, :240]) == 0
    canvas.set_patterns(True)
    parts = [seen(made)[:120, number * 40 : number * 40 + 36, 0] for number in range(6)]
    # All begin at a multiple of the period but for 4 columns, so that alike patterns would match shifted.
    periods = [
        {part[y : y + 12, x : x + 12].tobytes() for y in range(12) for x in range(12)} for part in parts
    ]
    for first in range(6):
        for second in range(first):
            assert not periods[first] & periods[second]


def test_the_version_layer_shows_its_own_pixels(hand: Make) -> None:
    made = hand(value=4)
    canvas = made.canvas
    canvas.set_opacity(1.0)
    canvas.set_layer(Layer.VERSION)
    canvas.set_view(View(1.0, 0, 0))
    np.testing.assert_array_equal(seen(made)[:150, :200], picture(7, 200, 150))
    canvas.set_version(np.full((150, 200), 9, np.uint8))
    assert (seen(made)[:150, :200] == COLOURS[9]).all()


def test_lines_are_two_pixels_wide_on_fine_screens() -> None:
    labels = np.full((4, 6), 3, np.uint8)
    labels[:, 3:] = 8
    one, two = borders(labels), borders(labels, both_sides=True)
    assert one[0].tolist() == [255, 255, 255, 8, 255, 255]
    assert two[0].tolist() == [255, 255, 3, 8, 255, 255]


def test_patterns_are_no_finer_on_fine_screens() -> None:
    labels = np.full((24, 24), 4, np.uint8)
    colours = np.full((256, 3), 200, np.uint8)
    plain = pattern_marks(labels[:12, :12], (0, 0), colours, frozenset())
    fine = pattern_marks(labels, (0, 0), colours, frozenset(), unit=2)
    np.testing.assert_array_equal(fine, np.kron(plain, np.ones((2, 2), np.uint8)))
    assert not pattern_marks(labels, (0, 0), colours, frozenset({4})).any()


def test_a_reduced_copy_is_the_mean_of_the_pixels_beneath() -> None:
    rgb = picture(5, 256, 192)
    target = np.zeros((48, 64, 4), np.uint8)
    BaseImage(rgb).sample(View(0.25, 0, 0), 0, 0, target)
    wanted = rgb.reshape(48, 4, 64, 4, 3).mean(axis=(1, 3))[..., ::-1]
    assert np.abs(target[..., :3] - wanted).max() <= 1.5
