"""Changes of large masks: made by a worker, the mask locked meanwhile, one step, cancelled or dropped."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import Qt

from segstudio import images
from segstudio.gui.canvas import changes, reshaping
from segstudio.gui.canvas.changes import MaskChange
from segstudio.gui.canvas.modes import ToolName
from segstudio.jobs import JobContext
from segstudio.project.versions import Why
from tests.gui.conftest import ROAD, SKY, FakeBackend, Studio, predicted_mask

CONTROL = Qt.KeyboardModifier.ControlModifier
HOLES = "region.class_holes"


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Every change counts as large, and its worker waits until this is set."""
    opened = threading.Event()
    monkeypatch.setattr(changes, "LARGE", 1)
    plain: Callable[..., MaskChange] = reshaping.reshape_class

    def slow(*arguments: Any) -> MaskChange:
        change = plain(*arguments)

        def make(mask: Any, context: JobContext) -> None:
            while not opened.wait(0.01):
                context.check()
            change.make(mask, context)

        return replace(change, make=make)

    monkeypatch.setattr(reshaping, "reshape_class", slow)
    yield opened
    opened.set()


def begin(studio: Studio, folder: Path) -> None:
    """A road with a hole, whose filling is under way."""
    studio.open(folder)
    studio.session.entry.document.array[40:44, 20:30] = SKY  # type: ignore[union-attr]  # a sample is open
    studio.session.classes.set_active(ROAD)
    studio.window.actions_by_id[HOLES].trigger()
    studio.wait(lambda: studio.window.job_strip.current is not None)


def editable(studio: Studio) -> bool:
    """Whether the canvas takes edits."""
    return studio.canvas.editable


def test_it_is_one_step_made_by_a_worker(studio: Studio, folder: Path, gate: threading.Event) -> None:
    begin(studio, folder)
    assert (studio.mask()[40:44, 20:30] == SKY).all()
    assert "Fill holes" in studio.window.job_strip.current.title  # type: ignore[union-attr]  # waited for
    gate.set()
    studio.settle()
    assert (studio.mask()[40:44, 20:30] == ROAD).all()
    assert studio.window.editor.history.titles[-1].startswith("Fill holes: road, 40 px")
    studio.key(Qt.Key.Key_Z, CONTROL)
    assert (studio.mask()[40:44, 20:30] == SKY).all()


def test_the_mask_is_locked_meanwhile_and_says_why(
    studio: Studio, folder: Path, gate: threading.Event
) -> None:
    studio.open(folder)
    studio.window.link.choose_tool(ToolName.BRUSH)
    studio.session.classes.set_active(SKY)
    studio.drag((60, 50), (70, 50))
    before = studio.mask().copy()
    begin_again = studio.window.actions_by_id[HOLES].trigger
    begin_again()
    studio.wait(lambda: studio.window.job_strip.current is not None)
    studio.drag((10, 50), (20, 50))
    assert any("under way" in text for text in studio.messages())
    studio.key(Qt.Key.Key_Z, CONTROL)
    studio.session.documents.save_all()
    np.testing.assert_array_equal(studio.mask(), before)
    begin_again()
    # Another sample is free; coming back finds the lock again.
    first = studio.session.current
    assert first is not None
    studio.open_sample("frame_1")
    studio.drag((10, 50), (20, 50))
    assert studio.mask()[50, 15] == SKY
    studio.open_sample(first)
    assert not editable(studio)
    gate.set()
    studio.settle()
    assert editable(studio)
    studio.drag((10, 50), (20, 50))
    assert studio.mask()[50, 15] == SKY


def test_cancelled_it_leaves_the_mask_as_it_was(studio: Studio, folder: Path, gate: threading.Event) -> None:
    begin(studio, folder)
    before = studio.mask().copy()
    studio.window.job_strip.cancel()
    studio.settle()
    np.testing.assert_array_equal(studio.mask(), before)
    assert editable(studio)
    assert not studio.session.entry.document.in_stroke  # type: ignore[union-attr]  # a sample is open


def test_closing_saves_what_was_there_and_drops_the_rest(
    studio: Studio, folder: Path, gate: threading.Event
) -> None:
    studio.open(folder)
    studio.session.classes.set_active(SKY)
    studio.drag((60, 50), (70, 50))
    key, painted = studio.session.current, studio.mask().copy()
    assert key is not None
    mask_path = studio.session.project.mask_path(key)  # type: ignore[union-attr]  # one is open
    studio.window.actions_by_id[HOLES].trigger()
    studio.wait(lambda: studio.window.job_strip.current is not None)
    studio.session.close_project()
    studio.settle()
    np.testing.assert_array_equal(images.read_mask(mask_path), painted)


def test_a_change_to_nothing_says_so(studio: Studio, folder: Path, gate: threading.Event) -> None:
    gate.set()
    studio.open(folder)
    studio.session.classes.set_active(ROAD)
    studio.window.actions_by_id[HOLES].trigger()
    studio.settle()
    assert any("nothing to change" in text for text in studio.messages())
    assert editable(studio)


def test_a_worker_that_fails_gives_the_mask_back(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "LARGE", 1)
    studio.open(folder)
    before = studio.mask().copy()
    document = studio.session.entry.document  # type: ignore[union-attr]  # a sample is open

    def fail(mask: Any, context: JobContext) -> None:
        mask[:] = 3
        raise MemoryError

    bugs: list[str] = []
    studio.session.bridge.crashed.disconnect()
    studio.session.bridge.crashed.connect(lambda text, _: bugs.append(text))
    studio.window.link.large_changes.start(MaskChange(document, "Fill holes", document.whole(), fail))
    studio.settle()
    np.testing.assert_array_equal(studio.mask(), before)
    assert bugs
    assert editable(studio)


def test_accepting_a_large_prediction_is_left_to_a_worker(
    studio: Studio, folder: Path, backend: FakeBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open(folder)
    studio.key(Qt.Key.Key_P, CONTROL)
    studio.wait(lambda: studio.session.prediction is not None)
    studio.settle()
    monkeypatch.setattr(changes, "LARGE", 1)
    before = studio.mask().copy()
    studio.window.actions_by_id["model.accept"].trigger()
    # The worker has not begun or has not told yet: the mask is locked and as it was.
    assert not editable(studio)
    np.testing.assert_array_equal(studio.mask(), before)
    studio.wait(lambda: (studio.mask() == predicted_mask()).all())
    assert editable(studio)
    project = studio.session.project
    assert project is not None
    studio.wait(lambda: Why.PREDICTION in [one.note.why for one in project.versions("frame_0")])
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), before)
