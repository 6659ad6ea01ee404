"""Fixed graphs: nothing is computed from fixed axes any more, answers stay, and every runtime takes them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy.export import Exported
from segstudio.deploy.fixed import fixed
from segstudio.errors import ModelError
from tests.inference.conftest import noise

Values = NDArray[Any]


@pytest.fixture(scope="module")
def whole(tiny_model: Exported) -> onnx.ModelProto:
    """The deployment graph of the tiny model."""
    return onnx.load_model(tiny_model.spec.file(tiny_model.folder, "onnx"))


def run(model: onnx.ModelProto, images: Values) -> list[Values]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return [np.asarray(found) for found in session.run(None, {session.get_inputs()[0].name: images})]


def assert_alike(found: Sequence[Values], expected: Sequence[Values]) -> None:
    """Equal ids; confidence may be rounded otherwise, since runtimes fuse other operations."""
    assert np.mean(found[0] == expected[0]) >= 0.9999
    assert int(np.abs(found[1].astype(int) - expected[1]).max()) <= 1


def shape(end: onnx.ValueInfoProto) -> list[int | str]:
    return [dim.dim_value or dim.dim_param for dim in end.type.tensor_type.shape.dim]


def batch_of(count: int, height: int, width: int) -> Values:
    return np.stack([noise(height, width, seed) for seed in range(count)])


def operators(model: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in model.graph.node]


def test_wholly_fixed_has_no_shape_arithmetic(whole: onnx.ModelProto) -> None:
    made = fixed(whole, batch=2, size=(64, 96))
    onnx.checker.check_model(made, full_check=True)
    assert "Shape" in operators(whole)
    assert not {"Shape", "Slice", "Range"} & set(operators(made))
    assert [shape(end) for end in made.graph.input] == [[2, 64, 96, 3]]
    assert [shape(end) for end in made.graph.output] == [[2, 64, 96]] * 2
    images = batch_of(2, 64, 96)
    assert_alike(run(made, images), run(whole, images))
    # The original is not touched.
    assert shape(whole.graph.input[0])[0] == "batch"


def test_a_free_batch_stays_free(whole: onnx.ModelProto) -> None:
    made = fixed(whole, size=(64, 80))
    assert [shape(end) for end in made.graph.output] == [["batch", 64, 80]] * 2
    # Of every shape that is still read, only the batch is.
    index = {tensor.name: numpy_helper.to_array(tensor) for tensor in made.graph.initializer}
    constants = {node.output[0]: node for node in made.graph.node if node.op_type == "Constant"}
    shapes = {node.output[0] for node in made.graph.node if node.op_type == "Shape"}
    for node in made.graph.node:
        if node.op_type == "Gather" and node.input[0] in shapes:
            where = constants.get(node.input[1])
            values = index[node.input[1]] if where is None else helper.get_node_attr_value(where, "value")
            chosen = values if where is None else numpy_helper.to_array(values)
            assert int(np.asarray(chosen).reshape(-1)[0]) == 0
    for count in (1, 3):
        images = batch_of(count, 64, 80)
        assert_alike(run(made, images), run(whole, images))


def test_a_free_size_stays_free(whole: onnx.ModelProto) -> None:
    made = fixed(whole, batch=1)
    assert [shape(end) for end in made.graph.output] == [[1, "height", "width"]] * 2
    for height, width in ((70, 131), (200, 64)):
        images = batch_of(1, height, width)
        assert_alike(run(made, images), run(whole, images))


def test_openvino_takes_it(whole: onnx.ModelProto, tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino")
    path = tmp_path / "fixed.onnx"
    made = fixed(whole, batch=1, size=(64, 96))
    onnx.save_model(made, path)
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    images = batch_of(1, 64, 96)
    found = compiled([images])
    assert_alike([found["ids"], found["confidence"]], run(whole, images))


def grown(rows: str | int = "rows") -> onnx.ModelProto:
    """Adds a grid of the input's own size to an image [N,3,H,W], and one element of its shape."""
    value, make = helper.make_tensor_value_info, helper.make_node
    one = helper.make_tensor("one", TensorProto.FLOAT, [1], [1])
    nodes = [
        make("Shape", ["images"], ["size"]),
        make("ConstantOfShape", ["size"], ["grid"], value=one),
        make("Gather", ["size", "last"], ["width"], axis=0),
        make("Cast", ["width"], ["wide"], to=TensorProto.FLOAT),
        make("Add", ["images", "grid"], ["more"]),
        make("Mul", ["more", "wide"], ["result"]),
    ]
    graph = helper.make_graph(
        nodes,
        "grown",
        [value("images", TensorProto.FLOAT, ["batch", 3, rows, "columns"])],
        [value("result", TensorProto.FLOAT, [None, None, None, None])],
        [helper.make_tensor("last", TensorProto.INT64, [1], [3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_large_grids_stay_computed() -> None:
    made = fixed(grown(), batch=1, size=(100, 200))
    assert operators(made) == ["ConstantOfShape", "Add", "Mul"]
    assert max(len(tensor.raw_data) for tensor in made.graph.initializer) <= 64
    images = np.random.default_rng(0).random((1, 3, 100, 200), np.float32)
    assert np.allclose(run(made, images)[0], (images + 1) * 200)


def test_what_cannot_be_fixed(whole: onnx.ModelProto) -> None:
    with pytest.raises(ModelError, match="fixed to 32 along axis 2 already, 64 is wanted"):
        fixed(grown(32), size=(64, 64))
    assert shape(fixed(grown(32), batch=2).graph.output[0]) == [2, 3, 32, ""]
    with pytest.raises(ModelError, match="no batch or size"):
        fixed(grown(), batch=-1)
    double = grown()
    double.graph.input.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, [1]))
    with pytest.raises(ModelError, match="no single image"):
        fixed(double, batch=1)
