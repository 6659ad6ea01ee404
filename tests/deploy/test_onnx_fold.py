"""The folded head answers like the original in every form it comes in, and refuses what it does not know."""

import copy
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import numpy_helper

from segstudio.deploy import onnx_fold
from segstudio.deploy.onnx_fold import FoldOutcome, axis_weights, fold_head
from segstudio.deploy.onnx_graph import GraphIndex, load_onnx, opset, prune
from tests.deploy.onnx_peers import (
    FIXED,
    KINDS,
    ChannelsLast,
    MmsegForm,
    Plain,
    exported,
    ids_file,
    logits_file,
    pooled,
)

SIZES = [(1, 64, 96), (2, 96, 64), (1, 160, 128)]


def answer(model: onnx.ModelProto, image: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    (found,) = session.run(None, {session.get_inputs()[0].name: image})
    return np.asarray(found)


def folded(content: bytes) -> tuple[onnx.ModelProto, FoldOutcome]:
    """The model as it was and a successful outcome."""
    model = onnx.load_from_string(content)
    before = model.SerializeToString(deterministic=True)
    outcome = fold_head(model)
    assert outcome.folded, outcome.reason
    assert outcome.reason == ""
    assert model.SerializeToString(deterministic=True) == before
    onnx.checker.check_model(outcome.model)
    return model, outcome


def require_alike(model: onnx.ModelProto, outcome: FoldOutcome, sizes: list[tuple[int, int, int]]) -> None:
    for number, (batch, height, width) in enumerate(sizes):
        image = np.random.default_rng(number).standard_normal((batch, 3, height, width)).astype(np.float32)
        before, after = answer(model, image), answer(outcome.model, image)
        assert before.shape == after.shape
        assert np.abs(before - after).max() <= 2e-6 * np.abs(before).max()
        np.testing.assert_array_equal(before.argmax(1), after.argmax(1))


@pytest.mark.parametrize(("opset_version", "dynamic"), KINDS)
def test_plain_export(opset_version: int, dynamic: bool) -> None:
    model, outcome = folded(logits_file(opset=opset_version, dynamic=dynamic))
    assert opset(outcome.model) == opset_version
    require_alike(model, outcome, SIZES if dynamic else [(1, *FIXED)])
    assert (outcome.dims, outcome.embed_dim) == ((16, 32, 40, 64), 32)
    assert outcome.agreement == 1
    assert 0 < outcome.error < 1e-6
    assert 0 < outcome.original_error < 1e-6


def test_nothing_of_the_old_head_is_left() -> None:
    model, outcome = folded(logits_file(dynamic=True))
    graph = outcome.model.graph
    used = {name for node in graph.node for name in node.input}
    assert {tensor.name for tensor in graph.initializer} <= used
    made = {name for node in graph.node for name in node.output}
    assert made <= used | {end.name for end in graph.output}
    assert not any(list(tensor.dims) == [32, 4 * 32, 1, 1] for tensor in graph.initializer)
    resized = [GraphIndex(graph).maker(node.input[0]) for node in graph.node if node.op_type == "Resize"]
    assert [node.op_type for node in resized if node] == ["Conv"] * 3
    assert len(graph.node) < len(model.graph.node)


def test_fuse_convolution_with_a_bias() -> None:
    model, outcome = folded(logits_file(tao=True, dynamic=True, biased=True))
    require_alike(model, outcome, SIZES)


def test_weights_that_are_not_folded_by_the_exporter() -> None:
    content = exported(Plain(), do_constant_folding=False, training=torch.onnx.TrainingMode.PRESERVE)
    assert any(node.op_type == "BatchNormalization" for node in onnx.load_from_string(content).graph.node)
    model, outcome = folded(content)
    assert not any(node.op_type == "BatchNormalization" for node in outcome.model.graph.node)
    require_alike(model, outcome, [(1, *FIXED)])


@pytest.mark.parametrize("dynamic", [False, True])
def test_head_of_mmseg(dynamic: bool) -> None:
    model, outcome = folded(exported(MmsegForm(), dynamic=dynamic))
    require_alike(model, outcome, SIZES if dynamic else [(1, *FIXED)])
    # The ReLU a level keeps its projection where it is.
    assert len([node for node in outcome.model.graph.node if node.op_type == "Relu"]) == 4 + 4 + 1


def test_projections_written_as_convolutions_and_gemm() -> None:
    model = onnx.load_from_string(logits_file())
    index = GraphIndex(model.graph)
    for node in model.graph.node:
        weight = index.constant(node.input[1]) if node.op_type == "MatMul" else None
        if weight is None or weight.shape != (64, 32):
            continue
        # The coarsest level has one row of six pixels: as Gemm, between two squeezes of the batch.
        added = index.users(node.output[0])[0]
        bias = added.input[0] if added.input[1] == node.output[0] else added.input[1]
        place = list(model.graph.node).index(node)
        model.graph.initializer.append(numpy_helper.from_array(weight.T.copy(), "turned"))
        model.graph.initializer.append(numpy_helper.from_array(np.array([0], np.int64), "first"))
        made = [
            onnx.helper.make_node("Squeeze", [node.input[0], "first"], ["rows"]),
            onnx.helper.make_node("Gemm", ["rows", "turned", bias], ["product"], transB=1),
            onnx.helper.make_node("Unsqueeze", ["product", "first"], [added.output[0]]),
        ]
        rest = [other for other in model.graph.node if other is not node and other.name != added.name]
        del model.graph.node[:]
        model.graph.node.extend([*rest[:place], *made, *rest[place:]])
        break
    prune(model.graph)
    assert any(node.op_type == "Gemm" for node in model.graph.node)
    again, outcome = folded(model.SerializeToString())
    assert outcome.dims == (16, 32, 40, 64)
    require_alike(again, outcome, [(1, *FIXED)])


@pytest.mark.parametrize("channel", [1, 3])
def test_head_before_an_argmax(channel: int) -> None:
    model, outcome = folded(ids_file(channel))
    image = np.random.default_rng(3).standard_normal((1, 3, *FIXED)).astype(np.float32)
    assert (answer(model, image) == answer(outcome.model, image)).mean() > 0.9999


def test_channels_last_input() -> None:
    content = exported(ChannelsLast(Plain()), shape=(1, *FIXED, 3))
    model, outcome = folded(content)
    image = np.random.default_rng(3).standard_normal((1, *FIXED, 3)).astype(np.float32)
    before, after = answer(model, image), answer(outcome.model, image)
    assert np.abs(before - after).max() <= 2e-6 * np.abs(before).max()


def test_exporter_of_torch_export(tmp_path: Path) -> None:
    if importlib.util.find_spec("onnxscript") is None:
        pytest.skip("onnxscript is not installed, which the newer exporter needs")
    path = tmp_path / "new.onnx"
    torch.onnx.export(
        Plain(), (torch.randn(1, 3, *FIXED),), path, dynamo=True, verbose=False, input_names=["x"],
    )  # fmt: skip
    model = load_onnx(path)
    outcome = fold_head(model)
    assert outcome.folded, outcome.reason
    require_alike(model, outcome, [(1, *FIXED)])


def changed(content: bytes, operator: str, attribute: str, value: Any) -> onnx.ModelProto:
    """The model with an attribute of all nodes of a kind changed."""
    model = onnx.load_from_string(content)
    for node in model.graph.node:
        if node.op_type == operator:
            kept = [entry for entry in node.attribute if entry.name != attribute]
            del node.attribute[:]
            node.attribute.extend([*kept, onnx.helper.make_attribute(attribute, value)])
    return model


def require_refused(model: onnx.ModelProto, words: str) -> None:
    outcome = fold_head(model)
    assert not outcome.folded
    assert words in outcome.reason
    assert "\n" not in outcome.reason
    assert outcome.model is model


def test_resize_by_nearest_is_refused() -> None:
    require_refused(onnx.load_from_string(exported(MmsegForm(mode="nearest"))), "resized by nearest")


@pytest.mark.parametrize("coordinates", ["align_corners", "pytorch_half_pixel"])
def test_other_bilinear_forms_fold(coordinates: str) -> None:
    model = changed(logits_file(), "Resize", "coordinate_transformation_mode", coordinates)
    again, outcome = folded(model.SerializeToString())
    require_alike(again, outcome, [(1, *FIXED)])


def test_asymmetric_resize_is_refused() -> None:
    model = changed(logits_file(), "Resize", "coordinate_transformation_mode", "asymmetric")
    require_refused(model, "asymmetric")


def test_network_without_such_a_head_is_refused() -> None:
    require_refused(onnx.load_from_string(pooled({"scores": [1, 10]})), "no 1x1 convolution")


def test_other_activation_is_refused() -> None:
    model = onnx.load_from_string(logits_file())
    index = GraphIndex(model.graph)
    last = index.maker("logits")
    assert last is not None
    active = index.maker(last.input[0])
    assert active is not None
    active.op_type = "Sigmoid"
    require_refused(model, "Sigmoid follows")


def test_inner_map_that_leaves_elsewhere_is_refused() -> None:
    model = onnx.load_from_string(logits_file())
    last = GraphIndex(model.graph).maker("logits")
    assert last is not None
    model.graph.node.append(onnx.helper.make_node("Neg", [last.input[0]], ["more"]))
    model.graph.output.append(onnx.helper.make_empty_tensor_value_info("more"))
    require_refused(model, "used elsewhere")


def test_quantised_weights_are_refused() -> None:
    model = onnx.load_from_string(logits_file())
    fuse = next(node for node in reversed(model.graph.node) if node.op_type == "Conv" and "fuse" in node.name)
    model.graph.initializer.extend(
        [
            numpy_helper.from_array(np.ones((32, 128, 1, 1), np.int8), "bytes"),
            numpy_helper.from_array(np.float32(0.1), "scale"),
        ]
    )
    model.graph.node.insert(0, onnx.helper.make_node("DequantizeLinear", ["bytes", "scale"], ["wide"]))
    fuse.input[1] = "wide"
    require_refused(model, "quantised")


def test_fold_that_would_differ_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = onnx_fold._folded_nodes

    def careless(plan: Any, version: int) -> Any:
        nodes, constants = honest(plan, version)
        for tensor in constants:
            if tensor.name.endswith("weight3"):
                tensor.CopyFrom(
                    numpy_helper.from_array(numpy_helper.to_array(tensor) * np.float32(1.0001), tensor.name)
                )
        return nodes, constants

    monkeypatch.setattr(onnx_fold, "_folded_nodes", careless)
    require_refused(onnx.load_from_string(logits_file()), "would differ")


def test_head_that_is_misread_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        onnx_fold, "axis_weights", lambda given, wanted, mode: np.ones((wanted, given)) / given
    )
    require_refused(onnx.load_from_string(logits_file()), "not understood")


def test_axis_weights_are_those_of_torch() -> None:
    for given, wanted in ((5, 13), (13, 5), (1, 4), (4, 1), (7, 7)):
        row = torch.eye(given, dtype=torch.float64)[None]
        for coordinates, aligned in (("pytorch_half_pixel", False), ("align_corners", True)):
            found = axis_weights(given, wanted, coordinates)
            expected = torch.nn.functional.interpolate(
                row[..., None], size=(wanted, 1), mode="bilinear", align_corners=aligned
            )[0, :, :, 0].T
            if wanted > 1:
                np.testing.assert_allclose(found, expected.numpy(), atol=1e-12)
            np.testing.assert_allclose(found.sum(1), 1, atol=1e-12)


def test_pruning_keeps_what_inner_graphs_read() -> None:
    inner = onnx.helper.make_graph(
        [onnx.helper.make_node("Identity", ["kept"], ["chosen"])], "inner", [],
        [onnx.helper.make_tensor_value_info("chosen", onnx.TensorProto.FLOAT, [1])],
    )  # fmt: skip
    graph = onnx.helper.make_graph(
        [
            onnx.helper.make_node("Neg", ["x"], ["kept"]),
            onnx.helper.make_node("Abs", ["x"], ["dead"]),
            onnx.helper.make_node("If", ["flag"], ["y"], then_branch=inner, else_branch=copy.deepcopy(inner)),
        ],
        "outer",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, [1])],
        [numpy_helper.from_array(np.array(True), "flag"), numpy_helper.from_array(np.ones(1), "unused")],
    )
    prune(graph)
    assert [node.op_type for node in graph.node] == ["Neg", "If"]
    assert [tensor.name for tensor in graph.initializer] == ["flag"]
