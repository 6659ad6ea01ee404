"""Region counts against one labelling for each class, and by hand."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.metrics.regions import count_regions


def test_counts_by_hand() -> None:
    mask = np.array([[0, 1, 0, 2], [0, 0, 1, 2], [1, 0, 255, 2], [1, 1, 1, 2]], np.uint8)
    assert count_regions(mask, 4).tolist() == [2, 3, 1, 0]


def test_the_ignored_id_forms_no_regions() -> None:
    mask = np.array([[0, 1, 0, 2]], np.uint8)
    assert count_regions(mask, 2, ignore=0).tolist() == [0, 1]
    assert count_regions(np.zeros((0, 3), np.uint8), 2).tolist() == [0, 0]


def test_a_spiral_is_one_region() -> None:
    rows = ["#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######"]
    mask = np.array([[cell == "#" for cell in row] for row in rows], np.uint8)
    assert count_regions(mask, 2).tolist() == [1, 1]


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    classes=st.integers(1, 6),
)
def test_counts_equal_those_of_one_labelling_a_class(
    seed: int, height: int, width: int, classes: int
) -> None:
    mask = np.random.default_rng(seed).integers(0, 4, (height, width), np.uint8)
    expected = [
        cv2.connectedComponents((mask == number).astype(np.uint8), connectivity=4)[0] - 1
        for number in range(classes)
    ]
    assert count_regions(mask, classes).tolist() == expected
