"""`segstudio quantize -e SPEC` as a user calls it."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from segstudio.cli import main as cli
from segstudio.deploy import torchao_
from tests.workflows.spec_samples import street_values, write_network, write_streets

LAYERS = [{"module_name": "*", "weights": {"dtype": "int8"}}]
# Status, stdout, stderr.
Outcome = tuple[object, str, str]


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Three streets, random weights, and a spec that quantises these."""
    write_streets(tmp_path)
    write_network(tmp_path / "net.safetensors")
    section = {"model_path": str(tmp_path / "net.safetensors"), "layers": LAYERS, "device": "cpu"}
    images = {"segment": {"quant_calibration_dataset": {"images_dir": str(tmp_path / "images" / "val")}}}
    values: Any = street_values(tmp_path, quantize=section, dataset=images)
    path = tmp_path / "spec.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(values))), encoding="utf-8")
    return path


def call(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], *arguments: object) -> Outcome:
    monkeypatch.setattr("sys.argv", ["segstudio", *map(str, arguments)])
    status: object = 0
    try:
        cli.main()
    except SystemExit as end:
        status = end.code or 0
    said = capfd.readouterr()
    return status, said.out, said.err


def test_too_few_images_are_one_line(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    words = ("quantize.backend=modelopt.onnx", "quantize.mode=static_ptq")
    status, out, err = call(monkeypatch, capfd, "quantize", "-e", spec, *words)
    assert (status, out) == (2, "")
    assert err.count("\n") == 1
    assert "has 3 images to calibrate on, and 16 are the least" in err


@pytest.mark.skipif(torchao_.status()[0], reason="torchao is installed")
def test_a_missing_library_is_one_line(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = call(monkeypatch, capfd, "quantize", "-e", spec, "--json")
    assert (status, out) == (2, "")
    assert "pip install torchao" in err
    assert not list(spec.parent.glob("out/quantize/*.pth"))


@pytest.mark.skipif(not torchao_.status()[0], reason=torchao_.status()[1])
def test_json_events_and_words(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    status, out, err = call(monkeypatch, capfd, "quantize", "-e", spec, "--json")
    assert status == 0, err
    values = json.loads(out)
    assert values["comparison"]["images"] == 3
    assert Path(values["artefact"]).is_file()
    assert any("convolutions stay float" in note for note in values["notes"])
    status, out, err = call(monkeypatch, capfd, "quantize", "-e", spec, "--json-events")
    assert status == 0, err
    assert json.loads(out.splitlines()[-1])["result"]["layers"] == values["layers"]
    status, out, err = call(monkeypatch, capfd, "quantize", "-e", spec)
    assert status == 0, err
    assert "of the ids are as before, on 3 images" in out
    assert "note: 20 convolutions stay float" in err
