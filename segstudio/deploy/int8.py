"""Finds an int8 model that passes the gate: tries the quantizers, then gives the worst layers back."""

import math
import shutil
from collections.abc import Iterator, Sequence
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
from segstudio.deploy.quantization import available_quantizers, core_of, plain_graph, quantized
from segstudio.errors import BackendError, ModelError
from segstudio.inference.spec import save_spec
from segstudio.jobs import JobContext, PartContext

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
        evidence: on all images, or on a few where those were enough to refuse it.
        failures: of the limits; empty: passed.
        attempts: what was tried on a few images, and what could not be tried.
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
        layers = f", {counted_layers(len(self.exempt))} in float" if self.exempt else ""
        return Attempt(
            self.quantizer + layers, self.evidence.agreement, self.evidence.speed_up, self.failures
        )


def counted_layers(count: int) -> str:
    """A number of layers, in words."""
    return f"{count} layer{'s' if count > 1 else ''}"


def make_int8(task: Task, context: JobContext) -> Int8:
    """Tries every quantizer that is installed; keeps the fastest that passes, else the one that agrees best.

    If that one fails on the answers, layers are given back, the worst first.

    Raises:
        InputError: an image cannot be read.
        ModelError: the graph cannot be quantized, or no quantizer could.
        Cancelled: the context was cancelled.
    """
    plain = plain_graph(load_onnx(task.base.spec.file(task.base.folder, "onnx")))
    core_of(plain)
    few = [task.images[number] for number in spread(len(task.images), FEW)]
    tried, attempts = _first_tries(task, plain, few, context)
    best = chosen(tried)
    context.progress(len(attempts), len(attempts) + 2, f"int8 by {best.quantizer}, on all images")
    final = _judged(task, best, context)
    if _fails_on_answers(final, task.limits):
        try:
            for one in _give_back(task, plain, best, few, context):
                attempts.append(one.attempt())
                # None of them may pass: then the last one says how far this way leads.
                final = one
        except (ModelError, BackendError) as error:
            attempts.append(Attempt("layers given back", math.nan, math.nan, (error.message,)))
    return Int8(
        final.side, final.quantizer, final.exempt, final.evidence, final.failures, tuple(attempts)
    )  # fmt: skip


def chosen(tried: Sequence[_Tried]) -> _Tried:
    """The fastest of those that passed; else of those that are faster at least the one that agrees best."""
    passed = [one for one in tried if not one.failures]
    if passed:
        return max(passed, key=lambda one: one.evidence.speed_up)
    faster = [one for one in tried if one.evidence.speed_up > 1]
    return max(faster or tried, key=lambda one: one.evidence.agreement)


def _first_tries(
    task: Task, plain: onnx.ModelProto, few: Sequence[Judged], context: JobContext
) -> tuple[list[_Tried], list[Attempt]]:
    """What every quantizer makes of the graph; one that is missing or fails costs nothing but itself."""
    tried: list[_Tried] = []
    attempts: list[Attempt] = []
    quantizers = available_quantizers()
    for number, (name, missing) in enumerate(quantizers.items()):
        context.progress(number, len(quantizers) + 2, f"int8 by {name}")
        reason = f"not installed: {missing}" if missing else ""
        if not missing:
            try:
                tried.append(_try(task, plain, name, (), few, context))
            except (ModelError, BackendError) as error:
                reason = error.message
        attempts.append(Attempt(name, math.nan, math.nan, (reason,)) if reason else tried[-1].attempt())
    if not tried:
        reasons = "; ".join(f"{one.what}: {one.failures[0]}" for one in attempts)
        raise ModelError(f"no quantizer could make an int8 model: {reasons}", hint="use the float model")
    return tried, attempts


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
    return _compared(task, Side(folder, spec), quantizer, exempt, images, context)


def _judged(task: Task, one: _Tried, context: JobContext) -> _Tried:
    """The same on all images, if it was tried on fewer."""
    if one.evidence.images == len(task.images):
        return one
    return _compared(task, one.side, one.quantizer, one.exempt, task.images, context)


def _compared(
    task: Task,
    side: Side,
    quantizer: str,
    exempt: tuple[str, ...],
    images: Sequence[Judged],
    context: JobContext,
) -> _Tried:
    evidence = compare(task.base, side, images, task.truth, task.backends, PartContext(context))
    return _Tried(side, quantizer, exempt, evidence, failures(evidence, task.limits))


def _fails_on_answers(one: _Tried, limits: Limits) -> bool:
    return bool(failures(one.evidence, replace(limits, faster=False)))


def _give_back(
    task: Task, plain: onnx.ModelProto, best: _Tried, few: Sequence[Judged], context: JobContext
) -> Iterator[_Tried]:
    """What is tried with more and more layers in float; the last one passed on all images, or none did."""
    ranked = _ranked(task, plain, best)
    most = max(1, int(len(ranked) * LARGEST_SHARE_BACK))
    for count in steps(most):
        context.progress(count, most, f"int8 by {best.quantizer}: {counted_layers(count)} in float")
        one = _try(task, plain, best.quantizer, ranked[:count], few, context)
        promising = not _fails_on_answers(one, task.limits)
        if promising:
            one = _judged(task, one, context)
        yield one
        # If it is still too slow, more layers in float do not make it faster.
        if promising and not _fails_on_answers(one, task.limits):
            return
        if count < most:
            shutil.rmtree(one.side.folder)


def _ranked(task: Task, plain: onnx.ModelProto, best: _Tried) -> tuple[str, ...]:
    """The int8 layers of what was tried, the worst first."""
    changed = load_onnx(best.side.folder / ONNX_FILE)
    cores = [onnx.load_from_string(core_of(one).content) for one in (plain, changed)]
    ranked = worst_first(cores[0], cores[1], [task.inputs[number] for number in range(RANKED)])
    if not ranked:
        raise ModelError("the quantizer left every layer in float", hint="use the float model")
    return ranked


def steps(most: int) -> list[int]:
    """How many layers are given back, one attempt after the other: 1, 2, 3, 4, 6, 9 ... up to `most`.

    Each attempt calibrates anew: in larger steps even a network of a hundred layers has a dozen of them.
    """
    found = [1]
    while found[-1] < most:
        found.append(min(most, found[-1] + max(1, found[-1] // 2)))
    return found
