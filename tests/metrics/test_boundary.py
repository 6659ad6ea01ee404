"""Boundary bands against an implementation that looks at every pixel's square, and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.metrics.boundary import band_width, count_boundary

Ids = NDArray[np.uint8]


def slow_band(mask: NDArray[np.bool_], unknown: NDArray[np.bool_], width: int) -> NDArray[np.bool_]:
    """Pixels of the mask whose square reaches a known pixel outside it, or leaves the image."""
    height, length = mask.shape
    band = np.zeros_like(mask)
    for y, x in np.argwhere(mask):
        inside = y >= width and x >= width and y + width < height and x + width < length
        rows, columns = slice(max(0, y - width), y + width + 1), slice(max(0, x - width), x + width + 1)
        band[y, x] = not inside or not (mask | unknown)[rows, columns].all()
    return band


def slow_counts(truth: Ids, predicted: Ids, classes: int, ignore: int, width: int) -> list[list[int]]:
    unknown = (truth >= classes) | (truth == ignore)
    rows = []
    for number in range(classes):
        first = slow_band((truth == number) & ~unknown, unknown, width)
        second = slow_band((predicted == number) & ~unknown, unknown, width)
        rows.append([int((first & second).sum()), int(first.sum()), int(second.sum())])
    return rows


def test_the_band_of_cityscapes_is_eleven_pixels() -> None:
    assert band_width(1024, 2048) == 11
    assert band_width(8, 8) == 1


def test_counts_by_hand() -> None:
    truth = np.zeros((5, 6), np.uint8)
    truth[:, 3:] = 1
    predicted = np.zeros((5, 6), np.uint8)
    predicted[:, 4:] = 1
    # Width 1: of five rows by n columns, the middle three rows by n - 2 columns are inside.
    first = [15 - 3 - 3, 15 - 3, 20 - 6]
    second = [10 - 3, 15 - 3, 10]
    assert count_boundary(truth, predicted, 2).tolist() == [first, second]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 14),
    length=st.integers(1, 14),
    share=st.sampled_from([0.005, 0.1, 0.2, 0.9]),
    classes=st.sampled_from([1, 3, 255]),
    ignore=st.sampled_from([255, 1, 7]),
)
def test_counts_equal_those_of_the_slow_way(
    seed: int, height: int, length: int, share: float, classes: int, ignore: int
) -> None:
    random = np.random.default_rng(seed)
    blocks = random.choice([0, 1, 2, 9, 254, 255], (2, height // 4 + 1, length // 4 + 1))
    truth, predicted = np.kron(blocks, np.ones((1, 4, 4)))[:, :height, :length].astype(np.uint8)
    expected = slow_counts(truth, predicted, classes, ignore, band_width(height, length, share))
    assert count_boundary(truth, predicted, classes, ignore, share).tolist() == expected


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_predicted_without_truth_does_not_matter(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth = np.kron(random.integers(0, 3, (4, 4)), np.ones((5, 5))).astype(np.uint8)
    truth[random.random(truth.shape) < 0.3] = 255
    predicted = np.where(truth == 255, random.integers(0, 256, truth.shape), truth).astype(np.uint8)
    both, first, second = count_boundary(truth, predicted, 3).T
    assert np.array_equal(both, first)
    assert np.array_equal(both, second)


def test_different_shapes_are_refused_and_no_pixels_have_no_band() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        count_boundary(np.zeros((1, 2), np.uint8), np.zeros((2, 2), np.uint8), 2)
    nothing = np.zeros((0, 4), np.uint8)
    assert not count_boundary(nothing, nothing, 2).any()
