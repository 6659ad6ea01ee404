"""Writes the deployment graph as one self-contained ONNX file with free batch, height and width."""

import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

from segstudio.deploy.graph import FoldedNetwork
from segstudio.deploy.onnx_graph import save_onnx
from segstudio.errors import ModelError
from segstudio.inference.spec import ModelSpec, spec_to_dict

OPSET = 17
SAMPLE = (1, 3, 64, 96)
# Smaller constants are not worth a node.
SMALLEST_CAST = 1024


class Nodes:
    """Collects ONNX nodes and constants of an opset, with names that say what they hold."""

    def __init__(self, opset: int = OPSET) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: object) -> str:
        """Appends a node with one output; returns the output's name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], name=f"make_{output}", **attributes))
        return output

    def constant(self, name: str, values: object, dtype: type[np.generic]) -> str:
        """Adds a constant; returns its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def integers(self, name: str, values: list[int]) -> str:
        """Adds a constant list of integers; returns its name."""
        return self.constant(name, values, np.int64)

    def reduced(self, operator: str, name: str, output: str, axis: int) -> str:
        """Adds ReduceMin or ReduceMax along an axis that is kept: opset 18 made the axes an input."""
        if self.opset < 18:
            return self.add(operator, [name], output, axes=[axis], keepdims=1)
        return self.add(operator, [name, self.integers(f"{output}_axis", [axis])], output, keepdims=1)


def export_onnx(network: FoldedNetwork, spec: ModelSpec, path: Path) -> list[str]:
    """Writes the deployment graph of a folded network; returns names of files beside it that it needs.

    Inputs: `images` uint8 [N,H,W,3] RGB. Outputs: `ids` and `confidence`, uint8 [N,H,W]. The resize rule,
    the normalisation, the bilinear restore, argmax and the largest probability are inside.

    Raises:
        ModelError: the resize rule cannot be written as a graph.
    """
    core = _core(network)
    nodes = Nodes()
    add_before(nodes, spec)
    after = Nodes()
    add_after(after, "logits", len(spec.classes))
    weights, casts = _stored_small(core)
    graph = helper.make_graph(
        [*casts, *nodes.nodes, *core.graph.node, *after.nodes],
        spec.name,
        [helper.make_tensor_value_info("images", TensorProto.UINT8, ["batch", "height", "width", 3])],
        [
            helper.make_tensor_value_info(name, TensorProto.UINT8, ["batch", "height", "width"])
            for name in ("ids", "confidence")
        ],
        [*weights, *nodes.constants, *after.constants],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=9)
    # The model has copies of them, which for a large network are gigabytes.
    del core, weights, graph
    model.producer_name = "segstudio"
    helper.set_model_props(model, {"segstudio": json.dumps(spec_to_dict(spec))})
    beside = save_onnx(model, path)
    onnx.checker.check_model(str(path), full_check=True)
    return beside


def _core(network: FoldedNetwork) -> onnx.ModelProto:
    axes = {0: "batch", 2: "rows", 3: "columns"}
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        traced = Path(folder) / "core.onnx"
        # The tracer warns that sizes become constants where they do not; parity at other sizes is checked.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.zeros(SAMPLE),),
            str(traced),
            dynamo=False,
            opset_version=OPSET,
            input_names=["normalised"],
            output_names=["logits"],
            dynamic_axes={"normalised": axes, "logits": axes},
        )
        return onnx.load_model(traced)


def _stored_small(core: onnx.ModelProto) -> tuple[list[onnx.TensorProto], list[onnx.NodeProto]]:
    """Weights as float16 with a cast behind them, where that loses nothing; the rest as it is."""
    weights, casts = [], []
    for tensor in core.graph.initializer:
        values = numpy_helper.to_array(tensor)
        if values.dtype == np.float32 and values.size >= SMALLEST_CAST:
            half = values.astype(np.float16)
            if np.array_equal(half.astype(np.float32), values):
                weights.append(numpy_helper.from_array(half, f"{tensor.name}.half"))
                casts.append(
                    helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=TensorProto.FLOAT)
                )
                continue
        weights.append(tensor)
    return weights, casts


def add_before(nodes: Nodes, spec: ModelSpec) -> str:
    """From `images` to the network's input, normalised planes; returns the name of those.

    Also makes what the way back needs: `image_size`, `batch_and_planes`, and the constants zero and two.

    Raises:
        ModelError: the resize rule cannot be written as a graph.
    """
    nodes.add("Cast", ["images"], "images_float", to=TensorProto.FLOAT)
    nodes.add("Transpose", ["images_float"], "images_planes", perm=[0, 3, 1, 2])
    nodes.add("Div", ["images_planes", nodes.constant("full_scale", 255.0, np.float32)], "pixels")
    nodes.add("Shape", ["pixels"], "pixels_shape")
    two, four = nodes.integers("two", [2]), nodes.integers("four", [4])
    nodes.add("Slice", ["pixels_shape", two, four], "image_size")
    nodes.add("Slice", ["pixels_shape", nodes.integers("zero", [0]), "two"], "batch_and_planes")
    size = _network_size(nodes, spec)
    nodes.add("Concat", ["batch_and_planes", size], "resized_shape", axis=0)
    nodes.add(
        "Resize", ["pixels", "", "", "resized_shape"], "resized", mode="linear",
        coordinate_transformation_mode="half_pixel",
    )  # fmt: skip
    mean = nodes.constant("mean", np.reshape(spec.mean, (1, 3, 1, 1)), np.float32)
    std = nodes.constant("std", np.reshape(spec.std, (1, 3, 1, 1)), np.float32)
    nodes.add("Sub", ["resized", mean], "centred")
    return nodes.add("Div", ["centred", std], "normalised")


def _network_size(nodes: Nodes, spec: ModelSpec) -> str:
    """The integer arithmetic of `inference.spec.network_size`, as nodes."""
    rule = spec.resize
    if rule.mode == "stretch":
        return nodes.integers("network_size", [rule.size, rule.width or rule.size])
    nodes.reduced("ReduceMin", "image_size", "shorter", 0)
    if rule.mode == "short_side":
        wanted = nodes.integers("wanted", [rule.size])
    elif rule.mode == "native":
        wanted = "shorter"
    else:
        raise ModelError(f"resize mode {rule.mode!r} has no graph")
    nodes.add("Mul", ["shorter", nodes.integers("multiple", [rule.multiple])], "shorter_multiple")
    nodes.add("Mul", ["image_size", wanted], "scaled")
    nodes.add("Mul", ["scaled", "two"], "scaled_twice")
    nodes.add("Add", ["scaled_twice", "shorter_multiple"], "numerator")
    nodes.add("Mul", ["shorter_multiple", "two"], "denominator")
    nodes.add("Div", ["numerator", "denominator"], "blocks")
    nodes.add("Max", ["blocks", nodes.integers("one", [1])], "blocks_at_least_one")
    return nodes.add("Mul", ["blocks_at_least_one", "multiple"], "network_size")


def add_scores(nodes: Nodes, logits: str, classes: int) -> str:
    """`scores` [N,K,H,W] at the image's size and `ids`; returns the name of the largest score [N,1,H,W].

    The id is that of the first class whose score equals the largest. Runtimes make ArgMax a search for the
    best k, which takes two to three times as long as two passes for a maximum.
    """
    nodes.add("Shape", [logits], "logits_shape")
    nodes.add("Slice", ["logits_shape", "zero", "two"], "batch_and_classes")
    nodes.add("Concat", ["batch_and_classes", "image_size"], "restored_shape", axis=0)
    nodes.add(
        "Resize", [logits, "", "", "restored_shape"], "scores", mode="linear",
        coordinate_transformation_mode="half_pixel",
    )  # fmt: skip
    largest = nodes.reduced("ReduceMax", "scores", "largest", 1)
    nodes.add("Equal", ["scores", largest], "is_best")
    ranks = nodes.constant("ranks", np.arange(classes, 0, -1).reshape(1, classes, 1, 1), np.float32)
    # Never below 1, so that the id is one of the classes whatever the scores are.
    nodes.add("Where", ["is_best", ranks, nodes.constant("last_rank", 1.0, np.float32)], "rank")
    best = nodes.reduced("ReduceMax", "rank", "best_rank", 1)
    nodes.add("Sub", [nodes.constant("class_count", float(classes), np.float32), best], "ids_float")
    nodes.add("Squeeze", ["ids_float", nodes.integers("id_axis", [1])], "ids_plane")
    nodes.add("Cast", ["ids_plane"], "ids", to=TensorProto.UINT8)
    return largest


def add_after(nodes: Nodes, logits: str, classes: int) -> None:
    """From logits [N,K,h,w] to `ids` and `confidence` at the image's size."""
    add_scores(nodes, logits, classes)
    nodes.add("Sub", ["scores", "largest"], "below_largest")
    nodes.add("Exp", ["below_largest"], "shares")
    nodes.add("ReduceSum", ["shares", nodes.integers("class_axis", [1])], "share_sum", keepdims=0)
    nodes.add("Div", [nodes.constant("certain", 255.0, np.float32), "share_sum"], "confidence_exact")
    nodes.add("Round", ["confidence_exact"], "confidence_rounded")
    nodes.add("Cast", ["confidence_rounded"], "confidence", to=TensorProto.UINT8)
