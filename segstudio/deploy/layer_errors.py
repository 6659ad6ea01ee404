"""Says which layers of a quantized network lose most, so that those can be given back to float first."""

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.deploy.onnx_graph import open_session
from segstudio.deploy.quantization import LAYERS, layers_of
from segstudio.inference.core import RESIZED

Floats = NDArray[np.float32]


def worst_first(
    plain: onnx.ModelProto, changed: onnx.ModelProto, inputs: Iterable[Floats]
) -> tuple[str, ...]:
    """Names of the int8 layers of `changed`, those first that add most error.

    Both networks see the same inputs. The error of a tensor is the power of the difference over the power of
    the float one; what a layer adds is the error of its output less the largest error of any layer before it
    that it depends on.

    Args:
        plain: the core in float32.
        changed: the same core with Q/DQ nodes; its nodes have the same names.
        inputs: float32 [1,3,h,w] of 0-1.
    """
    # Quantizers rename some tensors that they put something behind.
    there = {name for node in changed.graph.node for name in node.output}
    layers = [node for node in plain.graph.node if node.op_type in LAYERS and node.output[0] in there]
    errors = _errors(plain, changed, [node.output[0] for node in layers], inputs)
    before = _errors_before(plain, errors)
    added = {node.name: errors[node.output[0]] - before[node.name] for node in layers}
    quantized = [name for name in layers_of(changed) if name in added]
    return tuple(sorted(quantized, key=lambda name: -added[name]))


def _errors(
    plain: onnx.ModelProto, changed: onnx.ModelProto, names: Sequence[str], inputs: Iterable[Floats]
) -> dict[str, float]:
    """Noise over signal of each tensor."""
    sessions = [open_session(_showing(model, names), "the network") for model in (plain, changed)]
    signal, noise = (dict.fromkeys(names, 0.0) for _ in range(2))
    for given in inputs:
        answers = [session.run(list(names), {RESIZED: given}) for session in sessions]
        for name, expected, found in zip(names, *answers, strict=True):
            signal[name] += float(np.square(expected, dtype=np.float64).sum())
            noise[name] += float(np.square(found - expected, dtype=np.float64).sum())
    return {name: noise[name] / max(signal[name], 1e-30) for name in names}


def _showing(model: onnx.ModelProto, names: Sequence[str]) -> onnx.ModelProto:
    """A copy that gives tensors from within as well."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    there = {end.name for end in made.graph.output}
    made.graph.output.extend(
        onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None)
        for name in names
        if name not in there
    )
    return made


def _errors_before(plain: onnx.ModelProto, errors: dict[str, float]) -> dict[str, float]:
    """For each layer the largest error among the layers that its inputs come from, without others between."""
    reaching: dict[str, float] = {}
    before = {}
    for node in plain.graph.node:
        largest = max((reaching.get(name, 0.0) for name in node.input), default=0.0)
        before[node.name] = largest
        for name in node.output:
            reaching[name] = errors.get(name, largest)
    return before
