"""Which layer of a changed network loses most, on the tiny model and on graphs with branches."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy.calibration import as_seen
from segstudio.deploy.export import Exported
from segstudio.deploy.layer_errors import worst_first
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.deploy.onnx_graph import load_onnx
from segstudio.deploy.quantization import Plan, core_of, layers_of, plain_graph
from segstudio.inference.core import RESIZED
from tests.deploy import stand_in
from tests.inference.conftest import noise

RANDOM = np.random.default_rng(3)
INPUTS = [RANDOM.random((1, 3, 16, 16), np.float32)]


def branched(*scales: float, renamed: bool = False) -> onnx.ModelProto:
    """A first layer, two beside each other, and a last one; weights are multiplied as told."""
    make, value = helper.make_node, helper.make_tensor_value_info
    kernels = np.random.default_rng(0).normal(size=(4, 3, 3, 1, 1)).astype(np.float32)
    tensors = [
        numpy_helper.from_array(kernel * np.float32(scale), f"w{number}")
        for number, (kernel, scale) in enumerate(zip(kernels, scales, strict=True))
    ]
    names = ["stem", "left", "right", "end"]
    left = "left_other" if renamed else "left_out"
    wiring = [(RESIZED, "stem_out"), ("stem_out", left), ("stem_out", "right_out"), ("sum", "end_out")]
    nodes = []
    one = numpy_helper.from_array(np.float32(1), "one")
    for number, (name, (source, target)) in enumerate(zip(names, wiring, strict=True)):
        if name == "end":
            nodes.append(make("Add", [left, "right_out"], ["sum"], name="sum"))
        # Pairs without effect: a layer is quantized where both of its inputs come from such.
        for side, tensor in enumerate((source, f"w{number}")):
            nodes.append(make("Div", [tensor, "one"], [f"{name}{side}"], name=f"{name}{side}"))
        nodes.append(make("Conv", [f"{name}0", f"{name}1"], [target], name=name))
    graph = helper.make_graph(
        nodes,
        "branched",
        [value(RESIZED, TensorProto.FLOAT, ["n", 3, "h", "w"])],
        [value("end_out", TensorProto.FLOAT, None)],
        [*tensors, one],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


@pytest.fixture
def all_quantized(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "segstudio.deploy.layer_errors.layers_of",
        lambda model: tuple(node.name for node in model.graph.node if node.op_type == "Conv"),
    )


@pytest.mark.usefixtures("all_quantized")
@pytest.mark.parametrize("worst", [0, 1, 2, 3])
def test_the_changed_layer_is_first_wherever_it_is(worst: int) -> None:
    scales = [1.0] * 4
    scales[worst] = 3.0
    found = worst_first(branched(1, 1, 1, 1), branched(*scales), INPUTS)
    assert found[0] == ("stem", "left", "right", "end")[worst]
    assert sorted(found) == ["end", "left", "right", "stem"]


@pytest.mark.usefixtures("all_quantized")
def test_several_are_in_the_order_of_what_they_add() -> None:
    found = worst_first(branched(1, 1, 1, 1), branched(1, 1.2, 2, 1), INPUTS)
    assert found[0] == "right"
    assert found.index("left") < found.index("stem")


@pytest.mark.usefixtures("all_quantized")
def test_a_layer_whose_output_has_another_name_is_left_out() -> None:
    found = worst_first(branched(1, 1, 1, 1), branched(1, 1, 2, 1, renamed=True), INPUTS)
    assert found[0] == "right"
    assert "left" not in found


@pytest.mark.parametrize("ruined", ["/backbone/patch_embed2/proj/Conv", "/Conv_1"])
def test_the_ruined_layer_of_a_network(tiny_model: Exported, ruined: str) -> None:
    core = onnx.load_from_string(core_of(plain_graph(load_onnx(tiny_model.folder / ONNX_FILE))).content)
    changed = onnx.ModelProto()
    changed.CopyFrom(core)
    inputs = [as_seen(noise(64, 96, seed), tiny_model.spec) for seed in range(2)]
    changed = stand_in.quantize(changed, inputs, Plan(ruined))
    found = worst_first(core, changed, inputs)
    assert found[0] == ruined
    assert len(found) == len(set(found)) == len(layers_of(changed))
