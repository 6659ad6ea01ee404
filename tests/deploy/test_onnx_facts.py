"""What a foreign ONNX file is found to be, and which files are refused with which words."""

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from segstudio.deploy.export import Exported
from segstudio.deploy.onnx_facts import OnnxFacts, inspect_onnx
from segstudio.deploy.onnx_origin import HALVES, IMAGENET
from segstudio.errors import ModelError
from tests.deploy.onnx_peers import (
    FIXED,
    KINDS,
    ChannelsLast,
    MmsegForm,
    Normalising,
    Plain,
    Probable,
    exported,
    ids_file,
    logits_file,
    made_of,
    pooled,
)


def facts_of(content: bytes, folder: Path) -> OnnxFacts:
    path = folder / "foreign.onnx"
    path.write_bytes(content)
    return inspect_onnx(path)


def refused(content: bytes, folder: Path, words: str) -> ModelError:
    with pytest.raises(ModelError, match=words) as caught:
        facts_of(content, folder)
    assert str(folder / "foreign.onnx") in caught.value.message
    assert caught.value.hint
    assert "\n" not in str(caught.value)
    return caught.value


@pytest.mark.parametrize(("opset", "dynamic"), KINDS)
def test_plain_logits(opset: int, dynamic: bool, tmp_path: Path) -> None:
    facts = facts_of(logits_file(opset=opset, dynamic=dynamic), tmp_path)
    assert (facts.opset, facts.input_name, facts.input_dtype) == (opset, "pixel_values", "float32")
    assert (facts.batch, facts.height, facts.width) == ((0, 0, 0) if dynamic else (1, *FIXED))
    assert (facts.layout, facts.output_name, facts.kind) == ("NCHW", "logits", "logits")
    assert (facts.output_layout, facts.classes, facts.stride) == ("NKHW", 19, 4)
    assert (facts.producer, (facts.mean, facts.std)) == ("Hugging Face", IMAGENET)
    assert "Hugging Face" in facts.reason


def test_tao_logits(tmp_path: Path) -> None:
    facts = facts_of(logits_file(tao=True, dynamic=True, biased=True), tmp_path)
    assert (facts.producer, (facts.mean, facts.std)) == ("TAO", HALVES)
    assert (facts.kind, facts.classes, facts.stride) == ("logits", 19, 4)


@pytest.mark.parametrize(
    ("channel", "layout", "producer"), [(3, "NHW1", "TAO"), (1, "N1HW", "mmdeploy")], ids=["TAO", "mmdeploy"]
)
def test_ids(channel: int, layout: str, producer: str, tmp_path: Path) -> None:
    facts = facts_of(ids_file(channel), tmp_path)
    assert (facts.kind, facts.output_layout, facts.stride) == ("ids", layout, 1)
    assert (facts.producer, (facts.mean, facts.std)) == (producer, IMAGENET)
    # The classifier stands before the ArgMax, so its classes are known after all.
    assert facts.classes == 19


def test_channels_last_input(tmp_path: Path) -> None:
    content = exported(ChannelsLast(MmsegForm()), names=("x", "y"), shape=(1, *FIXED, 3))
    facts = facts_of(content, tmp_path)
    assert (facts.layout, facts.height, facts.width, facts.output_layout) == ("NHWC", *FIXED, "NKHW")
    assert facts.producer == "unknown"


def test_channels_last_output(tmp_path: Path) -> None:
    class Last(torch.nn.Module):
        """Logits [N,h,w,K]."""

        def __init__(self) -> None:
            super().__init__()
            self.network = MmsegForm()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = self.network(x)
            return logits.permute(0, 2, 3, 1)

    facts = facts_of(exported(Last(), names=("x", "y"), dynamic=True), tmp_path)
    assert (facts.output_layout, facts.classes, facts.stride) == ("NHWK", 19, 4)


def test_probabilities(tmp_path: Path) -> None:
    facts = facts_of(exported(Probable(MmsegForm()), names=("x", "y")), tmp_path)
    assert (facts.kind, facts.classes) == ("probabilities", 19)


def test_full_size_logits(tmp_path: Path) -> None:
    class Full(torch.nn.Module):
        """Logits at the input's own size."""

        def __init__(self) -> None:
            super().__init__()
            self.network = MmsegForm()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.interpolate(self.network(x), size=x.shape[2:], mode="bilinear")

    facts = facts_of(exported(Full(), names=("input", "output"), dynamic=True), tmp_path)
    assert (facts.kind, facts.stride, facts.producer) == ("logits", 1, "mmdeploy")
    assert (facts.mean, facts.std) == IMAGENET


def test_normalisation_inside_the_file(tmp_path: Path) -> None:
    facts = facts_of(exported(Normalising(MmsegForm()), names=("input", "output")), tmp_path)
    np.testing.assert_array_equal(facts.mean, 0)
    np.testing.assert_array_equal(facts.std, 1 / 255)
    assert "itself" in facts.reason


def test_own_deployment_graph(tiny_model: Exported) -> None:
    facts = inspect_onnx(tiny_model.folder / "model.onnx")
    assert (facts.kind, facts.producer, facts.input_dtype) == ("deployment", "segstudio", "uint8")
    assert facts.classes == len(tiny_model.spec.classes)
    assert facts.height == facts.width == 0
    assert (facts.mean, facts.std) == (tiny_model.spec.mean, tiny_model.spec.std)


def test_external_data_is_read(tmp_path: Path) -> None:
    model = onnx.load_from_string(exported(MmsegForm()))
    onnx.save_model(
        model,
        tmp_path / "foreign.onnx",
        save_as_external_data=True,
        location="foreign.data",
        size_threshold=0,
    )
    assert inspect_onnx(tmp_path / "foreign.onnx").classes == 19
    (tmp_path / "foreign.data").unlink()
    with pytest.raises(ModelError, match="another file") as caught:
        inspect_onnx(tmp_path / "foreign.onnx")
    assert "foreign.data" in caught.value.message


def test_yolo_is_refused(tmp_path: Path) -> None:
    refused(pooled({"output0": [1, 84, 8400]}), tmp_path, r"output0 is float32 \[1, 84, 8400\]")


def test_several_heads_are_refused(tmp_path: Path) -> None:
    heads = {"p3": [1, 255, 8, 8], "p4": [1, 255, 4, 4], "p5": [1, 255, 2, 2]}
    refused(pooled(heads), tmp_path, r"3 outputs \(p3, p4, p5\)")


def test_classifier_is_refused(tmp_path: Path) -> None:
    refused(pooled({"scores": [1, 1000]}), tmp_path, r"scores is float32 \[1, 1000\]")


@pytest.mark.parametrize(
    ("shape", "words"),
    [([1, 1, 64, 64], "1 classes"), ([1, 512, 16, 16], "512 classes"), ([1, 3, 128, 128], "128, 128")],
    ids=["depth", "features", "super-resolution"],
)
def test_other_maps_are_refused(shape: list[int], words: str, tmp_path: Path) -> None:
    refused(pooled({"map": shape}), tmp_path, words)


def test_text_model_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Cast", ["input_ids"], ["hidden"], to=TensorProto.FLOAT)]
    content = made_of(nodes, ("input_ids", [1, 128], TensorProto.INT64), {"hidden": [1, 128]})
    refused(content, tmp_path, r"input_ids is int64 \[1, 128\], no float image")


def test_grey_network_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Identity", ["x"], ["y"])]
    content = made_of(nodes, ("x", [1, 1, 64, 64], TensorProto.FLOAT), {"y": [1, 1, 64, 64]})
    refused(content, tmp_path, "not of 3 channels")


def test_batch_of_four_is_refused(tmp_path: Path) -> None:
    error = refused(exported(MmsegForm(), shape=(4, 3, *FIXED)), tmp_path, "4 images at a time")
    assert "batch 1" in error.hint


@pytest.mark.parametrize("domain", ["nvidia", ""])
def test_custom_operator_is_refused_by_name(domain: str, tmp_path: Path) -> None:
    nodes = [helper.make_node("MultiscaleDeformableAttnPlugin_TRT", ["x"], ["y"], domain=domain)]
    content = made_of(nodes, ("x", [1, 3, 64, 64], TensorProto.FLOAT), {"y": [1, 19, 16, 16]})
    name = f"{domain}::" if domain else "operator "
    error = refused(content, tmp_path, f"{name}MultiscaleDeformableAttnPlugin_TRT")
    assert "on_cpu=True" in error.hint


@pytest.mark.parametrize("kept", [0, 100, 0.5])
def test_truncated_file_is_refused(kept: float, tmp_path: Path) -> None:
    content = logits_file()
    refused(content[: int(kept if kept > 1 else kept * len(content))], tmp_path, "no ONNX")


def test_noise_is_refused(tmp_path: Path) -> None:
    refused(np.random.default_rng(0).bytes(5000), tmp_path, "no ONNX")


def test_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="there is no file"):
        inspect_onnx(tmp_path / "nothing.onnx")


def test_encrypted_file_gets_its_own_hint(tmp_path: Path) -> None:
    (tmp_path / "model.etlt").write_bytes(b"\0\0\0\0" + b"\xff" * 100)
    with pytest.raises(ModelError, match="no ONNX file") as caught:
        inspect_onnx(tmp_path / "model.etlt")
    assert "encrypted" in caught.value.hint


def test_network_that_cannot_run_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["x", "shape"], ["y"])]
    weights = {"shape": np.array([1, 19, 7, 7], np.int64)}
    content = made_of(nodes, ("x", [1, 3, "h", "w"], TensorProto.FLOAT), {"y": [1, 19, "a", "b"]}, weights)
    refused(content, tmp_path, "fails on an input of 1x3x512x512")


@pytest.mark.parametrize("peer", [Plain, MmsegForm])
def test_peers_have_many_classes(peer: type[torch.nn.Module]) -> None:
    with torch.inference_mode():
        ids = peer()(torch.randn(1, 3, *FIXED)).argmax(1)
    assert len(ids.unique()) > 4
