"""The whole loop in one window: predict, correct, accept, retrain, compare, promote, export, predict."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from segstudio import images
from segstudio.gui.dialogs import model_export
from segstudio.gui.prove.dialog import Stage
from segstudio.gui.training.retrain_dialog import RetrainDialog
from segstudio.gui.training.runs_page import RunsPage
from segstudio.inference.catalog import find_model
from segstudio.project.sample import SampleStatus
from segstudio.scenes.street import draw_scene
from segstudio.workflows.retrain.folder import list_runs
from segstudio.workflows.retrain.runs import RunState, status_of
from tests.gui.conftest import PALETTE, Studio

CONTROL = Qt.KeyboardModifier.ControlModifier
BOTH = CONTROL | Qt.KeyboardModifier.ShiftModifier
LEARNT, HELD_OUT, UNTOUCHED = 4, 2, 1
START = "street-b0"
# Whole trainings and exports, on machines that do other things too.
LONG_MS = 600_000


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Drawn frames without any mask, most of them to learn from."""
    root = tmp_path / "street"
    for number in range(LEARNT + HELD_OUT + UNTOUCHED):
        split = "train" if number < LEARNT else "val" if number < LEARNT + HELD_OUT else "more"
        images.write_image(root / "images" / split / f"f{number}.png", draw_scene(number, 96, 128).image)
    return root


def wait_long(studio: Studio, condition: object) -> None:
    assert callable(condition)
    studio.qtbot.waitUntil(lambda: bool(condition()), timeout=LONG_MS)


def click(widget: QWidget) -> None:
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)
    QApplication.processEvents()


def predict_all(studio: Studio) -> None:
    studio.key(Qt.Key.Key_P, BOTH)
    wait_long(studio, studio.session.bridge.is_idle)
    studio.settle()


def correct_and_accept(studio: Studio, key: str) -> None:
    """The prediction becomes the mask, a stroke mends it, and it is accepted."""
    studio.open_sample(key)
    studio.settle()
    studio.key(Qt.Key.Key_A, BOTH)
    studio.settle()
    before = studio.mask().copy()
    studio.window.actions_by_id["tool.brush"].trigger()
    studio.session.classes.set_active(PALETTE.index("car"))
    studio.drag((20, 70), (60, 74), (100, 70))
    changed = studio.mask() != before
    assert changed.any()
    assert (studio.mask()[changed] == PALETTE.index("car")).all()
    studio.window.actions_by_id["mark.accepted"].trigger()
    studio.settle()
    sample = studio.session.book.get(key)
    assert sample is not None
    assert sample.status is SampleStatus.ACCEPTED


def shorten(dialog: RetrainDialog) -> None:
    """Writes small numbers into the spec, as a user would who tries things out."""
    click(dialog.advanced)
    small = {
        "max_steps": 3, "height": 64, "width": 64, "batch": 2, "batch_size": 2, "img_size": 64,
        "validation_interval": 3, "checkpoint_interval": 3, "short_side": 96,
    }  # fmt: skip
    lines = []
    for line in dialog.editor.text.toPlainText().splitlines():
        for name, value in small.items():
            line = with_value(line, name, value)
        lines.append(line)
    dialog.editor.text.selectAll()
    QApplication.clipboard().setText("\n".join(lines))
    dialog.editor.text.paste()


def with_value(line: str, name: str, value: int) -> str:
    """A line of YAML in which a key has another number."""
    head, found, tail = line.partition(f"{name}: ")
    if not found or (head and head[-1] not in " {,"):
        return line
    digits = len(tail) - len(tail.lstrip("0123456789"))
    return f"{head}{found}{value}{with_value(tail[digits:], name, value)}"


def retrain(studio: Studio) -> str:
    """By the dialog; returns the name of the new model."""
    studio.key(Qt.Key.Key_T, BOTH)
    studio.wait(lambda: studio.window.findChild(RetrainDialog) is not None)
    dialog = studio.window.findChild(RetrainDialog)
    assert dialog is not None
    said = f"{LEARNT} samples to learn from, {HELD_OUT} held out"
    studio.wait(lambda: dialog.form.samples_said.text().startswith(said))
    shorten(dialog)
    studio.wait(dialog.go_button.isEnabled)
    assert not dialog.editor.problem
    click(dialog.go_button)
    project = studio.session.project
    assert project is not None
    studio.wait(lambda: list_runs(project))
    (run,) = list_runs(project)
    wait_long(studio, lambda: (now := studio.session.runs.now.of(run.path)) and not now.state.alive
              and now.state not in (RunState.QUEUED, RunState.READY))  # fmt: skip
    status = status_of(run)
    assert status.state is RunState.FINISHED, str(status.reason)
    studio.settle()
    _, spec = find_model(run.name)
    assert spec.parent == START
    return run.name


def promote(studio: Studio, name: str) -> None:
    """Compares the new model with the one in use, and takes it by a click."""
    assert studio.session.predictions.current == START
    studio.window.show_page("runs")
    page = studio.window.pages.currentWidget()
    assert isinstance(page, RunsPage)
    studio.wait(page.head.buttons["compare"].isVisible)
    click(page.head.buttons["compare"])
    studio.wait(lambda: studio.window.dialogs.compare.dialog is not None)
    dialog = studio.window.dialogs.compare.dialog
    assert dialog is not None
    assert (dialog.form.candidate.currentText(), dialog.form.current.currentText()) == (name, START)
    wait_long(studio, lambda: dialog.stage is Stage.RESULT)
    studio.settle()
    assert f"{HELD_OUT} samples" in dialog.outcome.reason.text()
    QTest.keyClicks(dialog.why, "cars on the street")
    click(dialog.go_button)
    studio.wait(lambda: dialog.is_promoted)
    click(dialog.leave_button)
    go_to_editor(studio)


def go_to_editor(studio: Studio) -> None:
    """A dialog was closed: the window has the keyboard again."""
    studio.window.show_page("editor")
    studio.window.activateWindow()
    studio.settle()


def export(studio: Studio, name: str, out: Path) -> str:
    """To ONNX, by the wizard, and into the catalog; returns what it is called there."""
    studio.key(Qt.Key.Key_E, BOTH)
    studio.settle()
    (dialog,) = (one for one in studio.window.findChildren(model_export.ModelExportDialog) if one.isVisible())
    assert dialog.form.models.currentData() == name
    for format_name, row in dialog.form.rows.items():
        if row.box.isChecked() != (format_name == "onnx"):
            row.box.setFocus()
            QTest.keyClick(row.box, Qt.Key.Key_Space)
    dialog.form.out.field.clear()
    QTest.keyClicks(dialog.form.out.field, str(out))
    click(dialog.go_button)
    wait_long(studio, lambda: dialog.stage is not model_export.Stage.RUNNING)
    assert (out / "onnx" / "model.onnx").is_file(), str(dialog.banner and dialog.banner.message)
    known = {entry.name for entry in studio.session.predictions.models}
    click(dialog.result_buttons.add_button)
    studio.wait(lambda: {entry.name for entry in studio.session.predictions.models} - known)
    (added,) = {entry.name for entry in studio.session.predictions.models} - known
    dialog.close()
    go_to_editor(studio)
    return added


def test_the_loop(studio: Studio, street: Path, tmp_path: Path) -> None:
    studio.open(street)
    project = studio.session.project
    assert project is not None
    assert studio.session.predictions.current == START
    predict_all(studio)
    assert set(project.predicting_models().values()) == {START}
    keys = [sample.key for sample in studio.session.book.samples]
    for key in keys:
        if not key.startswith("more/"):
            correct_and_accept(studio, key)
    masks = {key: project.mask_path(key).read_bytes() for key in keys if project.mask_path(key).exists()}
    assert len(masks) == LEARNT + HELD_OUT
    name = retrain(studio)
    # Nothing is used that nobody chose.
    assert studio.session.predictions.current == START
    promote(studio, name)
    assert studio.session.predictions.current == name
    (now, before) = project.promotions.history()
    assert (now.model, now.reason, before.model) == (name, "cars on the street", START)
    exported = export(studio, name, tmp_path / "out")
    studio.session.predictions.choose(exported)
    untouched = keys[-1] if keys[-1].startswith("more/") else next(k for k in keys if k.startswith("more/"))
    studio.open_sample(untouched)
    studio.key(Qt.Key.Key_P, CONTROL)
    studio.settle()
    studio.wait(lambda: project.predicted_by(untouched) == exported)
    found = project.load_prediction(untouched)
    assert found is not None
    assert found.ids.shape == (96, 128)
    assert len(np.unique(found.ids)) > 1
    # No mask that a person accepted has changed by a byte.
    assert {key: project.mask_path(key).read_bytes() for key in masks} == masks
