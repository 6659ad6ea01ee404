"""Features are what torch's classifier reads, in both runtimes, and clicks on them find regions."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import openvino
import pytest
import torch
from onnx import TensorProto, helper

from segstudio.annotation.segmenter import Click, Segmenter
from segstudio.deploy.export import Exported
from segstudio.deploy.graph import DeploymentGraph
from segstudio.deploy.onnx_half import half_precision
from segstudio.errors import BackendError
from segstudio.inference.core import Core
from segstudio.inference.features import FeatureSegmenter, with_features
from segstudio.inference.resample import shrunk
from segstudio.networks.decode_head import DecodeHead
from segstudio.networks.whole import read_network
from tests.inference.conftest import noise


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_features_are_what_the_classifier_reads(tiny_model: Exported, backend: str) -> None:
    segmenter = FeatureSegmenter(tiny_model.folder, tiny_model.spec, backend)
    network = read_network(tiny_model.spec.file(tiny_model.folder, "weights"))
    graph = DeploymentGraph(network, tiny_model.spec)
    head = graph.network.decode_head
    assert isinstance(head, DecodeHead)
    seen: list[torch.Tensor] = []
    head.linear_pred.register_forward_hook(lambda _, given, made: seen.extend((given[0], made)))
    pixels = shrunk(noise(64, 96), (64, 96), (slice(0, 64), slice(0, 96)))[None]
    with torch.inference_mode():
        graph.network(graph.normalise(torch.from_numpy(pixels)))
    scores, found = segmenter._see(pixels)
    assert found.shape == (1, head.linear_pred.in_channels, 16, 24)
    for ours, theirs in ((found, seen[0].numpy()), (scores, seen[1].numpy())):
        assert np.abs(ours - theirs).max() < 1e-3 * np.abs(theirs).max()


def test_a_model_that_is_stored_as_ir_alone_gives_the_same(tiny_model: Exported, tmp_path: Path) -> None:
    read = openvino.Core().read_model(str(tiny_model.spec.file(tiny_model.folder, "onnx")))
    openvino.save_model(read, str(tmp_path / "model.xml"), compress_to_fp16=False)
    spec = replace(tiny_model.spec, files={"openvino": "model.xml", "openvino_weights": "model.bin"})
    pixels = shrunk(noise(64, 64), (64, 64), (slice(0, 64), slice(0, 64)))[None]
    ours = FeatureSegmenter(tmp_path, spec)._see(pixels)
    theirs = FeatureSegmenter(tiny_model.folder, tiny_model.spec)._see(pixels)
    for one, other in zip(ours, theirs, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 1e-3 * np.abs(other).max()


@pytest.mark.parametrize("backend", ["onnx", "openvino"])
def test_a_network_in_half_precision_is_seen_through_too(
    tiny_model: Exported, tmp_path: Path, backend: str
) -> None:
    whole = onnx.load_model(tiny_model.spec.file(tiny_model.folder, "onnx"))
    onnx.save_model(half_precision(whole), tmp_path / "model.onnx")
    pixels = shrunk(noise(64, 64), (64, 64), (slice(0, 64), slice(0, 64)))[None]
    ours = FeatureSegmenter(tmp_path, replace(tiny_model.spec, files={"onnx": "model.onnx"}), backend)
    theirs = FeatureSegmenter(tiny_model.folder, tiny_model.spec, backend)
    for one, other in zip(ours._see(pixels), theirs._see(pixels), strict=True):
        assert one.dtype == np.float32
        assert one.shape == other.shape
        assert np.abs(one - other).max() < 0.02 * np.abs(other).max()


def test_a_click_finds_a_region_of_the_image(tiny_model: Exported) -> None:
    segmenter: Segmenter = FeatureSegmenter(tiny_model.folder, tiny_model.spec)
    image = noise(90, 140)
    region = segmenter.embed(image).mask([Click(70, 45)])
    assert region is not None
    assert region.inside[45 - region.rect.y, 70 - region.rect.x]
    assert (region.rect.right, region.rect.bottom) <= (140, 90)
    full = segmenter.embed(image).nbytes
    few = FeatureSegmenter(tiny_model.folder, tiny_model.spec, largest=64 * 32)
    assert few.embed(image).nbytes < full / 2
    every = FeatureSegmenter(tiny_model.folder, tiny_model.spec, largest=None)
    assert every.embed(image).nbytes == full


def test_a_model_without_scores_is_refused(tiny_model: Exported, tmp_path: Path) -> None:
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        [helper.make_node("Identity", ["images"], ["ids"])],
        "paper",
        [value("images", TensorProto.FLOAT, [1])],
        [value("ids", TensorProto.FLOAT, [1])],
    )
    (tmp_path / "model.onnx").write_bytes(helper.make_model(graph).SerializeToString())
    spec = replace(tiny_model.spec, files={"onnx": "model.onnx"})
    for backend in ("onnx", "openvino"):
        with pytest.raises(BackendError, match=f"model {spec.name} gives class ids without scores"):
            FeatureSegmenter(tmp_path, spec, backend)


def test_scores_that_no_convolution_makes_are_their_own_features() -> None:
    value = helper.make_tensor_value_info
    ends = [[value(name, TensorProto.FLOAT, [None])] for name in ("resized", "logits")]
    graph = helper.make_graph([helper.make_node("Relu", ["resized"], ["logits"])], "paper", *ends)
    core = Core(helper.make_model(graph).SerializeToString(), "logits", "logits")
    assert with_features(core) == (core.content, "logits")
    behind = helper.make_graph(
        [
            helper.make_node("Relu", ["resized"], ["wide"]),
            helper.make_node("Conv", ["wide", "weight"], ["product"]),
            helper.make_node("Add", ["product", "weight"], ["sums"]),
            helper.make_node("Softmax", ["sums"], ["logits"]),
        ],
        "paper",
        *ends,
        [helper.make_tensor("weight", TensorProto.FLOAT, [1], [2.0])],
    )
    content, name = with_features(Core(helper.make_model(behind).SerializeToString(), "logits", "logits"))
    assert name == "wide.float"
    assert [output.name for output in onnx.load_model_from_string(content).graph.output] == [
        "logits",
        "wide.float",
    ]
