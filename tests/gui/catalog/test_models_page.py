"""The Models page: what it shows of each model, every change by hand with its way back, and what fails."""

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QToolButton

from segstudio import paths
from segstudio.gui.catalog.texts import own_scores_text
from segstudio.gui.catalog.view import ModelsView
from segstudio.gui.dialogs.model_export import ModelExportDialog
from segstudio.inference import model_changes
from segstudio.inference.catalog import find_entry, list_models
from segstudio.workflows.export_history import ExportedFormat, note_export
from tests.gui.conftest import CAR, PALETTE, ROAD, WAIT_MS, FakeBackend, Studio, backend
from tests.workflows.model_stand_ins import make_model

__all__ = ["backend"]


class Page:
    """The page with the words of a user."""

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        studio.window.show_page("models")
        studio.settle()
        view = studio.window.pages.currentWidget()
        assert isinstance(view, ModelsView)
        self.view, self.tree, self.detail = view, view.tree, view.detail

    def click(self, name: str, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
        """A click on the row of a model."""
        place = self.tree.visualRect(self.tree.place_of(name)).center()
        QTest.mouseClick(self.tree.viewport(), Qt.MouseButton.LeftButton, modifier, place)
        self.studio.settle()

    def press(self, button: QPushButton | QToolButton) -> None:
        """A click on a button, and what follows from it."""
        assert button.isEnabled()
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        self.studio.settle()

    def act(self, text: str) -> None:
        """A click on the button of the message in which a text stands."""
        message = next(one for one in self.studio.window.messages.messages if text in one.text)
        assert message.act is not None
        found = self.studio.window.findChildren(QPushButton)
        self.press(next(one for one in found if one.text() == message.action and one.isVisible()))

    def names(self) -> list[str]:
        """All rows from top to bottom."""
        found, index = [], self.tree.model().index(0, 0)
        while index.isValid():
            found.append(str(index.data()))
            index = self.tree.indexBelow(index)
        return found

    def about(self) -> str:
        """All that the detail says."""
        labels = self.detail.findChildren(QLabel)
        return " | ".join(label.text() for label in labels if not label.isHidden())


@pytest.fixture
def page(backend: FakeBackend, studio: Studio, folder: Path) -> Page:
    """The page with models street > night, measured on the folder, and a lonely one of unknown origin."""
    make_model("street", classes=PALETTE.names)
    make_model("night", "street", classes=PALETTE.names, trained_on="120 frames")
    make_model("lonely", "gone")
    studio.open(folder)
    project = studio.session.project
    assert project is not None
    for model, right in (("street", 60), ("night", 90)):
        counts = np.zeros((PALETTE.count, PALETTE.count + 1), np.int64)
        counts[ROAD, [ROAD, CAR]] = right, 100 - right
        project.evaluation.record_counts("frame_0", model, counts)
    return Page(studio)


def test_models_stand_below_what_they_came_from_with_their_figures(page: Page) -> None:
    assert page.names() == ["fake", "gone", "lonely", "street", "night"]
    assert page.tree.place_of("night").parent() == page.tree.place_of("street")
    assert page.tree.texts("street")[2] == "30.0 %"
    assert page.tree.texts("fake")[1] == "in use"
    page.click("night")
    assert page.detail.name.text() == "night"
    assert "120 frames" in page.about()
    assert "mIoU 45.0 % on 1 samples" in page.about()
    page.press(page.detail.parts.buttons["classes"])
    rows = page.detail.classes.model()
    texts = {rows.index(row, 0).data(): rows.index(row, 1).data() for row in range(rows.rowCount())}
    assert (texts["road"], texts["car"], texts["sky"]) == ("90.0 %", "0.0 %", "–")
    page.press(page.detail.parts.buttons["spec"])
    assert '"trained_on": "120 frames"' in page.detail.spec.toPlainText()


def test_a_model_is_renamed_in_place_and_back(page: Page) -> None:
    page.click("street")
    QTest.mouseClick(page.detail.name, Qt.MouseButton.LeftButton)
    page.detail.name.selectAll()
    QTest.keyClicks(page.detail.name, "city")
    QTest.keyClick(page.detail.name, Qt.Key.Key_Return)
    page.studio.settle()
    assert page.names() == ["city", "night", "fake", "gone", "lonely"]
    assert page.detail.name.text() == "city"
    assert page.tree.names() == ("city",)
    # The scores of this project follow.
    assert page.tree.texts("city")[2] == "30.0 %"
    page.act("street is city now")
    assert page.tree.texts("street")[2] == "30.0 %"
    assert find_entry("street").name == "street"


def test_a_name_that_is_taken_is_one_line_and_changes_nothing(page: Page) -> None:
    page.click("street")
    page.detail.name.selectAll()
    QTest.keyClicks(page.detail.name, "night")
    QTest.keyClick(page.detail.name, Qt.Key.Key_Return)
    page.studio.settle()
    assert page.studio.messages() == ["there is a model 'night' already"]
    assert page.detail.name.text() == "street"


def test_tags_and_notes_are_kept_and_found(page: Page) -> None:
    page.click("night")
    page.detail.tags.setFocus()
    QTest.keyClicks(page.detail.tags, "rain, dark")
    QTest.keyClick(page.detail.tags, Qt.Key.Key_Return)
    page.studio.settle()
    assert page.tree.texts("night")[7] == "dark, rain"
    page.detail.notes.setFocus()
    QTest.keyClicks(page.detail.notes, "loses poles")
    page.detail.tags.setFocus()
    page.studio.wait(lambda: find_entry("night").notes.text == "loses poles")
    page.studio.settle()
    QTest.keyClicks(page.view.search, "rain")
    assert page.names() == ["night"]
    page.view.search.clear()
    assert len(page.names()) == 5


def test_what_is_being_written_is_kept_when_the_window_closes(page: Page) -> None:
    page.click("night")
    page.detail.notes.setFocus()
    QTest.keyClicks(page.detail.notes, "half a word")
    page.detail.tags.setFocus()
    QTest.keyClicks(page.detail.tags, "dark")
    page.studio.window.close()
    assert find_entry("night").notes.text == "half a word"
    assert find_entry("night").notes.tags == ("dark",)


def test_a_window_finds_its_usual_model_under_the_new_name(page: Page) -> None:
    page.studio.session.predictions.choose("night")
    model_changes.rename("night", "zebra")
    page.studio.session.predictions.refresh()
    page.studio.settle()
    assert page.studio.session.predictions.current == "zebra"


def test_archived_models_are_hidden_until_asked_for(page: Page) -> None:
    page.click("street")
    page.press(page.detail.archive_button)
    assert page.names() == ["fake", "gone", "lonely", "night"]
    assert "street" not in [entry.name for entry in page.studio.session.predictions.models]
    QTest.mouseClick(page.view.archived, Qt.MouseButton.LeftButton, pos=QPoint(8, 8))
    assert page.tree.texts("street")[1] == "archived"
    page.click("street")
    assert page.detail.archive_button.text() == "Take back"
    assert not page.detail.use_button.isEnabled()
    page.press(page.detail.archive_button)
    assert page.tree.texts("street")[1] == ""
    page.act("street is shown again")
    assert page.tree.texts("street")[1] == "archived"


def test_a_deleted_model_comes_back_by_undo_and_from_the_trash(page: Page) -> None:
    page.click("night")
    page.press(page.detail.delete_button)
    assert "night" not in page.names()
    assert page.view.trash_button.text() == "Trash (1)"
    page.act("night is in the trash")
    assert page.tree.names() == ("night",)
    page.press(page.detail.delete_button)
    (back,) = page.view.trash_button.menu().actions()
    assert back.text() == "Take night back"
    back.trigger()
    page.studio.settle()
    assert page.tree.texts("night")[2] == "45.0 %"


def test_deleting_what_others_came_from_asks_first(page: Page) -> None:
    page.click("street")
    page.press(page.detail.delete_button)
    assert "street" in page.names()
    page.act("night came from street")
    assert page.tree.texts("night")[2] == "45.0 %"
    assert page.names() == ["fake", "gone", "lonely", "street", "night"]
    assert not page.tree.place_of("street").isValid()
    assert not model_changes.list_trash()[0].folder.samefile(paths.user_models_dir())


def test_using_a_model_is_remembered_by_the_project_and_rolled_back(page: Page, folder: Path) -> None:
    for name in ("street", "night"):
        page.click(name)
        page.press(page.detail.use_button)
        assert page.studio.session.predictions.current == name
        assert page.tree.texts(name)[1] == "in use"
    assert not page.detail.delete_button.isEnabled()
    assert not page.detail.archive_button.isEnabled()
    page.press(page.view.history.back_button)
    assert page.studio.session.predictions.current == "street"
    rows = [page.view.history.rows.item(row).text()[18:] for row in range(3)]
    assert [text.split(",")[0] for text in rows] == ["back to street", "night", "street"]
    project = page.studio.session.project
    assert project is not None
    assert [one.model for one in project.promotions.history()] == ["street", "night", "street"]
    page.studio.session.predictions.choose("fake")
    page.studio.open(folder)
    assert page.studio.session.predictions.current == "street"


def test_a_project_without_a_model_of_its_own_gets_the_usual_one(
    page: Page, tmp_path: Path, folder: Path
) -> None:
    page.click("night")
    page.press(page.detail.use_button)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.png").write_bytes((folder / "frame_0.png").read_bytes())
    page.studio.open(other)
    assert page.studio.session.predictions.current == "fake"
    page.studio.open(folder)
    assert page.studio.session.predictions.current == "night"


def test_a_promoted_model_with_other_weights_is_told_and_not_used(
    page: Page, folder: Path, tmp_path: Path
) -> None:
    page.click("night")
    page.press(page.detail.use_button)
    (find_entry("night").folder / "model.onnx").write_text("other", encoding="utf-8")
    page.studio.session.predictions.choose("fake")
    page.studio.open(folder)
    assert "night has other weights now than when it was promoted" in page.studio.messages()
    assert page.studio.session.predictions.current == "fake"


def test_a_model_that_was_archived_elsewhere_is_told_and_not_used(page: Page, folder: Path) -> None:
    page.click("night")
    page.press(page.detail.use_button)
    model_changes.set_archived("night", True)
    predictions = page.studio.session.predictions
    predictions.refresh()
    page.studio.settle()
    assert "night is no model that can be chosen any more" in page.studio.messages()
    assert predictions.current == "fake"
    predictions.take_up("night")
    page.studio.settle()
    assert predictions.current == "fake"
    page.studio.open(folder)
    assert "the model of this project, night, is archived" in page.studio.messages()


def test_two_models_side_by_side(page: Page) -> None:
    page.click("street")
    page.click("night", Qt.KeyboardModifier.ControlModifier)
    shown = page.view.side_by_side
    assert shown.isVisible()
    assert shown.texts("mIoU") == ("mIoU", "30.0 %", "45.0 %", "+15.0")
    assert shown.texts("road") == ("road", "60.0 %", "90.0 %", "+30.0")
    assert shown.texts("trained on") == ("trained on", "–", "120 frames", "")
    page.click("lonely", Qt.KeyboardModifier.ControlModifier)
    assert not shown.isVisible()
    page.click("lonely")
    assert page.detail.isVisible()


def test_exports_with_their_figures_open_in_the_system(
    page: Page, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, report = tmp_path / "out", tmp_path / "report.html"
    out.mkdir()
    report.write_text("x", encoding="utf-8")
    formats = (ExportedFormat("onnx-int8", str(out), 0.995, 0.6, 0.59, 41.0), ExportedFormat("tao", "gone"))
    note_export("night", "night", report, formats)
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    page.view.refresh()
    page.studio.settle()
    page.click("night")
    page.press(page.detail.parts.buttons["exports"])
    rows = page.detail.exports.rows
    first, second = rows.topLevelItem(0), rows.topLevelItem(1)
    assert first is not None
    assert second is not None
    assert [first.text(column) for column in range(4)] == ["onnx-int8", "99.5 %", "59.0 %", "41.0"]
    assert second.text(4) == "gone"
    page.press(page.detail.exports.folder_button)
    page.press(page.detail.exports.report_button)
    assert opened == [str(out), str(report)]
    QTest.mouseClick(rows.viewport(), Qt.MouseButton.LeftButton, pos=rows.visualItemRect(second).center())
    assert not page.detail.exports.folder_button.isEnabled()


def test_export_opens_the_wizard_on_the_model(page: Page) -> None:
    page.click("night")
    page.press(page.detail.export_button)
    (wizard,) = page.studio.window.findChildren(ModelExportDialog)
    assert wizard.form.models.currentText() == "night"
    wizard.reject()
    page.studio.settle()


def test_shipped_models_are_read_only(
    backend: FakeBackend, studio: Studio, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: tmp_path / "shipped")
    made = make_model("street")
    (tmp_path / "shipped").mkdir()
    made.folder.rename(tmp_path / "shipped" / "street")
    studio.open(folder)
    page = Page(studio)
    page.click("street")
    assert page.tree.texts("street")[1] == "bundled"
    assert page.detail.name.isReadOnly()
    assert page.detail.notes.isReadOnly()
    assert not page.detail.archive_button.isEnabled()
    assert not page.detail.delete_button.isEnabled()
    assert page.detail.use_button.isEnabled()


def test_old_exports_go_to_the_trash_once_they_were_seen(page: Page, tmp_path: Path) -> None:
    for name in ("old", "new"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "report.json").write_bytes(b"x" * 2000)
        made = ExportedFormat("onnx", str(tmp_path / name), files=("report.json",))
        note_export("night", "night", tmp_path, (made,))
    page.view.refresh()
    page.studio.settle()
    (action,) = page.view.free_button.menu().actions()
    action.trigger()
    page.studio.settle()
    assert (tmp_path / "old").exists()
    assert str(tmp_path / "old") in " ".join(page.studio.messages())
    page.act("made again since")
    assert not (tmp_path / "old").exists()
    assert (tmp_path / "new").exists()
    assert "in the trash" in " ".join(page.studio.messages())


def test_space_is_freed(page: Page) -> None:
    cache = paths.user_cache_dir() / "openvino" / "x.blob"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"x" * 200_000)
    page.view.refresh()
    page.studio.settle()
    (action,) = page.view.free_button.menu().actions()
    assert action.text() == "What backends compiled: 0.2 MB"
    action.trigger()
    page.studio.settle()
    assert not cache.exists()
    assert not page.view.free_button.isEnabled()


def test_without_models_the_page_says_what_to_do(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    studio.open(folder)
    page = Page(studio)
    assert list_models() == []
    shown = [label.text() for label in page.view.findChildren(QLabel) if label.isVisible()]
    assert "No models yet" in shown


def test_a_model_is_compared_or_measured_from_its_page(page: Page) -> None:
    page.click("lonely")
    assert page.detail.measure_button.text() == "Compare with the model in use…"
    for button in (page.detail.compare_button, page.detail.measure_button):
        with page.studio.qtbot.waitSignal(page.studio.session.comparison_asked, timeout=WAIT_MS) as asked:
            QTest.mouseClick(button, Qt.MouseButton.LeftButton)
        assert asked.args == ["lonely"]
    page.studio.settle()


def test_the_model_in_use_is_measured_from_its_page(page: Page) -> None:
    page.click("fake")
    assert not page.detail.compare_button.isVisible()
    page.press(page.detail.measure_button)
    page.studio.wait(lambda: not page.detail.measure_button.isVisible())
    assert "mIoU" in page.about()


def test_scores_of_a_spec_are_said_as_the_field_says_them() -> None:
    metrics = {"val_miou": 0.6537, "val_aacc": 0.9141, "flops": 8.4e9}
    assert own_scores_text(metrics) == "mIoU 65.4 %, pixel accuracy 91.4 % on val; flops 8.4e+09"


def test_another_model_offers_new_predictions_for_untouched_samples(page: Page) -> None:
    page.click("street")
    page.press(page.detail.use_button)
    with page.studio.qtbot.waitSignal(page.studio.session.repredict_asked, timeout=WAIT_MS):
        page.act("Another model is in use")
    page.studio.settle()
