"""The magic wand against CIELAB by its formulas, and a naive flood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage  # scipy has no types

from segstudio.annotation import wand
from segstudio.annotation.rect import Rect
from segstudio.annotation.wand import Colours, Reach, TooLargeError, lab, like_region

HEIGHT, WIDTH = 15, 19


def exact_lab(rgb: NDArray[np.uint8]) -> NDArray[np.float64]:
    """CIELAB by the formulas of IEC 61966-2-1 and CIE 15, white D65."""
    share = rgb / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = linear @ np.array(matrix).T / [0.9505, 1.0, 1.089]
    root = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(root, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def test_colours_are_cielab() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8)
    rgb[0, :3] = [[0, 0, 0], [255, 255, 255], [0, 0, 255]]
    stored = lab(rgb).astype(float) * [100 / 255, 1, 1] - [0, 128, 128]
    assert np.abs(stored - exact_lab(rgb)).max() < 1.5


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 60))
def test_it_takes_what_is_connected_and_alike(seed: int, tolerance: float) -> None:
    random = np.random.default_rng(seed)
    colours = random.integers(0, 256, (3, 3))
    noise = random.integers(-12, 13, (HEIGHT, WIDTH, 3))
    rgb = np.clip(colours[random.integers(0, 3, (HEIGHT, WIDTH))] + noise, 0, 255).astype(np.uint8)
    x, y = int(random.integers(WIDTH)), int(random.integers(HEIGHT))
    region = like_region(rgb, x, y, tolerance)
    stored = lab(rgb).astype(float) * [100 / 255, 1, 1]
    alike = np.square(stored - stored[y, x]).sum(axis=-1) <= tolerance**2
    parts, _ = ndimage.label(alike)
    found = np.zeros(alike.shape, bool)
    found[region.rect.slices] = region.inside
    assert np.array_equal(found, parts == parts[y, x])
    assert region.area == found.sum()


def test_a_large_area_is_found_whole_whatever_the_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wand, "BAND", 50)
    rgb = np.full((700, 900, 3), 40, np.uint8)
    rgb[20:660, 30:880] = (90, 140, 60)
    assert like_region(rgb, 450, 300, 8).rect == Rect(30, 20, 850, 640)


def test_a_pixel_outside_is_refused() -> None:
    with pytest.raises(IndexError):
        like_region(np.zeros((4, 4, 3), np.uint8), 0, 4, 5)


def spotted() -> NDArray[np.uint8]:
    """A grey field with two green squares and a green speck: uint8 [60,80,3]."""
    rgb = np.full((60, 80, 3), 90, np.uint8)
    for part in (np.s_[10:30, 10:30], np.s_[10:30, 50:70], np.s_[50, 40]):
        rgb[part] = (40, 200, 60)
    return rgb


def test_it_can_take_what_is_not_connected_and_stay_within_a_part() -> None:
    colours = Colours(spotted())
    connected = colours.like(15, 15, 10, Reach(colours.whole))
    assert (connected.rect, connected.area) == (Rect(10, 10, 20, 20), 400)
    everywhere = colours.like(15, 15, 10, Reach(colours.whole, connected=False))
    assert everywhere.area == 801
    part = colours.like(15, 15, 10, Reach(Rect(5, 20, 50, 30), connected=False))
    assert part.area == 10 * 20 + 10 * 5
    assert part.rect.intersection(Rect(5, 20, 50, 30)) == part.rect
    inner = colours.like(12, 25, 10, Reach(Rect(5, 20, 10, 30)))
    assert (inner.rect, inner.area) == (Rect(10, 20, 5, 10), 50)


def test_smoothing_drops_specks_and_rounds_corners() -> None:
    colours = Colours(spotted())
    smooth = colours.like(15, 15, 10, Reach(colours.whole, connected=False, smoothing=2))
    found = np.zeros((60, 80), bool)
    found[smooth.rect.slices] = smooth.inside
    assert not found[45:].any()
    assert found[12:28, 12:28].all()
    assert not found[10, 10]


def test_at_the_images_edge_smoothing_keeps_what_is_there() -> None:
    rgb = np.full((40, 40, 3), 90, np.uint8)
    rgb[:, :15] = 200
    colours = Colours(rgb)
    region = colours.like(3, 3, 10, Reach(colours.whole, smoothing=3))
    found = np.zeros((40, 40), bool)
    found[region.rect.slices] = region.inside
    np.testing.assert_array_equal(found, rgb[..., 0] == 200)


@pytest.mark.parametrize("connected", [True, False])
def test_it_does_not_look_at_more_than_it_may(connected: bool) -> None:
    colours = Colours(np.full((400, 500, 3), 7, np.uint8))
    with pytest.raises(TooLargeError):
        colours.like(3, 3, 10, Reach(colours.whole, connected, most=100_000))
    assert colours.like(3, 3, 10, Reach(colours.whole, connected, most=200_000)).area == 200_000
