"""A quantizer for tests: plain 8-bit pairs around every layer, and one layer that it ruins."""

from collections.abc import Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from segstudio.deploy.quantization import DEQUANTIZE, LAYERS, QUANTIZE, Plan
from segstudio.inference.core import RESIZED

NEEDS, INSTALL = "onnx", ""
Ranges = dict[str, tuple[float, float]]


def quantize(core: onnx.ModelProto, inputs: Sequence[NDArray[np.float32]], plan: Plan) -> onnx.ModelProto:
    """Mode is the name of the layer to ruin; "always " before it ruins that even where it is exempt."""
    ruined = plan.mode.removeprefix("always ")
    graph = core.graph
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    chosen = [node for node in graph.node if node.op_type in LAYERS and node.name not in plan.exempt]
    ranges = _ranges(
        core, {name for node in chosen for name in node.input[:2] if name not in weights}, inputs
    )
    nodes: list[onnx.NodeProto] = []
    names = {node.name for node in chosen}
    for node in graph.node:
        if node.name == ruined and (node.name not in plan.exempt or plan.mode != ruined):
            weights["ruined"] = -weights[node.input[1]]
            graph.initializer.append(numpy_helper.from_array(weights["ruined"], "ruined"))
            node.input[1] = "ruined"
        if node.name in names:
            for number in range(2):
                source = node.input[number]
                scale, zero = _steps(weights.get(source), ranges.get(source, (0.0, 0.0)))
                nodes += _pair(graph, node, number, scale, zero)
        nodes.append(node)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)
    return core


def _ranges(core: onnx.ModelProto, names: set[str], inputs: Sequence[NDArray[np.float32]]) -> Ranges:
    shown = onnx.ModelProto()
    shown.CopyFrom(core)
    known = {end.name for end in core.graph.output}
    shown.graph.output.extend(onnx.ValueInfoProto(name=name) for name in sorted(names - known))
    session = onnxruntime.InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])
    asked = sorted(names)
    found = [session.run(asked, {RESIZED: given}) for given in inputs]
    return {
        name: (float(min(values.min() for values in tensors)), float(max(values.max() for values in tensors)))
        for name, tensors in zip(asked, zip(*found, strict=True), strict=True)
    }


def _steps(
    weights: NDArray[np.float32] | None, limits: tuple[float, float]
) -> tuple[np.float32, NDArray[np.int8] | NDArray[np.uint8]]:
    """Scale and zero point."""
    if weights is not None:
        return np.float32(np.abs(weights).max() / 127), np.zeros((), np.int8)
    least, most = min(limits[0], 0.0), max(limits[1], 0.0)
    scale = np.float32((most - least) / 255 or 1.0)
    return scale, np.asarray(np.rint(-least / scale), np.uint8)


def _pair(
    graph: onnx.GraphProto,
    node: onnx.NodeProto,
    number: int,
    scale: np.float32,
    zero: NDArray[np.int8] | NDArray[np.uint8],
) -> list[onnx.NodeProto]:
    start = f"{node.name}.{number}"
    steps = [f"{start}.scale", f"{start}.zero"]
    graph.initializer.append(numpy_helper.from_array(np.asarray(scale), steps[0]))
    graph.initializer.append(numpy_helper.from_array(zero, steps[1]))
    source = node.input[number]
    node.input[number] = f"{start}.back"
    return [
        helper.make_node(QUANTIZE, [source, *steps], [f"{start}.bytes"], name=f"{start}.quantize"),
        helper.make_node(
            DEQUANTIZE, [f"{start}.bytes", *steps], [f"{start}.back"], name=f"{start}.dequantize"
        ),
    ]
