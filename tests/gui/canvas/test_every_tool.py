"""Whatever any tools of the table do in any order: undo gives the first bytes, redo the last, locks hold."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PySide6.QtCore import Qt

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection, Unsure
from segstudio.gui.canvas.modes import ShapeOp, Snap, Source, ToolName
from segstudio.gui.canvas.tools.table import TOOLS
from tests.gui.canvas.conftest import CONTROL, LEFT, NONE, RIGHT, SHIFT, Hand, Make, patchwork

SIDE = 64
LOCKED = 2
# Tools whose press changes no pixel.
LOOKING = {name for name, kind in TOOLS.items() if not kind.edits}
BOUNDARY = st.floats(-6, SIDE + 6)
POINTS = st.lists(st.tuples(BOUNDARY, BOUNDARY), min_size=1, max_size=4)
ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Backspace, None)


@st.composite
def gestures(draw: st.DrawFn) -> tuple[object, ...]:
    """A tool with options, the points of a gesture, its button and modifier, and a key afterwards."""
    options = {
        "op": draw(st.sampled_from(ShapeOp)),
        "distance": draw(st.integers(1, 4)),
        "radius": draw(st.integers(1, 4)),
        "tolerance": draw(st.integers(0, 60)),
        "within_view": draw(st.booleans()),
        "connected": draw(st.booleans()),
        "smoothing": draw(st.integers(0, 3)),
        "square": draw(st.booleans()),
        "snap": draw(st.sampled_from(Snap)),
        "erase_to": draw(st.sampled_from([255, 3, *Source])),
        "restore_from": draw(st.sampled_from(Source)),
    }
    return (
        draw(st.sampled_from(list(TOOLS))),
        options,
        draw(st.floats(0.5, 20)),
        draw(st.integers(0, 5)),
        draw(POINTS),
        draw(st.sampled_from([LEFT, LEFT, RIGHT])),
        draw(st.sampled_from([NONE, NONE, SHIFT, CONTROL, Qt.KeyboardModifier.AltModifier])),
        draw(st.sampled_from(ENDS)),
    )


def do(made: Hand, gesture: tuple[object, ...]) -> None:
    """Makes a gesture by real events."""
    tool, options, radius, active, points, button, modifier, key = gesture
    made.canvas.set_tool(tool)  # type: ignore[arg-type]  # as drawn above
    made.canvas.options = replace(made.canvas.options, **options)  # type: ignore[arg-type]  # as drawn above
    made.canvas.set_brush_radius(radius)  # type: ignore[arg-type]  # as drawn above
    made.canvas.set_active_class(active)  # type: ignore[arg-type]  # as drawn above
    made.drag(points, button, modifier)  # type: ignore[arg-type]  # as drawn above
    if key is not None:
        made.key(key)  # type: ignore[arg-type]  # as drawn above


@pytest.fixture
def made(hand: Make) -> Hand:
    """A canvas on a small image with a prediction and a saved mask; class 1 is hidden."""
    hand_ = hand(SIDE, SIDE, scale=2.0)
    canvas = hand_.canvas
    canvas.set_prediction(patchwork(11, SIDE, SIDE), patchwork(12, SIDE, SIDE, 250))
    canvas.restorable = {Source.SAVED: patchwork(13, SIDE, SIDE)}.get
    canvas.set_hidden(frozenset({1}))
    return hand_


def start(made: Hand, seed: int, protection: Protection) -> NDArray[np.uint8]:
    """Another mask; returns a copy of its pixels."""
    mask = patchwork(seed, SIDE, SIDE, 5)
    made.canvas.set_document(MaskDocument(mask))
    made.canvas.set_filter(protection, under_start=False)
    return mask.copy()


FAST = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FAST
@given(st.integers(0, 2**32 - 1), st.lists(gestures(), min_size=1, max_size=6))
def test_undo_all_gives_the_first_bytes_and_redo_all_the_last(
    made: Hand, seed: int, sequence: list[tuple[object, ...]]
) -> None:
    first = start(made, seed, Protection())
    for gesture in sequence:
        do(made, gesture)
    made.canvas.set_tool(ToolName.PAN)
    document = made.canvas.document
    assert document is not None
    assert not document.in_stroke
    last = document.array.copy()
    steps = document.history.position
    while document.undo() is not None:
        pass
    np.testing.assert_array_equal(document.array, first)
    for _ in range(steps):
        assert document.redo() is not None
    np.testing.assert_array_equal(document.array, last)
    # What is hidden is in the mask all the same.
    np.testing.assert_array_equal(made.canvas.overlay.mask, last)


@FAST
@given(st.integers(0, 2**32 - 1), st.lists(gestures(), min_size=1, max_size=4))
def test_locked_and_filtered_pixels_never_change(
    made: Hand, seed: int, sequence: list[tuple[object, ...]]
) -> None:
    confidence = patchwork(seed ^ 1, SIDE, SIDE, 250)
    first = start(
        made, seed, Protection(locked=frozenset({LOCKED}), only=None, where=(Unsure(confidence, 125),))
    )
    for gesture in sequence:
        do(made, gesture)
    kept = (first == LOCKED) | (confidence >= 125)
    np.testing.assert_array_equal(made.mask[kept], first[kept])


@FAST
@given(st.integers(0, 2**32 - 1), gestures())
def test_one_gesture_is_at_most_one_step_and_esc_leaves_none(
    made: Hand, seed: int, gesture: tuple[object, ...]
) -> None:
    first = start(made, seed, Protection())
    document = made.canvas.document
    assert document is not None
    do(made, gesture)
    assert document.history.position <= 1
    if gesture[0] in LOOKING:
        np.testing.assert_array_equal(document.array, first)
    made.key(Qt.Key.Key_Escape)
    assert not document.in_stroke
