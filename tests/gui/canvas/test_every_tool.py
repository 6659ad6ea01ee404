"""Whatever any tools of the table do in any order: undo gives the first bytes, redo the last, locks hold."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PySide6.QtCore import Qt

from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection, Unsure
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click
from segstudio.gui.canvas.modes import ShapeOp, Snap, Source, ToolName, ToolOptions
from segstudio.gui.canvas.tools.table import TOOLS
from tests.gui.canvas.conftest import CONTROL, LEFT, NONE, RIGHT, SHIFT, Hand, Make, patchwork

SIDE = 64
LOCKED = 2
# Tools whose press changes no pixel.
LOOKING = {name for name, kind in TOOLS.items() if not kind.edits}
BOUNDARY = st.floats(-6, SIDE + 6)
POINTS = st.lists(st.tuples(BOUNDARY, BOUNDARY), min_size=1, max_size=4)
ENDS = (Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Backspace, None)


@dataclass(frozen=True)
class Gesture:
    """What somebody does: a tool with options, a drag, a key while the button is down, and one afterwards."""

    tool: ToolName
    options: ToolOptions
    radius: float
    active: int
    points: list[tuple[float, float]]
    button: Qt.MouseButton
    modifier: Qt.KeyboardModifier
    during: Qt.Key | None
    after: Qt.Key | None


OPTIONS = st.builds(
    ToolOptions,
    op=st.sampled_from(ShapeOp),
    distance=st.integers(1, 4),
    radius=st.integers(1, 4),
    tolerance=st.integers(0, 60),
    within_view=st.booleans(),
    connected=st.booleans(),
    smoothing=st.integers(0, 3),
    square=st.booleans(),
    snap=st.sampled_from(Snap),
    erase_to=st.sampled_from([255, 3, *Source]),
    restore_from=st.sampled_from(Source),
)
GESTURES = st.builds(
    Gesture,
    st.sampled_from(list(TOOLS)),
    OPTIONS,
    st.floats(0.5, 20),
    st.integers(0, 5),
    POINTS,
    st.sampled_from([LEFT, LEFT, RIGHT]),
    st.sampled_from([NONE, NONE, SHIFT, CONTROL, Qt.KeyboardModifier.AltModifier]),
    st.sampled_from([None, None, *ENDS]),
    st.sampled_from(ENDS),
)


def do(made: Hand, gesture: Gesture) -> None:
    """Makes a gesture by real events."""
    made.canvas.set_tool(gesture.tool)
    made.canvas.options = gesture.options
    made.canvas.set_brush_radius(gesture.radius)
    made.canvas.set_active_class(gesture.active)
    first, *rest = gesture.points
    made.press(*first, gesture.button, gesture.modifier)
    if gesture.during is not None:
        made.key(gesture.during)
    for point in rest:
        made.move(*point, gesture.modifier)
    made.release(*gesture.points[-1], gesture.button, gesture.modifier)
    if gesture.after is not None:
        made.key(gesture.after)


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
@given(st.integers(0, 2**32 - 1), st.lists(GESTURES, min_size=1, max_size=6))
def test_undo_all_gives_the_first_bytes_and_redo_all_the_last(
    made: Hand, seed: int, sequence: list[Gesture]
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
@given(st.integers(0, 2**32 - 1), st.lists(GESTURES, min_size=1, max_size=4))
def test_locked_and_filtered_pixels_never_change(made: Hand, seed: int, sequence: list[Gesture]) -> None:
    confidence = patchwork(seed ^ 1, SIDE, SIDE, 250)
    first = start(
        made, seed, Protection(locked=frozenset({LOCKED}), only=None, where=(Unsure(confidence, 125),))
    )
    for gesture in sequence:
        do(made, gesture)
    kept = (first == LOCKED) | (confidence >= 125)
    np.testing.assert_array_equal(made.mask[kept], first[kept])


@FAST
@given(st.integers(0, 2**32 - 1), GESTURES)
def test_one_gesture_is_at_most_one_step_and_esc_leaves_none(made: Hand, seed: int, gesture: Gesture) -> None:
    first = start(made, seed, Protection())
    document = made.canvas.document
    assert document is not None
    do(made, gesture)
    assert document.history.position <= 1
    if gesture.tool in LOOKING:
        np.testing.assert_array_equal(document.array, first)
    made.key(Qt.Key.Key_Escape)
    assert not document.in_stroke


@FAST
@given(st.integers(0, 2**32 - 1), st.lists(GESTURES, min_size=1, max_size=4))
def test_every_stroke_that_is_said_to_begin_is_said_to_end(
    made: Hand, seed: int, sequence: list[Gesture]
) -> None:
    start(made, seed, Protection())
    made.strokes.clear()
    for gesture in sequence:
        do(made, gesture)
    made.canvas.set_tool(ToolName.PAN)
    assert made.strokes == [True, False] * (len(made.strokes) // 2)


@pytest.mark.parametrize("tool", list(TOOLS))
@pytest.mark.parametrize("key", ENDS)
@pytest.mark.parametrize("button", [LEFT, RIGHT])
def test_a_key_during_a_drag_leaves_no_stroke_open(
    made: Hand, tool: ToolName, key: Qt.Key | None, button: Qt.MouseButton
) -> None:
    made.canvas.set_tool(tool)
    made.press(20.5, 20.5, button)
    made.move(40.5, 20.5)
    if key is not None:
        made.key(key)
    made.move(40.5, 40.5)
    made.release(20.5, 40.5, button)
    assert made.strokes == [True, False] * (len(made.strokes) // 2)
    document = made.canvas.document
    assert document is not None
    assert not document.in_stroke


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(
    "tool", [ToolName.BRUSH, ToolName.ERASER, ToolName.LASSO, ToolName.POLYGON, ToolName.SCISSORS]
)
def test_what_begins_beside_the_image_may_paint_over_no_class(
    made: Hand, tool: ToolName, beside: bool
) -> None:
    canvas = made.canvas
    made.mask[:] = 3
    canvas.set_tool(tool)
    canvas.set_active_class(5)
    canvas.set_filter(Protection(), under_start=True)
    corners = [(-4.0 if beside else 4.0, 10.5), (50.5, 10.5), (50.5, 50.5)]
    if tool in (ToolName.POLYGON, ToolName.SCISSORS):
        for corner in corners:
            made.click(*corner, modifier=NONE if tool is ToolName.POLYGON else CONTROL)
        made.key(Qt.Key.Key_Return)
    else:
        made.drag(corners)
    assert (made.mask != 3).any() != beside


def test_reshaping_goes_by_its_region_not_by_where_it_begins(made: Hand) -> None:
    canvas = made.canvas
    made.mask[:] = 3
    made.mask[20:40, 20:40] = 5
    canvas.set_tool(ToolName.SHAPE)
    canvas.options = replace(canvas.options, op=ShapeOp.GROW, distance=2)
    canvas.set_filter(Protection(), under_start=True)
    made.click(30.5, 30.5)
    assert (made.mask[18:42, 20:40] == 5).all()
    grown = made.mask.copy()
    canvas.set_filter(Protection(locked=frozenset({3})), under_start=True)
    made.click(30.5, 30.5)
    np.testing.assert_array_equal(made.mask, grown)


@pytest.mark.parametrize("tool", [ToolName.POLYGON, ToolName.SCISSORS, ToolName.SEGMENT])
def test_a_draft_waits_while_the_mask_is_locked(made: Hand, tool: ToolName) -> None:
    canvas = made.canvas
    made.mask[:] = 3
    canvas.set_tool(tool)
    canvas.set_active_class(5)
    canvas.set_embedding(Corner())
    places = [(4.5, 4.5), (40.5, 4.5), (40.5, 40.5)]
    for place in places:
        made.click(*place, modifier=NONE if tool is ToolName.SEGMENT else SHIFT)
    canvas.set_editable(False, "Smooth class is under way")
    made.key(Qt.Key.Key_Return)
    made.double(40.5, 40.5)
    made.drag([(10.5, 50.5), (60.5, 60.5)])
    assert set(made.said) == {"Smooth class is under way"}
    assert (made.mask == 3).all()
    canvas.set_editable(True)
    made.key(Qt.Key.Key_Return)
    assert len(made.edits) == 1
    assert (made.mask[10:18, 26:34] == 5).all()
    assert (made.mask[44:] == 3).all()


class Corner:
    """An embedding that proposes the same square whatever was clicked."""

    nbytes = 0

    def mask(self, clicks: Sequence[Click], box: Rect | None = None) -> Region:
        """Rows 4-39, columns 4-39."""
        return Region(0, Rect(4, 4, 36, 36), np.ones((36, 36), bool), 36 * 36)
