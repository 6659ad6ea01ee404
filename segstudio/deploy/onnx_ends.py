"""The two ends of a deployment graph as ONNX nodes: from pixels to the network, from its scores to ids."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from segstudio.errors import ModelError
from segstudio.inference.spec import ModelSpec

OPSET = 17


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
