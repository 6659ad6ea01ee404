"""The magic wand against CIELAB by its formulas, and a naive flood."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage  # type: ignore[import-untyped]  # scipy has no types

from segstudio.annotation import wand
from segstudio.annotation.rect import Rect
from segstudio.annotation.wand import lab, like_region

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
