"""Import a model: chosen, dropped or typed; inspected and imported by a child process that the tests play."""

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QWheelEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QFileDialog, QLabel, QLineEdit, QWidget

from segstudio import paths
from segstudio.annotation.palette_choice import make_palette, save_palette
from segstudio.errors import SegstudioError, sentence
from segstudio.gui.dialogs.bug_report import BugReport
from segstudio.gui.dialogs.chooser import Chooser
from segstudio.gui.dialogs.import_form import ImportForm, free_name
from segstudio.gui.dialogs.import_texts import breakable, summary
from segstudio.gui.dialogs.model_import import ModelImportDialog, Stage
from segstudio.gui.dialogs.palette_choice import PaletteChoice
from segstudio.gui.models.child_commands import in_window
from segstudio.gui.models.model_imports import clean_source, import_arguments, is_model_folder
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.workflows.model_source import NORMALISATIONS, ImportChoices, Imported, SourceFacts
from tests.gui.conftest import PALETTE, FakeBackend, Studio

MEAN, STD = NORMALISATIONS["ImageNet"]
FACTS = SourceFacts(
    source="", kind="checkpoint", producer="NVlabs", network="mit_b2, head of 768", classes=19,
    class_names=(), palette="cityscapes", palette_problem="", mean=MEAN, std=STD,
    normalisation="ImageNet: usual for NVlabs; the file does not say", height=0, width=0, short_side=512,
    name="street", notes=(),
)  # fmt: skip
IMPORTED = Imported(
    "street", "models/street", "NVlabs", "mit_b2", "cityscapes", 418, (), (), (),
    {"onnx": 1.0, "openvino": 1.0},
)  # fmt: skip
PROBLEM = (
    "the model has 19 classes and no names for them."
    " name a palette with --palette: cityscapes, or the path of a YAML file."
)
# Notes its words, then does what the plan says about its first one.
CHILD = """
import json, os, shutil, signal, sys
plan = json.load(open(sys.argv[1]))
with open(sys.argv[1] + ".log", "a") as log:
    print(json.dumps(sys.argv[2:]), file=log)
step = plan[sys.argv[2]]
for line in step.get("lines", []):
    print(json.dumps(line), flush=True)
if "gate" in step:
    open(step["gate"]).read()
if step.get("hang"):
    signal.pause()
if "made" in step:
    shutil.copytree(*step["made"])
if "result" in step:
    print(json.dumps({"result": step["result"]}), flush=True)
print(step.get("stderr", ""), file=sys.stderr)
sys.exit(step.get("status", 0))
"""


class Child:
    """What the child processes of a test do, and what they were asked."""

    def __init__(self, folder: Path) -> None:
        self._plan = folder / "plan.json"
        self.steps: dict[str, dict[str, Any]] = {}
        self.inspect(FACTS)
        self.imports(IMPORTED)

    def command(self, *arguments: str) -> list[str]:
        """Takes the place of the real command line."""
        group, *words = arguments
        assert group == "models"
        self._plan.write_text(json.dumps(self.steps), encoding="utf-8")
        return [sys.executable, "-S", "-E", "-c", CHILD, str(self._plan), *words]

    def inspect(self, facts: SourceFacts, **more: object) -> None:
        """The next inspections find this."""
        self.steps["inspect"] = {
            "lines": [{"progress": [0, 0, "reading"]}], "result": asdict(facts), **more,
        }  # fmt: skip

    def imports(self, model: Imported, **more: object) -> None:
        """The next imports bring this."""
        self.steps["import"] = {
            "lines": [{"progress": [2, 3, "exporting"]}], "result": model.to_json(), **more,
        }  # fmt: skip

    def hangs(self, word: str) -> None:
        """Does not end by itself."""
        self.steps[word] = {"lines": [{"progress": [1, 3, "building mit_b2"]}], "hang": True}

    def refuses(self, word: str, reason: str) -> None:
        """Does not take its input."""
        self.steps[word] = {"stderr": f"a warning\nsegstudio: {reason}", "status": 2}

    @property
    def calls(self) -> list[list[str]]:
        """The words of every call so far."""
        log = Path(f"{self._plan}.log")
        return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Child:
    """Children that do as the test says."""
    monkeypatch.setattr(paths, "bundled_models_dir", lambda: Path("no-such-folder"))
    played = Child(tmp_path)
    monkeypatch.setattr("segstudio.gui.models.model_imports.command", played.command)
    return played


def open_dialog(studio: Studio) -> ModelImportDialog:
    """By the menu's action."""
    studio.window.actions_by_id["model.import_model"].trigger()
    return shown_dialog(studio)


def shown_dialog(studio: Studio) -> ModelImportDialog:
    """The import dialog on the screen."""
    found = [dialog for dialog in studio.window.findChildren(ModelImportDialog) if dialog.isVisible()]
    assert len(found) == 1
    return found[0]


def stage_of(dialog: ModelImportDialog) -> Stage:
    """Where the dialog is now."""
    return dialog.stage


def enter(widget: QWidget, text: str = "") -> None:
    """Types a text and Enter."""
    QTest.keyClicks(widget, text)
    QTest.keyClick(widget, Qt.Key.Key_Return)


def inspect(studio: Studio, source: str = "street.pth") -> tuple[ModelImportDialog, ImportForm]:
    """Types a source and waits for its facts."""
    dialog = open_dialog(studio)
    enter(dialog.source.field, source)
    studio.wait(lambda: dialog.form is not None)
    studio.settle()
    assert dialog.form is not None
    return dialog, dialog.form


def click(widget: QWidget) -> None:
    """With the left button."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def texts(widget: QWidget) -> str:
    """All that is written on a widget and not hidden, without the places to break."""
    labels = [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]
    return "\n".join(labels).replace("\u200b", "")


def mime_of(*locals_: Path) -> QMimeData:
    """Files as a file browser drags them."""
    mime = QMimeData()
    mime.setUrls([QUrl.fromLocalFile(str(path)) for path in locals_])
    return mime


def drop(target: QWidget, mime: QMimeData) -> None:
    """Drags over a widget and lets go."""
    buttons, modifiers = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    action = Qt.DropAction.CopyAction
    enter_event = QDragEnterEvent(QPoint(60, 60), action, mime, buttons, modifiers)
    QApplication.sendEvent(target, enter_event)
    assert enter_event.isAccepted()
    QApplication.sendEvent(target, QDropEvent(QPointF(60, 60), action, mime, buttons, modifiers))


# -- the way through --------------------------------------------------------------------------------------


def test_keyboard_alone_imports_a_model(studio: Studio, child: Child, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    save_spec(ModelSpec("street", "mit_b2", PALETTE.names, "cityscapes", {"onnx": "none.onnx"}), made)
    child.imports(IMPORTED, made=[str(made), str(paths.user_models_dir() / "street")])
    dialog = open_dialog(studio)
    assert dialog.focusWidget() is dialog.source.field
    assert not dialog.go_button.isEnabled()
    enter(dialog.source.field, "~/street.pth")
    assert stage_of(dialog) is Stage.READING
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    assert "NVlabs" in texts(dialog)
    assert "mit_b2, head of 768" in texts(dialog)
    assert "ImageNet: usual for NVlabs; the file does not say." in texts(dialog)
    enter(dialog.source.field)
    assert stage_of(dialog) is Stage.IMPORTING
    studio.wait(lambda: dialog.stage is Stage.DONE)
    assert "418 of 418 tensors, ids equal in onnx and openvino." in texts(dialog)
    studio.settle()
    assert studio.session.predictions.current == "street"
    assert studio.session.predictions.entry is not None
    enter(dialog.go_button)
    assert not dialog.isVisible()
    source = str(Path("~/street.pth").expanduser())
    assert child.calls == [
        ["inspect", source, "--json-events"],
        ["import", source, "--json-events", "--name", "street"],
    ]


def test_what_the_user_changed_goes_to_the_child(studio: Studio, child: Child) -> None:
    child.inspect(replace(FACTS, classes=0, palette="camvid-11"))
    dialog, form = inspect(studio)
    form.name.selectAll()
    QTest.keyClicks(form.name, "rush-hour")
    QTest.keyClick(form.short_side, Qt.Key.Key_Up)
    QTest.keyClicks(form.normalisation, "-1")
    form.palettes.setCurrentIndex(form.palettes.findData("voc-21"))
    assert "Mean 0.5, 0.5, 0.5" in texts(form)
    assert "usual for" not in texts(form)
    click(dialog.go_button)
    studio.wait(lambda: dialog.stage is Stage.DONE)
    assert child.calls[-1] == [
        "import", "street.pth", "--json-events", "--name", "rush-hour", "--palette", "voc-21",
        "--mean", "0.5,0.5,0.5", "--std", "0.5,0.5,0.5", "--short-side", "544",
    ]  # fmt: skip


def test_only_palettes_that_fit_are_offered(studio: Studio, child: Child) -> None:
    _, form = inspect(studio)
    assert [form.palettes.itemText(row) for row in range(form.palettes.count())] == [
        "cityscapes   (19 classes)"
    ]
    assert "road" in texts(form)


def test_a_palette_from_the_class_names_comes_first(studio: Studio, child: Child) -> None:
    child.inspect(replace(FACTS, palette="", classes=19, class_names=("a road", "a <b>car</b>")))
    dialog, form = inspect(studio)
    assert form.palettes.currentText().startswith("From the file's class names")
    assert "a road, a <b>car</b>" in texts(form)
    assert form.choices() == ImportChoices(name="street")
    assert dialog.go_button.isEnabled()


def test_a_palette_must_be_chosen_where_none_is_known(studio: Studio, child: Child) -> None:
    child.inspect(replace(FACTS, palette="", palette_problem=PROBLEM))
    dialog, form = inspect(studio)
    assert "The model has 19 classes and no names for them. Choose the palette" in texts(form)
    assert "--palette" not in texts(form)
    assert not dialog.go_button.isEnabled()
    assert dialog.focusWidget() is form.palettes
    QTest.keyClick(form.palettes, Qt.Key.Key_Return)
    assert stage_of(dialog) is Stage.CHOOSING
    QTest.keyClick(form.palettes, Qt.Key.Key_Down)
    assert form.palettes.currentData() == "cityscapes"
    assert "no names for them" not in texts(form)
    QTest.keyClick(form.palettes, Qt.Key.Key_Return)
    assert stage_of(dialog) is Stage.IMPORTING
    studio.wait(lambda: dialog.stage is Stage.DONE)
    assert child.calls[-1][-2:] == ["--palette", "cityscapes"]


@pytest.mark.parametrize(("count", "fits"), [(19, True), (7, False)])
def test_a_palette_file_is_browsed_for(
    studio: Studio, child: Child, tmp_path: Path, count: int, fits: bool
) -> None:
    path = tmp_path / "own.yaml"
    save_palette(make_palette("own", [f"class {number}" for number in range(count)]), path)
    child.inspect(replace(FACTS, palette="", palette_problem=PROBLEM))
    dialog, form = inspect(studio)
    click(form.browse_button)
    choose_file(studio, path)
    studio.settle()
    assert (form.choices().palette == str(path)) is fits
    assert dialog.go_button.isEnabled() is fits
    if not fits:
        assert "own has 7 classes, the model has 19." in texts(form)


def test_a_damaged_palette_file_is_explained(studio: Studio, child: Child, tmp_path: Path) -> None:
    path = tmp_path / "own.yaml"
    path.write_text("classes: 3", encoding="utf-8")
    dialog, form = inspect(studio)
    click(form.browse_button)
    choose_file(studio, path)
    studio.settle()
    assert "has no list of classes" in texts(form)
    assert dialog.go_button.isEnabled()


def choose_file(studio: Studio, path: Path) -> None:
    """Types a path into the file dialog that is open."""
    studio.wait(lambda: [dialog for dialog in QApplication.topLevelWidgets() if is_file_dialog(dialog)])
    dialog = next(dialog for dialog in QApplication.topLevelWidgets() if is_file_dialog(dialog))
    field = dialog.findChild(QLineEdit, "fileNameEdit")
    assert isinstance(field, QLineEdit)
    # Typed letter by letter, a list of completions would open, for which there is no screen here.
    field.setText(str(path))
    enter(field)


def is_file_dialog(widget: QWidget) -> bool:
    """Whether it is a file dialog that waits for an answer."""
    return isinstance(widget, QFileDialog) and widget.isVisible()


def test_file_and_folder_buttons(studio: Studio, child: Child, tmp_path: Path) -> None:
    path = tmp_path / "street.onnx"
    path.write_bytes(b"")
    dialog = open_dialog(studio)
    click(dialog.source.file_button)
    choose_file(studio, path)
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    studio.settle()
    click(dialog.source.folder_button)
    choose_file(studio, tmp_path)
    studio.wait(lambda: dialog.stage is Stage.READING)
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    assert [call[1] for call in child.calls] == [str(path), str(tmp_path)]


def test_a_fixed_size_is_shown_but_not_asked(studio: Studio, child: Child) -> None:
    child.inspect(replace(FACTS, kind="onnx", height=512, width=1024))
    _, form = inspect(studio)
    assert form.fixed_size.isVisible()
    assert not form.fixed_size.isEnabled()
    assert form.fixed_size.text() == "1024 × 512 px, fixed by the file"
    assert not form.short_side.isVisible()


def test_the_size_that_weights_were_made_for_is_only_a_suggestion(studio: Studio, child: Child) -> None:
    child.inspect(replace(FACTS, kind="checkpoint", height=512, width=1024))
    _, form = inspect(studio)
    assert not form.fixed_size.isVisible()
    assert form.short_side.text() == "1024 × 512 px, as the file says"
    assert form.choices().short_side == 0
    form.short_side.setFocus()
    QTest.keyClick(form.short_side, Qt.Key.Key_Up)
    assert form.choices().short_side == 64
    form.short_side.selectAll()
    QTest.keyClicks(form.short_side, "768")
    assert form.choices().short_side == 768


def test_constants_of_the_file_are_offered_and_kept(studio: Studio, child: Child) -> None:
    child.inspect(replace(FACTS, mean=(0.4, 0.4, 0.4), normalisation="as the file says"))
    _, form = inspect(studio)
    assert form.normalisation.currentText() == "From the file"
    assert form.choices().mean is None
    assert "As the file says." in texts(form)


def test_the_wheel_scrolls_and_changes_no_choice(studio: Studio, child: Child) -> None:
    _, form = inspect(studio)
    for field in (form.normalisation, form.short_side):
        turn = QWheelEvent(
            QPointF(5, 5), field.mapToGlobal(QPointF(5, 5)), QPoint(), QPoint(0, -120),
            Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
        )  # fmt: skip
        QApplication.sendEvent(field, turn)
    assert form.choices() == ImportChoices(name="street")


def test_a_model_folder_asks_for_a_name_only(studio: Studio, child: Child) -> None:
    child.inspect(replace(FACTS, kind="model", producer="segstudio", notes=("measured on CamVid",)))
    dialog, form = inspect(studio)
    assert not hasattr(form, "palettes")
    assert "Measured on CamVid." in texts(form)
    enter(form.name)
    studio.wait(lambda: dialog.stage is Stage.DONE)
    assert child.calls[-1] == ["import", "street.pth", "--json-events", "--name", "street"]


def test_a_taken_name_is_numbered_and_a_wrong_one_refused(
    studio: Studio, child: Child, backend: FakeBackend
) -> None:
    child.inspect(replace(FACTS, name="fake"))
    dialog, form = inspect(studio)
    assert form.name.text() == "fake-2"
    for wrong, reason in (("fake", "There is a model"), ("a b", "Use letters"), ("", "Use letters")):
        form.name.selectAll()
        QTest.keyClick(form.name, Qt.Key.Key_Delete)
        QTest.keyClicks(form.name, wrong)
        assert reason in texts(form)
        assert not dialog.go_button.isEnabled()
    QTest.keyClicks(form.name, "new")
    assert dialog.go_button.isEnabled()


def test_long_names_do_not_widen_the_dialog(studio: Studio, child: Child) -> None:
    dialog = open_dialog(studio)
    width = dialog.width()
    long = "experiment_" * 30
    child.inspect(
        replace(FACTS, producer=long, network=long, name=long, notes=(long,), class_names=(long,) * 19)
    )
    child.imports(
        replace(IMPORTED, name=long, folder=f"/models/{long}", missing=(long,), parity={"onnx": 0.99999})
    )
    enter(dialog.source.field, f"/data/{long}.pth")
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    studio.settle()
    assert dialog.form is not None
    assert len(dialog.form.name.text()) == 64
    assert dialog.form.minimumSizeHint().width() <= dialog.form.width()
    assert dialog.width() == width
    click(dialog.go_button)
    studio.wait(lambda: dialog.stage is Stage.DONE)
    studio.settle()
    assert dialog.width() == width
    assert "99.99 % of ids equal in onnx" in texts(dialog)


# -- trouble ----------------------------------------------------------------------------------------------


def test_a_refused_source_can_be_replaced(studio: Studio, child: Child) -> None:
    child.refuses("inspect", "photo.bin holds no weights. give a checkpoint, or use --force.")
    dialog = open_dialog(studio)
    enter(dialog.source.field, "photo.bin")
    studio.wait(lambda: dialog.banner is not None)
    assert "photo.bin holds no weights." in texts(dialog)
    assert "--force" not in texts(dialog)
    assert dialog.source.field.text() == "photo.bin"
    assert dialog.focusWidget() is dialog.source.field
    child.inspect(FACTS)
    dialog.source.field.selectAll()
    QTest.keyClicks(dialog.source.field, "street.pth")
    assert dialog.banner is None
    enter(dialog.source.field)
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)


def test_a_refused_import_keeps_the_choices(studio: Studio, child: Child) -> None:
    child.refuses("import", "street.pth lacks 3 tensors of mit_b2. give the complete checkpoint.")
    dialog, form = inspect(studio)
    form.name.selectAll()
    QTest.keyClicks(form.name, "rush-hour")
    click(dialog.go_button)
    studio.wait(lambda: dialog.banner is not None)
    assert "street.pth lacks 3 tensors of mit_b2." in texts(dialog)
    assert stage_of(dialog) is Stage.CHOOSING
    assert dialog.form is form
    assert form.name.text() == "rush-hour"
    child.imports(IMPORTED)
    click(dialog.go_button)
    studio.wait(lambda: dialog.stage is Stage.DONE)


def test_a_crash_of_the_child_is_a_bug_with_the_log(
    studio: Studio, child: Child, caplog: pytest.LogCaptureFixture
) -> None:
    child.steps["import"] = {"stderr": "Segmentation fault in conv2d", "status": 139}
    dialog, form = inspect(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.banner is not None)
    report = studio.window.findChild(BugReport)
    assert report is not None
    assert "Segmentation fault in conv2d" in caplog.text
    assert "This is a bug: see the log" in texts(dialog)
    assert "conv2d" not in texts(dialog)
    assert dialog.form is form
    report.close()


def test_a_child_without_a_result_is_a_bug(studio: Studio, child: Child) -> None:
    child.steps["inspect"] = {"status": 0}
    dialog = open_dialog(studio)
    enter(dialog.source.field, "street.pth")
    studio.wait(lambda: dialog.banner is not None)
    assert stage_of(dialog) is Stage.ASKING
    report = studio.window.findChild(BugReport)
    assert report is not None
    report.close()


def test_cancel_ends_the_child_and_keeps_the_choices(studio: Studio, child: Child, folder: Path) -> None:
    child.hangs("import")
    studio.open(folder)
    dialog, form = inspect(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.progress.text.text() == "Building mit_b2")
    assert dialog.progress.bar.maximum() > 0
    assert not form.isEnabled()
    assert studio.window.job_strip.isVisible()
    click(dialog.cancel_button)
    assert dialog.cancel_button.text() == "Stopping…"
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    assert "nothing was imported" in texts(dialog)
    assert dialog.form is form
    assert form.isEnabled()
    studio.settle()
    assert not studio.window.job_strip.isVisible()


def test_the_job_strip_cancels_it_too(studio: Studio, child: Child, folder: Path) -> None:
    child.hangs("import")
    studio.open(folder)
    dialog, _ = inspect(studio)
    click(dialog.go_button)
    studio.wait(lambda: studio.window.job_strip.isVisible())
    click(studio.window.job_strip.cancel_button)
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)


def test_closing_ends_an_inspection(studio: Studio, child: Child) -> None:
    child.hangs("inspect")
    dialog = open_dialog(studio)
    enter(dialog.source.field, "street.pth")
    studio.wait(lambda: dialog.progress.text.text() == "Building mit_b2")
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    studio.settle()
    assert studio.messages() == []
    assert open_dialog(studio).source.field.text() == ""


def test_editing_the_source_ends_an_inspection(studio: Studio, child: Child) -> None:
    child.hangs("inspect")
    dialog = open_dialog(studio)
    enter(dialog.source.field, "street")
    studio.wait(lambda: dialog.progress.text.text() == "Building mit_b2")
    child.inspect(FACTS)
    enter(dialog.source.field, ".pth")
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    assert child.calls[-1][1] == "street.pth"


def test_an_edited_source_is_inspected_before_it_is_imported(studio: Studio, child: Child) -> None:
    dialog, form = inspect(studio)
    QTest.keyClicks(dialog.source.field, "x")
    assert dialog.go_button.text() == "Inspect"
    assert not form.isEnabled()
    QTest.keyClick(dialog.source.field, Qt.Key.Key_Backspace)
    assert dialog.go_button.text() == "Import"
    assert form.isEnabled()


@pytest.mark.skipif(os.name != "posix", reason="needs a named pipe")
@pytest.mark.parametrize("close", ["button", "escape", "window"])
def test_a_closed_dialog_goes_on_and_tells_the_end(
    studio: Studio, child: Child, tmp_path: Path, close: str
) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    child.imports(IMPORTED, gate=str(gate))
    dialog, _ = inspect(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.progress.text.text() == "Exporting")
    ways: dict[str, Callable[[], object]] = {
        "button": lambda: click(dialog.go_button),
        "escape": lambda: QTest.keyClick(dialog, Qt.Key.Key_Escape),
        "window": dialog.close,
    }
    ways[close]()
    assert not dialog.isVisible()
    studio.window.dialogs.ask_model()
    assert shown_dialog(studio) is dialog
    dialog.close()
    gate.write_text("go on")
    studio.wait(lambda: "Imported street" in studio.messages())
    assert open_dialog(studio) is not dialog


@pytest.mark.skipif(os.name != "posix", reason="needs a named pipe")
def test_a_refusal_in_the_background_can_be_looked_at(studio: Studio, child: Child, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    child.refuses("import", "street.pth lacks 3 tensors of mit_b2.")
    child.steps["import"]["gate"] = str(gate)
    dialog, form = inspect(studio)
    click(dialog.go_button)
    dialog.close()
    gate.write_text("go on")
    studio.wait(lambda: studio.window.messages.messages)
    message = studio.window.messages.messages[0]
    assert "lacks 3 tensors" in message.text
    assert message.act is not None
    message.act()
    assert shown_dialog(studio) is dialog
    assert dialog.form is form
    assert studio.messages() == []


def test_closing_the_window_ends_the_child(studio: Studio, child: Child) -> None:
    child.hangs("import")
    dialog, _ = inspect(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.progress.text.text() == "Building mit_b2")
    studio.window.close()
    assert not studio.session.jobs.active()


def test_done_can_go_on_with_another(studio: Studio, child: Child) -> None:
    dialog, _ = inspect(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.stage is Stage.DONE)
    click(dialog.cancel_button)
    assert stage_of(dialog) is Stage.ASKING
    assert dialog.source.field.text() == ""
    assert dialog.focusWidget() is dialog.source.field


# -- ways in ----------------------------------------------------------------------------------------------


def test_button_of_the_panel_and_command_palette(studio: Studio, child: Child, folder: Path) -> None:
    studio.open(folder)
    click(studio.window.editor.prediction.buttons["model.import_model"])
    shown_dialog(studio).close()
    studio.window.dialogs.show_commands()
    chooser = studio.window.findChild(Chooser)
    assert chooser is not None
    enter(chooser.field, "import a model")
    assert shown_dialog(studio).stage is Stage.ASKING


@pytest.mark.parametrize("name", ["a.pth", "a.PT", "a.ckpt", "a.bin", "a.safetensors", "a.onnx", "a.etlt"])
def test_a_dropped_model_file_is_inspected(studio: Studio, child: Child, tmp_path: Path, name: str) -> None:
    drop(studio.window, mime_of(tmp_path / name))
    dialog = shown_dialog(studio)
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    assert child.calls == [["inspect", str(tmp_path / name), "--json-events"]]


@pytest.mark.parametrize("names", [["model.json"], ["config.json", "model.safetensors"]])
def test_a_dropped_model_folder_is_inspected(
    studio: Studio, child: Child, tmp_path: Path, names: list[str]
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for name in names:
        (folder / name).write_text("{}", encoding="utf-8")
    drop(studio.window, mime_of(folder))
    studio.wait(lambda: studio.window.findChild(ModelImportDialog))
    assert shown_dialog(studio).source.field.text() == str(folder)


def test_dropped_images_open_their_folder(studio: Studio, child: Child, folder: Path) -> None:
    (folder / "config.json").write_text("{}", encoding="utf-8")
    drop(studio.window, mime_of(folder / "frame_0.png"))
    studio.wait(lambda: studio.window.findChild(PaletteChoice))
    assert studio.window.findChild(ModelImportDialog) is None
    close_all(studio)
    drop(studio.window, mime_of(folder))
    studio.wait(lambda: studio.window.findChild(PaletteChoice))
    close_all(studio)


def close_all(studio: Studio) -> None:
    """Leaves every dialog."""
    for dialog in studio.window.findChildren(QDialog):
        dialog.close()
    QApplication.processEvents()
    QApplication.sendPostedEvents(None, 0)


def test_a_project_is_no_model_whatever_lies_in_it(folder: Path) -> None:
    (folder / "model.json").write_text("{}", encoding="utf-8")
    assert is_model_folder(folder)
    (folder / ".segstudio").mkdir()
    assert not is_model_folder(folder)
    assert not is_model_folder(folder / "nothing")


def test_files_and_ids_are_dropped_on_the_dialog(studio: Studio, child: Child, tmp_path: Path) -> None:
    dialog = open_dialog(studio)
    drop(dialog, mime_of(tmp_path / "a.pth"))
    studio.wait(lambda: dialog.stage is Stage.CHOOSING)
    mime = QMimeData()
    mime.setText("https://huggingface.co/nvidia/segformer-b0-finetuned-ade-512-512/tree/main")
    drop(dialog, mime)
    studio.wait(lambda: dialog.stage is Stage.CHOOSING and len(child.calls) == 2)
    assert child.calls[-1][1] == "nvidia/segformer-b0-finetuned-ade-512-512"


def test_a_drop_on_the_window_fills_the_open_dialog(studio: Studio, child: Child, tmp_path: Path) -> None:
    dialog = open_dialog(studio)
    drop(studio.window, mime_of(tmp_path / "a.pth"))
    assert shown_dialog(studio) is dialog
    assert dialog.source.field.text() == str(tmp_path / "a.pth")


# -- words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "source"),
    [
        (" 'street.pth' ", "street.pth"),
        ("file:///data/my%20street.pth", "/data/my street.pth"),
        ("https://huggingface.co/owner/name?tab=files", "owner/name"),
        ("owner/name", "owner/name"),
        ("", ""),
    ],
)
def test_sources_are_cleaned(text: str, source: str) -> None:
    assert clean_source(text) == source


def test_only_choices_are_passed_on() -> None:
    assert import_arguments("a", ImportChoices(name="n"))[1:] == [
        "import",
        "a",
        "--json-events",
        "--name",
        "n",
    ]


def test_hints_for_the_command_line_are_left_out() -> None:
    error = in_window(SegstudioError("segstudio: a.pth is odd. try b. give --name."))
    assert (error.message, error.hint) == ("a.pth is odd", "try b")


def test_summaries() -> None:
    assert summary(replace(IMPORTED, matched=0, parity={"onnx": 1.0})) == "ids equal in onnx"
    assert summary(replace(IMPORTED, missing=("a", "b"), parity={})) == "418 of 420 tensors"
    assert summary(replace(IMPORTED, matched=0, parity={})) == ""


def test_long_words_can_be_broken_and_short_ones_are_left_alone() -> None:
    assert breakable("class_with_a_name of/a/path.pth") == "class_with_a_name of/a/path.pth"
    pieces = breakable("x" * 100).split("\u200b")
    assert max(len(piece) for piece in pieces) <= 33


def test_sentences_leave_names_as_they_are() -> None:
    assert sentence("a model, see below") == "A model, see below."
    assert sentence("street.pth is odd.") == "street.pth is odd."
    assert sentence("") == ""


def test_free_names() -> None:
    assert free_name("a", ()) == "a"
    assert free_name("a", ("a", "a-2")) == "a-3"
    assert len(free_name("n" * 64, ("n" * 64,))) <= 64
