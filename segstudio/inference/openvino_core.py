"""The core of a deployment graph that is stored as OpenVINO's IR: cut from the loaded model."""

import threading
from dataclasses import dataclass
from typing import Any

from segstudio.inference.core import CERTAINTY, RESIZED, SCORES, Kind


@dataclass(frozen=True)
class IrPart:
    """A model from `resized` to its scores; see `core.Core`.

    Attributes:
        content: the model.
        output: name of the scores.
        kind: what the scores are.
    """

    content: Any
    output: str
    kind: Kind


class IrCore:
    """The core of a model, cut when it is first asked for; for several threads. Like `core.LazyCore`.

    Args:
        model: a deployment graph as an OpenVINO model, which is not changed.
    """

    OUTPUT = "core_scores"

    def __init__(self, model: Any) -> None:
        self._model = model
        self._part: IrPart | None = None
        self._is_cut = False
        self._lock = threading.Lock()

    @property
    def kind(self) -> Kind | None:
        """What the scores are; None without any."""
        part = self._cut()
        return part.kind if part else None

    def get(self) -> IrPart:
        """The core, which must be there."""
        part = self._cut()
        assert part is not None, "asked for scores of a model that has none"
        return part

    def _cut(self) -> IrPart | None:
        with self._lock:
            if not self._is_cut:
                self._part, self._is_cut = self._made(), True
            return self._part

    def _made(self) -> IrPart | None:
        import openvino
        from openvino import opset13

        model = self._model.clone()
        tensors = {
            name: output for node in model.get_ordered_ops() for output in node.outputs()
            for name in output.get_names()
        }  # fmt: skip
        if SCORES not in tensors or RESIZED not in tensors:
            return None
        start = opset13.parameter(openvino.PartialShape([-1, 3, -1, -1]), openvino.Type.f32, RESIZED)
        start.output(0).set_names({RESIZED})
        for reader in tensors[RESIZED].get_target_inputs():
            reader.replace_source_output(start.output(0))
        scores = tensors[SCORES].get_node().input_value(0)
        scores.add_names({self.OUTPUT})
        part = openvino.Model([opset13.result(scores)], [start], "core")
        return IrPart(part, self.OUTPUT, "probabilities" if CERTAINTY in tensors else "logits")
