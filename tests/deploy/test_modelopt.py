"""Which part of a graph ModelOpt is given; where it is installed, what comes back answers alike."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from segstudio.deploy import modelopt_
from segstudio.deploy.export import Exported
from segstudio.deploy.modelopt_ import (
    Reader,
    answers,
    chosen_nodes,
    ends,
    exactly,
    network_part,
    nodes_outside,
    quantize_modelopt,
)
from segstudio.deploy.onnx_half import float_weights
from segstudio.deploy.quantize_layers import LayerRule
from segstudio.errors import BackendError, ModelError
from tests.inference.conftest import noise

INSTALLED = modelopt_.status()[0]
needs_modelopt = pytest.mark.skipif(not INSTALLED, reason=modelopt_.status()[1])
ALL = [LayerRule("*", "int8", "int8")]


@pytest.fixture(scope="module")
def graph(tiny_model: Exported) -> onnx.ModelProto:
    return float_weights(onnx.load_model(tiny_model.spec.file(tiny_model.folder, "onnx")))


def test_the_network_is_what_lies_between_normalised_and_logits(graph: onnx.ModelProto) -> None:
    inside = network_part(graph, "it")
    outside = nodes_outside(graph, "it")
    names = [node.name for node in graph.graph.node]
    assert sorted([*(names[number] for number in inside), *outside]) == sorted(names)
    assert "make_normalised" in outside
    assert "make_scores" in outside
    assert all(not names[number].startswith("make_") for number in inside)
    first, last = ends(graph)
    assert first == "/backbone/patch_embed1/proj/Conv"
    assert "logits" in next(node for node in graph.graph.node if node.name == last).output


def test_rules_choose_products_by_the_layers_they_come_from(tiny_model: Exported) -> None:
    path = tiny_model.spec.file(tiny_model.folder, "onnx")
    chosen, others = chosen_nodes(path, ALL)
    assert "/backbone/block1.0/attn/q/MatMul" in chosen
    assert others == []
    chosen, others = chosen_nodes(path, [LayerRule("Linear", "int8")], ["*.block1.*"])
    assert "/backbone/block1.0/attn/q/MatMul" in others
    assert "/backbone/block2.0/attn/q/MatMul" in chosen
    # The products of attention have no constant factor.
    assert not any(name.endswith("attn/MatMul") for name in chosen)
    chosen, _ = chosen_nodes(path, [LayerRule("decode_head.*", "int8")])
    assert len(chosen) == 4


def test_another_graph_is_refused() -> None:
    node = helper.make_node("Relu", ["x"], ["y"])
    ends_of = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1]) for name in "xy"]
    model = helper.make_model(helper.make_graph([node], "g", ends_of[:1], ends_of[1:]))
    with pytest.raises(ModelError, match="no deployment graph with normalised and logits"):
        network_part(model, "it")


def test_names_are_matched_letter_by_letter() -> None:
    import re

    name = "/backbone/block1.0/attn/q/MatMul"
    assert re.match(exactly(name), name)
    assert not re.match(exactly(name), name.replace("1.0", "1x0"))
    assert not re.match(exactly(name), f"{name}_1")


def test_the_reader_begins_anew() -> None:
    images = [noise(8, 8, seed) for seed in range(2)]
    reader = Reader(images)
    assert np.array_equal(reader.get_first()["images"][0], images[0])
    seen = list(everything(reader))
    assert [len(seen), seen[1].shape] == [2, (1, 8, 8, 3)]
    assert reader.get_next() is None
    reader.rewind()
    assert len(list(everything(reader))) == 2


def everything(reader: Reader) -> Iterator[np.ndarray]:
    while (found := reader.get_next()) is not None:
        yield found["images"]


@pytest.mark.skipif(INSTALLED, reason="ModelOpt is installed")
def test_without_modelopt_the_install_line_is_told(tiny_model: Exported, tmp_path: Path) -> None:
    path = tiny_model.spec.file(tiny_model.folder, "onnx")
    with pytest.raises(BackendError, match="pip install nvidia-modelopt"):
        quantize_modelopt(path, tmp_path / "q.onnx", [noise(64, 64)])
    assert list(tmp_path.iterdir()) == []


@needs_modelopt
@pytest.mark.parametrize("kind", ["int8", "fp8"])
def test_the_quantised_graph_answers_almost_alike(kind: str, tiny_model: Exported, tmp_path: Path) -> None:
    path, target = tiny_model.spec.file(tiny_model.folder, "onnx"), tmp_path / "q.onnx"
    images = [noise(64, 64 + 32 * (seed % 2), seed) for seed in range(4)]
    quantize_modelopt(path, target, images, kind="fp8" if kind == "fp8" else "int8")
    made = onnx.load_model(target)
    pairs = {node.output[0]: node for node in made.graph.node if node.op_type == "DequantizeLinear"}
    quantised = {node.name for node in made.graph.node if pairs.keys() & set(node.input)}
    first, last = ends(float_weights(onnx.load_model(path)))
    assert "/backbone/block1.0/attn/q/MatMul" in quantised
    assert not quantised & {first, last}
    assert not any(name.startswith("make_") for name in quantised)
    stored = {entry.key: entry.value for entry in made.metadata_props}
    assert json.loads(stored["segstudio"])["name"] == tiny_model.spec.name
    before, after = answers(path), answers(target)
    equal = np.mean([np.mean(before(image) == after(image)) for image in images])
    assert 0.85 < equal <= 1
