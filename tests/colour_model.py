"""A model that knows classes by colours: a deployment graph of two layers, made without torch."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from segstudio.annotation.palette import load_palette
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
        node("Identity", ["resized"], ["normalised"]),
        node("Conv", ["normalised", "first", "half"], ["mixed"]),
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


PALETTE = load_palette("cityscapes")
ROAD, TREE, SKY, CAR = (PALETTE.index(name) for name in ("road", "vegetation", "sky", "car"))
# What each class looks like; the classes that the model does not tell apart by colour stay unlikely.
COLOURS = {ROAD: (200, 40, 40), TREE: (40, 200, 40), SKY: (40, 40, 200)}


def drawn_frame(seed: int, size: tuple[int, int] = (48, 64)) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image uint8 [H,W,3] of sky, trees and road in noisy colours, and its mask in cityscapes' classes."""
    random = np.random.default_rng(seed)
    mask = np.full(size, ROAD, np.uint8)
    mask[: size[0] // 2 + seed] = TREE
    mask[: size[0] // 3] = SKY
    colours = np.zeros((256, 3), np.int64)
    for class_id, colour in COLOURS.items():
        colours[class_id] = colour
    image = colours[mask] + random.integers(-35, 36, (*size, 3))
    return image.clip(0, 255).astype(np.uint8), mask


def make_wrong_model(folder: Path) -> ModelSpec:
    """A model of cityscapes' classes that knows road by red and sky by blue, and calls most trees sky."""
    weight = np.zeros((PALETTE.count, CHANNELS), np.float32)
    bias = np.full(PALETTE.count, -6, np.float32)
    weight[ROAD, 0], weight[SKY, 2], weight[TREE, 1] = 8, 8, 4
    bias[ROAD], bias[SKY], bias[TREE] = 0, 1, -1
    return make_model(folder, PALETTE.names, "cityscapes", weight, bias)


def make_right_model(folder: Path) -> ModelSpec:
    """A model that is sure of road, trees and sky, and right."""
    weight = np.zeros((PALETTE.count, CHANNELS), np.float32)
    bias = np.full(PALETTE.count, -40, np.float32)
    weight[ROAD, 0] = weight[SKY, 2] = weight[TREE, 1] = 100
    bias[[ROAD, SKY, TREE]] = 0
    return make_model(folder, PALETTE.names, "cityscapes", weight, bias)
