"""Superpixels that a worker finds: strokes wait for them without blocking, and paint what they always did."""

import threading
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio import images
from segstudio.annotation.superpixels import Superpixels
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.canvas.tools.superpixel import STOPPED, WAIT, SuperpixelTool
from segstudio.gui.correcting.cell_finder import LANE, TITLE
from segstudio.jobs import JobContext
from tests.gui.conftest import WAIT_MS, Studio

WIDE, HIGH = 1300, 40
ACTIVE = 5
# Places in the first, second and third tile.
FIRST, SECOND, THIRD = (250.5, 20.5), (760.5, 20.5), (1200.5, 20.5)


def ramp() -> NDArray[np.uint8]:
    """Stripes of several hues, uint8 [40,1300,3]."""
    y, x = np.mgrid[:HIGH, :WIDE]
    return np.stack([x // 7 * 40 % 256, (x + 3 * y) // 11 * 30 % 256, y * 6 % 256], axis=2).astype(np.uint8)


@pytest.fixture
def wide(studio: Studio, tmp_path: Path) -> Studio:
    """A window on two images of three tiles each, with the superpixel tool."""
    folder = tmp_path / "wide"
    folder.mkdir()
    for number in range(2):
        images.write_image(folder / f"frame_{number}.png", ramp()[:, :: -1 if number else 1])
    studio.open(folder)
    studio.session.classes.set_active(ACTIVE)
    studio.window.link.choose_tool(ToolName.SUPERPIXEL)
    return studio


class Gate:
    """Work that holds the lane of cells until it is opened."""

    def __init__(self, studio: Studio) -> None:
        self._open = threading.Event()
        self._studio = studio
        studio.session.bridge.start("Hold", self._hold, lane=LANE)

    def _hold(self, _: JobContext) -> None:
        assert self._open.wait(WAIT_MS / 1000)

    def open(self) -> None:
        """Lets the lane go on, and waits until nothing is looked for any more."""
        self._open.set()
        self._studio.settle()


@pytest.fixture
def gate(wide: Studio) -> Iterator[Gate]:
    made = Gate(wide)
    yield made
    made.open()


def tool(studio: Studio) -> SuperpixelTool:
    """The tool in use."""
    found = studio.canvas._pointer.tool
    assert isinstance(found, SuperpixelTool)
    return found


def in_stroke(studio: Studio) -> bool:
    """Whether the mask on screen is being changed."""
    document = studio.canvas.document
    assert document is not None
    return document.in_stroke


def expected(rgb: NDArray[np.uint8], *places: tuple[float, float]) -> NDArray[np.bool_]:
    """bool [40,1300]: the cells at places, found here and now."""
    cells, found = Superpixels(rgb, 24), np.zeros((HIGH, WIDE), bool)
    for x, y in places:
        cell = cells.cell_at(int(x), int(y))
        found[cell.rect.slices] |= cell.inside
    return found


def test_a_click_before_the_cells_are_known_paints_them_when_they_come(wide: Studio, gate: Gate) -> None:
    edits: list[object] = []
    wide.canvas.edited.connect(edits.append)
    wide.click(*SECOND)
    assert in_stroke(wide)
    assert not (wide.mask() == ACTIVE).any()
    gate.open()
    assert not in_stroke(wide)
    np.testing.assert_array_equal(wide.mask() == ACTIVE, expected(ramp(), SECOND))
    assert len(edits) == 1


def test_a_drag_waits_tile_by_tile_and_is_what_it_would_have_been_at_once(wide: Studio, gate: Gate) -> None:
    wide.drag(FIRST, SECOND, THIRD)
    gate.open()
    late, document = wide.mask().copy(), wide.canvas.document
    assert document is not None
    assert document.history.position == 1
    # The same way takes all of it back.
    wide.drag(FIRST, SECOND, THIRD)
    assert not (wide.mask() == ACTIVE).any()
    wide.canvas.cell_finder = None
    tool(wide).forget()
    wide.drag(FIRST, SECOND, THIRD)
    np.testing.assert_array_equal(wide.mask(), late)
    assert (late[20, 260:1190] == ACTIVE).mean() > 0.9


def test_while_a_stroke_waits_the_window_says_so_and_esc_takes_it_back(wide: Studio, gate: Gate) -> None:
    said: list[str] = []
    strokes: list[bool] = []
    wide.canvas.status_text.connect(said.append)
    wide.canvas.stroke_active.connect(strokes.append)
    wide.click(*FIRST)
    wide.click(*THIRD)
    assert said == [WAIT]
    wide.key(Qt.Key.Key_Escape)
    assert not in_stroke(wide)
    wide.click(*THIRD)
    gate.open()
    np.testing.assert_array_equal(wide.mask() == ACTIVE, expected(ramp(), THIRD))
    assert strokes == [True, False, True, False]


@pytest.mark.parametrize("way", ["another sample", "another tool"])
def test_nothing_is_lost_when_somebody_goes_on_before_the_cells_come(
    wide: Studio, gate: Gate, way: str
) -> None:
    wide.click(*SECOND)
    entry = wide.session.entry
    assert entry is not None
    if way == "another tool":
        wide.window.link.choose_tool(ToolName.BRUSH)
    else:
        wide.open_sample("frame_1")
    assert not entry.document.in_stroke
    np.testing.assert_array_equal(entry.document.array == ACTIVE, expected(ramp(), SECOND))
    gate.open()
    assert entry.document.history.position == 1


def test_the_tile_that_was_wanted_last_wins_and_a_stroke_comes_before_it(wide: Studio, gate: Gate) -> None:
    for place in (FIRST, SECOND, THIRD):
        QTest.mouseMove(wide.canvas, wide.point(*place))
        QApplication.processEvents()
    gate.open()
    cells = tool(wide)._cells
    assert cells is not None
    assert [cells.knows((column, 0)) for column in range(3)] == [False, False, True]
    again = Gate(wide)
    wide.click(*FIRST)
    QTest.mouseMove(wide.canvas, wide.point(*SECOND))
    QApplication.processEvents()
    again.open()
    assert cells.knows((0, 0))
    np.testing.assert_array_equal(wide.mask() == ACTIVE, expected(ramp(), FIRST))


def test_a_search_that_is_cancelled_leaves_no_stroke_open(wide: Studio, gate: Gate) -> None:
    said: list[str] = []
    wide.canvas.status_text.connect(said.append)
    wide.click(*FIRST)
    for job in wide.session.jobs.active():
        if job.title == TITLE:
            job.cancel()
    gate.open()
    assert not in_stroke(wide)
    assert said == [STOPPED]
    wide.click(*FIRST)
    wide.settle()
    np.testing.assert_array_equal(wide.mask() == ACTIVE, expected(ramp(), FIRST))


def test_who_goes_on_waits_for_few_cells_and_hears_of_the_rest(
    wide: Studio, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    wide.canvas.status_text.connect(said.append)
    wide.drag(FIRST, SECOND, THIRD)
    ticks = count(0.0, 0.03)
    monkeypatch.setattr("segstudio.gui.canvas.tools.superpixel.monotonic", lambda: next(ticks))
    wide.canvas.finish()
    assert not in_stroke(wide)
    assert STOPPED in said
    assert (wide.mask() == ACTIVE).any()
    assert not (wide.mask()[:, 1100:] == ACTIVE).any()
    assert wide.session.documents.dirty_keys == {"frame_0"}
