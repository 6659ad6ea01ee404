"""Makes int8 graphs: weights and activations of the network between quantize and dequantize nodes (Q/DQ)."""

import importlib
import importlib.util
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.deploy.onnx_graph import prune
from segstudio.deploy.onnx_half import float_weights
from segstudio.errors import BackendError, ModelError
from segstudio.inference.core import RESIZED, Core, cut_from

Floats = NDArray[np.float32]
# What multiplies: the nodes whose inputs are worth eight bits.
LAYERS = ("Conv", "MatMul", "Gemm")
QUANTIZE, DEQUANTIZE = "QuantizeLinear", "DequantizeLinear"


class QuantizerModule(Protocol):
    """What the module of a quantizer provides.

    Attributes:
        NEEDS: the package that it uses, by its import name.
        INSTALL: the line that installs it.
    """

    NEEDS: str
    INSTALL: str

    def quantize(self, core: onnx.ModelProto, inputs: Sequence[Floats], plan: "Plan") -> onnx.ModelProto:
        """The core with Q/DQ nodes."""
        ...


@dataclass(frozen=True)
class Plan:
    """How a core is quantized.

    Attributes:
        mode: what the quantizer makes of it; see its module.
        exempt: names of nodes that stay float.
    """

    mode: str
    exempt: tuple[str, ...] = ()


# A quantizer is a module and one of its modes; a new one is one module and one line. In the order in which
# they are tried.
QUANTIZERS: dict[str, tuple[str, str]] = {
    "nncf": ("segstudio.deploy.quantizer_nncf", "default"),
    "nncf-transformer": ("segstudio.deploy.quantizer_nncf", "transformer"),
    "onnxruntime": ("segstudio.deploy.quantizer_ort", "u8s8"),
}
# TensorRT takes scales without zero points alone.
SYMMETRIC = ("segstudio.deploy.quantizer_ort", "symmetric")


def available_quantizers() -> dict[str, str]:
    """Every quantizer by name, with the line that installs it where it is missing, else ""."""
    return {name: _missing(module) for name, (module, _) in QUANTIZERS.items()}


def quantized(
    whole: onnx.ModelProto, inputs: Sequence[Floats], quantizer: str, exempt: Collection[str] = ()
) -> onnx.ModelProto:
    """A deployment graph whose network computes in int8.

    The first convolution, which reads pixels, and the last one, which decides, stay float; so do the names
    in `exempt`.

    Args:
        whole: a deployment graph in float32.
        inputs: what the network is shown to learn its ranges from, float32 [1,3,h,w] of 0-1 each.
        quantizer: a key of QUANTIZERS.
        exempt: names of further layers that stay float.

    Raises:
        BackendError: the quantizer's package is not installed.
        ModelError: the graph has no network that could be cut out of it.
    """
    return _quantized(whole, inputs, *QUANTIZERS[quantizer], exempt)


def quantized_for_tensorrt(whole: onnx.ModelProto, inputs: Sequence[Floats]) -> onnx.ModelProto:
    """Like `quantized`, with symmetric scales, which are the only ones that TensorRT takes."""
    return _quantized(whole, inputs, *SYMMETRIC, ())


def _quantized(
    whole: onnx.ModelProto, inputs: Sequence[Floats], module: str, mode: str, exempt: Collection[str]
) -> onnx.ModelProto:
    if install := _missing(module):
        raise BackendError(f"{module.rpartition('_')[2]} is not installed", hint=install)
    plain = float_weights(whole)
    core = core_of(plain)
    left = (*spared(core), *exempt)
    chosen: QuantizerModule = importlib.import_module(module)
    made = chosen.quantize(onnx.load_from_string(core.content), inputs, Plan(mode, left))
    return spliced(plain, core, made)


def _missing(module: str) -> str:
    chosen: QuantizerModule = importlib.import_module(module)
    return "" if importlib.util.find_spec(chosen.NEEDS) else chosen.INSTALL


def core_of(whole: onnx.ModelProto) -> Core:
    """The network of a deployment graph; see `cut_from`.

    Raises:
        ModelError: it has none: it gives ids alone, or keeps weights in another file.
    """
    core = cut_from(whole)
    if core is None:
        raise ModelError(
            "this model cannot be quantized: its graph gives ids alone, or is larger than 2 GB",
            hint="import the checkpoint that it was exported from",
        )
    return core


def spared(core: Core) -> tuple[str, ...]:
    """Names of what stays float anyway: the normalisation, the first convolution, and the classifier."""
    graph = onnx.load_from_string(core.content).graph
    before = {RESIZED}
    found = []
    for node in graph.node:
        if before.intersection(node.input):
            found.append(node.name)
            if node.op_type not in LAYERS:
                before.update(node.output)
        elif core.output in node.output:
            found.append(node.name)
    return tuple(found)


def layers_of(core: onnx.ModelProto) -> tuple[str, ...]:
    """Names of the layers of a Q/DQ graph that compute in int8, in their order."""
    dequantized = {name for node in core.graph.node if node.op_type == DEQUANTIZE for name in node.output}
    return tuple(
        node.name
        for node in core.graph.node
        if node.op_type in LAYERS and dequantized.issuperset(node.input[:2])
    )


def spliced(whole: onnx.ModelProto, core: Core, changed: onnx.ModelProto) -> onnx.ModelProto:
    """A deployment graph with another network between `resized` and the scores."""
    made = onnx.ModelProto()
    made.CopyFrom(whole)
    graph = made.graph
    old = onnx.load_from_string(core.content).graph
    replaced = {name for node in old.node for name in node.output}
    kept = [node for node in graph.node if not replaced.issuperset(node.output)]
    tensors = {tensor.name: tensor for tensor in (*graph.initializer, *changed.graph.initializer)}
    nodes = _sorted([*changed.graph.node, *kept], {*tensors, *(end.name for end in graph.input)})
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    stored = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors.values()]
    for field, values in ((graph.node, copies), (graph.initializer, stored)):
        del field[:]
        field.extend(values)
    del made.opset_import[:], graph.value_info[:]
    made.opset_import.extend(changed.opset_import)
    prune(graph)
    return made


def _sorted(nodes: Sequence[onnx.NodeProto], known: set[str]) -> list[onnx.NodeProto]:
    """Nodes in an order in which each reads only what is there already."""
    known = known | {""}
    waiting, found = list(nodes), []
    while waiting:
        later = []
        for node in waiting:
            if known.issuperset(node.input):
                found.append(node)
                known.update(node.output)
            else:
                later.append(node)
        if len(later) == len(waiting):
            raise ModelError(f"the quantized graph lacks what {later[0].name} reads", hint="report this")
        waiting = later
    return found
