"""The core of a graph is its network: the same scores as in torch, or None where there are none."""

import itertools
from pathlib import Path

import onnx
import pytest
import torch
from onnx import TensorProto, helper

from segstudio.deploy.export import Exported
from segstudio.deploy.graph import DeploymentGraph
from segstudio.inference.backend import Backend
from segstudio.inference.core import LazyCore, cut_core
from segstudio.networks.whole import read_network


@pytest.mark.parametrize("size", [(64, 64), (32, 96), (96, 160)])
def test_scores_are_the_networks(backend: Backend, tiny_model: Exported, size: tuple[int, int]) -> None:
    pixels = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(1))
    graph = DeploymentGraph(read_network(tiny_model.spec.file(tiny_model.folder, "weights")), tiny_model.spec)
    with torch.inference_mode():
        expected = graph.network(graph.normalise(pixels))
    assert backend.core_kind() == "logits"
    found = torch.from_numpy(backend.scores(pixels.numpy()))
    assert found.shape == expected.shape == (2, 19, size[0] // 4, size[1] // 4)
    assert float((found - expected).abs().max()) < 1e-4 * float(expected.abs().max())


def test_the_core_is_the_smaller_part_of_the_nodes_and_all_of_the_weights(tiny_model: Exported) -> None:
    path = tiny_model.spec.file(tiny_model.folder, "onnx")
    core = cut_core(path)
    assert core is not None
    assert (core.output, core.kind) == ("logits", "logits")
    whole, cut = onnx.load(path), onnx.load_model_from_string(core.content)
    onnx.checker.check_model(cut)
    names = {node.name for node in cut.graph.node}
    assert names < {node.name for node in whole.graph.node}
    assert not {"make_resized", "make_scores", "make_ids"} & names
    assert len(core.content) > 0.95 * path.stat().st_size


def written(folder: pytest.TempPathFactory, nodes: list[onnx.NodeProto], *, outside: bool = False) -> Path:
    value = helper.make_tensor_value_info
    weight = helper.make_tensor("weight", TensorProto.FLOAT, [1], [2.0])
    if outside:
        weight = TensorProto(name="weight", data_type=TensorProto.FLOAT, dims=[1])
        weight.data_location = TensorProto.EXTERNAL
        weight.external_data.add(key="location", value="weights.bin")
    ends = [[value(name, TensorProto.FLOAT, [None])] for name in ("images", "ids")]
    graph = helper.make_graph(nodes, "paper", *ends, [weight])
    path = folder.mktemp("core") / "model.onnx"
    path.write_bytes(helper.make_model(graph).SerializeToString())
    return path


def chain(*names: str) -> list[onnx.NodeProto]:
    """Each tensor of the chain is the former one, times the weight."""
    return [
        helper.make_node("Mul", [first, "weight"], [second], name=f"make_{second}")
        for first, second in itertools.pairwise(names)
    ]


def test_what_has_no_scores_has_no_core(tmp_path_factory: pytest.TempPathFactory) -> None:
    whole = ("images", "resized", "logits", "scores", "ids")
    assert cut_core(written(tmp_path_factory, chain(*whole))) is not None
    assert cut_core(written(tmp_path_factory, chain("images", "resized", "ids"))) is None
    assert cut_core(written(tmp_path_factory, chain("images", "logits", "scores", "ids"))) is None
    assert cut_core(written(tmp_path_factory, chain(*whole), outside=True)) is None
    lazy = LazyCore(written(tmp_path_factory, chain("images", "ids")))
    assert lazy.kind is None
    with pytest.raises(AssertionError, match="has none"):
        lazy.get()


def test_probabilities_are_known_by_their_certainty(tmp_path_factory: pytest.TempPathFactory) -> None:
    nodes = [*chain("images", "resized", "shares", "scores", "ids"), *chain("scores", "certainty")]
    core = cut_core(written(tmp_path_factory, nodes))
    assert core is not None
    assert (core.kind, core.output) == ("probabilities", "shares")
    assert [node.name for node in onnx.load_model_from_string(core.content).graph.node] == ["make_shares"]
