"""A model that knows classes by colours: a deployment graph of two layers, made without torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from segstudio.inference.spec import ModelSpec, ResizeRule, save_spec

CHANNELS = 6
Floats = NDArray[np.float32]


def mixing() -> Floats:
    """float32 [6,3]: the first layer, which gives each colour and each other one's absence."""
    return np.concatenate([np.eye(3), -np.eye(3)]).astype(np.float32)


def make_model(
    folder: Path,
    classes: Sequence[str],
    palette: str,
    weight: Floats,
    bias: Floats,
    *,
    kind: type[np.floating] = np.float32,
    quantised: bool = False,
) -> ModelSpec:
    """Writes a model folder whose classifier float32 [K,6] and [K] sees red, green, blue and their lack.

    Images keep their size. `kind` is how the classifier is stored; `quantised` puts it behind a node of int8.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(_graph(weight, bias, kind, quantised).SerializeToString())
    spec = ModelSpec(
        folder.name,
        "mit_b0",
        tuple(classes),
        palette,
        {"onnx": "model.onnx"},
        resize=ResizeRule("native", 0, multiple=1),
        mean=(0.0, 0.0, 0.0),
        std=(1.0, 1.0, 1.0),
        trained_on="colours",
        weights_sha256="0" * 64,
    )
    save_spec(spec, folder)
    return spec


def _graph(weight: Floats, bias: Floats, kind: type[np.floating], quantised: bool) -> onnx.ModelProto:
    node, value = helper.make_node, helper.make_tensor_value_info
    constants = {
        "first": mixing()[:, :, None, None],
        "half": np.concatenate([np.full(3, -0.5), np.full(3, 0.5)]).astype(np.float32),
        "full": np.float32(255),
        "stored": weight[:, :, None, None].astype(np.int8 if quantised else kind),
        "bias": bias.astype(np.float32),
        "step": np.float32(1),
        "zero": np.int8(0),
        "scales": np.ones(4, np.float32),
    }
    widen = (
        node("DequantizeLinear", ["stored", "step", "zero"], ["weight"])
        if quantised
        else node("Cast", ["stored"], ["weight"], to=TensorProto.FLOAT)
    )
    nodes = [
        node("Cast", ["image"], ["floats"], to=TensorProto.FLOAT),
        node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        node("Div", ["planes", "full"], ["resized"]),
        node("Conv", ["resized", "first", "half"], ["mixed"]),
        node("Relu", ["mixed"], ["features"]),
        widen,
        node("Conv", ["features", "weight", "bias"], ["logits"]),
        node("Resize", ["logits", "", "scales"], ["scores"], mode="linear"),
        node("ArgMax", ["scores"], ["best"], axis=1, keepdims=0),
        node("Cast", ["best"], ["ids"], to=TensorProto.UINT8),
        node("Softmax", ["scores"], ["shares"], axis=1),
        node("ReduceMax", ["shares"], ["sure"], axes=[1], keepdims=0),
        node("Mul", ["sure", "full"], ["exact"]),
        node("Round", ["exact"], ["whole"]),
        node("Cast", ["whole"], ["confidence"], to=TensorProto.UINT8),
    ]
    sides = ["batch", "rows", "columns"]
    graph = helper.make_graph(
        nodes,
        "colours",
        [value("image", TensorProto.UINT8, [*sides, 3])],
        [value(name, TensorProto.UINT8, sides) for name in ("ids", "confidence")],
        [numpy_helper.from_array(np.asarray(numbers), name) for name, numbers in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
