"""Gives a float ONNX file the quantized nodes that int8 engines need, with ranges measured on images."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx

from segstudio.deploy import quantizer_ort
from segstudio.deploy.calibration import CalibrationInputs
from segstudio.deploy.onnx_facts import embedded_spec, is_deployment
from segstudio.deploy.onnx_graph import load_onnx, real_inputs, save_onnx
from segstudio.deploy.onnx_half import float_weights
from segstudio.deploy.quantization import LAYERS, Plan, quantized_for_tensorrt
from segstudio.deploy.tensorrt_graph import Quantize
from segstudio.errors import ModelError
from segstudio.inference.core import RESIZED
from segstudio.inference.spec import ModelSpec, ResizeRule

Channels = tuple[float, float, float]
SYMMETRIC = "symmetric"


def quantizer_on(images: Sequence[Path], mean: Channels, std: Channels) -> Quantize:
    """What quantizes a file on images.

    Args:
        images: files, of the kind that the model will see.
        mean: what is taken from pixels 0-1 before a graph of TAO's form sees them, a value a channel; our
            deployment graph has its own.
        std: by what they are divided then.
    """

    def quantize(source: Path, target: Path) -> None:
        model = load_onnx(source)
        if is_deployment(model.graph):
            spec = embedded_spec(model, str(source))
            if spec is None:
                raise ModelError(f"{source} does not say how it sees images", hint="export it again")
            made = quantized_for_tensorrt(model, CalibrationInputs(images, spec))
        else:
            made = _network_quantized(model, images, mean, std, source)
        save_onnx(made, target)

    return quantize


def _network_quantized(
    model: onnx.ModelProto, images: Sequence[Path], mean: Channels, std: Channels, source: Path
) -> onnx.ModelProto:
    """A graph from normalised planes [N,3,H,W] to scores, quantized but for its first and last layer."""
    given = real_inputs(model.graph)[0]
    sides = [dim.dim_value for dim in given.type.tensor_type.shape.dim]
    layers = [node.name for node in model.graph.node if node.op_type in LAYERS]
    if len(sides) != 4 or not (sides[2] and sides[3]) or not all(layers):
        raise ModelError(
            f"{source} cannot be quantized: its input has no fixed size, or its layers have no names",
            hint="export it with a fixed height and width, or give an ONNX file that is quantized",
        )
    rule = ResizeRule("stretch", sides[2], sides[3])
    # Only the rule is asked for.
    spec = ModelSpec("calibration", "", ("class",), "", {}, rule)
    taken, scale = (np.asarray(values, np.float32).reshape(1, 3, 1, 1) for values in (mean, std))
    shown = [(pixels - taken) / scale for pixels in CalibrationInputs(images, spec)]
    made = quantizer_ort.quantize(
        _renamed(float_weights(model), given.name, RESIZED), shown, Plan(SYMMETRIC, (layers[0], layers[-1]))
    )
    return _renamed(made, RESIZED, given.name)


def _renamed(model: onnx.ModelProto, old: str, new: str) -> onnx.ModelProto:
    """The model with another name of its input, in place."""
    for end in model.graph.input:
        end.name = new if end.name == old else end.name
    for node in model.graph.node:
        for number, name in enumerate(node.input):
            if name == old:
                node.input[number] = new
    return model
