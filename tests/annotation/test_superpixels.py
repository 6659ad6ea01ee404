"""Superpixels cover the image once, in one piece each, follow edges, and do not depend on where one looks."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage  # scipy has no types

from segstudio.annotation import superpixels
from segstudio.annotation.slic import slic
from segstudio.annotation.superpixels import Superpixels


def blobs(height: int, width: int, seed: int) -> NDArray[np.uint8]:
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (-(-height // 7), -(-width // 7), 3))
    pixels = np.kron(coarse, np.ones((7, 7, 1), np.int64))[:height, :width]
    noise = random.integers(-30, 31, pixels.shape)
    picture: NDArray[np.uint8] = np.clip(pixels + noise, 0, 255).astype(np.uint8)
    return picture


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(8, 24), st.integers(0, 2**32 - 1))
def test_every_number_is_one_piece(height: int, width: int, side: int, seed: int) -> None:
    numbers = slic(blobs(height, width, seed), side)
    assert numbers.shape == (height, width)
    values = np.unique(numbers)
    assert values.tolist() == list(range(len(values)))
    assert len(values) <= -(-height // side) * -(-width // side)
    for value in values:
        assert ndimage.label(numbers == value)[1] == 1


def test_cells_follow_a_slanted_edge_and_are_about_as_large_as_asked() -> None:
    y, x = np.mgrid[0:96, 0:96]
    is_left = x + y // 3 < 57
    rgb = np.where(is_left[..., None], (180, 60, 50), (40, 90, 160)).astype(np.uint8)
    numbers = slic(rgb, 16)
    for value in np.unique(numbers):
        share = is_left[numbers == value].mean()
        assert share in (0, 1)
    areas = np.bincount(numbers.ravel())
    assert 100 < np.median(areas) < 400


def test_a_plain_picture_stays_a_grid() -> None:
    numbers = slic(np.full((32, 48, 3), 90, np.uint8), 16)
    assert np.array_equal(numbers, np.arange(6).reshape(2, 3).repeat(16, axis=0).repeat(16, axis=1))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans())
def test_cells_cover_the_image_once_whatever_was_looked_at_first(seed: int, with_classes: bool) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(superpixels, "TILE", 32)
        patch.setattr(superpixels, "TILES_KEPT", 2)
        rgb = blobs(50, 70, seed)
        random = np.random.default_rng(seed)
        classes = (random.integers(0, 2, (50, 70)) * 3).astype(np.uint8) if with_classes else None
        cells = Superpixels(rgb, 8)
        count = np.zeros((50, 70), int)
        places = [(int(place) % 70, int(place) // 70) for place in random.permutation(50 * 70)]
        for x, y in places:
            if count[y, x]:
                continue
            cell = cells.cell_at(x, y, classes)
            assert cell.inside[y - cell.rect.y, x - cell.rect.x]
            assert cell.inside.any(axis=0).all()
            assert cell.inside.any(axis=1).all()
            assert cell.area == cell.inside.sum()
            assert ndimage.label(cell.inside)[1] == 1
            count[cell.rect.slices] += cell.inside
            if classes is not None:
                assert set(classes[cell.rect.slices][cell.inside].tolist()) == {cell.class_id}
        assert (count == 1).all()


def test_the_size_of_cells_keeps_to_its_range_and_pixels_to_the_image() -> None:
    cells = Superpixels(blobs(20, 20, 0), 3)
    assert cells.side == superpixels.SMALLEST_CELL
    assert Superpixels(blobs(20, 20, 0), 900).side == superpixels.LARGEST_CELL
    with pytest.raises(IndexError, match="pixel 20,3 is outside 20x20"):
        cells.cell_at(20, 3)
