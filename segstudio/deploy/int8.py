"""Finds an int8 model that passes the gate: tries the quantizers, then gives the worst layers back."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.deploy.calibration import spread
from segstudio.deploy.comparison import Judged, Side, Truth, compare
from segstudio.deploy.gate import Attempt, Evidence, Limits, failures
from segstudio.deploy.layer_errors import worst_first
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.deploy.onnx_half import float_weights
from segstudio.deploy.quantization import available_quantizers, core_of, layers_of, quantized
from segstudio.errors import ModelError
from segstudio.inference.core import cut_from
from segstudio.inference.spec import save_spec
from segstudio.jobs import JobContext

Floats = NDArray[np.float32]
# Ways are compared on some images, and the one that is taken on all.
FEW = 12
# Inputs on which layers are ranked.
RANKED = 2
# With more layers than this in float it is no int8 model any more.
LARGEST_SHARE_BACK = 0.5


@dataclass(frozen=True)
class Int8:
    """What came out.

    Attributes:
        side: the model's folder, with its graph and spec.
        quantizer: that made it.
        kept_float: layers that were given back.
        evidence: on all images.
        failures: of the limits; empty: passed.
        attempts: what was tried on a few images.
    """

    side: Side
    quantizer: str
    kept_float: tuple[str, ...]
    evidence: Evidence
    failures: tuple[str, ...]
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True)
class Task:
    """What is to be made, and how it is judged.

    Attributes:
        base: the float model.
        inputs: to calibrate with, see `CalibrationInputs`.
        images, truth, backends: see `compare`.
        limits: of the gate.
        scratch: a folder for what is tried.
    """

    base: Side
    inputs: Sequence[Floats]
    images: Sequence[Judged]
    truth: Truth | None
    backends: Sequence[str]
    limits: Limits
    scratch: Path


@dataclass(frozen=True)
class _Tried:
    side: Side
    quantizer: str
    exempt: tuple[str, ...]
    evidence: Evidence
    failures: tuple[str, ...]

    def attempt(self) -> Attempt:
        count = len(self.exempt)
        layers = f", {count} layer{'s' if count > 1 else ''} in float" if count else ""
        return Attempt(
            self.quantizer + layers, self.evidence.agreement, self.evidence.speed_up, self.failures
        )


def make_int8(task: Task, context: JobContext) -> Int8:
    """Tries every quantizer that is installed; keeps the fastest that passes, else the one that agrees best.

    If that one fails on the answers, layers are given back one at a time, the worst first.

    Raises:
        ModelError: the graph cannot be quantized, or no quantizer could.
        Cancelled: the context was cancelled.
    """
    plain = float_weights(load_onnx(task.base.spec.file(task.base.folder, "onnx")))
    names = [name for name, missing in available_quantizers().items() if not missing]
    few = [task.images[number] for number in spread(len(task.images), FEW)]
    tried = []
    for number, name in enumerate(names):
        context.progress(number, len(names) + 2, f"int8 by {name}")
        tried.append(_try(task, plain, name, (), few, context))
    best = chosen(tried)
    context.progress(len(names), len(names) + 2, f"int8 by {best.quantizer}, on all images")
    final = _judged(task, best, task.images, context)
    if _fails_on_answers(final, task.limits):
        more = _give_back(task, plain, best, few, context)
        tried += more
        # None of them may have passed: then the last one says how far this way leads.
        final = more[-1] if more else final
    return Int8(
        final.side, final.quantizer, final.exempt, final.evidence, final.failures,
        tuple(one.attempt() for one in tried),
    )  # fmt: skip


def chosen(tried: Sequence[_Tried]) -> _Tried:
    """The fastest of those that passed; else of those that are faster at least the one that agrees best."""
    passed = [one for one in tried if not one.failures]
    if passed:
        return max(passed, key=lambda one: one.evidence.speed_up)
    faster = [one for one in tried if one.evidence.speed_up > 1]
    return max(faster or tried, key=lambda one: one.evidence.agreement)


def _try(
    task: Task,
    plain: onnx.ModelProto,
    quantizer: str,
    exempt: tuple[str, ...],
    images: Sequence[Judged],
    context: JobContext,
) -> _Tried:
    made = quantized(plain, task.inputs, quantizer, exempt)
    context.check()
    folder = task.scratch / f"{quantizer}-{len(exempt)}"
    folder.mkdir()
    save_onnx(made, folder / ONNX_FILE)
    spec = replace(task.base.spec, precision="int8", files={"onnx": ONNX_FILE})
    save_spec(spec, folder)
    untried = _Tried(Side(folder, spec), quantizer, exempt, _NOTHING, ())
    return _judged(task, untried, images, context)


_NOTHING = Evidence("", 0, 0, 0.0, (0, 0.0), 0.0, 0.0, (), 0, 0)


def _judged(task: Task, one: _Tried, images: Sequence[Judged], context: JobContext) -> _Tried:
    quiet = _Quiet(context)
    evidence = compare(task.base, one.side, images, task.truth, task.backends, quiet)
    return replace(one, evidence=evidence, failures=failures(evidence, task.limits))


class _Quiet(JobContext):
    """Hands the wish to stop on, but not the progress of a part."""

    def __init__(self, outer: JobContext) -> None:
        super().__init__()
        self._outer = outer

    def check(self) -> None:
        self._outer.check()


def _fails_on_answers(one: _Tried, limits: Limits) -> bool:
    return bool(failures(one.evidence, replace(limits, faster=False)))


def _give_back(
    task: Task, plain: onnx.ModelProto, best: _Tried, few: Sequence[Judged], context: JobContext
) -> list[_Tried]:
    """What was tried with one layer in float, two, three ...; the last one passed on all images, or none."""
    whole = load_onnx(best.side.folder / ONNX_FILE)
    core, changed = core_of(plain), cut_from(whole)
    if changed is None:
        raise ModelError("the quantized graph has no network", hint="report this with the model")
    cores = [onnx.load_from_string(one.content) for one in (core, changed)]
    ranked = worst_first(cores[0], cores[1], [task.inputs[number] for number in range(RANKED)])
    most = int(len(layers_of(cores[1])) * LARGEST_SHARE_BACK)
    tried: list[_Tried] = []
    for count in range(1, most + 1):
        context.progress(count, most, f"int8 by {best.quantizer}: {count} layers given back")
        one = _try(task, plain, best.quantizer, ranked[:count], few, context)
        promising = not _fails_on_answers(one, task.limits)
        if promising:
            one = _judged(task, one, task.images, context)
        tried.append(one)
        # If it is still too slow, more layers in float do not make it faster.
        if promising and not _fails_on_answers(one, task.limits):
            break
    return tried
