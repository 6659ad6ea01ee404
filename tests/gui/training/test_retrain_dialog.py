"""The retrain dialog says what a choice comes to, keeps bad ones from starting, and writes the run."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from segstudio import images
from segstudio.annotation.palette import load_palette
from segstudio.gui.training.preview_view import PairRow
from segstudio.gui.training.retrain_dialog import RetrainDialog
from segstudio.gui.training.spec_editor import line_of
from segstudio.project.sample import SampleStatus
from segstudio.scenes.street import draw_scene
from segstudio.workflows.retrain import supervise
from segstudio.workflows.retrain.folder import RunFolder, list_runs
from tests.gui.conftest import Studio
from tests.gui.dashboards.desk import texts

PALETTE = load_palette("cityscapes")
COUNT = 10


@pytest.fixture
def ready(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Studio:
    """A window on drawn streets, most of them accepted; two of val and train are the same."""
    monkeypatch.setattr(supervise, "start_next", lambda _: None)
    root = tmp_path / "street"
    for seed in range(COUNT):
        # The last one is the first one again.
        scene = draw_scene(seed % (COUNT - 1), 64, 96)
        images.write_image(root / f"frame_{seed}.png", scene.image)
        images.write_mask(root / "masks" / f"frame_{seed}.png", scene.mask, PALETTE.colours())
    studio.open(root)
    project = studio.session.project
    assert project is not None
    keys = [sample.key for sample in studio.session.book.samples]
    studio.session.note(project.set_split(keys[-2:], "val"))
    # Two of them somebody still works on.
    studio.session.set_status(keys[-4:-2], SampleStatus.IN_PROGRESS)
    studio.settle()
    return studio


@pytest.fixture
def dialog(ready: Studio) -> Iterator[RetrainDialog]:
    """The dialog as its key opens it."""
    QTest.keyClick(
        ready.window,
        Qt.Key.Key_T,
        Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier,
    )
    ready.wait(lambda: ready.window.findChild(RetrainDialog) is not None)
    found = ready.window.findChild(RetrainDialog)
    assert found is not None
    choose_scratch(found)
    ready.wait(found.go_button.isEnabled)
    yield found
    if shiboken6.isValid(found) and found.isVisible():
        found.reject()


def choose_scratch(dialog: RetrainDialog) -> None:
    """Random weights: no model is needed."""
    box = dialog.form.start
    box.setCurrentIndex(box.count() - 1)
    box.activated.emit(box.currentIndex())


def click(widget: QWidget) -> None:
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def run_of(studio: Studio) -> RunFolder:
    assert studio.session.project is not None
    (run,) = list_runs(studio.session.project)
    return run


def test_it_counts_what_it_learns_from_as_one_types(ready: Studio, dialog: RetrainDialog) -> None:
    assert dialog.form.samples_said.text().startswith("6 samples to learn from, 2 held out to score")
    assert "steps of" in dialog.form.time_said.text()
    rows = texts(dialog.preview.table, 0)
    assert "road" in rows
    road = rows.index("road")
    assert (texts(dialog.preview.table, 1)[road], texts(dialog.preview.table, 2)[road]) == ("6", "2")
    QTest.keyClicks(dialog.form.query, "name=frame_1")
    assert not dialog.go_button.isEnabled(), "what is typed is not known yet"
    ready.wait(lambda: dialog.form.samples_said.text().startswith("1 samples"))
    ready.wait(dialog.go_button.isEnabled)
    dialog.form.query.setText("colour=red")
    ready.wait(lambda: "colour" in dialog.preview.said.text())
    assert not dialog.go_button.isEnabled()
    assert texts(dialog.preview.table, 0) == []


def test_samples_that_nobody_accepted_are_asked_for(ready: Studio, dialog: RetrainDialog) -> None:
    keys = [sample.key for sample in ready.session.book.samples]
    ready.session.set_status([keys[-3]], SampleStatus.SUBMITTED)
    ready.settle()
    box = dialog.form.statuses
    box.setCurrentIndex(1)
    box.activated.emit(1)
    ready.wait(lambda: dialog.form.samples_said.text().startswith("7 samples"))


def test_pairs_that_look_alike_are_shown_with_their_pictures(ready: Studio, dialog: RetrainDialog) -> None:
    assert "look like some to learn from" in dialog.preview.warnings.text()
    rows = dialog.preview.findChildren(PairRow)
    assert rows
    names = [line.text().replace("\u200b", "") for line in rows[0].findChildren(type(dialog.problem))]
    assert names == ["scored: frame_9", "learnt: frame_0"]
    ready.wait(lambda: all(not picture.isNull() for picture in rows[0].pictures()))


def test_a_wrong_spec_is_told_at_its_line_and_does_not_start(ready: Studio, dialog: RetrainDialog) -> None:
    assert not dialog.editor.isVisible()
    click(dialog.advanced)
    assert dialog.editor.isVisible()
    editor, made = dialog.editor, dialog.editor.text.toPlainText()
    assert "max_steps:" in made
    assert not editor.reset.isVisible()
    cursor = editor.text.document().find("max_steps")
    editor.text.setTextCursor(cursor)
    QTest.keyClicks(editor.text, "max_stepz")
    ready.wait(lambda: "max_stepz" in editor.problem)
    assert editor.said.isVisible()
    (mark,) = editor.text.extraSelections()
    assert "max_stepz" in mark.cursor.block().text()
    assert not dialog.go_button.isEnabled()
    click(editor.reset)
    assert editor.text.toPlainText() == made
    assert editor.problem == ""
    ready.wait(dialog.go_button.isEnabled)


def test_an_edited_spec_is_what_the_run_gets(ready: Studio, dialog: RetrainDialog) -> None:
    click(dialog.advanced)
    text = dialog.editor.text
    text.setPlainText(text.toPlainText().replace("log_every: ", "log_every: 1"))
    dialog.form.name.setText("mine")
    ready.wait(dialog.go_button.isEnabled)
    click(dialog.go_button)
    edited = text.toPlainText()
    ready.wait(lambda: ready.window.page == "runs")
    run = run_of(ready)
    assert run.name == "mine"
    assert "log_every: 1" in run.spec_file.read_text(encoding="utf-8")
    note = run.note()
    assert note is not None
    assert note.choice.spec == edited


def test_starting_freezes_the_samples_and_shows_the_run(ready: Studio, dialog: RetrainDialog) -> None:
    dialog.form.minutes.setValue(3)
    click(dialog.form.evaluate)
    ready.wait(dialog.go_button.isEnabled)
    assert dialog.go_button.text() == "Start"
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    ready.wait(lambda: ready.window.page == "runs")
    ready.settle()
    run = run_of(ready)
    note = run.note()
    assert note is not None
    assert (note.choice.minutes, note.choice.evaluate, note.choice.start) == (3.0, False, "scratch")
    assert run.queued.is_file()
    assert run.manifest.is_file()
    ready.window.actions_by_id["train.retrain"].trigger()
    ready.wait(lambda: any(one.isVisible() for one in ready.window.findChildren(RetrainDialog)))
    second = next(one for one in ready.window.findChildren(RetrainDialog) if one.isVisible())
    assert second.go_button.text() == "Add to queue"
    second.reject()


def test_a_taken_name_is_said_and_nothing_is_lost(ready: Studio, dialog: RetrainDialog) -> None:
    assert ready.session.project is not None
    (ready.session.project.runs_dir / "taken").mkdir(parents=True)
    dialog.form.name.setText("taken")
    ready.wait(dialog.go_button.isEnabled)
    click(dialog.go_button)
    ready.wait(lambda: dialog.banner is not None)
    assert dialog.banner is not None
    assert "taken" in dialog.banner.message.text
    assert dialog.isVisible()
    assert dialog.form.name.text() == "taken"
    ready.wait(dialog.go_button.isEnabled)


@pytest.mark.parametrize(
    ("problem", "line"),
    [
        ("line 3: mapping values are not allowed here", 3),
        ("spec: unknown key 'studio.max_stepz'", 2),
        ("train.optim.lr is no number", 4),
        ("something else is wrong", 0),
    ],
)
def test_the_line_of_a_problem(problem: str, line: int) -> None:
    assert line_of(problem, "studio:\n  max_stepz: 3\ntrain:\n  optim: {lr: x}\n") == line
