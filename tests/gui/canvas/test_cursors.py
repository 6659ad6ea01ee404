"""Outlines against naive definitions, pixel by pixel and line by line, and the edges that brushes share."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import outline
from segstudio.gui.canvas.cursors import edge_marks
from tests.gui.canvas.conftest import Make, picture

COVERS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def naive_marks(inside: NDArray[np.bool_], fine: int) -> NDArray[np.uint8]:
    """Every pixel on its own: 2 on a line, 1 near one."""
    padded = np.pad(inside, 2 * fine + 1)
    height, width = inside.shape[0] + 4 * fine, inside.shape[1] + 4 * fine

    def has_edge(row: int, column: int) -> bool:
        here = padded[row + 1, column + 1]
        return bool(here != padded[row, column + 1] or here != padded[row + 1, column])

    edges = [(row, column) for row in range(height) for column in range(width) if has_edge(row, column)]
    lines = {
        (row - down, column - right) for row, column in edges for down in range(fine) for right in range(fine)
    }
    marks = np.zeros((height, width), np.uint8)
    for row in range(height):
        for column in range(width):
            near = any(max(abs(row - y), abs(column - x)) <= fine for y, x in lines)
            marks[row, column] = 2 if (row, column) in lines else int(near)
    return marks


@settings(max_examples=30, deadline=None)
@given(COVERS, st.sampled_from([1, 2]))
def test_lines_and_what_is_beside_them_are_where_the_definition_says(
    inside: NDArray[np.bool_], fine: int
) -> None:
    np.testing.assert_array_equal(edge_marks(inside.view(np.uint8), fine), naive_marks(inside, fine))


@settings(max_examples=60, deadline=None)
@given(COVERS)
def test_an_outline_has_the_sides_between_in_and_out_once_each(inside: NDArray[np.bool_]) -> None:
    padded, sides = np.pad(inside, 1), []
    for x0, y0, x1, y1 in outline(Rect(3, 5, inside.shape[1], inside.shape[0]), inside).astype(int).tolist():
        assert x0 == x1 or y0 == y1
        sides += [(x, y0, "across") for x in range(x0, x1)] + [(x0, y, "down") for y in range(y0, y1)]
    expected = [(x + 2, y + 5, "across") for y, x in np.argwhere(padded[1:] != padded[:-1]).tolist()] + [
        (x + 3, y + 4, "down") for y, x in np.argwhere(padded[:, 1:] != padded[:, :-1]).tolist()
    ]
    assert sorted(sides) == sorted(expected)


@pytest.mark.parametrize("again", [False, True])
def test_the_edges_of_an_image_are_found_once_for_all_brushes(hand: Make, again: bool) -> None:
    canvas = hand().canvas
    edges = canvas.edges
    assert edges is not None
    if again:
        canvas.set_image(picture(8, 200, 150))
    assert (canvas.edges is edges) != again
    canvas.clear()
    assert canvas.edges is None
