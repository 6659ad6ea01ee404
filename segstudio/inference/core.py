"""The core of a deployment graph: from resized pixels to scores, without the changes of size around it."""

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import onnx

# Names that every deployment graph of segstudio has.
RESIZED, SCORES, CERTAINTY = "resized", "scores", "certainty"
Kind = Literal["logits", "probabilities"]


@dataclass(frozen=True)
class Core:
    """The part of a deployment graph between its two changes of size.

    Attributes:
        content: an ONNX file: `resized`, float32 [N,3,h,w] of 0-1 RGB at a size of the network, to `output`,
            float32 [N,K,h',w'].
        output: name of the scores.
        kind: what the scores are.
    """

    content: bytes
    output: str
    kind: Kind


class LazyCore:
    """The core of a file, cut when it is first asked for; for several threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._core: Core | None = None
        self._is_cut = False
        self._lock = threading.Lock()

    @property
    def kind(self) -> Kind | None:
        """What the scores are; None without any."""
        core = self._cut()
        return core.kind if core else None

    def get(self) -> Core:
        """The core, which must be there."""
        core = self._cut()
        assert core is not None, "asked for scores of a model that has none"
        return core

    def _cut(self) -> Core | None:
        with self._lock:
            if not self._is_cut:
                self._core, self._is_cut = cut_core(self._path), True
            return self._core


def cut_core(path: Path) -> Core | None:
    """The core of a model's ONNX file; None if it has none: it gives ids alone, or has weights beside it."""
    import onnx

    return cut_from(onnx.load_model(path, load_external_data=False))


def cut_from(model: "onnx.ModelProto") -> Core | None:
    """The core of a deployment graph; see `cut_core`."""
    import onnx

    graph = model.graph
    made_by = {name: node for node in graph.node for name in node.output}
    aside = any(tensor.data_location == onnx.TensorProto.EXTERNAL for tensor in graph.initializer)
    if aside or SCORES not in made_by or RESIZED not in made_by:
        return None
    output = made_by[SCORES].input[0]
    kept, constants = _needed(graph, output, RESIZED)
    value = onnx.helper.make_tensor_value_info
    cut = onnx.helper.make_graph(
        kept,
        "core",
        [value(RESIZED, onnx.TensorProto.FLOAT, ["batch", 3, "rows", "columns"])],
        [value(output, onnx.TensorProto.FLOAT, ["batch", "classes", "score_rows", "score_columns"])],
        constants,
    )
    whole = onnx.helper.make_model(cut, opset_imports=model.opset_import, ir_version=model.ir_version)
    kind: Kind = "probabilities" if CERTAINTY in made_by else "logits"
    return Core(whole.SerializeToString(), output, kind)


def _needed(
    graph: "onnx.GraphProto", output: str, start: str
) -> "tuple[list[onnx.NodeProto], list[onnx.TensorProto]]":
    """The nodes, in their order, and the constants between two tensors."""
    wanted, kept = {output}, []
    # Nodes stand behind those whose outputs they read.
    for node in reversed(graph.node):
        if start not in node.output and wanted.intersection(node.output):
            kept.append(node)
            wanted.update(read_names(node))
    return kept[::-1], [tensor for tensor in graph.initializer if tensor.name in wanted]


def read_names(node: "onnx.NodeProto") -> set[str]:
    """The tensors that a node reads, those of its inner graphs included."""
    names = {name for name in node.input if name}
    for entry in node.attribute:
        for graph in (entry.g, *entry.graphs):
            names.update(*(read_names(inner) for inner in graph.node), {end.name for end in graph.output})
    return names
