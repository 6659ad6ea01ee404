"""Export a model: chosen, watched, judged and added; the exporting child process is played by the tests."""

import csv
import io
import json
import math
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import Qt
from PySide6.QtGui import QDesktopServices
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from segstudio import paths
from segstudio.deploy.gate import HALF, INT8, Attempt, ClassIou, Evidence, GateReport, Speed
from segstudio.deploy.nvinfer import BUNDLE_OUTPUTS
from segstudio.errors import ModelError, SegstudioError
from segstudio.gui.dialogs.export_advanced import OUTPUTS
from segstudio.gui.dialogs.export_facts import divided, machine_lacks, model_lacks
from segstudio.gui.dialogs.export_results import Finished, State, finished_from_dict, to_csv
from segstudio.gui.dialogs.export_table import ResultTable
from segstudio.gui.dialogs.model_export import ModelExportDialog, Stage
from segstudio.gui.models.model_exports import (
    ExportOrder,
    Folders,
    ModelExports,
    ProjectSamples,
    export_arguments,
)
from segstudio.inference.backend import BackendStatus
from segstudio.inference.spec import ModelSpec, load_spec, save_spec
from segstudio.project.project import Project
from segstudio.project.sample import Sample, SampleStatus
from segstudio.training.data.files import read_list
from segstudio.workflows.exports.formats import FORMATS, PAGE_FILE, PRESETS
from segstudio.workflows.exports.run import Artefact, ExportResult, artefact_to_json
from tests.gui.conftest import FakeBackend, Studio, fill_folder

NO_TENSORRT = "tensorrt is not installed"
EVIDENCE = Evidence(
    "openvino", 20, 3456, 0.9968, (34, 0.8), 1.137, 34.7,
    (ClassIou("road", 0.96, 0.965, 900, 20), ClassIou("pole", 0.083, 0.053, 20, 20),
     ClassIou("train", math.nan, math.nan, 0, 0)),
    7_400_000, 3_900_000, (Speed("openvino", "CPU", 7.3, 10.4), Speed("onnx", "CPU", 8.0, 6.0)),
)  # fmt: skip
REPORT = GateReport(
    "onnx-int8", "fake", "int8", "20 images of street, masks in cityscapes", "a processor", INT8, EVIDENCE,
    ("pole falls by 3.00 points, from 8.30% to 5.30%; 1.50 are allowed",), ("/core/a", "/core/b"),
    (Attempt("nncf", 0.996, 1.39), Attempt("onnxruntime", 0.99, math.nan, ("its speed was not measured",))),
    ("quantized by nncf on 64 images",),
)  # fmt: skip
REFUSED = Artefact("onnx-int8", None, "the gate refused it: pole falls by 3.00 points", REPORT)
LACKING = Artefact("openvino", None, "openvino cannot be imported")
CHILD = """
import json, signal, sys
plan = json.load(open(sys.argv[1]))
with open(sys.argv[1] + ".log", "a") as log:
    print(json.dumps(sys.argv[2:]), file=log)
for line in plan["lines"]:
    print(json.dumps(line), flush=True)
if plan.get("gate"):
    open(plan["gate"]).read()
if plan.get("hang"):
    signal.pause()
print(plan.get("stderr", ""), file=sys.stderr)
sys.exit(plan.get("status", 0))
"""


class Child:
    """What the exporting process does next, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self._plan = folder / "plan.json"
        self.plan: dict[str, Any] = {"lines": []}

    def command(self, *arguments: str) -> list[str]:
        """Takes the place of the real command line."""
        self._plan.write_text(json.dumps(self.plan), encoding="utf-8")
        return [sys.executable, "-S", "-E", "-c", CHILD, str(self._plan), *arguments]

    def tells(self, *artefacts: Artefact, **more: object) -> None:
        """Reports formats, without a result."""
        lines = [{"progress": [0.5, 2, "onnx: opening"]}]
        self.plan = {"lines": [*lines, *(event(one) for one in artefacts)], **more}

    def ends(self, folder: Path, *artefacts: Artefact) -> None:
        """Reports formats and comes to its end."""
        result = ExportResult("fake", folder, folder / PAGE_FILE, artefacts)
        self.tells(*artefacts)
        self.plan["lines"].append({"result": result.to_json()})

    @property
    def words(self) -> list[str]:
        """Those of the last call."""
        lines = Path(f"{self._plan}.log").read_text().splitlines()
        words: list[str] = json.loads(lines[-1])
        return words


def event(artefact: Artefact) -> dict[str, Any]:
    """What the exporter prints of a format."""
    return {"kind": "artefact", **artefact_to_json(artefact)}


@pytest.fixture
def child(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, backend: FakeBackend) -> Child:
    """A child that does as the test says, on a machine without TensorRT, with one model named "fake"."""
    played = Child(tmp_path)
    monkeypatch.setattr("segstudio.gui.models.model_exports.command", played.command)
    lacks = {name: NO_TENSORRT for name in FORMATS if name.startswith("tensorrt")}
    monkeypatch.setattr("segstudio.gui.models.model_exports.machine_lacks", lambda: lacks)
    return played


def open_wizard(studio: Studio) -> ModelExportDialog:
    """By the menu's action, when all is known that it looks for."""
    studio.window.actions_by_id["model.export_model"].trigger()
    studio.settle()
    return shown(studio)


def shown(studio: Studio) -> ModelExportDialog:
    """The wizard on the screen."""
    found = [dialog for dialog in studio.window.findChildren(ModelExportDialog) if dialog.isVisible()]
    assert len(found) == 1
    return found[0]


def click(widget: QWidget) -> None:
    """With the left button."""
    QTest.mouseClick(widget, Qt.MouseButton.LeftButton)


def texts(widget: QWidget) -> str:
    """All that is written on a widget and not hidden, without the places to break."""
    labels = [label.text() for label in widget.findChildren(QLabel) if label.isVisible()]
    return "\n".join(labels).replace("\u200b", "")


def tick(dialog: ModelExportDialog, *names: str) -> None:
    """Ticks these formats alone, by the keyboard."""
    for name, row in dialog.form.rows.items():
        if row.box.isChecked() != (name in names):
            row.box.setFocus()
            QTest.keyClick(row.box, Qt.Key.Key_Space)
    assert dialog.form.formats == tuple(name for name in FORMATS if name in names)


def stage_of(dialog: ModelExportDialog) -> Stage:
    """Where the wizard is now."""
    return dialog.stage


def banner_of(dialog: ModelExportDialog) -> str:
    """What the notice above the page says."""
    return f"{dialog.banner.message.text} {dialog.banner.message.hint}" if dialog.banner else ""


def made_folder(tmp_path: Path, name: str) -> Artefact:
    """A format that lies on the disk."""
    folder = tmp_path / "out" / name
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"a graph")
    save_spec(ModelSpec("fake", "mit_b0", ("road",), "cityscapes", {"onnx": "model.onnx"}), folder)
    report = replace(REPORT, artefact=name, failures=(), limits=HALF)
    return Artefact(name, folder, "", report, ("made for GPUs",))


# -- choosing ---------------------------------------------------------------------------------------------


def test_the_key_opens_it_without_a_project_and_says_what_is_impossible(studio: Studio, child: Child) -> None:
    QTest.keyClick(
        studio.window, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier
    )
    studio.settle()
    dialog = shown(studio)
    assert dialog.form.entry is not None
    assert dialog.form.out.path.endswith("fake-export")
    assert dialog.form.cards["fast-cpu"].isChecked()
    assert dialog.form.formats == ("onnx", "openvino")
    assert "No scores are measured" in texts(dialog.form.pictures)
    assert not dialog.form.rows["onnx-int8"].box.isEnabled()
    assert "int8 is calibrated on images" in texts(dialog.form.rows["onnx-int8"])
    assert dialog.go_button.text() == "Export 2 formats"
    assert dialog.go_button.isEnabled()


def test_a_preset_ticks_what_can_be_made_and_says_why_the_rest_cannot(studio: Studio, child: Child) -> None:
    dialog = open_wizard(studio)
    click(dialog.form.cards["nvidia-gpu"])
    assert dialog.form.formats == ("onnx-fp16",)
    assert NO_TENSORRT in texts(dialog.form.rows["tensorrt-fp16"])
    assert dialog.form.cards["nvidia-gpu"].isChecked()
    assert not dialog.form.cards["fast-cpu"].isChecked()
    tick(dialog, "onnx", "tao")
    assert not any(card.isChecked() for card in dialog.form.cards.values())
    tick(dialog)
    assert not dialog.go_button.isEnabled()
    assert dialog.problem.text() == "Tick a format."


def test_presets_are_chosen_by_the_keyboard(studio: Studio, child: Child) -> None:
    dialog = open_wizard(studio)
    assert dialog.focusWidget() is dialog.form.cards["fast-cpu"]
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
    assert dialog.focusWidget() is dialog.form.cards["nvidia-gpu"]
    QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Space)
    assert dialog.form.formats == ("onnx-fp16",)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()


def test_int8_comes_back_with_a_folder_to_calibrate_on(studio: Studio, child: Child, tmp_path: Path) -> None:
    dialog = open_wizard(studio)
    pictures = dialog.form.pictures
    QTest.keyClick(pictures.calibration_choice, Qt.Key.Key_Up)
    assert dialog.problem.text() == "Name the folder of the images to calibrate on."
    QTest.keyClicks(pictures.calibration_folder.field, str(tmp_path))
    assert set(dialog.form.formats) == set(PRESETS["fast-cpu"].formats)
    assert dialog.go_button.isEnabled()
    child.ends(tmp_path / "out", LACKING)
    click(dialog.go_button)
    studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    words = child.words
    assert words[words.index("--calibration") + 1] == str(tmp_path)
    assert "--images" not in words


def test_folders_to_judge_by(studio: Studio, child: Child, tmp_path: Path) -> None:
    dialog = open_wizard(studio)
    pictures = dialog.form.pictures
    QTest.keyClick(pictures.judge_choice, Qt.Key.Key_Up)
    assert dialog.problem.text() == "Name the folder of the images to judge by."
    assert "no scores are measured" in texts(pictures)
    QTest.keyClicks(pictures.images.field, "/data/images")
    assert not pictures.palettes.isEnabled()
    QTest.keyClicks(pictures.masks.field, "/data/masks")
    QTest.keyClicks(pictures.palettes, "camvid")
    click(dialog.form.advanced.button)
    QTest.keyClicks(dialog.form.advanced.image_size, "640 x 360")
    QTest.keyClick(dialog.form.advanced.batch, Qt.Key.Key_Up)
    dialog.form.advanced.class_loss.selectAll()
    QTest.keyClicks(dialog.form.advanced.class_loss, "2")
    tick(dialog, "onnx-int8")
    dialog.form.out.field.selectAll()
    QTest.keyClick(dialog.form.out.field, Qt.Key.Key_Delete)
    assert dialog.problem.text() == "Name the folder of the export."
    QTest.keyClicks(dialog.form.out.field, str(tmp_path / "out"))
    child.ends(tmp_path / "out", REFUSED)
    QTest.keyClick(dialog, Qt.Key.Key_Return)
    studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    assert child.words == [
        "export", "fake", "--out", str(tmp_path / "out"), "--as", "onnx-int8", "--json-events",
        "--images", "/data/images", "--masks", "/data/masks", "--palette", "camvid-11",
        "--miou-loss", "0.5", "--class-loss", "2", "--agreement", "99", "--deepstream-output", "argmax",
        "--batch", "1", "--size", "640x360",
    ]  # fmt: skip


def test_a_size_written_wrongly_is_told(studio: Studio, child: Child) -> None:
    dialog = open_wizard(studio)
    click(dialog.form.advanced.button)
    QTest.keyClicks(dialog.form.advanced.image_size, "640 by 360")
    assert "WIDTHxHEIGHT" in texts(dialog.form.advanced)
    assert not dialog.go_button.isEnabled()


def test_the_projects_masks_are_counted(studio: Studio, child: Child, folder: Path) -> None:
    studio.open(folder)
    dialog = open_wizard(studio)
    assert "2 images with masks, 2 classes seen: 1 judge, 1 calibrate." in texts(dialog.form.pictures)
    assert "int8 needs 16 images" in texts(dialog.form.rows["onnx-int8"])
    assert dialog.form.out.path == str(folder.parent / "fake-export")
    studio.session.close_project()
    studio.settle()
    assert not studio.window.findChildren(ModelExportDialog)


def test_a_project_without_accepted_masks_proposes_drawn_scenes(
    studio: Studio, child: Child, tmp_path: Path
) -> None:
    studio.open(fill_folder(tmp_path / "bare", masks=0))
    dialog = open_wizard(studio)
    assert "8 drawn scenes" in texts(dialog.form.pictures)
    QTest.keyClick(dialog.form.pictures.judge_choice, Qt.Key.Key_Home)
    assert "No mask of this project is accepted yet" in texts(dialog.form.pictures)
    assert not dialog.go_button.isEnabled()


def test_without_a_model_there_is_nothing_to_do(
    studio: Studio, child: Child, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(paths, "user_models_dir", lambda: tmp_path / "none")
    dialog = open_wizard(studio)
    assert "There is no model yet" in texts(dialog.form)
    assert dialog.problem.text() == "Choose a model."


# -- what it rests on -------------------------------------------------------------------------------------


SAMPLES = st.lists(
    st.tuples(st.sampled_from(list(SampleStatus)), st.sampled_from(["", "train", "val", "test", "train_b"])),
    max_size=30,
)


@given(SAMPLES)
def test_nobody_judges_what_it_calibrated_on(rows: list[tuple[SampleStatus, str]]) -> None:
    samples = [Sample(str(n), f"/i/{n}.png", __file__, *row) for n, row in enumerate(rows)]
    found = divided(samples)
    judge, calibration = {pair[0] for pair in found.judge}, {pair[0] for pair in found.calibration}
    assert not judge & calibration
    accepted = [one for one in samples if one.status is SampleStatus.ACCEPTED]
    assert judge | calibration <= {one.image for one in accepted}
    assert bool(judge) is bool(accepted)
    if any(one.split == "val" for one in accepted):
        assert judge == {one.image for one in accepted if one.split == "val"}
    if len(accepted) > 1 and not any(one.split for one in accepted):
        assert len(judge) - len(calibration) in (0, 1)


def test_a_mask_that_is_gone_leaves_its_sample_out() -> None:
    assert divided([Sample("a", "/i/a.png", "/no/such/mask.png", SampleStatus.ACCEPTED)]).count == 0


@pytest.mark.parametrize(
    "name", ["plain", "with, comma", 'with "quotes"', "two  blanks", "semi;colon", "# x"]
)
def test_lists_of_the_project_are_read_as_they_were_written(tmp_path: Path, name: str) -> None:
    root = fill_folder(tmp_path / name, count=4, masks=3)
    with Project.open(root, palette="cityscapes") as project:
        given_ = ProjectSamples(project, tuple(project.samples()))
        order = ExportOrder("fake", tmp_path / "out", ("onnx",), given_, given_)
        words = export_arguments(order, tmp_path)
        images = Path(words[words.index("--images") + 1])
        calibration = Path(words[words.index("--calibration") + 1])
        alone = export_arguments(replace(order, judge=Folders("/images")), tmp_path)
    found = divided(given_.samples)
    assert read_list(images).pairs == found.judge
    assert read_list(calibration).pairs == found.calibration or alone
    assert images.name == f"{name}-judge.csv"
    assert Path(words[words.index("--palette") + 1]).is_file()
    lonely = read_list(Path(alone[alone.index("--calibration") + 1]))
    assert lonely.images_without_mask == tuple(image for image, _ in found.calibration)
    assert "--palette" not in alone


def test_what_the_machine_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    here = [BackendStatus("tensorrt", False, "", "no GPU"), BackendStatus("openvino", True, "CPU", "")]
    monkeypatch.setattr("segstudio.gui.dialogs.export_facts.available_backends", lambda: here)
    monkeypatch.setattr("segstudio.gui.dialogs.export_facts.find_spec", lambda _: None)
    lacks = machine_lacks()
    assert lacks["tensorrt-fp16"] == lacks["tensorrt-int8"] == "no GPU"
    assert "nncf" in lacks["onnx-int8"]
    assert "torch" in lacks["huggingface"]
    assert not lacks.keys() & {"onnx", "onnx-fp16", "openvino", "deepstream", "tao"}


def test_what_a_model_lacks() -> None:
    spec = ModelSpec("a", "mit_b0", ("road",), "cityscapes", {"onnx": "a.onnx", "weights": "a.pt"})
    assert not model_lacks(spec)
    assert set(model_lacks(replace(spec, files={"onnx": "a.onnx"}))) == {"huggingface"}
    assert set(model_lacks(replace(spec, files={"weights": "a.pt"}))) == set(FORMATS) - {"huggingface"}
    quantized = model_lacks(replace(spec, precision="int8"))
    assert "onnx-int8" in quantized
    assert "onnx" not in quantized


def test_names_shared_with_the_exporter() -> None:
    assert set(OUTPUTS) == set(BUNDLE_OUTPUTS)


@pytest.mark.parametrize("artefact", [REFUSED, LACKING, Artefact("onnx", Path("/o"), "", REPORT, ("a",))])
def test_what_the_child_tells_comes_back_whole(artefact: Artefact) -> None:
    told = json.loads(json.dumps(artefact_to_json(artefact)))
    one = finished_from_dict(told)
    assert artefact_to_json(Artefact(one.format, one.folder, one.reason, one.report, one.notes)) == told


def test_figures_as_csv() -> None:
    one, two = finished_from_dict(event(REFUSED)), Finished("tao", Path("/o/tao"))
    rows = list(csv.DictReader(io.StringIO(to_csv([one, two]))))
    assert [row["verdict"] for row in rows] == ["refused", "made"]
    assert float(rows[0]["ids_equal"]) == 0.9968
    assert float(rows[0]["miou_before"]) == pytest.approx((0.96 + 0.083) / 2, abs=1e-6)
    assert float(rows[0]["speed_up"]) == pytest.approx(10.4 / 8.0)
    assert (rows[0]["pole before"], rows[0]["pole after"], rows[0]["train after"]) == ("0.083", "0.053", "")
    assert rows[1]["ids_equal"] == rows[1]["pole after"] == ""


# -- the way through --------------------------------------------------------------------------------------


def test_made_refused_and_lacking(studio: Studio, child: Child, tmp_path: Path) -> None:
    half = made_folder(tmp_path, "onnx-fp16")
    child.ends(tmp_path / "out", half, REFUSED, LACKING)
    dialog = open_wizard(studio)
    tick(dialog, "onnx-fp16", "openvino")
    order = replace(dialog.form.order(), formats=("onnx-fp16", "onnx-int8", "openvino"))
    dialog._begin(order)
    assert stage_of(dialog) is Stage.RUNNING
    assert dialog.running is not None
    assert [text.text() for text in dialog.running.texts[1:]] == ["Waiting", "Waiting"]
    studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    assert dialog.running.texts[0].text() == "Made: 99.68 % of the ids equal, mIoU 50.90 %"
    assert dialog.results is not None
    table = dialog.results.table
    cells = [[table.model().index(row, column).data() for column in range(8)] for row in range(3)]
    assert cells[0] == [
        "ONNX, float16", "Made", "99.68 %", "52.15 %", "50.90 %", "1.30×", "10.4", "3.9"
    ]  # fmt: skip
    assert cells[2] == ["OpenVINO IR", "Not made", *"––––––"]
    assert dialog.results.current.format == "onnx-int8"
    shown_ = texts(dialog.results)
    assert "1 of 3 formats of fake made" in shown_
    assert "The gate refused it: pole falls by 3.00 points." in shown_
    assert "2 layers: /core/a, /core/b" in shown_
    assert "Quantized by nncf on 64 images." in shown_
    assert "99.00 % of the ids equal. Its speed was not measured." in shown_
    assert not dialog.result_buttons.add_button.isEnabled()


def test_losses_are_marked_class_by_class(studio: Studio, child: Child, tmp_path: Path) -> None:
    dialog = run_to_end(studio, child, tmp_path, REFUSED)
    assert dialog.results is not None
    classes, speeds = dialog.results.area.findChildren(ResultTable)
    model = classes.model()
    rows = [[model.index(row, column).data() for column in range(6)] for row in range(3)]
    assert rows[0] == ["road", "96.00 %", "96.50 %", "+0.50", "20", "900"]
    assert rows[1][3] == "-3.00"
    assert rows[2][:4] == ["train", "–", "–", "–"]
    danger = studio.window.themes.current.colour("danger")
    assert model.index(1, 0).data(Qt.ItemDataRole.ForegroundRole) == danger
    assert model.index(0, 0).data(Qt.ItemDataRole.ForegroundRole) is None
    assert speeds.model().index(1, 4).data() == "0.75×"


def run_to_end(studio: Studio, child: Child, tmp_path: Path, *artefacts: Artefact) -> ModelExportDialog:
    """Exports what the child then tells."""
    child.ends(tmp_path / "out", *artefacts)
    wizards = studio.window.findChildren(ModelExportDialog)
    dialog = wizards[0] if wizards else open_wizard(studio)
    formats = tuple(one.format for one in artefacts)
    dialog._begin(replace(dialog.form.order(), formats=formats, out=tmp_path / "out"))
    studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    studio.settle()
    return dialog


def test_results_are_opened_copied_and_added(
    studio: Studio, child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(QDesktopServices, "openUrl", lambda url: opened.append(url.toLocalFile()))
    dialog = run_to_end(studio, child, tmp_path, made_folder(tmp_path, "onnx-fp16"), LACKING)
    buttons = dialog.result_buttons
    click(buttons.folder_button)
    click(buttons.page_button)
    assert opened == [str(tmp_path / "out"), str(tmp_path / "out" / PAGE_FILE)]
    click(buttons.copy_button)
    assert QApplication.clipboard().text().startswith("format,verdict,ids_equal")
    click(buttons.add_button)
    studio.settle()
    assert "fake-fp16 is in the models." in banner_of(dialog)
    assert not buttons.add_button.isEnabled()
    assert load_spec(paths.user_models_dir() / "fake-fp16").name == "fake-fp16"
    assert [entry.name for entry in studio.session.predictions.models] == ["fake", "fake-fp16"]
    assert studio.session.predictions.current == "fake"
    QTest.keyClick(dialog.results.table if dialog.results else dialog, Qt.Key.Key_Down)
    assert not buttons.add_button.isEnabled()
    click(dialog.cancel_button)
    assert stage_of(dialog) is Stage.CHOOSING
    assert dialog.form.models.findData("fake-fp16") > 0


def test_a_folder_that_cannot_be_added_is_told(
    studio: Studio, child: Child, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path, name: str) -> None:
        raise ModelError(f"{folder.name} cannot be copied: the disk is full")

    monkeypatch.setattr("segstudio.gui.models.model_exports.import_model", refuse)
    dialog = run_to_end(studio, child, tmp_path, made_folder(tmp_path, "onnx-fp16"))
    click(dialog.result_buttons.add_button)
    studio.settle()
    assert "the disk is full" in banner_of(dialog)
    assert dialog.result_buttons.add_button.isEnabled()


def test_nothing_made_still_shows_why(studio: Studio, child: Child, tmp_path: Path) -> None:
    child.tells(REFUSED, stderr="segstudio: nothing was exported. the report is there.", status=2)
    dialog = open_wizard(studio)
    dialog._begin(replace(dialog.form.order(), formats=("onnx-int8",), out=tmp_path / "out"))
    studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    assert dialog.results is not None
    assert "Nothing was exported" in texts(dialog.results)
    assert dialog.results.ended.page == tmp_path / "out" / PAGE_FILE


def test_bad_input_leads_back_to_the_choices(studio: Studio, child: Child) -> None:
    child.tells(stderr="segstudio: /data is no folder. give --images with a folder. check it.", status=2)
    dialog = open_wizard(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.banner is not None)
    assert stage_of(dialog) is Stage.CHOOSING
    assert banner_of(dialog) == "/data is no folder. Check it."
    assert dialog.go_button.isEnabled()


# -- cancelled, closed ------------------------------------------------------------------------------------


def test_cancelling_keeps_what_was_finished(studio: Studio, child: Child, tmp_path: Path) -> None:
    child.tells(made_folder(tmp_path, "onnx"), hang=True)
    dialog = open_wizard(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.running and dialog.running.texts[0].text().startswith("Made"))
    click(dialog.cancel_button)
    assert dialog.cancel_button.text() == "Stopping…"
    studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    assert dialog.results is not None
    assert [one.state for one in dialog.results.ended.finished] == [State.MADE, State.STOPPED]
    assert not dialog.result_buttons.page_button.isEnabled()
    assert "what was finished stays" in banner_of(dialog)


def test_cancelling_before_anything_is_made(studio: Studio, child: Child) -> None:
    child.tells(hang=True)
    dialog = open_wizard(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.running and dialog.running.texts[0].text() == "Working: opening")
    click(dialog.cancel_button)
    studio.wait(lambda: stage_of(dialog) is Stage.CHOOSING)
    assert banner_of(dialog).startswith("Cancelled; nothing was exported.")


def test_closed_it_goes_on_and_its_end_is_told(
    studio: Studio, child: Child, tmp_path: Path, folder: Path
) -> None:
    studio.open(folder)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    child.ends(tmp_path / "out", made_folder(tmp_path, "onnx"), LACKING)
    child.plan["gate"] = str(gate)
    dialog = open_wizard(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.running and dialog.running.texts[0].text().startswith("Made"))
    click(dialog.go_button)
    assert not dialog.isVisible()
    assert studio.window.job_strip.isVisible()
    studio.window.actions_by_id["model.export_model"].trigger()
    assert shown(studio) is dialog
    assert stage_of(dialog) is Stage.RUNNING
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    gate.write_text("go on")
    studio.wait(lambda: "1 of 2 formats of fake made" in studio.messages())
    message = next(one for one in studio.window.messages.messages if one.topic == "export")
    assert message.act is not None
    message.act()
    assert shown(studio) is dialog
    assert stage_of(dialog) is Stage.DONE
    assert not [one for one in studio.window.messages.messages if one.topic == "export"]


@pytest.mark.parametrize("when", [Stage.RUNNING, Stage.DONE])
@pytest.mark.parametrize("to", ["another", "none"])
def test_exporting_again_takes_the_project_that_is_open_then(
    studio: Studio, child: Child, tmp_path: Path, folder: Path, when: Stage, to: str
) -> None:
    studio.open(folder)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    child.ends(tmp_path / "out", made_folder(tmp_path, "onnx"), LACKING)
    child.plan["gate"] = str(gate)
    dialog = open_wizard(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.running and dialog.running.texts[0].text().startswith("Made"))
    if when is Stage.DONE:
        gate.write_text("go on")
        studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    if to == "another":
        studio.session.open_project(fill_folder(tmp_path / "other" / "town", masks=3), "cityscapes")
        studio.wait(
            lambda: (
                studio.session.book.samples
                and studio.session.project is not None
                and studio.session.project.root.name == "town"
            )
        )
    else:
        studio.session.close_project()
    if when is Stage.RUNNING:
        gate.write_text("go on")
    studio.settle()
    assert stage_of(dialog) is Stage.DONE
    assert dialog.isVisible()
    assert dialog.results is not None
    click(dialog.cancel_button)
    assert stage_of(dialog) is Stage.CHOOSING
    judge = dialog.form.pictures.judge
    if to == "none":
        assert judge is None
        assert "drawn scenes" in texts(dialog.form.pictures)
        assert dialog.form.pictures.judge_choice.findData("project") < 0
        return
    assert isinstance(judge, ProjectSamples)
    assert judge.project is studio.session.project
    assert "3 images with masks" in texts(dialog.form.pictures)
    assert dialog.form.out.path == str(tmp_path / "other" / "fake-export")
    child.ends(tmp_path / "out", LACKING)
    click(dialog.go_button)
    studio.wait(lambda: stage_of(dialog) is Stage.DONE)
    words = child.words
    assert Path(words[words.index("--images") + 1]).name == "town-judge.csv"


def test_masks_that_cannot_be_looked_at_stop_no_export(
    studio: Studio, child: Child, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Event()

    def refuse(*_: object) -> None:
        gate.wait()
        raise SegstudioError("the disk is gone", hint="bring it back")

    monkeypatch.setattr("segstudio.gui.models.model_exports.surveyed", refuse)
    studio.open(folder)
    studio.window.actions_by_id["model.export_model"].trigger()
    dialog = shown(studio)
    studio.wait(lambda: dialog.form.entry is not None and dialog.form.formats)
    pictures = dialog.form.pictures
    assert dialog.problem.text() == "The masks of the project are being looked at."
    QTest.keyClick(pictures.judge_choice, Qt.Key.Key_End)
    child.tells(hang=True)
    click(dialog.go_button)
    assert stage_of(dialog) is Stage.RUNNING
    gate.set()
    studio.wait(lambda: dialog.running and dialog.running.texts[0].text() == "Working: opening")
    assert stage_of(dialog) is Stage.RUNNING
    assert dialog.banner is None
    click(dialog.cancel_button)
    studio.wait(lambda: stage_of(dialog) is Stage.CHOOSING)
    QTest.keyClick(pictures.judge_choice, Qt.Key.Key_Home)
    assert "They cannot be looked at: the disk is gone. Bring it back." in texts(pictures)
    assert dialog.problem.text() == "The masks of the project cannot be looked at."
    QTest.keyClick(pictures.judge_choice, Qt.Key.Key_End)
    assert dialog.go_button.isEnabled()


def test_a_look_at_a_project_that_was_left_is_dropped(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.open(folder)
    gate = Event()
    told: list[object] = []
    monkeypatch.setattr("segstudio.gui.models.model_exports.surveyed", lambda *_: gate.wait())
    exports = ModelExports(studio.session.bridge)
    exports.survey_done.connect(told.append)
    project = studio.session.project
    assert project is not None
    exports.look(ProjectSamples(project, ()))
    exports.look(None)
    gate.set()
    studio.settle()
    assert told == []
    exports.look(ProjectSamples(project, ()))
    studio.settle()
    assert told == [True]


def test_the_window_can_be_closed_while_it_exports(studio: Studio, child: Child) -> None:
    child.tells(hang=True)
    dialog = open_wizard(studio)
    click(dialog.go_button)
    studio.wait(lambda: dialog.running and dialog.running.texts[0].text() == "Working: opening")
    studio.window.close()
    assert not studio.session.jobs.active()


def test_long_names_do_not_widen_it(studio: Studio, child: Child, tmp_path: Path) -> None:
    long = "experiment_" * 30
    width = open_wizard(studio).width()
    classes = tuple(replace(one, name=long) for one in EVIDENCE.classes)
    report = replace(REPORT, evidence=replace(EVIDENCE, classes=classes), notes=(long,), images=long)
    artefact = replace(REFUSED, reason=f"/data/{long}", report=report)
    dialog = run_to_end(studio, child, tmp_path / long[:200], artefact)
    assert dialog.width() == width
    assert dialog.results is not None
    assert dialog.results.minimumSizeHint().width() <= width


# -- for real ---------------------------------------------------------------------------------------------


def test_a_real_export_of_a_projects_model(studio: Studio, tmp_path: Path, folder: Path) -> None:
    studio.open(folder)
    dialog = open_wizard(studio)
    row = dialog.form.models.findData("street-b0")
    dialog.form.models.setCurrentIndex(row)
    dialog.form.models.activated.emit(row)
    tick(dialog, "onnx")
    dialog.form.out.field.clear()
    QTest.keyClicks(dialog.form.out.field, str(tmp_path / "out"))
    click(dialog.go_button)
    studio.qtbot.waitUntil(lambda: stage_of(dialog) is not Stage.RUNNING, timeout=600_000)
    assert dialog.results is not None, banner_of(dialog)
    (one,) = dialog.results.ended.finished
    assert one.state is State.MADE
    assert one.report is not None
    assert one.report.evidence.agreement == 1.0
    assert one.report.images == "1 images of street-judge.csv, masks in cityscapes"
    assert (tmp_path / "out" / "onnx" / "model.onnx").is_file()
    assert dialog.results.ended.page is not None
    assert dialog.results.ended.page.is_file()
    studio.settle()


CODE = """
import sys
from segstudio.gui import app

application = app.make_application()
window = app.make_window(application)
window.show()
window.actions_by_id["model.export_model"].trigger()
while not window.session.bridge.is_idle():
    application.processEvents()
window.close()
application.processEvents()
print(sorted({name.split(".")[0] for name in sys.modules} & {"torch", "nncf", "transformers", "onnx"}))
"""


def test_the_window_loads_nothing_that_exports() -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"
