"""Any sequence of strokes, aborts, undo, redo and jumps equals a list of full copies."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from segstudio.annotation.history import STEPS, Edit, History, HistoryBudget
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.packed_changes import RunReader
from segstudio.annotation.rect import Rect
from segstudio.annotation.tools import stroke_bounds
from tests.strokes import paint_stroke

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
    assert document.history.size < 1_000_000
    small = History(HistoryBudget(2000))
    for _ in range(5):
        small.push(noise_edit(random, 40))
    assert small.length == 1
    assert small.position == 1


def noise_edit(random: np.random.Generator, side: int) -> Edit:
    """An edit that hardly packs."""
    noise = random.integers(1, 255, (side, side), dtype=np.uint8)
    edit = Edit.of("Noise", Rect(0, 0, side, side), np.zeros((side, side), np.uint8), noise)
    assert edit is not None
    return edit


def test_twenty_samples_share_one_budget() -> None:
    random = np.random.default_rng(2)
    edit = noise_edit(random, 64)
    budget = HistoryBudget(edit.size * 20 * 210)
    histories = [History(budget) for _ in range(20)]
    for _ in range(260):
        for history in histories:
            history.push(edit)
    assert budget.size <= budget.limit
    assert all(history.length >= STEPS for history in histories)
    # One sample alone may use what the others leave; the others keep their steps until there is no other way.
    for _ in range(2000):
        histories[0].push(edit)
    assert budget.size <= budget.limit
    assert all(history.length == STEPS for history in histories[1:])
    assert histories[0].length == 20 * 210 - 19 * STEPS
    tight = HistoryBudget(edit.size * 100)
    first, second = History(tight), History(tight)
    for history in (first, second):
        for _ in range(90):
            history.push(edit)
    assert (first.length, second.length) == (10, 90)
    first.let_go()
    assert tight.size == second.size


def test_undone_edits_stay_redoable_while_others_go() -> None:
    random = np.random.default_rng(3)
    document = MaskDocument(np.zeros((40, 40), np.uint8), History(HistoryBudget(6000)))
    for _ in range(3):
        noise = random.integers(1, 200, (40, 40), dtype=np.uint8)
        document.apply("Noise", document.whole(), partial(np.copyto, src=noise))
    before = document.array.copy()
    while document.undo():
        pass
    document.history.drop_one()
    while document.redo():
        pass
    assert document.history.position == document.history.length
    assert not np.array_equal(document.array, before)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_an_edit_of_any_two_states_goes_both_ways(data: st.DataObject) -> None:
    shape = (data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40)))
    values = st.sampled_from([0, 1, 18, 255])
    before, after = (data.draw(arrays(np.uint8, shape, elements=values)) for _ in range(2))
    edit = Edit.of("Any", Rect(0, 0, shape[1], shape[0]), before, after)
    if edit is None:
        np.testing.assert_array_equal(before, after)
        return
    assert edit.pixels == np.count_nonzero(before != after)
    new = np.unique(after[before != after])
    assert edit.written == (new[0] if new.size == 1 else None)
    mask = before.copy()
    edit.put_after(mask)
    np.testing.assert_array_equal(mask, after)
    edit.put_before(mask)
    np.testing.assert_array_equal(mask, before)


def test_a_change_of_an_image_of_many_strips_is_small_and_right() -> None:
    random = np.random.default_rng(4)
    start = np.kron(random.integers(0, 19, (160, 10), np.uint8), np.ones((16, 160), np.uint8))
    document = MaskDocument(start)
    edit = document.apply("Set", document.whole(), lambda array: array[:, 100:1500].fill(3))
    assert edit is not None
    after = document.array.copy()
    assert edit.size < start.size / 100
    document.undo()
    np.testing.assert_array_equal(document.array, start)
    document.redo()
    np.testing.assert_array_equal(document.array, after)


def test_damaged_runs_are_refused() -> None:
    edit = noise_edit(np.random.default_rng(5), 8)
    for packed, height in ((b"", 8), (b"Zabc", 8), (edit.packed, 9), (b"P12345", 8)):
        with pytest.raises(ValueError, match="runs"):
            RunReader(packed, height, 8)


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
