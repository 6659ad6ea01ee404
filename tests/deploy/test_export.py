"""Exporting makes a whole model folder, or leaves everything as it was."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from segstudio.deploy import export, onnx_graph
from segstudio.deploy.export import Exported, export_model, halved
from segstudio.deploy.model_folder import move_into_place
from segstudio.deploy.parity import ParityReport
from segstudio.errors import ModelError, PaletteError
from segstudio.inference.backend import Options, available_backends, open_backend
from segstudio.inference.spec import FILE, ResizeRule, load_spec
from segstudio.networks.architecture import Architecture, architecture_from_dict
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights
from tests.inference.conftest import noise

FILES = {FILE, "model.onnx", "weights.safetensors", "parity.json"}


@pytest.fixture
def failing_proof(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every proof of parity finds a difference."""
    report = ParityReport("onnx", 1, 100, 0.5, 90)
    monkeypatch.setattr(export, "check_parity", lambda *arguments: [report])


def test_folder_holds_everything(tiny_model: Exported) -> None:
    assert {path.name for path in tiny_model.folder.iterdir()} == FILES
    assert load_spec(tiny_model.folder) == tiny_model.spec
    for kind in tiny_model.spec.files:
        assert tiny_model.spec.file(tiny_model.folder, kind).stat().st_size > 1_000_000


def test_spec_says_what_was_exported(tiny_model: Exported) -> None:
    spec = tiny_model.spec
    assert (spec.name, spec.architecture, spec.palette) == ("tiny", "mit_b0", "cityscapes")
    assert spec.classes[:2] == ("road", "sidewalk")
    assert spec.resize == ResizeRule("short_side", 64)
    assert spec.embed_dim == 256
    stored = spec.file(tiny_model.folder, "weights").read_bytes()
    assert spec.weights_sha256 == hashlib.sha256(stored).hexdigest()


def test_proof_lies_in_the_folder(tiny_model: Exported) -> None:
    found = json.loads((tiny_model.folder / "parity.json").read_text(encoding="utf-8"))
    assert [entry["backend"] for entry in found] == [
        one.name for one in available_backends() if one.available and one.needs == "onnx"
    ]
    assert [entry["agreement"] for entry in found] == [report.agreement for report in tiny_model.parity]
    assert all(report.passed for report in tiny_model.parity)


def test_stored_weights_are_the_given_ones_in_half(tiny_model: Exported, tiny_weights: Path) -> None:
    given, stored = load_file(tiny_weights), load_file(tiny_model.folder / "weights.safetensors")
    assert set(given) == set(stored)
    for name, tensor in given.items():
        assert torch.equal(stored[name], halved(tensor)), name
        assert stored[name].dtype == (torch.float16 if tensor.is_floating_point() else tensor.dtype)


def test_full_weights_when_asked_for(tiny_weights: Path, tmp_path: Path, tiny_model: Exported) -> None:
    made = export_model(
        tiny_weights,
        tmp_path / "deep" / "er" / "full",
        name="full",
        resize=ResizeRule("short_side", 64),
        half_weights=False,
    )
    given, stored = load_file(tiny_weights), load_file(made.folder / "weights.safetensors")
    assert all(torch.equal(given[name], stored[name]) for name in given)
    halves = (tiny_model.folder / "model.onnx").stat().st_size
    assert (made.folder / "model.onnx").stat().st_size > 1.7 * halves
    assert all(report.passed for report in made.parity)


def test_exporting_again_replaces_the_files_and_keeps_the_card(
    tiny_weights: Path, tiny_model: Exported, tmp_path: Path
) -> None:
    out = tmp_path / "model"
    out.mkdir()
    (out / "README.md").write_text("the card", encoding="utf-8")
    (out / "model.onnx").write_bytes(b"an old one")
    made = export_model(
        tiny_weights,
        out,
        name="again",
        resize=ResizeRule("short_side", 64),
        trained_on="noise",
        licence="CC0",
    )
    assert {path.name for path in out.iterdir()} == {*FILES, "README.md"}
    assert (out / "README.md").read_text(encoding="utf-8") == "the card"
    assert (made.spec.trained_on, made.spec.licence) == ("noise", "CC0")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    answers = []
    for folder, spec in ((out, made.spec), (tiny_model.folder, tiny_model.spec)):
        backend = open_backend(folder, spec, "onnx", Options(threads=1))
        answers.append(backend.run(noise(50, 60)[None])[0])
        backend.close()
    np.testing.assert_array_equal(answers[0], answers[1])


@pytest.mark.usefixtures("failing_proof")
def test_failed_proof_leaves_nothing(tiny_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="differs in onnx"):
        export_model(tiny_weights, tmp_path / "model", name="model", resize=ResizeRule("short_side", 64))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("failing_proof")
def test_failed_proof_leaves_the_model_that_was_there(tiny_weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "model"
    out.mkdir()
    for name in FILES:
        (out / name).write_text(f"the old {name}", encoding="utf-8")
    with pytest.raises(ModelError):
        export_model(tiny_weights, out, name="model", resize=ResizeRule("short_side", 64))
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()} == {
        name: f"the old {name}" for name in FILES
    }


def test_full_disk_leaves_nothing(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(export, "export_onnx", refuse)
    with pytest.raises(ModelError, match="model cannot be made: No space"):
        export_model(tiny_weights, tmp_path / "model", name="model", resize=ResizeRule("short_side", 64))
    assert list(tmp_path.iterdir()) == []


def test_incomplete_weights_are_refused_by_name(tiny_weights: Path, tmp_path: Path) -> None:
    tensors = load_file(tiny_weights)
    torn = tmp_path / "torn.safetensors"
    for name, said in {
        "backbone.block1.0.attn.q.bias": r"lacks 1 tensors, such as backbone\.block1\.0\.attn\.q\.bias",
        "decode_head.linear_pred.weight": "has no decode head",
    }.items():
        save_network_weights({key: value for key, value in tensors.items() if key != name}, torn)
        with pytest.raises(ModelError, match=said):
            export_model(torn, tmp_path / "out" / "model", name="model")
    assert not (tmp_path / "out").exists()


def test_weights_of_other_classes_are_refused(tiny_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(PaletteError, match="19 classes, palette people has 2"):
        export_model(tiny_weights, tmp_path / "model", name="model", palette="people")
    assert list(tmp_path.iterdir()) == []


def test_every_form_of_network_is_read_from_its_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    architecture = Architecture("mit_b0", 2, 32, "mmseg", head_bias=True, block_eps=1e-5, embed_eps=1e-5)
    network = SegFormer(architecture)
    save_network_weights(network.state_dict(), tmp_path / "w.safetensors", architecture)
    made = export_model(
        tmp_path / "w.safetensors",
        tmp_path / "model",
        name="model",
        palette="people",
        resize=ResizeRule("short_side", 64),
    )
    assert architecture_from_dict(made.spec.network) == architecture
    assert all(report.passed for report in made.parity)


def test_file_that_holds_no_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.safetensors").write_text("no weights", encoding="utf-8")
    with pytest.raises(ModelError, match="is a text, not weights"):
        export_model(tmp_path / "text.safetensors", tmp_path / "model", name="model")


def test_name_that_is_none_is_refused(tiny_weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="name"):
        export_model(tiny_weights, tmp_path / "model", name="../up")
    assert list(tmp_path.iterdir()) == []


def test_moving_keeps_what_else_lies_there(tmp_path: Path) -> None:
    made, out = tmp_path / "made", tmp_path / "out"
    for folder, name in ((made, "a"), (out, "a"), (out, "b")):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(folder.name, encoding="utf-8")
    move_into_place(made, out)
    assert {path.name: path.read_text(encoding="utf-8") for path in out.iterdir()} == {
        "a": "made",
        "b": "out",
    }
    assert list(made.iterdir()) == []


def test_weights_too_large_for_one_file_lie_beside_it(
    tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(onnx_graph, "LARGEST_FILE", 10_000)
    made = export_model(tiny_weights, tmp_path / "tiny", name="tiny", resize=ResizeRule("short_side", 64))
    assert made.spec.files["onnx0"] == "model.onnx.data"
    assert load_spec(made.folder) == made.spec
    assert (
        (made.folder / "model.onnx").stat().st_size
        < 1_000_000
        < made.spec.file(made.folder, "onnx0").stat().st_size
    )
    assert all(report.passed for report in made.parity)
