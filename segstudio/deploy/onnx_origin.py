"""Guesses who made an ONNX file, and with it the mean and std that its network was trained with."""

from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import onnx

from segstudio.deploy.onnx_graph import GraphIndex

Kind = Literal["logits", "probabilities", "ids", "deployment"]
# Where the classes or the single channel lie in the output.
OutputLayout = Literal["NKHW", "NHWK", "N1HW", "NHW1", "NHW"]
Triple = tuple[float, float, float]

IMAGENET: tuple[Triple, Triple] = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
HALVES: tuple[Triple, Triple] = ((0.5, 0.5, 0.5), (0.5, 0.5, 0.5))


class Origin(NamedTuple):
    """A producer, mean and std for pixels 0-1, and why they are taken, in one line."""

    producer: str
    mean: Triple
    std: Triple
    reason: str


HUGGING_FACE = Origin("Hugging Face", *IMAGENET, "names of a Hugging Face export: ImageNet mean")
TAO_LOGITS = Origin("TAO", *HALVES, "input -> output logits at a quarter: TAO 6 or newer, mean and std 0.5")
TAO_CITY = Origin("TAO", *IMAGENET, "ids [N,H,W,1]: TAO for DeepStream as CitySemSegFormer, ImageNet mean")
TAO_PEOPLE = Origin("TAO", *HALVES, "2 ids [N,H,W,1]: TAO for DeepStream as PeopleSemSegFormer, mean 0.5")
MMDEPLOY_IDS = Origin("mmdeploy", *IMAGENET, "ids [N,1,H,W]: TAO 5 or mmdeploy, ImageNet mean")
MMDEPLOY_LOGITS = Origin("mmdeploy", *IMAGENET, "full-size logits: mmdeploy without argmax, ImageNet mean")
UNKNOWN = Origin("unknown", *IMAGENET, "no known producer: ImageNet mean, the usual one of SegFormer")


@dataclass(frozen=True)
class InputFacts:
    """The input as declared; 0 stands for a free side."""

    name: str
    dtype: str
    layout: Literal["NCHW", "NHWC"]
    batch: int
    height: int
    width: int


@dataclass(frozen=True)
class OutputFacts:
    """The output as declared or run; 0 classes are unknown."""

    name: str
    kind: Kind
    layout: OutputLayout
    classes: int
    stride: int


def origin(graph: onnx.GraphProto, given: InputFacts, found: OutputFacts) -> Origin:
    """The likely producer, by the names and forms of both ends."""
    inside = _own_normalisation(graph, given.name)
    if inside is not None:
        return Origin("unknown", *inside, "the file normalises its input itself")
    if any("segformer." in tensor.name for tensor in graph.initializer) and found.kind == "logits":
        return HUGGING_FACE
    return _known(given, found) or UNKNOWN


def _known(given: InputFacts, found: OutputFacts) -> Origin | None:
    names = (given.name, found.name)
    if names == ("pixel_values", "logits"):
        return HUGGING_FACE
    if found.kind == "ids" and found.layout == "NHW1":
        return TAO_PEOPLE if found.classes == 2 else TAO_CITY
    if found.kind == "ids" and found.layout == "N1HW":
        return MMDEPLOY_IDS
    if names == ("input", "output") and found.kind == "logits":
        return MMDEPLOY_LOGITS if found.stride == 1 else TAO_LOGITS
    return None


def _own_normalisation(graph: onnx.GraphProto, name: str) -> tuple[Triple, Triple] | None:
    """(0, 1) or, for pixels 0-255, (0, 1/255) if constants are subtracted or divided before all else."""
    index = GraphIndex(graph)
    gain: Any = np.ones(1)
    shift: Any = np.zeros(1)
    steps = 0
    while len(users := index.users(name)) == 1:
        node = users[0]
        if node.op_type in ("Sub", "Div", "Add", "Mul"):
            value = index.constant(node.input[1]) if node.input[0] == name else None
            if value is None or value.size not in (1, 3):
                break
            value = value.reshape(-1).astype(np.float64)
            if node.op_type in ("Sub", "Add"):
                shift = shift + (value if node.op_type == "Add" else -value)
            else:
                factor = value if node.op_type == "Mul" else 1 / value
                gain, shift = gain * factor, shift * factor
            steps += 1
        elif node.op_type not in ("Cast", "Transpose", "Identity"):
            break
        name = node.output[0]
    if not steps:
        return None
    # A usual std is 0.2 of the range, so a smaller gain than 0.1 (or a mean above 8) is for pixels 0-255.
    scale = 1 / 255 if np.abs(gain).max() < 0.1 or np.abs(shift).max() > 8 else 1.0
    return (0.0, 0.0, 0.0), (scale, scale, scale)
