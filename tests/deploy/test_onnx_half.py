"""fp16 and bf16 in the ONNX graph: what is converted, what stays exact, and how close the answers are."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from segstudio import paths
from segstudio.deploy.onnx_half import Half, float_weights, half_precision, node_names
from segstudio.errors import ModelError
from segstudio.inference.core import cut_core
from segstudio.scenes.street import draw_scene

FILE = paths.bundled_models_dir() / "street-b0" / "model.onnx"
HALF_NUMBERS = (TensorProto.FLOAT16, TensorProto.BFLOAT16)


@pytest.fixture(scope="module")
def street() -> onnx.ModelProto:
    return onnx.load_model(FILE)


@pytest.fixture(scope="module")
def halved(street: onnx.ModelProto) -> onnx.ModelProto:
    return half_precision(street)


def answers(model: onnx.ModelProto, images: Sequence[NDArray[np.uint8]]) -> list[list[NDArray[np.uint8]]]:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    session = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return [session.run(["ids", "confidence"], {"images": image[None]}) for image in images]


def types_of(model: onnx.ModelProto) -> dict[str, int]:
    """The element type of every tensor, as the checker infers it."""
    graph = onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True).graph
    ends = (*graph.input, *graph.value_info, *graph.output)
    return {end.name: end.type.tensor_type.elem_type for end in ends} | {
        tensor.name: tensor.data_type for tensor in graph.initializer
    }


def test_ids_of_scenes_agree_with_the_float_file(street: onnx.ModelProto, halved: onnx.ModelProto) -> None:
    images = [draw_scene(seed, 360, 480).image for seed in range(2)]
    for exact, found in zip(answers(street, images), answers(halved, images), strict=True):
        assert len(np.unique(exact[0])) > 5
        assert np.mean(exact[0] == found[0]) >= 0.999
        assert np.abs(exact[1].astype(int) - found[1].astype(int)).max() <= 2


def test_heavy_nodes_are_half_and_normalisations_are_not(halved: onnx.ModelProto) -> None:
    onnx.checker.check_model(halved, full_check=True)
    types = types_of(halved)
    for node in halved.graph.node:
        if node.op_type in ("Conv", "MatMul"):
            assert {types[name] for name in node.input} == {TensorProto.FLOAT16}, node.name
        if node.op_type in ("LayerNormalization", "Softmax") or node.op_type.startswith("Reduce"):
            assert TensorProto.FLOAT16 not in {types[name] for name in (*node.input, *node.output)}, node.name
    assert [types[name] for name in ("normalised", "logits", "scores")] == [TensorProto.FLOAT] * 3


def test_no_cast_undoes_another_and_none_stands_behind_a_weight(halved: onnx.ModelProto) -> None:
    constants = {tensor.name for tensor in halved.graph.initializer}
    between_floats = {
        node.output[0]: node
        for node in halved.graph.node
        if node.op_type == "Cast" and node.name.startswith(("halve_", "widen_"))
    }
    assert between_floats
    for node in between_floats.values():
        assert node.input[0] not in between_floats
        assert node.input[0] not in constants


def test_half_of_the_file_is_smaller_than_its_float_form(
    street: onnx.ModelProto, halved: onnx.ModelProto
) -> None:
    assert halved.ByteSize() < 0.55 * float_weights(street).ByteSize()


def test_kept_names_compute_in_float32(street: onnx.ModelProto) -> None:
    names = node_names(street)
    assert "/backbone/block1.0/attn/q/MatMul" in names
    made = half_precision(street, keep=["/backbone/block1.*"])
    types = types_of(made)
    seen = 0
    for node in made.graph.node:
        if node.op_type in ("Conv", "MatMul") and node.name.startswith("/backbone/block1."):
            assert {types[name] for name in node.input} == {TensorProto.FLOAT}, node.name
            seen += 1
    assert seen > 10
    assert types["/backbone/block2.0/attn/q/MatMul_output_0.half"] == TensorProto.FLOAT16


def test_a_name_that_fits_nothing_is_refused(street: onnx.ModelProto) -> None:
    with pytest.raises(ModelError, match=r"no node is called 'backbone.stem'.*names such as /backbone"):
        half_precision(street, keep=["backbone.stem"])


@pytest.mark.parametrize(("kind", "error"), [("fp16", 2e-3), ("bf16", 2e-2)])
def test_scores_agree_in_an_evaluator_that_knows_both_types(kind: Half, error: float) -> None:
    core = cut_core(FILE)
    assert core is not None
    model = onnx.load_model_from_string(core.content)
    pixels = draw_scene(1, 64, 64).image.transpose(2, 0, 1)[None].astype(np.float32) / 255
    (exact,) = ReferenceEvaluator(model).run(None, {"resized": pixels})
    made = half_precision(model, kind)
    onnx.checker.check_model(made, full_check=True)
    (found,) = ReferenceEvaluator(made).run(None, {"resized": pixels})
    assert found.dtype == np.float32
    assert 0 < np.abs(found - exact).max() < error * np.abs(exact).max()


def test_float_weights_are_the_same_network(street: onnx.ModelProto) -> None:
    plain = float_weights(street)
    assert not [tensor for tensor in plain.graph.initializer if tensor.data_type in HALF_NUMBERS]
    image = [draw_scene(3, 64, 96).image]
    for exact, found in zip(answers(street, image)[0], answers(plain, image)[0], strict=True):
        np.testing.assert_array_equal(exact, found)


def foreign(epsilon: float, factor: float) -> onnx.ModelProto:
    """A graph of another maker's: normalisation in single operations, and constants that half cannot hold."""
    constants = {
        "weight": np.full((4, 3, 1, 1), 0.5, np.float32),
        "epsilon": np.asarray(epsilon, np.float32),
        "factor": np.asarray(factor, np.float32),
    }
    nodes = [
        helper.make_node("Conv", ["input", "weight"], ["features"], name="conv"),
        helper.make_node("ReduceMean", ["features"], ["mean"], name="mean", axes=[1]),
        helper.make_node("Add", ["mean", "epsilon"], ["shifted"], name="shift"),
        helper.make_node("Sqrt", ["shifted"], ["root"], name="root"),
        helper.make_node("Div", ["features", "root"], ["scaled"], name="scale"),
        helper.make_node("Mul", ["scaled", "factor"], ["output"], name="stretch"),
    ]
    graph = helper.make_graph(
        nodes,
        "foreign",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["n", 3, 8, 8])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["n", 4, 8, 8])],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def test_what_lies_between_exact_nodes_and_what_overflows_stays_float32() -> None:
    made = half_precision(foreign(1e-12, 1e6))
    onnx.checker.check_model(made, full_check=True)
    types = types_of(made)
    assert types["shifted"] == types["output"] == TensorProto.FLOAT
    assert types["features.half"] == types["scaled.half"] == TensorProto.FLOAT16
    x = np.random.default_rng(0).random((2, 3, 8, 8), np.float32)
    exact, found = (ReferenceEvaluator(one).run(None, {"input": x})[0] for one in (foreign(1e-12, 1e6), made))
    np.testing.assert_allclose(found, exact, rtol=3e-3)


def test_bf16_holds_large_numbers() -> None:
    types = types_of(half_precision(foreign(1e-3, 1e6), "bf16"))
    assert types["output.half"] == TensorProto.BFLOAT16
