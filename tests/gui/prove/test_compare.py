"""Comparing models with real clicks: verdict, errors, promotion, new predictions, and the way back."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from segstudio import images, paths
from segstudio.gui.prove.change_bars import CHANGE_ROLE, Change
from segstudio.gui.prove.change_table import BEFORE, CHANGE, CLASS, FIXED, VERDICT
from segstudio.gui.prove.dialog import CompareDialog, Stage
from segstudio.gui.prove.strip_list import StripList
from segstudio.gui.view.shown_region import ShownRegion
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.project.project import Project
from segstudio.workflows.repredict.plan import FOLDER
from tests.gui.conftest import PALETTE, ROAD, FakeBackend, Studio, make_image, predicted_mask, true_mask

COUNT = 12


class TrueBackend(FakeBackend):
    """Says what is so."""

    def run(self, batch: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The truth of every image."""
        super().run(batch)
        ids = np.repeat(true_mask()[None], len(batch), axis=0)
        return ids, np.full(ids.shape, 204, np.uint8)


@pytest.fixture
def backends(monkeypatch: pytest.MonkeyPatch, backend: FakeBackend) -> dict[str, FakeBackend]:
    """The model "fake", and "finer", which is right."""
    made = {"fake": backend, "finer": TrueBackend()}
    for name in made:
        folder = paths.user_models_dir() / name
        folder.mkdir(exist_ok=True)
        (folder / "none.onnx").write_text(name)
        parent = "" if name == "fake" else "fake"
        files = {"onnx": "none.onnx"}
        save_spec(ModelSpec(name, "mit_b0", PALETTE.names, "cityscapes", files, parent=parent), folder)

    def open_made(_: Path, spec: ModelSpec, *__: object) -> FakeBackend:
        return made[spec.name]

    monkeypatch.setattr("segstudio.workflows.prove.contender.open_backend", open_made)
    return made


@pytest.fixture
def street(tmp_path: Path) -> Path:
    """Accepted samples of a split for validation, and two that nobody touched."""
    root = tmp_path / "street"
    for number in range(COUNT + 2):
        split = "val" if number < COUNT else "train"
        images.write_image(root / "images" / split / f"f{number:02d}.png", make_image(number))
        if split == "val":
            images.write_mask(root / "masks" / split / f"f{number:02d}.png", true_mask(), PALETTE.colours())
    with Project.open(root, palette="cityscapes") as project:
        for key in ("train/f12", "train/f13"):
            ids = predicted_mask()
            project.save_prediction(key, ids, np.full(ids.shape, 9, np.uint8), "fake")
    return root


def click(widget: QWidget) -> None:
    assert widget.isVisible()
    assert widget.isEnabled()
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def told(dialog: CompareDialog) -> str:
    """The notice that is shown."""
    assert dialog.banner is not None
    message = dialog.banner.message
    return f"{message.text} {message.hint}"


def click_first(strips: StripList) -> None:
    """A click into the first strip."""
    place = strips.visualRect(strips.strips.index(0)).center()
    QTest.mouseClick(strips.viewport(), Qt.MouseButton.LeftButton, pos=place)


@pytest.fixture
def dialog(studio: Studio, backends: dict[str, FakeBackend], street: Path) -> CompareDialog:
    """The dialog on the street, with "fake" in use."""
    studio.open(street)
    studio.session.predictions.choose("fake")
    studio.window.actions_by_id["model.compare"].trigger()
    studio.settle()
    opened = studio.window.dialogs.compare.dialog
    assert opened is not None
    return opened


def compare(studio: Studio, dialog: CompareDialog) -> None:
    click(dialog.form.go_button)
    studio.wait(lambda: dialog.stage is Stage.RESULT)
    studio.settle()


def promote(studio: Studio, dialog: CompareDialog, why: str = "") -> None:
    compare(studio, dialog)
    QTest.keyClicks(dialog.why, why)
    click(dialog.go_button)
    studio.wait(lambda: dialog.is_promoted)
    studio.settle()


def test_the_newest_model_is_proposed_and_judged_class_by_class(
    studio: Studio, dialog: CompareDialog
) -> None:
    form = dialog.form
    assert (form.candidate.currentText(), form.current.currentText()) == ("finer", "fake")
    assert [form.split.itemText(n) for n in range(form.split.count())] == ["held-out samples", "train", "val"]
    compare(studio, dialog)
    page = dialog.outcome
    assert page.headline.text() == "finer is better than fake"
    assert "12 samples of split val" in page.reason.text()
    assert "keep no list" in page.warnings.text()
    assert "ms an image" in page.costs.text()
    model = page.table.model()
    rows = {model.index(row, CLASS).data(): row for row in range(model.rowCount())}
    assert list(rows) == ["sky", "road"]
    assert model.index(rows["road"], VERDICT).data() == "better"
    assert model.index(rows["sky"], VERDICT).data() == "about the same"
    assert model.index(rows["road"], FIXED).data() == str(COUNT)
    road = true_mask() == ROAD
    wrong = int((road & (predicted_mask() != ROAD)).sum())
    assert model.index(rows["road"], BEFORE).data() == f"{100 * (1 - wrong / road.sum()):.1f}"
    change = model.index(rows["road"], CHANGE).data(CHANGE_ROLE)
    assert isinstance(change, Change)
    assert change.interval is not None
    assert change.interval[0] > 0
    assert model.index(rows["road"], CHANGE).data(Qt.ItemDataRole.AccessibleTextRole).endswith("12 samples")
    # What the candidate says is nowhere to be seen.
    project = studio.session.project
    assert project is not None
    assert set(project.predicting_models().values()) == {"fake"}
    assert not dialog.is_promoted


def test_a_click_on_a_fixed_error_opens_it_in_the_editor(studio: Studio, dialog: CompareDialog) -> None:
    compare(studio, dialog)
    page = dialog.outcome
    assert page.tabs.buttons["fixed"].text() == f"Fixed {COUNT}"
    click(page.tabs.buttons["fixed"])
    strips = page.lists["fixed"]
    studio.wait(lambda: strips.strips.index(0).data(Qt.ItemDataRole.DecorationRole) is not None)
    studio.settle()
    pixmap = strips.strips.index(0).data(Qt.ItemDataRole.DecorationRole)
    assert not pixmap.isNull()
    asked: list[ShownRegion] = []
    studio.session.region_asked.connect(asked.append)
    click_first(strips)
    assert [one.model for one in asked] == ["fake"]
    studio.wait(lambda: studio.session.current == asked[0].spot.key and not studio.session.opening)
    assert studio.window.page == "editor"
    assert "road as car, 480 px" in asked[0].text
    assert not dialog.isVisible()
    back = next(one for one in studio.window.messages.messages if one.action == "Back to it")
    assert back.act is not None
    back.act()
    assert dialog.stage is Stage.RESULT
    click(page.tabs.buttons["broken"])
    assert not page.lists["broken"].isVisible()
    assert page.lists["broken"].strips.rowCount() == 0


def test_a_promoted_model_is_in_use_with_its_reason_and_a_way_back(
    studio: Studio, dialog: CompareDialog
) -> None:
    promote(studio, dialog, "poles")
    project = studio.session.project
    assert project is not None
    history = project.promotions.history()
    assert [(one.model, one.reason) for one in history] == [("finer", "poles"), ("fake", "in use before")]
    assert studio.session.predictions.current == "finer"
    assert dialog.banner is not None
    assert not dialog.go_button.isVisible()
    project.promotions.roll_back()
    now = project.promotions.current()
    assert now is not None
    assert now.model == "fake"


def test_keeping_the_current_model_changes_nothing(studio: Studio, dialog: CompareDialog) -> None:
    compare(studio, dialog)
    assert dialog.leave_button.text() == "Keep fake"
    click(dialog.leave_button)
    assert not dialog.isVisible()
    project = studio.session.project
    assert project is not None
    assert project.promotions.history() == []
    assert studio.session.predictions.current == "fake"


def test_new_predictions_are_shown_first_then_taken_over_and_back(
    studio: Studio, dialog: CompareDialog
) -> None:
    promote(studio, dialog)
    project = studio.session.project
    assert project is not None
    click(dialog.plan_button)
    studio.wait(lambda: dialog.stage is Stage.PLAN)
    studio.settle()
    page = dialog.repredict
    assert "2 of 2 predictions change" in page.words.text()
    assert f"{COUNT} samples that people worked on stay" in page.promise.text()
    assert page.totals.text() == "car → road   100 %"
    row = page.list.strips.row(0)
    assert (row.title, row.detail) == ("train/f12", "7.8 % changes: car → road")
    assert set(project.predicting_models().values()) == {"fake"}
    strip = page.list.strips.index(0)
    studio.wait(lambda: strip.data(Qt.ItemDataRole.DecorationRole) is not None)
    assert not strip.data(Qt.ItemDataRole.DecorationRole).isNull()
    studio.settle()
    click(dialog.go_button)
    studio.wait(lambda: dialog.undo_button.isVisible())
    studio.settle()
    assert page.headline.text() == "2 samples have new predictions"
    assert set(project.predicting_models().values()) == {"finer"}
    assert not dialog.go_button.isVisible()
    click(dialog.undo_button)
    studio.wait(lambda: "of before" in page.headline.text())
    studio.settle()
    assert set(project.predicting_models().values()) == {"fake"}
    assert not dialog.undo_button.isVisible()


def test_leaving_the_plan_forgets_it(studio: Studio, dialog: CompareDialog) -> None:
    promote(studio, dialog)
    click(dialog.plan_button)
    studio.wait(lambda: dialog.stage is Stage.PLAN)
    studio.settle()
    assert dialog.leave_button.text() == "Leave as they are"
    click(dialog.leave_button)
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert list((project.facts_dir / FOLDER).iterdir()) == []
    assert set(project.predicting_models().values()) == {"fake"}


def apply_new_predictions(studio: Studio, dialog: CompareDialog) -> None:
    promote(studio, dialog)
    click(dialog.plan_button)
    studio.wait(lambda: dialog.stage is Stage.PLAN)
    studio.settle()
    click(dialog.go_button)
    studio.wait(lambda: dialog.undo_button.isVisible())
    studio.settle()


def test_new_predictions_can_be_taken_back_after_the_dialog_was_closed(
    studio: Studio, dialog: CompareDialog
) -> None:
    apply_new_predictions(studio, dialog)
    dialog.close()
    project = studio.session.project
    assert project is not None
    told = next(one for one in studio.window.messages.messages if one.action == "Undo")
    assert told.text == "finer predicted untouched samples again"
    studio.window.actions_by_id["model.compare"].trigger()
    studio.settle()
    assert dialog.stage is Stage.RESULT
    assert dialog.undo_button.text() == "Undo new predictions"
    dialog.close()
    assert told.act is not None
    told.act()
    studio.wait(lambda: "2 samples have their predictions of before" in studio.messages())
    studio.settle()
    assert set(project.predicting_models().values()) == {"fake"}


def test_who_looks_at_the_candidate_in_the_editor_can_promote_it(
    studio: Studio, dialog: CompareDialog
) -> None:
    dialog.form.choose("finer", "fake")
    studio.session.predictions.choose("finer")
    compare(studio, dialog)
    assert not dialog.is_promoted
    assert not dialog.plan_button.isVisible()
    assert dialog.go_button.text() == "Use finer"
    click(dialog.go_button)
    studio.wait(lambda: dialog.is_promoted)
    studio.settle()
    project = studio.session.project
    assert project is not None
    assert [one.model for one in project.promotions.history()] == ["finer", "fake"]
    assert (dialog.form.candidate.currentText(), dialog.form.current.currentText()) == ("fake", "finer")


def test_what_fails_unseen_is_told(studio: Studio, dialog: CompareDialog) -> None:
    (paths.user_models_dir() / "finer" / "manifest.json").write_text("[1")
    click(dialog.form.go_button)
    dialog.close()
    studio.wait(lambda: any("does not say what finer learnt from" in text for text in studio.messages()))
    studio.settle()


def test_a_comparison_that_waits_for_edits_can_be_cancelled(
    studio: Studio, dialog: CompareDialog, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[Callable[[], object]] = []
    monkeypatch.setattr(studio.session, "when_saved", waiting.append)
    click(dialog.form.go_button)
    assert dialog.leave_button.text() == "Cancel"
    click(dialog.leave_button)
    assert "Cancelled" in told(dialog)
    waiting[0]()
    studio.settle()
    assert dialog.outcome.proof is None
    assert dialog.stage is Stage.BEGIN


def test_what_is_asked_for_during_a_comparison_comes_after_it(
    studio: Studio, dialog: CompareDialog, backends: dict[str, FakeBackend]
) -> None:
    newer = paths.user_models_dir() / "newer"
    newer.mkdir()
    (newer / "none.onnx").write_text("newer")
    save_spec(ModelSpec("newer", "mit_b0", PALETTE.names, "cityscapes", {"onnx": "none.onnx"}), newer)
    backends["newer"] = TrueBackend()
    click(dialog.form.go_button)
    studio.session.runs.compare_asked.emit("newer")
    studio.wait(lambda: dialog.outcome.headline.text() == "newer is better than fake")
    assert dialog.stage is Stage.RESULT
    studio.settle()


def test_without_held_out_samples_it_says_what_to_do(
    studio: Studio, backends: dict[str, FakeBackend], folder: Path
) -> None:
    studio.open(folder)
    studio.session.predictions.choose("fake")
    studio.session.comparison_asked.emit("finer")
    dialog = studio.window.dialogs.compare.dialog
    assert dialog is not None
    studio.wait(lambda: dialog.banner is not None)
    assert dialog.stage is Stage.BEGIN
    assert "nothing says which samples" in told(dialog)
    assert "split named val" in told(dialog)
    studio.settle()


def test_with_one_model_there_is_nothing_to_compare(
    studio: Studio, backend: FakeBackend, street: Path
) -> None:
    studio.open(street)
    studio.window.actions_by_id["model.compare"].trigger()
    dialog = studio.window.dialogs.compare.dialog
    assert dialog is not None
    assert not dialog.form.go_button.isEnabled()
    assert "one model only" in dialog.form.problem


def test_a_comparison_that_is_cancelled_says_so(
    studio: Studio, dialog: CompareDialog, backends: dict[str, FakeBackend]
) -> None:
    waiting: list[bool] = []

    def hold() -> None:
        waiting.append(True)
        studio.session.jobs.active()[0].context.wait_cancelled(20)

    backends["fake"].before_run = hold
    click(dialog.form.go_button)
    studio.wait(lambda: waiting)
    click(dialog.leave_button)
    studio.wait(lambda: dialog.stage is Stage.BEGIN)
    assert "Cancelled" in told(dialog)
    studio.settle()


def test_a_result_that_nobody_saw_is_told_and_shown(studio: Studio, dialog: CompareDialog) -> None:
    click(dialog.form.go_button)
    dialog.close()
    studio.wait(lambda: "finer is better than fake" in studio.messages())
    shown = next(one for one in studio.window.messages.messages if one.topic == "compare")
    assert shown.act is not None
    shown.act()
    assert dialog.isVisible()
    assert dialog.stage is Stage.RESULT
    studio.settle()


def test_another_project_ends_the_comparison(studio: Studio, dialog: CompareDialog, tmp_path: Path) -> None:
    compare(studio, dialog)
    images.write_image(tmp_path / "other" / "a.png", make_image(1))
    studio.open(tmp_path / "other")
    assert not dialog.isVisible()
    assert dialog.outcome.proof is None


def test_a_model_that_a_run_just_made_is_compared_once_it_is_listed(
    studio: Studio, backends: dict[str, FakeBackend], street: Path
) -> None:
    studio.open(street)
    studio.session.predictions.choose("fake")
    newer = paths.user_models_dir() / "newer"
    shutil.copytree(paths.user_models_dir() / "finer", newer)
    spec = ModelSpec("newer", "mit_b0", PALETTE.names, "cityscapes", {"onnx": "none.onnx"}, parent="fake")
    save_spec(spec, newer)
    backends["newer"] = backends["finer"]
    studio.session.runs.compare_asked.emit("newer")
    dialog = studio.window.dialogs.compare.dialog
    assert dialog is not None
    studio.wait(lambda: dialog.stage is Stage.RESULT)
    assert dialog.outcome.headline.text() == "newer is better than fake"
    studio.settle()


def test_untouched_samples_are_predicted_again_from_the_menu(studio: Studio, dialog: CompareDialog) -> None:
    dialog.close()
    studio.window.actions_by_id["model.repredict"].trigger()
    studio.wait(lambda: dialog.stage is Stage.PLAN)
    studio.settle()
    assert dialog.isVisible()
    assert dialog.repredict.plan is not None
    assert dialog.repredict.plan.model == "fake"


def test_a_promoted_model_is_exported_from_there(studio: Studio, dialog: CompareDialog) -> None:
    compare(studio, dialog)
    assert not dialog.export_button.isVisible()
    assert (dialog.go_button.property("role"), dialog.form.go_button.property("role")) == ("primary", "")
    click(dialog.go_button)
    studio.wait(lambda: dialog.is_promoted)
    studio.settle()
    assert dialog.form.go_button.property("role") == "primary"
    asked: list[str] = []
    studio.session.export_asked.disconnect()
    studio.session.export_asked.connect(asked.append)
    click(dialog.export_button)
    assert asked == ["finer"]


def test_with_one_model_the_ways_to_another_are_there(studio: Studio, dialog: CompareDialog) -> None:
    dialog.form.show_models(studio.session.predictions.models[:1], "fake")
    assert not dialog.form.go_button.isEnabled()
    with studio.qtbot.waitSignal(dialog.acted) as acted:
        click(dialog.intro.makers["train.retrain"])
    assert acted.args == ["train.retrain"]
    assert not dialog.isVisible()
    studio.settle()
