"""Exports to several formats: what lies in them, what is refused and told, and what never stays behind."""

import errno
import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import onnx
import pytest

from segstudio import paths
from segstudio.annotation.palette import load_palette
from segstudio.annotation.palette_choice import make_palette, save_palette
from segstudio.deploy.export import Exported
from segstudio.deploy.gate import INT8, Attempt, ClassIou, Evidence, GateReport, Limits, Speed
from segstudio.errors import Cancelled, InputError, ModelError
from segstudio.images import write_image, write_mask
from segstudio.inference.backend import open_backend
from segstudio.inference.catalog import import_model
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ModelSpec, load_spec, save_spec
from segstudio.jobs import JobContext
from segstudio.workflows.export_history import history_file, read_exports
from segstudio.workflows.exports import graphs
from segstudio.workflows.exports.evidence import Pictures, gather, truth_of
from segstudio.workflows.exports.formats import FORMATS, PRESETS, chosen_formats
from segstudio.workflows.exports.report_page import report_page
from segstudio.workflows.exports.run import ExportChoices, artefact_to_json, export_as
from tests.inference.conftest import noise, session_home, tiny_model
from tests.workflows.export_fixtures import Folders, drawn, quick

__all__ = ["drawn", "quick", "session_home", "tiny_model"]

# Weights by chance are no trained ones; speeds of so small a network say nothing.
EASY = Limits(miou_loss=1, class_loss=1, agreement=0.5, faster=False)


@pytest.fixture
def choices(drawn: Folders) -> ExportChoices:
    pictures = Pictures(drawn.images, drawn.masks)
    return ExportChoices(("onnx",), pictures, pictures, limits=EASY)


def strict_json(path: Path) -> Any:
    """JSON as others read it: without NaN."""

    def refuse(text: str) -> NoReturn:
        raise AssertionError(f"{text} is no JSON")

    return json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)


@pytest.mark.usefixtures("quick")
def test_formats_carry_what_the_model_is(
    tiny_model: Exported, choices: ExportChoices, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model.folder, source)
    known = replace(tiny_model.spec, licence="CC0", metrics={"miou": 0.5}, mean=(0.4, 0.5, 0.6))
    save_spec(known, source)
    formats = ("onnx", "onnx-int8", "openvino-int8")
    events: list[Any] = []
    found = export_as(
        source, tmp_path / "out", replace(choices, formats=formats), JobContext(on_event=events.append)
    )
    assert [one.format for one in found.made] == list(formats)
    assert [event["kind"] for event in events] == ["artefact"] * 3
    image = noise(64, 96)
    hashes = []
    for one in found.made:
        assert one.folder == tmp_path / "out" / one.format
        spec = load_spec(one.folder)
        assert spec.precision == ("int8" if "int8" in one.format else "fp32")
        assert (spec.parent, spec.licence, spec.mean, spec.std) == ("tiny", "CC0", known.mean, known.std)
        assert (spec.classes, spec.resize, spec.palette) == (known.classes, known.resize, known.palette)
        # Scores are those of the float numbers alone.
        assert spec.metrics == ({} if "int8" in one.format else {"miou": 0.5})
        hashes.append(spec.weights_sha256)
        assert all(spec.file(one.folder, kind) for kind in spec.files)
        assert strict_json(one.folder / "report.json")["report"]["passed"] is True
    float_hash = known.weights_sha256
    assert hashes[0] == float_hash
    assert len(set(hashes)) == 3
    # Windows and views need the scores, which are cut from OpenVINO's own form as well.
    for one in found.made[1:]:
        assert one.folder is not None
        backend = open_backend(one.folder, load_spec(one.folder))
        assert Predictor(backend, known, "slide", tta=True).predict(image).ids.shape == (64, 96)
        backend.close()
    report = found.artefacts[1].report
    assert report is not None
    assert report.evidence.miou[0] == pytest.approx(1.0)
    assert report.facts["onnx"] == onnx.__version__
    values = strict_json(tmp_path / "out" / "report.json")
    assert values["artefacts"][1]["report"]["evidence"]["miou_before"] == pytest.approx(1.0)
    assert values["artefacts"][1]["report"]["attempts"][0]["what"] == "paper"
    # Classes that no mask shows have no IoU.
    ious = [one["before"] for one in values["artefacts"][0]["report"]["evidence"]["classes"]]
    assert None in ious
    assert "quantized by paper on 6 images" in "\n".join(found.lines())
    (noted,) = read_exports()
    assert (noted.model, noted.weights_sha256) == ("tiny", float_hash)
    assert [(one.format, Path(one.folder)) for one in noted.formats] == [
        (one.format, one.folder) for one in found.made
    ]
    assert noted.formats[1].agreement == report.evidence.agreement
    # An export of an export would quantize what has lost its digits already.
    with pytest.raises(ModelError, match=r"tiny is int8 already. export its float model: tiny"):
        export_as(tmp_path / "out" / "onnx-int8", tmp_path / "again", choices)


@pytest.mark.usefixtures("quick")
def test_an_export_that_the_catalog_cannot_note_is_good_all_the_same(
    tiny_model: Exported, choices: ExportChoices, tmp_path: Path
) -> None:
    history_file().mkdir(parents=True)
    found = export_as(tiny_model.folder, tmp_path / "out", choices)
    assert [one.format for one in found.made] == ["onnx"]
    assert "the catalog does not know of it" in found.notes[-1]


@pytest.mark.usefixtures("quick")
def test_a_fixed_batch_and_size(tiny_model: Exported, choices: ExportChoices, tmp_path: Path) -> None:
    wanted = replace(choices, formats=("onnx", "onnx-int8"), batch=2, size=(64, 80))
    found = export_as(tiny_model.folder, tmp_path / "out", wanted)
    assert [one.reason for one in found.artefacts] == ["", ""]
    for one in found.made:
        assert one.folder is not None
        graph = onnx.load_model(one.folder / "model.onnx").graph
        assert [dim.dim_value for dim in graph.input[0].type.tensor_type.shape.dim] == [2, 64, 80, 3]


@pytest.mark.usefixtures("quick")
def test_one_format_fails_and_the_other_is_made(
    tiny_model: Exported, choices: ExportChoices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    wanted = replace(choices, formats=("onnx", "tao", "tensorrt-fp16", "huggingface"))
    out = tmp_path / "out"
    export_as(tiny_model.folder, out, choices)
    monkeypatch.setattr(graphs, "save_onnx", full)
    monkeypatch.setattr("segstudio.workflows.exports.graphs.shutil.copyfile", full)
    monkeypatch.setattr("segstudio.workflows.exports.engines.status", lambda: (False, "", "no GPU is here"))
    found = export_as(tiny_model.folder, out, replace(wanted, formats=("onnx", "tao", "tensorrt-fp16")))
    first, second, third = found.artefacts
    assert "onnx cannot be made: No space left on device" in first.reason
    assert first.reason.endswith(f"; {out / 'onnx'} is from an earlier export")
    assert second.folder == out / "tao"
    assert third.reason.startswith("no GPU is here; an engine is built where it runs")
    assert sorted(path.name for path in out.iterdir()) == ["onnx", "report.html", "report.json", "tao"]
    assert load_spec(out / "tao").files["tao"] == "model.onnx"


@pytest.mark.usefixtures("quick")
def test_nothing_made_is_one_line_and_a_report(
    tiny_model: Exported, choices: ExportChoices, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    impossible = replace(choices, formats=("onnx-int8",), limits=replace(EASY, agreement=2.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segstudio.deploy.int8.LARGEST_SHARE_BACK", 0.0)
        with pytest.raises(ModelError, match="nothing was exported; onnx-int8: the gate refused it"):
            export_as(tiny_model.folder, out, impossible)
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "report.json"]
    (artefact,) = strict_json(out / "report.json")["artefacts"]
    assert artefact["folder"] is None
    assert artefact["report"]["passed"] is False
    assert [one["what"] for one in artefact["report"]["attempts"]] == ["paper", "paper, 1 layer in float"]
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "200.00% are asked for" in page
    assert "nan" not in page.lower().replace("nano", "")


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("checks", [0, 3, 9, 16, 24, 40])
def test_a_cancel_leaves_nothing_half_written(
    tiny_model: Exported, choices: ExportChoices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, checks: int
) -> None:
    class Counting(JobContext):
        left = checks

        def check(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise Cancelled("cancelled")

    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    out = tmp_path / "out"
    with pytest.raises(Cancelled):
        export_as(tiny_model.folder, out, replace(choices, formats=("onnx", "onnx-int8")), Counting())
    assert not list(scratch.iterdir())
    # What was finished stays, whole.
    left = list(out.iterdir()) if out.exists() else []
    assert [path.name for path in left] in ([], ["onnx"])
    if left:
        assert load_spec(left[0]).file(left[0], "onnx").stat().st_size > 0
    else:
        assert not out.exists()


def test_places_and_choices_that_cannot_be(
    tiny_model: Exported, choices: ExportChoices, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.touch()
    for out in (file, file / "below"):
        with pytest.raises(InputError, match="cannot be a folder"):
            export_as(tiny_model.folder, out, choices)
    with pytest.raises(InputError, match="below 1"):
        export_as(tiny_model.folder, tmp_path / "out", replace(choices, batch=-1))
    with pytest.raises(InputError, match="no folder"):
        export_as(tiny_model.folder, tmp_path / "out", replace(choices, pictures=Pictures(tmp_path / "none")))
    with pytest.raises(InputError, match="without images"):
        export_as(
            tiny_model.folder, tmp_path / "out", replace(choices, pictures=Pictures(None, tmp_path / "masks"))
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("quick")
def test_int8_without_enough_images_costs_int8_alone(
    tiny_model: Exported, drawn: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("segstudio.deploy.calibration.LEAST", 16)
    wanted = ExportChoices(("onnx", "onnx-int8"), Pictures(drawn.images), limits=EASY)
    found = export_as(tiny_model.folder, tmp_path / "few", wanted)
    assert found.artefacts[0].folder
    assert found.artefacts[1].reason.startswith("3 images are too few to calibrate int8 with: 16 at least.")
    assert "half of the images calibrate" in "\n".join(found.notes)
    found = export_as(tiny_model.folder, tmp_path / "none", replace(wanted, pictures=Pictures()))
    assert found.artefacts[1].reason.startswith("int8 needs images to calibrate with")
    assert "only drawn scenes were compared" in "\n".join(found.lines())


@pytest.fixture
def damaged(drawn: Folders, tmp_path: Path) -> Folders:
    """An image that is cut off, one with a smaller mask, one whose mask is text; and one of another size."""
    images, masks = tmp_path / "images", tmp_path / "masks"
    shutil.copytree(drawn.images, images)
    shutil.copytree(drawn.masks, masks)
    content = (images / "1.png").read_bytes()
    (images / "1.png").write_bytes(content[: len(content) // 2])
    write_mask(masks / "2.png", np.zeros((8, 8), np.uint8), load_palette("cityscapes").colours())
    (masks / "3.png").write_text("no mask")
    write_image(images / "4.png", noise(40, 90))
    write_mask(masks / "4.png", np.zeros((40, 90), np.uint8), load_palette("cityscapes").colours())
    return Folders(images, masks)


def test_files_that_cannot_be_used_are_left_out_and_told(
    tiny_model: Exported, damaged: Folders, tmp_path: Path
) -> None:
    pictures = Pictures(damaged.images, damaged.masks)
    found = gather(tiny_model.spec, pictures, pictures)
    assert [one.name for one in found.judged] == ["0.png", "4.png", "5.png"]
    assert [path.name for path in found.calibration] == ["0.png", "2.png", "3.png", "4.png", "5.png"]
    first, second = found.notes
    assert "1.png" in first
    assert "1.png" in second
    assert second.endswith("and 2 more")
    for path in damaged.images.iterdir():
        path.write_bytes(b"")
    with pytest.raises(
        InputError, match=r"none of the images of .* can be used: left out: .*0\.png is empty"
    ):
        gather(tiny_model.spec, pictures, Pictures(), wanted=0)


@pytest.mark.usefixtures("quick")
def test_images_of_several_sizes_and_damaged_ones_still_make_an_export(
    tiny_model: Exported, damaged: Folders, tmp_path: Path
) -> None:
    pictures = Pictures(damaged.images, damaged.masks)
    wanted = ExportChoices(("onnx", "onnx-int8"), pictures, pictures, limits=EASY)
    found = export_as(tiny_model.folder, tmp_path / "out", wanted)
    assert len(found.made) == 2
    report = found.artefacts[1].report
    assert report is not None
    assert (report.evidence.images, report.evidence.pixels) == (3, 2 * 64 * 96 + 40 * 90)
    assert any("1.png" in note for note in strict_json(tmp_path / "out" / "report.json")["notes"])


def test_images_are_halved_only_where_something_is_calibrated(tiny_model: Exported, drawn: Folders) -> None:
    pictures = Pictures(drawn.images, drawn.masks)
    halved = gather(tiny_model.spec, pictures, Pictures())
    judged = {one.name for one in halved.judged}
    calibrating = {path.name for path in halved.calibration}
    assert (len(judged), len(calibrating)) == (3, 3)
    assert not judged & calibrating
    whole = gather(tiny_model.spec, pictures, Pictures(), wanted=0)
    assert (len(whole.judged), whole.calibration, whole.notes) == (6, (), ())
    assert whole.words == f"6 images of {drawn.images}, masks in cityscapes"


def test_a_fixed_size_holds_for_images_and_masks(tiny_model: Exported, drawn: Folders) -> None:
    found = gather(tiny_model.spec, Pictures(drawn.images, drawn.masks), Pictures(), size=(32, 48))
    image, mask = found.judged[0].load()
    assert mask is not None
    assert (image.shape, mask.shape) == ((32, 48, 3), (32, 48))
    assert (
        gather(tiny_model.spec, Pictures(), Pictures(), size=(32, 48)).judged[0].load()[0].shape
        == image.shape
    )


def test_masks_of_another_palette_are_compared_by_its_mapping(tmp_path: Path) -> None:
    cityscapes, camvid = load_palette("cityscapes"), load_palette("camvid-11")
    spec = ModelSpec("paper", "mit_b0", cityscapes.names, "cityscapes", {})
    found = truth_of(spec, camvid)
    assert found.classes == camvid.names
    assert found.ignore == camvid.ignore_id
    assert found.lookup[cityscapes.names.index("road")] == camvid.names.index("road")
    assert found.lookup[255] == 255
    same = truth_of(spec, cityscapes)
    assert np.array_equal(same.lookup, np.arange(256))
    other = make_palette("trees", ("oak", "elm"))
    with pytest.raises(InputError, match="no class of palette cityscapes has a counterpart in trees"):
        truth_of(spec, other)


@pytest.mark.usefixtures("quick")
def test_a_palette_of_its_own_comes_along(
    tiny_model: Exported, drawn: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    shutil.copytree(tiny_model.folder, source)
    own = make_palette("moon", tuple(f"crater {number}" for number in range(19)))
    save_palette(own, source / "palette.yaml")
    files = {**tiny_model.spec.files, "palette": "palette.yaml"}
    save_spec(replace(tiny_model.spec, palette="moon", classes=own.names, files=files), source)
    save_palette(own, paths.user_palettes_dir() / "moon.yaml")
    found = export_as(source, tmp_path / "out", ExportChoices(("onnx", "openvino"), Pictures(drawn.images)))
    monkeypatch.setenv("SEGSTUDIO_HOME", str(tmp_path / "elsewhere"))
    for one in found.made:
        assert one.folder is not None
        entry = import_model(one.folder, one.format)
        assert entry.spec is not None
        assert load_palette(entry.spec.palette).names == own.names


def evidence() -> Evidence:
    classes = (ClassIou("<b>road</b>", 0.5, float("nan"), 0, 0), ClassIou("sky", 0.5, 0.4, 10, 1))
    speeds = (Speed("onnx", "<CPU>", 1.0, 2.0),)
    return Evidence(
        "onnx", 1, 10, 0.9, (3, 0.5), float("nan"), float("-inf"), classes, 4_000_000, 1_000_000, speeds
    )


def test_the_page_shows_texts_as_texts() -> None:
    attempts = (Attempt("paper", float("nan"), float("nan"), ("<i>failed</i>",)),)
    report = GateReport(
        "onnx-int8", "m", "int8", "<img src=x>", "a CPU", INT8, evidence(), ("sky falls",), ("/Conv<1>",),
        attempts, ("<script>alert(1)</script>",), {"onnx": "1"},
    )  # fmt: skip
    page = report_page("<m>", [("onnx-int8", "refused & more", report, ()), ("tao", "", None, ("<u>",))])
    for text in ("<b>", "<i>", "<img", "<script", "<u>", "<CPU>", "<m>", "/Conv<1>"):
        assert text not in page, text
    assert "&lt;script&gt;" in page
    assert "refused &amp; more" in page
    assert "nan" not in page


def test_json_of_an_artefact_has_null_for_what_is_unknown(tmp_path: Path) -> None:
    from segstudio.workflows.exports.run import Artefact

    report = GateReport("onnx", "m", "fp32", "", "", INT8, evidence(), ())
    values = artefact_to_json(Artefact("onnx", tmp_path, "", report))
    text = json.dumps(values, allow_nan=False)
    shown = json.loads(text)["report"]["evidence"]
    assert (shown["logit_error"], shown["logit_snr"]) == (None, None)
    assert shown["classes"][0] == {
        "name": "<b>road</b>",
        "before": 0.5,
        "after": None,
        "pixels": 0,
        "images": 0,
    }
    assert shown["speed_up"] == 2.0


def test_formats_are_chosen_in_the_order_of_the_table() -> None:
    assert chosen_formats("fast-cpu", ()) == ("onnx", "onnx-int8", "openvino", "openvino-int8")
    assert chosen_formats("tao", ("onnx", "tao")) == ("onnx", "tao", "huggingface")
    assert chosen_formats("everything", ()) == tuple(FORMATS)
    for preset in PRESETS.values():
        assert set(preset.formats) <= set(FORMATS)
    problems: list[Callable[[], object]] = [
        lambda: chosen_formats("slow", ()),
        lambda: chosen_formats("", ("caffe",)),
        lambda: chosen_formats("", ()),
    ]
    for problem in problems:
        with pytest.raises(InputError, match=r"there is no|no format"):
            problem()


@pytest.mark.usefixtures("quick")
def test_a_bundle_for_deepstream(tiny_model: Exported, tmp_path: Path) -> None:
    """A bundle is proved by its own writer, and has notes instead of a report."""
    wanted = ExportChoices(("deepstream",), size=(64, 96), options={"deepstream": "logits"})
    found = export_as(tiny_model.folder, tmp_path / "out", wanted)
    (one,) = found.made
    assert one.report is None
    assert one.folder is not None
    assert (one.folder / "labels.txt").is_file()
    assert not (one.folder / "report.json").exists()
    with pytest.raises(ModelError, match="deepstream output 'masks'"):
        export_as(tiny_model.folder, tmp_path / "out2", replace(wanted, options={"deepstream": "masks"}))
