"""Click to segment in the window: who looks at which image when, what is kept, and what is said."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click
from segstudio.errors import BackendError
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.correcting import embeddings
from segstudio.inference.spec import ModelSpec
from tests.gui.conftest import FakeBackend, Studio

SQUARE = Rect(10, 12, 30, 20)


class Known:
    """What FakeSegmenter sees: the same square whatever is clicked."""

    nbytes = 1000

    def mask(self, clicks: Sequence[Click], box: Rect | None = None) -> Region | None:
        return Region(0, SQUARE, np.ones((SQUARE.height, SQUARE.width), bool), 600)


class FakeSegmenter:
    """Counts what it was opened on and looked at."""

    opened: list[tuple[str, str]]
    looked: int

    def __init__(self, folder: Path, spec: ModelSpec, backend: str) -> None:
        type(self).opened.append((spec.name, backend))

    def embed(self, image: NDArray[np.uint8]) -> Known:
        type(self).looked += 1
        return Known()


@pytest.fixture
def segmenter(backend: FakeBackend, monkeypatch: pytest.MonkeyPatch) -> type[FakeSegmenter]:
    FakeSegmenter.opened, FakeSegmenter.looked = [], 0
    monkeypatch.setattr(embeddings, "FeatureSegmenter", FakeSegmenter)
    return FakeSegmenter


def test_images_are_looked_at_when_the_tool_is_chosen_and_the_next_one_ahead(
    studio: Studio, folder: Path, segmenter: type[FakeSegmenter]
) -> None:
    studio.open(folder)
    assert segmenter.looked == 0
    QTest.keyClick(studio.canvas, Qt.Key.Key_Q)
    assert studio.tool() is ToolName.SEGMENT
    studio.settle()
    assert (segmenter.opened, segmenter.looked) == ([("fake", "auto")], 2)
    first = studio.canvas.embedding
    assert first is not None
    studio.session.step(1)
    studio.settle()
    assert studio.canvas.embedding not in (None, first)
    assert segmenter.looked == 3
    studio.session.step(-1)
    studio.settle()
    assert studio.canvas.embedding is first
    assert (len(segmenter.opened), segmenter.looked) == (1, 3)


def test_a_click_and_enter_paint_and_undo_takes_it_back(
    studio: Studio, folder: Path, segmenter: type[FakeSegmenter]
) -> None:
    studio.open(folder)
    before = studio.mask().copy()
    QTest.keyClick(studio.canvas, Qt.Key.Key_Q)
    studio.settle()
    studio.click(20.5, 20.5)
    QTest.keyClick(studio.canvas, Qt.Key.Key_Return)
    expected = before.copy()
    expected[SQUARE.slices] = studio.session.classes.active
    np.testing.assert_array_equal(studio.mask(), expected)
    QTest.keyClick(studio.canvas, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    np.testing.assert_array_equal(studio.mask(), before)


def test_enter_after_a_click_on_a_class_is_for_the_region_that_is_proposed(
    studio: Studio, folder: Path, segmenter: type[FakeSegmenter]
) -> None:
    studio.open(folder)
    QTest.keyClick(studio.canvas, Qt.Key.Key_Q)
    studio.settle()
    studio.click(20.5, 20.5)
    view = studio.window.editor.classes.view
    row = view.visualRect(studio.window.editor.classes.model.index(3))
    place = QPoint(row.left() + 80, row.center().y())
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    focused = QApplication.focusWidget()
    assert focused is studio.canvas
    QTest.keyClick(focused, Qt.Key.Key_Return)
    assert (studio.mask()[SQUARE.slices] == 3).all()


def test_a_model_that_cannot_be_used_is_told_once(
    studio: Studio, folder: Path, segmenter: type[FakeSegmenter], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> FakeSegmenter:
        raise BackendError("model fake gives class ids without scores")

    monkeypatch.setattr(embeddings, "FeatureSegmenter", refuse)
    said: list[str] = []
    studio.open(folder)
    studio.session.message.connect(lambda message: said.append(message.text))
    QTest.keyClick(studio.canvas, Qt.Key.Key_Q)
    studio.settle()
    studio.session.step(1)
    studio.settle()
    assert [text for text in said if "without scores" in text] == [
        "model fake gives class ids without scores"
    ]
    assert studio.canvas.embedding is None


def test_little_is_kept_beside_the_open_image_and_the_next(
    studio: Studio, folder: Path, segmenter: type[FakeSegmenter], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embeddings, "LIMIT_BYTES", 1500)
    studio.open(folder)
    QTest.keyClick(studio.canvas, Qt.Key.Key_Q)
    studio.settle()
    studio.session.step(1)
    studio.settle()
    kept, listed = studio.window.link.embeddings, studio.session.book.listed
    assert [kept.get(sample.key) is not None for sample in listed] == [False, True, True, False]
    studio.session.close_project()
    studio.settle()
    assert not any(kept.get(sample.key) for sample in listed)


def test_an_image_that_cannot_be_read_is_left_out(
    studio: Studio, folder: Path, segmenter: type[FakeSegmenter]
) -> None:
    studio.open(folder)
    listed = studio.session.book.listed
    listed[1].image.write_bytes(b"no image")
    QTest.keyClick(studio.canvas, Qt.Key.Key_Q)
    studio.settle()
    studio.session.step(2)
    studio.settle()
    kept = studio.window.link.embeddings
    assert [kept.get(sample.key) is not None for sample in listed[:2]] == [True, False]


def test_the_cells_size_is_turned_by_the_wheel_and_keys_choose_the_tools(
    studio: Studio, folder: Path
) -> None:
    studio.open(folder)
    for key, tool in ((Qt.Key.Key_C, ToolName.SCISSORS), (Qt.Key.Key_S, ToolName.SUPERPIXEL)):
        QTest.keyClick(studio.canvas, key)
        assert studio.tool() is tool
    bar = studio.window.editor.tool_options
    assert (bar.spin.value(), bar.spin.isVisible()) == (24, True)
    studio.canvas.option_turned.emit(3.0)
    assert studio.canvas.options.cell == bar.spin.value() == 27
