"""Makes int8 graphs: weights and activations of the network between quantize and dequantize nodes (Q/DQ)."""

import importlib
import importlib.util
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter
from typing import Protocol

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.deploy.onnx_graph import LARGEST_FILE, GraphIndex, prune, weight_bytes
from segstudio.deploy.onnx_half import float_weights
from segstudio.errors import BackendError, ModelError, SegstudioError
from segstudio.inference.core import RESIZED, Core, cut_from, read_names

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
        exempt: names of further layers that stay float, as `plain_graph` gives them.

    Raises:
        BackendError: the quantizer's package is not installed.
        ModelError: the graph has no network that could be cut out of it, or the quantizer fails on it.
    """
    return _quantized(whole, inputs, *QUANTIZERS[quantizer], exempt)


def quantized_for_tensorrt(whole: onnx.ModelProto, inputs: Sequence[Floats]) -> onnx.ModelProto:
    """Like `quantized`, with symmetric scales, which are the only ones that TensorRT takes."""
    return _quantized(whole, inputs, *SYMMETRIC, ())


def _quantized(
    whole: onnx.ModelProto, inputs: Sequence[Floats], module: str, mode: str, exempt: Collection[str]
) -> onnx.ModelProto:
    chosen: QuantizerModule = importlib.import_module(module)
    if install := _missing(module):
        raise BackendError(f"{chosen.NEEDS} is not installed", hint=install)
    plain = plain_graph(whole)
    core = core_of(plain)
    plan = Plan(mode, (*spared(core), *exempt))
    try:
        made = chosen.quantize(onnx.load_from_string(core.content), inputs, plan)
    except SegstudioError:
        raise
    except Exception as error:
        # Quantizers refuse graphs that they do not know in many ways of their own.
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise ModelError(
            f"{chosen.NEEDS} cannot quantize this graph: {reason}", hint="use the float model"
        ) from error
    return spliced(plain, core, made)


def _missing(module: str) -> str:
    chosen: QuantizerModule = importlib.import_module(module)
    return "" if importlib.util.find_spec(chosen.NEEDS) else chosen.INSTALL


def plain_graph(whole: onnx.ModelProto) -> onnx.ModelProto:
    """A copy with plain float32 weights, in which every node has a name to be spared by."""
    made = float_weights(whole)
    taken = {node.name for node in made.graph.node}
    for number, node in enumerate(made.graph.node):
        if not node.name:
            name = f"{node.op_type}_{number}"
            node.name = name if name not in taken else f"{name}_unnamed"
    return made


def core_of(whole: onnx.ModelProto) -> Core:
    """The network of a deployment graph; see `cut_from`.

    Raises:
        ModelError: it has none, since it gives ids alone; or it is too large for a graph in one piece.
    """
    if weight_bytes(whole) >= LARGEST_FILE:
        raise ModelError(
            "this model cannot be quantized: its weights are larger than 2 GB in float32",
            hint="export it in float16, or quantize a smaller model",
        )
    core = cut_from(whole)
    if core is None:
        raise ModelError(
            "this model cannot be quantized: its graph gives ids alone",
            hint="import the checkpoint that it was exported from",
        )
    return core


def spared(core: Core) -> tuple[str, ...]:
    """Names of what stays float: the normalisation, the first convolution, the classifier and behind."""
    graph = onnx.load_from_string(core.content).graph
    index = GraphIndex(graph)
    found: dict[str, None] = {}
    reached = {RESIZED}
    for node in graph.node:
        # What computes with sizes alone reads no pixels.
        if node.op_type != "Shape" and reached.intersection(node.input):
            found[node.name] = None
            if node.op_type not in LAYERS:
                reached.update(node.output)
    waiting = [core.output]
    while waiting:
        maker = index.maker(waiting.pop())
        if maker is None or maker.name in found or maker.op_type in ("Shape", "Constant"):
            continue
        found[maker.name] = None
        if maker.op_type not in LAYERS:
            waiting += maker.input
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
    """A deployment graph with another network between `resized` and the scores.

    Args:
        whole: the deployment graph.
        core: its own network.
        changed: the network to put there, with the same input and output.
    """
    made = onnx.ModelProto()
    made.CopyFrom(whole)
    graph, inner = made.graph, _apart(whole.graph, core, changed).graph
    replaced = {name for node in inner.node for name in node.output}
    kept = [node for node in graph.node if not replaced.intersection(node.output)]
    tensors = {tensor.name: tensor for tensor in (*graph.initializer, *inner.initializer)}
    nodes = in_order([*inner.node, *kept])
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    stored = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors.values()]
    for field, values in ((graph.node, copies), (graph.initializer, stored)):
        del field[:]
        field.extend(values)
    del made.opset_import[:], graph.value_info[:]
    made.opset_import.extend(changed.opset_import)
    prune(graph)
    return made


def _apart(graph: onnx.GraphProto, core: Core, changed: onnx.ModelProto) -> onnx.ModelProto:
    """A copy of a changed core whose new tensors have names that nothing around it has."""
    made = onnx.ModelProto()
    made.CopyFrom(changed)
    inner = made.graph
    around, old = _made_names(graph), _made_names(onnx.load_from_string(core.content).graph)
    clashing = {name: f"{name}.int8" for name in (_made_names(inner) - old) & around}
    for tensor in inner.initializer:
        tensor.name = clashing.get(tensor.name, tensor.name)
    for node in inner.node:
        for names in (node.input, node.output):
            names[:] = [clashing.get(name, name) for name in names]
    return made


def _made_names(graph: onnx.GraphProto) -> set[str]:
    names = {name for node in graph.node for name in node.output if name}
    return names | {entry.name for entry in (*graph.initializer, *graph.input)}


def in_order(nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Nodes in an order in which each stands behind those whose tensors it, or a graph in it, reads."""
    listed = list(nodes)
    makers = {name: number for number, node in enumerate(listed) for name in node.output if name}
    needs = {
        number: [makers[name] for name in sorted(read_names(node)) if makers.get(name, number) != number]
        for number, node in enumerate(listed)
    }
    return [listed[number] for number in TopologicalSorter(needs).static_order()]
