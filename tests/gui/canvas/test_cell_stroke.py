"""Strokes over cells, by hypothesis: one edit of whole cells each, given back by a second one and by undo."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.superpixels import Superpixels
from segstudio.gui.canvas.cell_stroke import AddedCells, CellStroke

SIDE, VALUE = 40, 9
PLACES = st.tuples(st.floats(-5, SIDE + 5), st.floats(-5, SIDE + 5))
WAYS = st.lists(PLACES, min_size=1, max_size=4)


class Desk:
    """A mask of three classes on a picture of noise, with its cells."""

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.cells = Superpixels(random.integers(0, 256, (SIDE, SIDE, 3), np.uint8), 8)
        self.document = MaskDocument(random.integers(0, 3, (SIDE, SIDE), np.uint8))
        self.added = AddedCells()
        self.cells.keep((0, 0), self.cells.find((0, 0)))

    def stroke(
        self, way: list[tuple[float, float]], *, opposite: bool = False, protection: Protection = OPEN
    ) -> bool:
        """Goes along a way; says whether there was an edit."""
        other, removes = (255, True) if opposite else (None, None)
        stroke = CellStroke(
            self.document, self.cells, None, self.added, VALUE, other, protection, removes, way[0]
        )
        for point in way:
            stroke.move(point)
        return stroke.finish() is not None


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), WAYS)
def test_whole_cells_are_added_and_the_same_way_gives_them_back(
    seed: int, way: list[tuple[float, float]]
) -> None:
    desk = Desk(seed)
    before = desk.document.array.copy()
    changed = desk.stroke(way)
    after = desk.document.array.copy()
    assert changed == (after != before).any()
    for y, x in np.argwhere(after == VALUE):
        cell = desk.cells.cell_at(int(x), int(y))
        assert (after[cell.rect.slices][cell.inside] == VALUE).all()
    assert desk.stroke(way) == changed
    np.testing.assert_array_equal(desk.document.array, before)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 999), st.lists(st.tuples(WAYS, st.booleans()), max_size=6), st.booleans())
def test_locked_classes_stay_and_undo_brings_everything_back(
    seed: int, ways: list[tuple[list[tuple[float, float]], bool]], locks: bool
) -> None:
    desk = Desk(seed)
    before = desk.document.array.copy()
    protection = Protection(frozenset({1})) if locks else OPEN
    edits = sum(desk.stroke(way, opposite=opposite, protection=protection) for way, opposite in ways)
    if locks:
        assert (desk.document.array[before == 1] == 1).all()
    for _ in range(edits):
        assert desk.document.undo() is not None
    assert desk.document.undo() is None
    np.testing.assert_array_equal(desk.document.array, before)
