"""Finds the SegFormer decode head in an ONNX graph by its form, whatever the names of its nodes are."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.deploy.onnx_graph import SHAPING, GraphIndex, attributes

Float = NDArray[np.float64]
LEVELS = 4
# All of them give weights that sum to one, which is what lets the resize commute with the projection.
COORDINATES = ("half_pixel", "pytorch_half_pixel", "align_corners")


class NoHead(Exception):  # noqa: N818 - a foreign graph without our head is no error
    """Why a graph has no head that could be folded, in one line."""


@dataclass(frozen=True)
class Linear:
    """A per-pixel product: weight [E,c] and bias [E]; one of `sources` holds its map, the nearest first."""

    weight: Float
    bias: Float
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Branch:
    """One input of the concatenation: `map` [N,E,h,w], what it was projected by, and how it is resized."""

    map: str
    resize: onnx.NodeProto | None
    linear: Linear | None

    @property
    def coordinates(self) -> str:
        """How the resize places pixels."""
        if self.resize is None:
            return "half_pixel"
        return str(attributes(self.resize).get("coordinate_transformation_mode", "half_pixel"))


@dataclass(frozen=True)
class Head:
    """The head from its branches to its scores; `fuse` [E,sum of the branches] and `bias` hold BatchNorm.

    `fused` is the tensor before the ReLU, `scores` the classifier's output.
    """

    branches: tuple[Branch, ...]
    fuse: Float
    bias: Float
    dtype: np.dtype[Any]
    fused: str
    scores: str
    classifier: Float
    classifier_bias: Float


def find_head(graph: onnx.GraphProto) -> Head:
    """The head nearest to the output.

    Raises:
        NoHead: there is none, or it is written in a way that cannot be folded.
    """
    index = GraphIndex(graph)
    for node in reversed(graph.node):
        joined = _joined(index, node)
        if joined is not None:
            return _head(index, node, joined)
    raise NoHead(f"no 1x1 convolution over {LEVELS} concatenated maps was found")


def _joined(index: GraphIndex, node: onnx.NodeProto) -> onnx.NodeProto | None:
    """The concatenation of four maps that a 1x1 convolution reads."""
    if node.op_type != "Conv" or not _is_pointwise(node):
        return None
    joined = index.maker(index.behind(node.input[0])[-1])
    if joined is None or joined.op_type != "Concat" or len(joined.input) != LEVELS:
        return None
    weight = index.constant(node.input[1])
    if weight is not None and weight.shape[2:] != (1, 1):
        return None
    return joined if attributes(joined).get("axis") in (1, -3) else None


def _head(index: GraphIndex, fuse: onnx.NodeProto, joined: onnx.NodeProto) -> Head:
    given = index.constant(fuse.input[1])
    if given is None:
        raise NoHead("the weights of the head are no plain constants (a quantised file?)")
    weight, bias = _convolution(index, fuse)
    after = _after(index, fuse.output[0])
    fused = fuse.output[0]
    if after.op_type == "BatchNormalization":
        weight, bias = _with_norm(index, after, weight, bias)
        fused = after.output[0]
        after = _after(index, fused)
    if after.op_type != "Relu":
        raise NoHead(f"{after.op_type} follows the fuse convolution, not ReLU")
    classifier = _after(index, after.output[0])
    if classifier.op_type != "Conv" or not _is_pointwise(classifier):
        raise NoHead("no 1x1 classifier follows the head's ReLU")
    class_weight, class_bias = _convolution(index, classifier)
    branches = tuple(_branch(index, name) for name in joined.input)
    if sum(branch.resize is not None for branch in branches) < LEVELS - 1:
        raise NoHead("the concatenated maps are not brought to one size by Resize")
    return Head(branches, weight, bias, given.dtype, fused, classifier.output[0], class_weight, class_bias)


def _after(index: GraphIndex, name: str) -> onnx.NodeProto:
    """The one node that computes with a tensor, beyond those that hand it on."""
    users = [node for node in index.users(name) if node.op_type != "Shape"]
    while len(users) == 1 and users[0].op_type in ("Identity", "Dropout"):
        users = index.users(users[0].output[0])
    if len(users) != 1:
        raise NoHead("the head's inner maps are used elsewhere, too")
    return users[0]


def _is_pointwise(node: onnx.NodeProto) -> bool:
    values = attributes(node)
    return (
        set(values.get("kernel_shape", [1])) == {1}
        and values.get("group", 1) == 1
        and set(values.get("strides", [1])) == {1}
        and not any(values.get("pads", []))
    )


def _convolution(index: GraphIndex, node: onnx.NodeProto) -> tuple[Float, Float]:
    """Weight [out,in] and bias [out] of a 1x1 convolution."""
    weight = index.constant(node.input[1])
    given = len(node.input) > 2 and node.input[2]
    bias = index.constant(node.input[2]) if given else np.zeros(1)
    if weight is None or bias is None or weight.shape[2:] != (1, 1):
        raise NoHead("the weights of the head are no plain constants (a quantised file?)")
    out = weight.shape[0]
    return weight[:, :, 0, 0].astype(np.float64), np.broadcast_to(bias.astype(np.float64), (out,))


def _with_norm(index: GraphIndex, node: onnx.NodeProto, weight: Float, bias: Float) -> tuple[Float, Float]:
    found = [index.constant(name) for name in node.input[1:5]]
    values = [entry.astype(np.float64) for entry in found if entry is not None]
    if len(values) != 4 or attributes(node).get("training_mode", 0):
        raise NoHead("the head's BatchNormalization has no constant statistics")
    scale, shift, mean, variance = values
    gain = scale / np.sqrt(variance + attributes(node).get("epsilon", 1e-5))
    return weight * gain[:, None], (bias - mean) * gain + shift


def _branch(index: GraphIndex, name: str) -> Branch:
    source = index.behind(name)[-1]
    node = index.maker(source)
    if node is None or node.op_type != "Resize":
        return Branch(source, None, _linear(index, source))
    values = attributes(node)
    branch = Branch(node.input[0], node, _linear(index, node.input[0]))
    if values.get("mode", "nearest") != "linear" or branch.coordinates not in COORDINATES:
        raise NoHead(f"a level is resized by {values.get('mode', 'nearest')} {branch.coordinates}")
    if values.get("antialias", 0) or "axes" in values:
        raise NoHead("a level is resized with antialias, or along named axes")
    return branch


def _linear(index: GraphIndex, name: str) -> Linear | None:
    """The projection that made a map, if it is a MatMul, Gemm or 1x1 Conv with constant weights."""
    added: Float = np.zeros(1)
    name = index.behind(name, SHAPING)[-1]
    node = index.maker(name)
    if node is not None and node.op_type == "Add":
        values = [index.constant(entry) for entry in node.input]
        constant = values[1] if values[0] is None else values[0]
        if constant is None:
            return None
        added = constant.reshape(-1).astype(np.float64)
        node = index.maker(index.behind(node.input[1 if values[1] is None else 0], SHAPING)[-1])
    product = None if node is None else _product(index, node)
    if node is None or product is None:
        return None
    weight, bias = product
    if added.size not in (1, len(bias)):
        return None
    return Linear(weight, bias + added, tuple(index.behind(node.input[0], SHAPING)))


def _product(index: GraphIndex, node: onnx.NodeProto) -> tuple[Float, Float] | None:
    if node.op_type == "Conv":
        try:
            return _convolution(index, node) if _is_pointwise(node) else None
        except NoHead:
            return None
    if node.op_type not in ("MatMul", "Gemm"):
        return None
    values = attributes(node)
    weight = index.constant(node.input[1])
    plain = values.get("alpha", 1.0) == values.get("beta", 1.0) == 1.0 and not values.get("transA", 0)
    if weight is None or weight.ndim != 2 or not plain:
        return None
    rows = weight.astype(np.float64) if values.get("transB", 0) else weight.T.astype(np.float64)
    bias = index.constant(node.input[2]) if len(node.input) > 2 and node.input[2] else np.zeros(1)
    if bias is None or bias.size not in (1, len(rows)):
        return None
    return rows, np.broadcast_to(bias.reshape(-1).astype(np.float64), (len(rows),))
