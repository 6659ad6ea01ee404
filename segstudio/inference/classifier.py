"""The last layer of a deployment graph, the classifier: read as numbers, and replaced by other numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ModelError
from segstudio.inference.core import SCORES

if TYPE_CHECKING:
    import onnx

Floats = NDArray[np.float32]
# What may stand between the classifier and the scores without being a part of it.
BETWEEN = {"Softmax", "Cast", "Identity"}
QUANTISED = {"QuantizeLinear", "DequantizeLinear"}
PLAIN_HINT = "adapt the float model that it was made from, then export that one"
FLOATS = (np.dtype(np.float32), np.dtype(np.float16))


@dataclass(frozen=True, eq=False)
class Classifier:
    """What turns the features of a pixel into a score for each class.

    Attributes:
        weight: float32 [K,C].
        bias: float32 [K].
    """

    weight: Floats
    bias: Floats

    def scores(self, features: Floats) -> Floats:
        """Scores float32 [K,h,w] of features [C,h,w]."""
        channels, height, width = features.shape
        found = self.weight @ features.reshape(channels, -1) + self.bias[:, None]
        return found.reshape(-1, height, width)


def read_classifier(path: Path) -> Classifier:
    """The classifier of a deployment graph's ONNX file.

    Raises:
        ModelError: the file cannot be read, is quantised, or does not end in a 1x1 convolution of floats.
    """
    model = _loaded(path)
    node = _classifier_node(model, path)
    weight = _number(model, node.input[1], path)
    bias = _number(model, node.input[2], path) if len(node.input) > 2 else np.zeros(len(weight), np.float32)
    if weight.ndim != 4 or weight.shape[2:] != (1, 1):
        raise ModelError(f"{path} ends in a layer of shape {weight.shape}, not in a 1x1 convolution")
    return Classifier(
        np.ascontiguousarray(weight[:, :, 0, 0], dtype=np.float32), bias.astype(np.float32, copy=False)
    )


def with_classifier(path: Path, classifier: Classifier) -> bytes:
    """The ONNX file with other numbers in its classifier; the rest stays as it is.

    Raises:
        ModelError: see `read_classifier`, or the shapes differ.
    """
    import onnx

    model = _loaded(path)
    node = _classifier_node(model, path)
    before = _number(model, node.input[1], path)
    if before.shape != (*classifier.weight.shape, 1, 1):
        raise ModelError(f"{path} has a classifier {before.shape[:2]}, not {classifier.weight.shape}")
    kind = _stored_kind(model, node.input[1])
    numbers = (classifier.weight[:, :, None, None], classifier.bias)
    names = []
    for number, name in zip(numbers, ("classifier_weight_adapted", "classifier_bias_adapted"), strict=True):
        free = _free_name(model, name)
        model.graph.initializer.append(onnx.numpy_helper.from_array(number.astype(kind), free))
        names.append(free)
    del node.input[1:]
    node.input.extend(names)
    _drop_unread(model)
    content: bytes = model.SerializeToString()
    return content


def _loaded(path: Path) -> "onnx.ModelProto":
    import onnx

    try:
        model: onnx.ModelProto = onnx.load_model(path, load_external_data=False)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error}", hint="import the model again") from error
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in model.graph.initializer):
        raise ModelError(f"{path} keeps its weights in other files", hint="export it as one file")
    return model


def _classifier_node(model: "onnx.ModelProto", path: Path) -> "onnx.NodeProto":
    makers = {name: node for node in model.graph.node for name in node.output}
    resize = makers.get(SCORES)
    if resize is None:
        raise ModelError(f"{path} gives class ids without scores", hint="export the model again")
    node = makers.get(resize.input[0])
    while node is not None and node.op_type in BETWEEN:
        node = makers.get(node.input[0])
    if node is not None and node.op_type in QUANTISED:
        raise ModelError(f"{path} is quantised", hint=PLAIN_HINT)
    if node is None or node.op_type != "Conv":
        found = node.op_type if node is not None else "nothing"
        raise ModelError(f"{path} has no classifier to adapt: its scores come from {found}", hint=PLAIN_HINT)
    return node


def _number(model: "onnx.ModelProto", name: str, path: Path) -> Floats:
    """A constant of the graph, through the casts that widen it, as float32."""
    import onnx

    makers = {made: node for node in model.graph.node for made in node.output}
    while name in makers and makers[name].op_type in ("Cast", "Identity"):
        name = makers[name].input[0]
    maker = makers.get(name)
    if maker is not None and maker.op_type in QUANTISED:
        raise ModelError(f"{path} has a quantised classifier", hint=PLAIN_HINT)
    tensors = {tensor.name: tensor for tensor in model.graph.initializer}
    if maker is not None and maker.op_type == "Constant":
        tensors |= {name: next(one.t for one in maker.attribute if one.name == "value")}
    if name not in tensors:
        raise ModelError(f"{path} computes its classifier: there are no numbers to adapt", hint=PLAIN_HINT)
    found = onnx.numpy_helper.to_array(tensors[name])
    if found.dtype not in FLOATS:
        raise ModelError(f"{path} has a classifier of {found.dtype}", hint=PLAIN_HINT)
    numbers: Floats = found.astype(np.float32)
    return numbers


def _stored_kind(model: "onnx.ModelProto", name: str) -> np.dtype[np.floating]:
    """The kind of numbers that the convolution reads: what a cast before it makes, or what is stored."""
    import onnx

    for node in model.graph.node:
        if name in node.output and node.op_type == "Cast":
            to = next(one.i for one in node.attribute if one.name == "to")
            kind: np.dtype[np.floating] = onnx.helper.tensor_dtype_to_np_dtype(to)
            return kind
    for tensor in model.graph.initializer:
        if tensor.name == name:
            stored: np.dtype[np.floating] = onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type)
            return stored
    return np.dtype(np.float32)


def _free_name(model: "onnx.ModelProto", name: str) -> str:
    """The name, with one more letter for every adaptation before."""
    taken = {tensor.name for tensor in model.graph.initializer}
    while name in taken:
        name += "_"
    return name


def _drop_unread(model: "onnx.ModelProto") -> None:
    """Removes the old numbers, and the casts that widened them, where nothing reads them any more."""
    graph = model.graph
    while True:
        read = {name for node in graph.node for name in node.input} | {end.name for end in graph.output}
        nodes = [
            node
            for node in graph.node
            if node.op_type in ("Cast", "Constant", "Identity") and not read.intersection(node.output)
        ]
        tensors = [tensor for tensor in graph.initializer if tensor.name not in read]
        if not nodes and not tensors:
            return
        for node in nodes:
            graph.node.remove(node)
        for tensor in tensors:
            graph.initializer.remove(tensor)
