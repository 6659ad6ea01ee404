"""Any sequence of strokes, aborts, undo, redo and jumps equals a list of full copies."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.annotation.history import Edit, History
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect
from segstudio.annotation.tools import paint_stroke, stroke_bounds

WIDTH, HEIGHT = 300, 170
points = st.tuples(st.floats(-20, WIDTH + 20), st.floats(-20, HEIGHT + 20))
strokes = st.tuples(
    st.sampled_from(["stroke", "abort"]),
    st.lists(points, min_size=1, max_size=4),
    st.floats(0.5, 40),
    st.integers(0, 5),
)
steps = st.lists(
    st.one_of(
        strokes, st.just(("undo",)), st.just(("redo",)), st.tuples(st.just("jump"), st.integers(0, 12))
    ),
    max_size=14,
)


@dataclass
class Copies:
    """The naive history: every state as a whole copy."""

    states: list[NDArray[np.uint8]]
    position: int = 0
    seen: list[int] = field(default_factory=list)

    def push(self, state: NDArray[np.uint8]) -> None:
        if not np.array_equal(state, self.states[self.position]):
            del self.states[self.position + 1 :]
            self.states.append(state.copy())
            self.position += 1


def start() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 6, (HEIGHT, WIDTH), dtype=np.uint8)


def draw(document: MaskDocument, path: list[tuple[float, float]], radius: float, value: int) -> None:
    last = path[0]
    for point in path:
        document.touch(stroke_bounds(last, point, radius))
        paint_stroke(document.array, last, point, radius, value)
        last = point


@settings(max_examples=60, deadline=None)
@given(steps)
def test_history_equals_full_copies(actions: list[tuple]) -> None:  # type: ignore[type-arg]  # mixed tuples
    document = MaskDocument(start())
    copies = Copies([document.array.copy()])
    buffer = document.array
    for action in actions:
        if action[0] in ("stroke", "abort"):
            document.begin("Brush")
            draw(document, action[1], action[2], action[3])
            if action[0] == "stroke":
                document.commit()
                copies.push(document.array)
            else:
                document.abort()
        elif action[0] == "undo":
            document.undo()
            copies.position = max(0, copies.position - 1)
        elif action[0] == "redo":
            document.redo()
            copies.position = min(len(copies.states) - 1, copies.position + 1)
        else:
            wanted = min(action[1], len(copies.states) - 1)
            while document.history.position != wanted:
                assert document.undo() if document.history.position > wanted else document.redo()
            copies.position = wanted
        assert np.array_equal(document.array, copies.states[copies.position])
        assert document.history.position == copies.position
    assert document.array is buffer


def test_an_edit_is_cut_to_what_changed() -> None:
    document = MaskDocument(np.zeros((50, 60), np.uint8))

    def change(array: NDArray[np.uint8]) -> None:
        array[10:12, 20:25] = 3

    edit = document.apply("Test", document.whole(), change)
    assert edit is not None
    assert edit.rect == Rect(20, 10, 5, 2)
    assert edit.pixels == 10


def test_nothing_changed_makes_no_edit() -> None:
    document = MaskDocument(np.zeros((5, 5), np.uint8))
    assert document.apply("Test", document.whole(), lambda array: array.fill(0)) is None
    assert not document.history.can_undo
    assert document.revision == 0


def test_an_exception_leaves_no_staged_pixels() -> None:
    document = MaskDocument(np.zeros((20, 20), np.uint8))

    def fail(array: NDArray[np.uint8]) -> None:
        array[:] = 7
        raise ValueError("in the middle")

    with pytest.raises(ValueError, match="in the middle"):
        document.apply("Broken", document.whole(), fail)
    assert not document.array.any()
    assert not document.in_stroke
    edit = document.apply("Next", Rect(0, 0, 1, 1), lambda array: array.__setitem__((0, 0), 1))
    assert edit is not None
    assert edit.pixels == 1


def test_strokes_must_be_bracketed() -> None:
    document = MaskDocument(np.zeros((4, 4), np.uint8))
    with pytest.raises(RuntimeError):
        document.touch(Rect(0, 0, 1, 1))
    with pytest.raises(RuntimeError):
        document.commit()
    document.begin("One")
    with pytest.raises(RuntimeError):
        document.begin("Two")
    assert document.undo() is None


def test_history_is_bounded_by_bytes_and_keeps_two_hundred_strokes() -> None:
    document = MaskDocument(np.zeros((1024, 2048), np.uint8))
    random = np.random.default_rng(1)
    for number in range(260):
        x, y = random.uniform(0, 2048), random.uniform(0, 1024)
        document.begin("Brush")
        draw(document, [(x, y), (x + 60, y + 20)], 20, 1 + number % 18)
        document.commit()
    assert len(document.history.edits) >= 200
    small = History(limit_bytes=2000)
    noise = random.integers(0, 255, (40, 40), dtype=np.uint8)
    for _ in range(5):
        edit = Edit.of("Noise", Rect(0, 0, 40, 40), np.zeros((40, 40), np.uint8), noise)
        assert edit is not None
        small.push(edit)
    assert len(small.edits) == 1
    assert small.position == 1


def test_a_new_edit_forgets_the_undone_ones() -> None:
    document = MaskDocument(np.zeros((9, 9), np.uint8))
    for value in (1, 2, 3):
        document.apply(f"Set {value}", document.whole(), partial(np.copyto, src=np.uint8(value)))
    document.undo()
    document.undo()
    document.apply("Set 9", document.whole(), lambda array: array.fill(9))
    assert [edit.title for edit in document.history.edits] == ["Set 1", "Set 9"]
    assert document.redo() is None


def test_the_document_owns_its_pixels() -> None:
    given_array = np.zeros((3, 3), np.uint8)
    document = MaskDocument(given_array)
    document.apply("Set", document.whole(), lambda array: array.fill(4))
    assert not given_array.any()
    with pytest.raises(ValueError, match="uint8"):
        MaskDocument(np.zeros((2, 2), np.int64))
