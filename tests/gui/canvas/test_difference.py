"""Kinds of difference against definitions spelled out pixel by pixel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from segstudio.gui.canvas.difference import (
    EXTRA,
    IGNORE,
    MISSED,
    RIGHT,
    DifferenceKind,
    screen_side,
    verdicts,
    wide_only,
)
from segstudio.gui.canvas.modes import Layer
from tests.gui.canvas.conftest import COLOURS, Make, picture, pixels_of

labels = arrays(np.uint8, (9, 11), elements=st.sampled_from([0, 1, 2, 255]))
flags = arrays(np.uint8, (13, 14), elements=st.integers(0, 1))


def opened(different: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Every square of ones that lies inside, one after another."""
    found = np.zeros_like(different)
    for row in range(different.shape[0] - side + 1):
        for column in range(different.shape[1] - side + 1):
            place = slice(row, row + side), slice(column, column + side)
            if different[place].all():
                found[place] = 1
    return found


@given(mask=labels, prediction=labels)
def test_verdicts_are_those_of_the_confusion_table(
    mask: NDArray[np.uint8], prediction: NDArray[np.uint8]
) -> None:
    found = verdicts(mask, prediction, 1)
    for true, said, verdict in zip(mask.ravel(), prediction.ravel(), found.ravel(), strict=True):
        if true == 1:
            assert verdict == (RIGHT if said == 1 else MISSED)
        else:
            assert verdict == (EXTRA if said == 1 and true != IGNORE else IGNORE)


@given(different=flags, side=st.integers(1, 5))
def test_wide_is_what_squares_fit_into(different: NDArray[np.uint8], side: int) -> None:
    np.testing.assert_array_equal(wide_only(different, side), opened(different, side))


def test_below_full_size_bands_of_dots_are_left_out() -> None:
    assert screen_side(2, 0.125) == 2
    assert screen_side(9, 0.5) == 5


@pytest.mark.parametrize("scale", [1.0, 3.0])
def test_the_layer_leaves_thin_borders_out(hand: Make, scale: float) -> None:
    made = hand(120, 90, value=3)
    canvas = made.canvas
    prediction = made.mask.copy()
    prediction[10:12, :] = 8
    prediction[30:34, 40:50] = 8
    canvas.set_prediction(prediction, prediction)
    canvas.set_layer(Layer.DIFFERENCE)
    canvas.set_opacity(1.0)
    canvas.set_difference(DifferenceKind.WIDE, 2, 0)
    canvas.zoom_to(scale)
    seen = pixels_of(canvas.grab().toImage())

    def at(x: int, y: int) -> list[int]:
        left, top = canvas.view.to_screen(x + 0.5, y + 0.5)
        return [int(value) for value in seen[int(top), int(left)]]

    rgb = picture(7, 120, 90)
    assert at(45, 31) == COLOURS[8].tolist()
    assert at(45, 11) == rgb[11, 45].tolist()
    assert at(45, 50) == rgb[50, 45].tolist()
    canvas.set_difference(DifferenceKind.ALL, 2, 0)
    seen = pixels_of(canvas.grab().toImage())
    assert at(45, 11) == COLOURS[8].tolist()
