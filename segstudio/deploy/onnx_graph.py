"""Reads, runs, prunes and saves ONNX graphs that others made."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper
from onnx.external_data_helper import load_external_data_for_model

from segstudio.errors import ModelError
from segstudio.images import atomic_write
from segstudio.inference.core import read_names
from segstudio.inference.onnx_ import runtime_errors
from segstudio.jobs import cores

Tensor = NDArray[Any]
# A protocol buffer ends at 2 GiB; what is larger keeps its weights in a file beside it.
LARGEST_FILE = 2**31 - 2**20
EXTERNAL = "model.onnx.data"
# They change the form of a tensor and never its values.
SHAPING = ("Reshape", "Transpose", "Flatten", "Squeeze", "Unsqueeze", "Identity", "Dropout")


class GraphIndex:
    """Finds nodes and constants of a graph by the names of tensors."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph
        self._makers = {name: node for node in graph.node for name in node.output if name}
        self._initializers = {tensor.name: tensor for tensor in graph.initializer}
        self._users: dict[str, list[onnx.NodeProto]] = {}
        for node in graph.node:
            for name in set(node.input):
                self._users.setdefault(name, []).append(node)

    def maker(self, name: str) -> onnx.NodeProto | None:
        """The node that makes a tensor; None for inputs and initializers."""
        return self._makers.get(name)

    def users(self, name: str) -> list[onnx.NodeProto]:
        """The nodes that read a tensor."""
        return self._users.get(name, [])

    def behind(self, name: str, operators: Iterable[str] = ("Identity", "Dropout")) -> list[str]:
        """The tensor and those before it, as long as only such operators lie between; nearest first."""
        names = [name]
        while (node := self.maker(names[-1])) is not None and node.op_type in operators:
            names.append(node.input[0])
        return names

    def constant(self, name: str) -> Tensor | None:
        """The values of a tensor that is the same for every input, else None."""
        if name in self._initializers:
            return np.asarray(numpy_helper.to_array(self._initializers[name]))
        node = self.maker(name)
        if node is None:
            return None
        values = attributes(node)
        if node.op_type == "Constant":
            given = values.get("value", values.get("value_floats", values.get("value_ints")))
            is_tensor = isinstance(given, onnx.TensorProto)
            return np.asarray(numpy_helper.to_array(given) if is_tensor else given)
        if node.op_type not in ("Identity", "Cast", "Transpose"):
            return None
        source = self.constant(node.input[0])
        if source is None or node.op_type == "Identity":
            return source
        if node.op_type == "Transpose":
            return source.transpose(values.get("perm"))
        return source.astype(helper.tensor_dtype_to_np_dtype(values["to"]))


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """A node's attributes; texts as str."""
    found = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
    return {key: value.decode() if isinstance(value, bytes) else value for key, value in found.items()}


def real_inputs(graph: onnx.GraphProto) -> list[onnx.ValueInfoProto]:
    """The inputs that a caller gives: old files list their weights as inputs, too."""
    weights = {tensor.name for tensor in graph.initializer}
    return [end for end in graph.input if end.name not in weights]


def opset(model: onnx.ModelProto) -> int:
    """The version of the standard operators."""
    return max(
        (int(entry.version) for entry in model.opset_import if entry.domain in ("", "ai.onnx")), default=0
    )


def prune(graph: onnx.GraphProto) -> None:
    """Removes nodes, initializers and shape notes that no output needs."""
    needed = {end.name for end in graph.output}
    kept = []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            kept.append(node)
            needed |= read_names(node)
    kept.reverse()
    tensors = [tensor for tensor in graph.initializer if tensor.name in needed]
    notes = [note for note in graph.value_info if note.name in needed]
    for field, values in ((graph.node, kept), (graph.initializer, tensors), (graph.value_info, notes)):
        del field[:]
        field.extend(values)


def load_onnx(path: Path) -> onnx.ModelProto:
    """Reads a file with its external data; local functions are put where they are used.

    Raises:
        ModelError: missing, unreadable, or its external data is not there.
    """
    if not path.is_file():
        raise ModelError(f"there is no file {path}", hint="give the path of an ONNX file")
    hint = "copy or export it again"
    if path.suffix == ".etlt":
        hint = "TAO's .etlt files are encrypted: export the model to ONNX with TAO"
    try:
        model = onnx.load_model(path, format="protobuf", load_external_data=False)
    except OSError as error:
        raise ModelError(f"{path} cannot be read: {error.strerror}") from error
    except Exception as error:
        raise ModelError(f"{path} is no ONNX file, or only a part of one", hint=hint) from error
    if not model.graph.node or not model.opset_import:
        raise ModelError(f"{path} holds no ONNX graph", hint=hint)
    try:
        load_external_data_for_model(model, str(path.parent))
    except (OSError, ValueError, onnx.checker.ValidationError) as error:
        raise ModelError(
            f"{path} keeps its weights in another file that cannot be read: {_line(error)}",
            hint="put the .data file beside it, under its old name",
        ) from error
    return onnx.inliner.inline_local_functions(model) if model.functions else model


def weight_bytes(model: onnx.ModelProto) -> int:
    """Bytes of a model's weights; protobuf itself cannot tell the size of what is too large for one file."""
    return sum(len(tensor.raw_data) or 4 * len(tensor.float_data) for tensor in model.graph.initializer)


def save_onnx(model: onnx.ModelProto, path: Path) -> list[str]:
    """Writes a model; returns the names of the files beside it that it needs."""
    if weight_bytes(model) < LARGEST_FILE:
        atomic_write(path, model.SerializeToString())
        return []
    # Saving takes the weights out of the model; a copy in memory would need as much again.
    onnx.save_model(model, path, save_as_external_data=True, location=EXTERNAL)
    load_external_data_for_model(model, str(path.parent))
    return [EXTERNAL]


def open_session(model: onnx.ModelProto, where: str) -> Any:
    """ONNX Runtime on the CPU, for proofs and for shapes.

    Raises:
        ModelError: ONNX Runtime refuses the model; says where it came from.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores()
    options.log_severity_level = 4
    options.enable_cpu_mem_arena = False
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        source: str | bytes
        if weight_bytes(model) < LARGEST_FILE:
            source = model.SerializeToString()
        else:
            source = str(Path(folder) / "model.onnx")
            save_onnx(model, Path(source))
        try:
            return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])
        except runtime_errors() as error:
            raise ModelError(
                f"ONNX Runtime refuses {where}: {_line(error)}",
                hint="export it again, with standard operators",
            ) from error


def run_session(session: Any, image: Tensor, where: str, names: Sequence[str] | None = None) -> list[Tensor]:
    """Outputs for one input.

    Raises:
        ModelError: the network fails on an input of that size.
    """
    try:
        found: list[Tensor] = session.run(names, {session.get_inputs()[0].name: image})
    except runtime_errors() as error:
        sizes = "x".join(str(side) for side in image.shape)
        raise ModelError(
            f"{where} fails on an input of {sizes}: {_line(error)}", hint="export it again, with a fixed size"
        ) from error
    return found


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
