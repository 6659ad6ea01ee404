"""What the task quantize is to do, checked before any work, in the form that its backends take."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.errors import SpecError
from segstudio.jobs import JobContext
from segstudio.training.spec.derived import task_folder
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.workflows.quantize_result import Sides
from segstudio.workflows.spec_calibration import KEY, USUAL, CalibrationSet, open_calibration, require_enough

if TYPE_CHECKING:
    from segstudio.deploy.quantize_layers import LayerRule
    from segstudio.training.loading import Loaded

TASK = "quantize"
TORCHAO, MODELOPT, MODELOPT_ONNX = "torchao", "modelopt.pytorch", "modelopt.onnx"
# TAO's older name.
OTHER_NAMES = {"modelopt": MODELOPT}
ARTEFACTS = {
    TORCHAO: "quantized_model_torchao.pth",
    MODELOPT: "quantized_model_modelopt.pytorch.pth",
    MODELOPT_ONNX: "quantized_model_modelopt",
}
MODES = {TORCHAO: "weight_only_ptq", MODELOPT: "static_ptq", MODELOPT_ONNX: "static_ptq"}
ALGORITHMS = {
    TORCHAO: ("minmax", "max"),
    MODELOPT: ("minmax", "max"),
    MODELOPT_ONNX: ("minmax", "max", "entropy"),
}


@dataclass(frozen=True)
class Task:
    """What all backends are given.

    Attributes:
        spec, context: of the task.
        backend: one of ARTEFACTS.
        artefact: the file or folder to write.
        rules, skip: which layers become what.
        device: what computes.
        calibration: the images; None where weights alone are quantised and none are named.
    """

    spec: ExperimentSpec
    context: JobContext
    backend: str
    artefact: Path
    rules: "tuple[LayerRule, ...]"
    skip: tuple[str, ...]
    device: str
    calibration: CalibrationSet | None

    def images(self) -> CalibrationSet:
        """The images of the calibration, which are enough."""
        return require_enough(self.calibration)


@dataclass(frozen=True)
class Made:
    """What a backend has made.

    Attributes:
        source: the weights that it was made from.
        layers: how many layers have weights of each type.
        kept: how many stay as they are.
        bytes_before, bytes_after: of the weights as float32, and of what was written.
        device: what it ran on.
        sides: the answers before and after, to be compared.
        notes: lines for the user.
    """

    source: str
    layers: Mapping[str, int]
    kept: int
    bytes_before: int
    bytes_after: int
    device: str
    sides: Sides
    notes: tuple[str, ...]


def prepared(spec: ExperimentSpec, context: JobContext) -> tuple[Task, list[str]]:
    """The task, checked before any work, and lines for the user.

    Raises:
        SpecError: see `quantize_spec`.
    """
    from segstudio.deploy.quantize_layers import NATIVE, LayerRule, fallback_notes, settled
    from segstudio.deploy.quantize_torch import chosen_device

    section = spec.quantize
    backend = settled_backend(spec)
    rules = tuple(
        LayerRule(
            layer.module_name,
            layer.weights.dtype if layer.weights else NATIVE,
            layer.activations.dtype if layer.activations else NATIVE,
        )
        for layer in section.layers
    )
    if all(settled(rule.weights) == NATIVE for rule in rules):
        raise SpecError(
            "quantize.layers gives no layer a type: nothing would be quantised",
            hint='for all of them: quantize.layers=[{module_name: "*", weights: {dtype: int8}}]',
        )
    device, notes = chosen_device(section.device)
    notes += fallback_notes(rules)
    if section.backend_kwargs:
        notes.append("quantize.backend_kwargs has no effect: no backend here takes more settings")
    found = open_calibration(spec, context)
    if backend != TORCHAO and len(require_enough(found)) < USUAL:
        assert found is not None
        notes.append(f"ranges are of {len(found)} images: a few hundred make them surer")
    if found is None:
        notes.append(f"{KEY} is not set: answers before and after are not compared")
    artefact = task_folder(spec, TASK) / ARTEFACTS[backend]
    return Task(spec, context, backend, artefact, rules, section.skip_names, device, found), notes


def settled_backend(spec: ExperimentSpec) -> str:
    """The backend by its usual name, if mode and algorithm are its own.

    Raises:
        SpecError: they are not.
    """
    section = spec.quantize
    backend = OTHER_NAMES.get(section.backend, section.backend)
    if section.mode != MODES[backend]:
        others = ", ".join(name for name, mode in MODES.items() if mode == section.mode)
        raise SpecError(
            f"quantize.mode is {section.mode}, which {section.backend} does not have",
            hint=f"set quantize.mode={MODES[backend]}, or quantize.backend to one of: {others}",
        )
    if section.algorithm not in ALGORITHMS[backend]:
        raise SpecError(
            f"quantize.algorithm is {section.algorithm}, which {section.backend} does not have here",
            hint=f"set it to one of: {', '.join(ALGORITHMS[backend])}; awq and rtn are for 4 bits",
        )
    return backend


def load(spec: ExperimentSpec, source: str) -> "Loaded":
    """A network for the spec, from any file of weights.

    Raises:
        ModelError: it is none.
    """
    from segstudio.training.loading import load_network

    return load_network(replace(spec, evaluate=replace(spec.evaluate, checkpoint=source)), "evaluate")
