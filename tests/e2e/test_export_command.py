"""`segstudio export` as a user calls it: formats, what they are good for, and one line for bad input."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from segstudio.deploy.export import Exported
from segstudio.images import read_mask
from segstudio.inference.catalog import find_model
from segstudio.inference.spec import load_spec
from tests.e2e.test_command_line import Call, here
from tests.inference.conftest import session_home, tiny_model
from tests.workflows.export_fixtures import Folders, drawn, quick

__all__ = ["drawn", "here", "quick", "session_home", "tiny_model"]
LOOSE = ("--agreement", "50", "--miou-loss", "100", "--class-loss", "100")


def test_bad_input_is_one_line(here: Call, tiny_model: Exported, tmp_path: Path) -> None:
    model, out = tiny_model.folder, tmp_path / "out"
    file = tmp_path / "file"
    file.touch()
    for arguments, line in (
        ((model, "--out", out), "no format to export to"),
        ((model, "--preset", "fast-cpu"), "what to export, and where to?"),
        ((model, "--out", out, "--as", "caffe"), "there is no format 'caffe'"),
        ((model, "--out", out, "--preset", "slow"), "there is no preset 'slow'"),
        ((model, "--out", out, "--as", "onnx", "--size", "64"), "size '64'"),
        ((model, "--out", out, "--as", "onnx", "batch=1"), "unexpected 'batch=1'"),
        ((model, "--out", file, "--as", "onnx"), "cannot be a folder"),
        ((model, "--out", out, "--as", "onnx", "--images", tmp_path / "none"), "no folder"),
        ((model, "--out", out, "--as", "onnx", "--masks", tmp_path), "without images"),
        (("nothing", "--out", out, "--as", "onnx"), "there is no model 'nothing'"),
        ((model, "-e", "spec.yaml"), "a spec says what is exported"),
    ):
        found = here("export", *arguments)
        assert (found.status, found.out) == (2, ""), arguments
        assert line in found.err
        assert found.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.usefixtures("quick")
def test_what_was_exported_predicts_and_is_imported(
    here: Call, tiny_model: Exported, drawn: Folders, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So small a network with weights by chance passes no gate, least of all on a busy machine.
    monkeypatch.setattr("segstudio.deploy.int8.failures", lambda evidence, limits: ())
    monkeypatch.setattr("segstudio.workflows.exports.graphs.failures", lambda evidence, limits: ())
    out = tmp_path / "out"
    pictures = ("--images", drawn.images, "--masks", drawn.masks)
    found = here(
        "export",
        tiny_model.folder,
        "--out",
        out,
        "--as",
        "onnx-int8,openvino-int8",
        *pictures,
        *LOOSE,
        "--json",
    )
    assert found.status == 0, found.err
    values = found.json
    assert [one["folder"] for one in values["artefacts"]] == [
        str(out / "onnx-int8"),
        str(out / "openvino-int8"),
    ]
    assert values["artefacts"][0]["report"]["limits"]["agreement"] == 0.5
    image = drawn.images / "0.png"
    for name, options in (("onnx-int8", ()), ("openvino-int8", ("--window", "slide", "--tta"))):
        masks = tmp_path / "masks" / name
        told = here("predict", image, "--model", out / name, "--out", masks, *options, "--json")
        assert told.status == 0, told.err
        assert told.json["images"] == 1
        assert read_mask(masks / "0.png").shape == (64, 96)
    assert here("models", "import", out / "onnx-int8", "--name", "small").status == 0
    folder, spec = find_model("small")
    assert (spec.name, spec.precision, spec.parent) == ("small", "int8", "tiny")
    # An int8 model is another model than the float one: its predictions are not taken for those.
    assert spec.weights_sha256 != load_spec(tiny_model.folder).weights_sha256
    assert spec.file(folder, "onnx").is_file()


@pytest.mark.usefixtures("quick")
def test_events_and_a_report_when_nothing_is_made(
    here: Call, tiny_model: Exported, drawn: Folders, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ("export", tiny_model.folder, "--out", out, "--images", drawn.images, "--json-events")
    found = here(*arguments, "--as", "onnx")
    assert found.status == 0, found.err
    lines = [json.loads(line) for line in found.out.splitlines()]
    assert all(len(line["progress"]) == 3 for line in lines if "progress" in line)
    (event,) = [line for line in lines if line.get("kind") == "artefact"]
    assert event["format"] == "onnx"
    assert lines[-1]["result"]["artefacts"][0]["report"] == event["report"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("segstudio.deploy.calibration.LEAST", 16)
        found = here(*arguments, "--as", "onnx-int8")
    assert found.status == 2
    assert "nothing was exported; onnx-int8: 3 images are too few" in found.err
    assert found.err.count("\n") == 1
    assert json.loads((out / "report.json").read_text())["artefacts"][0]["folder"] is None


def test_a_polite_end_leaves_nothing(tiny_model: Exported, tmp_path: Path) -> None:
    """As the window ends its child process."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "segstudio", "export", str(tiny_model.folder), "--out", str(out)]
    child = subprocess.Popen(
        [*command, "--as", "onnx,openvino", "--json-events"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert child.stdout is not None
    for line in child.stdout:
        if b"drawn scene" in line:
            child.send_signal(signal.SIGTERM)
            break
    # What it would do to its end has another status.
    assert child.wait(120) == 130
    child.stdout.close()
    assert not out.exists()
