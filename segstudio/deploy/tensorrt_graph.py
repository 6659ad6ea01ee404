"""Makes an ONNX file one that TensorRT reads as it is meant: its types say the precision of every node."""

from collections.abc import Callable
from pathlib import Path

import onnx
from onnx import TensorProto, helper

from segstudio.deploy.fixed import fixed
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.deploy.onnx_half import float_weights, half_precision
from segstudio.deploy.tensorrt_plan import EnginePlan, Span
from segstudio.errors import ModelError

# From a file to its quantized form; raises SegstudioError if it cannot.
Quantize = Callable[[Path, Path], None]
READY = "ready.onnx"


def prepared(source: Path, plan: EnginePlan, folder: Path, quantize: Quantize | None) -> Path:
    """Writes a file's form for TensorRT into a folder; returns its path.

    A batch or size of one length only is fixed in the graph: what it computes from it becomes constants.

    Raises:
        ModelError: the file cannot be read or converted; int8 without quantized nodes or means to make them.
    """
    model = load_onnx(source)
    if plan.precision == "int8" and not is_quantized(model):
        if quantize is None:
            raise ModelError(
                f"{source} has no quantized nodes, which int8 needs",
                hint="give images to calibrate with, or an ONNX file that is quantized",
            )
        made = folder / "quantized.onnx"
        quantize(source, made)
        model = load_onnx(made)
    height, width = _only(plan.height), _only(plan.width)
    model = fixed(model, batch=_only(plan.batch), size=(height, width) if height and width else None)
    if plan.precision in ("fp16", "bf16"):
        model = half_precision(model, plan.precision, plan.keep)
    else:
        model = float_weights(model)
    bytes_from_floats(model)
    path = folder / READY
    save_onnx(model, path)
    return path


def _only(span: Span | None) -> int:
    """The one length of a span, 0 if it has several."""
    return span[0] if span and span[0] == span[2] else 0


def is_quantized(model: onnx.ModelProto) -> bool:
    """Whether it has nodes that say how tensors are quantized."""
    return any(node.op_type == "DequantizeLinear" for node in model.graph.node)


def bytes_from_floats(model: onnx.ModelProto) -> None:
    """Puts float32 before each cast to uint8, in place, since TensorRT makes bytes of floats alone.

    Class ids and confidences are whole numbers up to 255, which float32 holds exactly.
    """
    # Of what type its input is, the cast itself does not say; one cast too many costs nothing.
    nodes = []
    for node in model.graph.node:
        target = next((entry.i for entry in node.attribute if entry.name == "to"), None)
        if node.op_type == "Cast" and target == TensorProto.UINT8:
            name = f"{node.output[0]}.float"
            nodes.append(
                helper.make_node("Cast", [node.input[0]], [name], name=f"make_{name}", to=TensorProto.FLOAT)
            )
            node.input[0] = name
        nodes.append(onnx.NodeProto.FromString(node.SerializeToString()))
    del model.graph.node[:]
    model.graph.node.extend(nodes)
