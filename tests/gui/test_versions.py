"""Versions in the window: listed with their reasons, looked at, restored as one edit; the list of edits."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QAbstractItemModel, Qt
from PySide6.QtGui import QColor, QFont
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QListView

from segstudio.annotation.history import Edit
from segstudio.annotation.rect import Rect
from segstudio.gui.canvas.modes import ToolName
from segstudio.gui.panels.history_model import HistoryModel
from segstudio.gui.samples.sample_versions import clock
from segstudio.project.sample import SampleStatus
from segstudio.project.versions import Why
from tests.gui.conftest import CAR, SKY, FakeBackend, Studio, predicted_mask, true_mask

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
SHIFT = Qt.KeyboardModifier.ShiftModifier


def paint_and_save(studio: Studio, y: int) -> None:
    studio.session.classes.set_active(CAR)
    studio.drag((10, y), (80, y))
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: studio.window.status.saved.text() == "Saved")
    studio.settle()


def show_versions(studio: Studio) -> QListView:
    """Clicks on the part's button; returns the list."""
    panel = studio.window.editor.history
    QTest.mouseClick(panel.parts.buttons["versions"], LEFT)
    view = panel.versions.view
    studio.wait(view.isVisible)
    return view


def click_row(studio: Studio, view: QListView, row: int) -> None:
    model: QAbstractItemModel = view.model()
    view.scrollTo(model.index(row, 0))
    QTest.mouseClick(view.viewport(), LEFT, pos=view.visualRect(model.index(row, 0)).center())
    studio.settle()


def shown(studio: Studio) -> Any:
    """The version that is looked at."""
    return studio.session.version_shown


def whys(studio: Studio) -> list[Why]:
    return [version.note.why for version in studio.session.versions.versions]


def test_look_and_restore(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    paint_and_save(studio, 10)
    painted = studio.mask().copy()
    view = show_versions(studio)
    panel = studio.window.editor.history
    assert [text.split("  ")[1] for text in panel.versions.texts] == ["As found"]
    changes: list[None] = []
    studio.session.version_changed.connect(lambda: changes.append(None))
    click_row(studio, view, 0)
    np.testing.assert_array_equal(shown(studio), true_mask())
    np.testing.assert_array_equal(studio.mask(), painted)
    assert len(changes) == 1
    QTest.mouseClick(panel.versions.restore_button, LEFT)
    np.testing.assert_array_equal(studio.mask(), true_mask())
    assert shown(studio) is None
    assert panel.titles[-1].startswith("Restore as of ")
    studio.key(Qt.Key.Key_Z, CONTROL)
    np.testing.assert_array_equal(studio.mask(), painted)
    studio.key(Qt.Key.Key_Y, CONTROL)
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: Why.RESTORED in whys(studio))
    assert whys(studio) == [Why.FOUND, Why.SAVED, Why.RESTORED]


def test_restoring_leaves_locked_classes_alone(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    paint_and_save(studio, 10)
    painted = studio.mask().copy()
    studio.session.classes.toggle_locked(CAR)
    click_row(studio, show_versions(studio), 0)
    QTest.mouseClick(studio.window.editor.history.versions.restore_button, LEFT)
    studio.settle()
    np.testing.assert_array_equal(studio.mask(), painted)
    assert any("Nothing to restore" in text for text in studio.messages())


def test_a_second_click_and_another_sample_hide_it(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    paint_and_save(studio, 10)
    view = show_versions(studio)
    click_row(studio, view, 0)
    click_row(studio, view, 0)
    assert shown(studio) is None
    click_row(studio, view, 0)
    assert shown(studio) is not None
    studio.open_sample("frame_1")
    studio.settle()
    assert shown(studio) is None
    assert studio.session.versions.versions == ()
    studio.open_sample("frame_0")
    studio.settle()
    assert whys(studio) == [Why.FOUND]


def test_verdicts_and_predictions_are_versions(studio: Studio, folder: Path, backend: FakeBackend) -> None:
    studio.open(folder)
    studio.window.actions_by_id["model.predict"].trigger()
    studio.wait(lambda: studio.session.prediction is not None)
    studio.settle()
    studio.window.actions_by_id["model.accept"].trigger()
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: Why.PREDICTION in whys(studio))
    accepted = studio.session.versions.versions[-1]
    assert accepted.note.model == "fake"
    assert accepted.pixels == np.count_nonzero(predicted_mask() != true_mask())
    # Submitted a moment after a stroke: what was judged is what the stroke made.
    studio.session.classes.set_active(SKY)
    studio.drag((10, 60), (80, 60))
    wanted = studio.mask().copy()
    studio.window.editing.mark(SampleStatus.SUBMITTED)
    studio.wait(lambda: Why.SUBMITTED in whys(studio))
    studio.settle()
    project = studio.session.project
    assert project is not None
    submitted = studio.session.versions.versions[-1]
    np.testing.assert_array_equal(project.load_version("frame_0", submitted.id), wanted)


def test_the_saved_mask_is_known(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    saved = studio.session.saved_mask()
    assert saved is not None
    np.testing.assert_array_equal(saved, true_mask())
    studio.session.classes.set_active(CAR)
    studio.drag((10, 10), (80, 10))
    np.testing.assert_array_equal(saved, true_mask())
    studio.key(Qt.Key.Key_S, CONTROL)
    studio.wait(lambda: studio.window.status.saved.text() == "Saved")
    saved = studio.session.saved_mask()
    assert saved is not None
    np.testing.assert_array_equal(saved, studio.mask())
    studio.open_sample("frame_2")
    assert studio.session.saved_mask() is None


def test_undo_moves_neither_tool_nor_class_nor_view_and_is_saved(studio: Studio, folder: Path) -> None:
    studio.open(folder)
    paint_and_save(studio, 10)
    studio.key(Qt.Key.Key_F)
    studio.session.classes.set_active(SKY)
    studio.canvas.zoom_by(3.0)
    view = studio.canvas.view_state()
    studio.key(Qt.Key.Key_Z, CONTROL)
    assert studio.window.status.saved.text() == "Unsaved"
    assert studio.canvas.tool is ToolName.FILL
    assert studio.session.classes.active == SKY
    assert studio.canvas.view_state() == view
    studio.wait(lambda: np.array_equal(studio.session.saved_mask(), true_mask()))  # type: ignore[arg-type]  # it is there
    studio.key(Qt.Key.Key_Z, CONTROL | SHIFT)
    assert studio.window.status.saved.text() == "Unsaved"


def edit(number: int) -> Edit:
    made = Edit.of(
        "Brush", Rect(0, 0, 1, 1), np.zeros((1, 1), np.uint8), np.full((1, 1), 1 + number % 9, np.uint8)
    )
    assert made is not None
    return made


class TestHistoryModel:
    """The view hears of the rows that moved, and of no others."""

    @pytest.fixture
    def model(self, qapp: QApplication) -> HistoryModel:
        self.rows: list[tuple[str, int, int]] = []
        self.dressed: set[int] = set()
        model = HistoryModel()
        model.set_looks(QColor("black"), QColor("grey"), QFont("sans"), QFont("serif"))
        model.rowsInserted.connect(lambda _, first, last: self.rows.append(("in", first, last)))
        model.rowsRemoved.connect(lambda _, first, last: self.rows.append(("out", first, last)))
        model.itemChanged.connect(lambda row: self.dressed.add(row.row()))
        model.modelReset.connect(lambda: self.rows.append(("reset", 0, 0)))
        return model

    def show(self, model: HistoryModel, edits: Sequence[Edit], done: int) -> None:
        """Shows them; what the view heard before is forgotten."""
        self.rows.clear()
        self.dressed.clear()
        model.show(tuple(edits), done, str)

    def test_a_stroke_adds_one_row(self, model: HistoryModel) -> None:
        edits = [edit(number) for number in range(500)]
        model.show(tuple(edits), 500, str)
        self.show(model, [*edits, edit(500)], 501)
        assert self.rows == [("in", 501, 501)]
        assert self.dressed == {500, 501}
        assert model.item(501).text() == "Brush: 6, 1 px"

    def test_undo_changes_two_rows(self, model: HistoryModel) -> None:
        edits = [edit(number) for number in range(500)]
        model.show(tuple(edits), 500, str)
        self.show(model, edits, 499)
        assert self.rows == []
        assert self.dressed == {499, 500}
        looks = [model.item(row).foreground().color() for row in (499, 500)]
        assert looks == [QColor("black"), QColor("grey")]

    def test_a_new_stroke_after_undo(self, model: HistoryModel) -> None:
        edits = [edit(number) for number in range(10)]
        model.show(tuple(edits), 4, str)
        self.show(model, [*edits[:4], edit(77)], 5)
        assert self.rows == [("out", 5, 10), ("in", 5, 5)]
        assert model.rowCount() == 6

    def test_the_oldest_make_room(self, model: HistoryModel) -> None:
        edits = [edit(number) for number in range(10)]
        model.show(tuple(edits), 10, str)
        self.show(model, [*edits[3:], edit(88)], 8)
        assert self.rows == [("out", 1, 3), ("in", 8, 8)]

    def test_another_sample(self, model: HistoryModel) -> None:
        model.show(tuple(edit(number) for number in range(10)), 10, str)
        other = [edit(number) for number in range(3)]
        self.show(model, other, 2)
        assert [model.item(row).text() for row in range(4)][1:] == [f"Brush: {n}, 1 px" for n in (1, 2, 3)]
        self.show(model, (), 0)
        assert model.rowCount() == 1


def test_times_as_people_say_them() -> None:
    now = datetime(2026, 3, 14, 16, 0)
    assert clock(datetime(2026, 3, 14, 14, 2).timestamp(), now) == "14:02"
    assert clock(datetime(2026, 3, 12, 14, 2).timestamp(), now) == "12 Mar 14:02"
    assert clock(datetime(2025, 3, 12, 14, 2).timestamp(), now) == "12 Mar 2025 14:02"
