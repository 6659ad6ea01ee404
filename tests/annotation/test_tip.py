"""Brush tips: what a square covers on its way, against many stamps of it, and how large it is anywhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.annotation.rect import Rect
from segstudio.annotation.tip import Tip

AREA = Rect(-8, -8, 48, 44)
places = st.tuples(st.floats(0, 30), st.floats(0, 30))


@given(places, places, st.floats(0.5, 7))
def test_a_square_covers_what_its_stamps_cover(
    start: tuple[float, float], end: tuple[float, float], radius: float
) -> None:
    x = np.arange(AREA.x, AREA.right) + 0.5
    y = (np.arange(AREA.y, AREA.bottom) + 0.5)[:, None]
    far, near = np.zeros((AREA.height, AREA.width), bool), np.zeros((AREA.height, AREA.width), bool)
    for along in np.linspace(0, 1, 401):
        centre_x = start[0] + along * (end[0] - start[0])
        centre_y = start[1] + along * (end[1] - start[1])
        away = np.maximum(np.abs(x - centre_x), np.abs(y - centre_y))
        # A square stands on a raster of 1/1024 pixel.
        near |= away < radius - 2 / 1024
        far |= away < radius + 0.1
    cover = Tip(radius, square=True).cover(AREA, start, end)
    assert not (near & ~cover).any()
    assert not (cover & ~far).any()


@pytest.mark.parametrize("size", [1, 2, 5, 8])
@given(place=places)
def test_a_square_has_its_size_wherever_it_is(size: int, place: tuple[float, float]) -> None:
    tip = Tip(size / 2, square=True)
    rect = tip.box(place)
    cover = tip.cover(rect, place, place)
    assert cover.all()
    assert (rect.width, rect.height) == (size, size)


def test_a_round_tip_is_within_its_radius() -> None:
    tip, place = Tip(6.5), (20.3, 11.8)
    rect = tip.box(place)
    cover = tip.cover(rect, place, place)
    y, x = np.mgrid[rect.y : rect.bottom, rect.x : rect.right] + 0.5
    np.testing.assert_array_equal(cover, np.hypot(x - 20.3, y - 11.8) <= 6.5)
