"""Int8 graphs: what is quantized and what is spared, the rules of TensorRT, and graphs put together again."""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy import quantization, quantizer_ort
from segstudio.deploy.calibration import as_seen
from segstudio.deploy.export import Exported
from segstudio.deploy.graph import FoldedNetwork
from segstudio.deploy.onnx import export_onnx
from segstudio.deploy.onnx_graph import load_onnx
from segstudio.deploy.quantization import (
    DEQUANTIZE,
    LAYERS,
    QUANTIZE,
    Plan,
    core_of,
    in_order,
    layers_of,
    plain_graph,
    quantized,
    quantized_for_tensorrt,
    spared,
    spliced,
)
from segstudio.errors import BackendError, ImageError, ModelError
from segstudio.inference.core import RESIZED, Core, cut_from
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from tests.inference.conftest import noise

Values = NDArray[Any]
FIRST, LAST = "/backbone/patch_embed1/proj/Conv", "/Conv_4"


@pytest.fixture(scope="module")
def plain(tiny_model: Exported) -> onnx.ModelProto:
    """The deployment graph of the tiny model with float32 weights."""
    return plain_graph(load_onnx(tiny_model.spec.file(tiny_model.folder, "onnx")))


@pytest.fixture(scope="module")
def inputs(tiny_model: Exported) -> list[NDArray[np.float32]]:
    return [as_seen(noise(64, 96, seed), tiny_model.spec) for seed in range(3)]


@pytest.fixture(scope="module")
def symmetric(plain: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]]) -> onnx.ModelProto:
    """As TensorRT takes it."""
    return quantized_for_tensorrt(plain, inputs)


def run(model: onnx.ModelProto, seed: int = 100) -> list[Values]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [np.asarray(found) for found in session.run(None, {"images": noise(70, 100, seed)[None]})]


def inner(model: onnx.ModelProto) -> onnx.ModelProto:
    return onnx.load_from_string(core_of(model).content)


def layers(model: onnx.ModelProto) -> set[str]:
    return {node.name for node in model.graph.node if node.op_type in LAYERS}


def test_every_layer_but_the_first_and_last_computes_in_int8(
    plain: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]]
) -> None:
    exempt = "/Conv_1"
    assert exempt in layers(plain)
    made = quantized(plain, inputs, "onnxruntime", (exempt,))
    onnx.checker.check_model(made, full_check=True)
    assert set(layers_of(inner(made))) == layers(inner(plain)) - {FIRST, LAST, exempt}
    # What lies around the network is as it was.
    outside = {node.name for node in plain.graph.node} - {node.name for node in inner(plain).graph.node}
    assert outside <= {node.name for node in made.graph.node}
    expected, found = run(plain), run(made)
    assert [value.shape for value in found] == [value.shape for value in expected]
    # Random weights are no trained ones: their scores lie close together.
    assert np.mean(found[0] == expected[0]) > 0.8
    # The float original is not touched.
    assert not layers_of(inner(plain))


def test_scores_are_near_the_float_ones(symmetric: onnx.ModelProto, plain: onnx.ModelProto) -> None:
    seen = np.concatenate([as_seen(noise(64, 96, 7), ModelSpec("a", "b", ("c",), "d", {}))])
    answers = []
    for model in (plain, symmetric):
        core = core_of(model)
        session = onnxruntime.InferenceSession(core.content, providers=["CPUExecutionProvider"])
        answers.append(session.run([core.output], {RESIZED: seen[:, :, :64, :96]})[0])
    noise_power = np.square(answers[1] - answers[0]).sum()
    assert 10 * np.log10(np.square(answers[0]).sum() / noise_power) > 10


def test_tensorrt_gets_no_zero_points_and_the_right_axes(
    symmetric: onnx.ModelProto, plain: onnx.ModelProto
) -> None:
    constants = {entry.name: numpy_helper.to_array(entry) for entry in symmetric.graph.initializer}
    makers = {name: node for node in symmetric.graph.node for name in node.output}
    pairs = [node for node in symmetric.graph.node if node.op_type in (QUANTIZE, DEQUANTIZE)]
    assert len(pairs) > 100
    for node in pairs:
        zero = constants[node.input[2]]
        assert zero.dtype == np.int8
        assert not zero.any(), node.name
    checked = set()
    for node in symmetric.graph.node:
        if node.op_type not in LAYERS or node.name in (FIRST, LAST):
            continue
        scale = constants[makers[node.input[1]].input[1]]
        pair = makers[makers[node.input[1]].input[0]]
        if pair.op_type == QUANTIZE and pair.input[0] in constants:
            weights = constants[pair.input[0]]
            assert weights.dtype == np.float32, "TensorRT quantizes them itself"
            axis = {entry.name: entry.i for entry in makers[node.input[1]].attribute}.get("axis", 1)
            wanted = 0 if node.op_type == "Conv" else weights.ndim - 1
            assert axis % weights.ndim == wanted, node.name
            assert scale.size == weights.shape[wanted]
            others = tuple(side for side in range(weights.ndim) if side != wanted)
            largest = np.abs(weights).max(axis=others)
            assert np.allclose(scale * 127, np.maximum(largest, scale * 1e-3), rtol=0.02)
            checked.add(node.op_type)
    assert checked == {"Conv", "MatMul"}


def test_nncf_leaves_the_same_layers(plain: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]]) -> None:
    pytest.importorskip("nncf", reason="nncf is not installed: pip install nncf")
    made = quantized(plain, inputs[:2], "nncf", ("/Conv_1",))
    found = set(layers_of(inner(made)))
    assert len(found) > 20
    assert found < layers(inner(plain)) - {FIRST, LAST, "/Conv_1"}
    assert np.mean(run(made)[0] == run(plain)[0]) > 0.8


def test_spared_on_fan(tmp_path: Path) -> None:
    network = SegFormer(Architecture("fan_tiny_8_p4_hybrid", 19), drop_path=0.0, head_dropout=0.0).eval()
    spec = ModelSpec("fan", "fan", tuple(map(str, range(19))), "cityscapes", {}, ResizeRule("short_side", 64))
    export_onnx(FoldedNetwork(network), spec, tmp_path / "model.onnx")
    core = core_of(plain_graph(load_onnx(tmp_path / "model.onnx")))
    graph = onnx.load_from_string(core.content)
    left = [name for name in spared(core) if name in layers(graph)]
    assert len(left) == 2
    assert "patch_embed" in left[0]
    last = next(node for node in graph.graph.node if node.name == left[1])
    assert core.output in last.output
    assert len(layers(graph)) > 40


def small(tail: Sequence[onnx.NodeProto], output: str) -> Core:
    """Two convolutions, the second of which decides, and what follows."""
    make, value = helper.make_node, helper.make_tensor_value_info
    kernel = numpy_helper.from_array(np.ones((3, 3, 1, 1), np.float32), "kernel")
    two = numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "twice")
    nodes = [
        make("Shape", [RESIZED], ["shape"], name="shape"),
        make("Cast", ["shape"], ["shape_float"], name="cast", to=TensorProto.FLOAT),
        make("ReduceMax", ["shape_float"], ["side"], name="side", keepdims=0),
        make("Conv", [RESIZED, "kernel"], ["a"], name="first"),
        make("Mul", ["a", "side"], ["b"], name="times"),
        make("Conv", ["b", "kernel"], ["c"], name="middle"),
        make("Conv", ["c", "kernel"], ["d"], name="last"),
        *tail,
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [value(RESIZED, TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [value(output, TensorProto.FLOAT, None)],
        [kernel, two],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return Core(model.SerializeToString(), output, "probabilities")


def test_spared_is_the_classifier_even_behind_resize_and_softmax() -> None:
    tail = [
        helper.make_node("Resize", ["d", "", "twice"], ["e"], name="larger", mode="linear"),
        helper.make_node("Softmax", ["e"], ["f"], name="shares", axis=1),
    ]
    # What computes with the image's shape reads no pixels: the middle layer stays.
    assert set(spared(small(tail, "f"))) == {"first", "shares", "larger", "last"}
    assert set(spared(small([], "d"))) == {"first", "last"}


def test_nodes_without_names_get_some(plain: onnx.ModelProto) -> None:
    bare = onnx.ModelProto()
    bare.CopyFrom(plain)
    for node in bare.graph.node:
        node.name = ""
    names = [node.name for node in plain_graph(bare).graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    assert len(spared(core_of(plain_graph(bare)))) == 4


def test_splicing_the_same_network_changes_nothing(plain: onnx.ModelProto) -> None:
    core = core_of(plain)
    changed = onnx.load_from_string(core.content)
    shuffled = list(changed.graph.node)
    random.Random(0).shuffle(shuffled)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in shuffled]
    del changed.graph.node[:]
    changed.graph.node.extend(copies)
    made = spliced(plain, core, changed)
    onnx.checker.check_model(made, full_check=True)
    for found, expected in zip(run(made), run(plain), strict=True):
        assert np.array_equal(found, expected)


def test_new_names_that_are_taken_outside_are_changed(plain: onnx.ModelProto) -> None:
    """A quantizer knows nothing of the graph around the network."""
    core = core_of(plain)
    changed = onnx.load_from_string(core.content)
    graph = changed.graph
    # Both are names of the way back from scores to ids.
    assert {"largest", "certain"} <= quantization._made_names(plain.graph)
    graph.initializer.append(numpy_helper.from_array(np.float32(0), "certain"))
    last = next(node for node in graph.node if core.output in node.output)
    last.output[0] = "largest"
    graph.node.append(helper.make_node("Add", ["largest", "certain"], [core.output], name="nothing"))
    made = spliced(plain, core, changed)
    onnx.checker.check_model(made, full_check=True)
    for found, expected in zip(run(made), run(plain), strict=True):
        assert np.array_equal(found, expected)


def test_order_of_a_deep_graph_and_of_graphs_within_nodes() -> None:
    depth = 5000
    chain = [
        helper.make_node("Relu", [f"t{number}"], [f"t{number + 1}"], name=str(number))
        for number in range(depth)
    ]
    branch = helper.make_graph(
        [helper.make_node("Neg", [f"t{depth}"], ["inside"])],
        "branch",
        [],
        [helper.make_tensor_value_info("inside", TensorProto.FLOAT, None)],
    )
    choice = helper.make_node(
        "If", ["yes"], ["chosen"], name="choice", then_branch=branch, else_branch=branch
    )
    found = in_order([choice, *reversed(chain)])
    assert [node.name for node in found] == [*map(str, range(depth)), "choice"]


def test_what_cannot_be_quantized_is_one_line(
    plain: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    bare = onnx.ModelProto()
    bare.CopyFrom(plain)
    for node in bare.graph.node:
        for names in (node.input, node.output):
            names[:] = ["answers" if name == "scores" else name for name in names]
    assert cut_from(bare) is None
    with pytest.raises(ModelError, match="its graph gives ids alone"):
        quantized(bare, inputs, "onnxruntime")
    monkeypatch.setattr(quantization, "LARGEST_FILE", 2**20)
    with pytest.raises(ModelError, match="larger than 2 GB"):
        quantized(plain, inputs, "onnxruntime")


def test_a_quantizer_that_fails_or_is_missing_is_one_line(
    plain: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]], monkeypatch: pytest.MonkeyPatch
) -> None:
    raised: list[Exception] = [KeyError("what it\n does not know"), ImageError("a.png is empty")]

    def fail(core: onnx.ModelProto, inputs: Sequence[Values], plan: Plan) -> onnx.ModelProto:
        raise raised[0]

    monkeypatch.setattr(quantizer_ort, "quantize", fail)
    with pytest.raises(ModelError, match="onnxruntime cannot quantize this graph: 'what it"):
        quantized(plain, inputs, "onnxruntime")
    raised.pop(0)
    with pytest.raises(ImageError, match=r"a\.png"):
        quantized(plain, inputs, "onnxruntime")
    monkeypatch.setattr(quantizer_ort, "NEEDS", "a_package_that_nobody_has")
    assert quantization.available_quantizers()["onnxruntime"] == "pip install onnxruntime"
    with pytest.raises(BackendError, match=r"a_package_that_nobody_has is not installed. pip install"):
        quantized(plain, inputs, "onnxruntime")
