"""What every format is made from: the float model, the images, and what was made already."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from segstudio.deploy.comparison import Side
from segstudio.deploy.gate import Attempt, GateReport, Limits
from segstudio.deploy.gate import Evidence as Measured
from segstudio.deploy.int8 import Int8, Task, make_int8
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.workflows.exports.evidence import Evidence


@dataclass(frozen=True)
class Made:
    """What a format's maker did.

    Attributes:
        spec: of the folder that it filled; None if nothing was made.
        measured: beside the float model; None where the writer proves its own work, or nothing ran.
        failures: why it may not be used; empty: it may.
        kept_float, attempts: on the way to int8.
        missing: what this machine lacks to make it, with what to do.
        notes: what the user should know.
    """

    spec: ModelSpec | None
    measured: Measured | None = None
    failures: tuple[str, ...] = ()
    kept_float: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    missing: str = ""
    notes: tuple[str, ...] = ()


@dataclass
class Source:
    """The model of an export.

    Attributes:
        base: the float model in the wanted batch and size, with files for any backend.
        model: its folder as it was given, with weights where it has some.
        evidence: images.
        backends: that run ONNX files here, the preferred one first.
        limits: of int8.
        batch: fixed batch; 0 is any.
        size: fixed height and width of images; None is any.
        network_size: height and width at which formats of one size see images.
        scratch: for what is tried.
        options: of single formats, by name, such as deepstream's output.
    """

    base: Side
    model: Side
    evidence: Evidence
    backends: Sequence[str]
    limits: Limits
    batch: int
    size: tuple[int, int] | None
    network_size: tuple[int, int]
    scratch: Path
    options: dict[str, str] = field(default_factory=dict)
    _int8: Int8 | None = None

    def int8(self, context: JobContext) -> Int8:
        """The int8 graph, made once for all formats that hold it.

        Raises:
            InputError: too few images to calibrate with.
            ModelError: the graph cannot be quantized.
        """
        if self._int8 is None:
            task = Task(
                self.base, self.evidence.inputs(self.base.spec), self.evidence.judged, self.evidence.truth,
                self.backends, self.limits, self.scratch,
            )  # fmt: skip
            self._int8 = make_int8(task, context)
        return self._int8

    def described(self, precision: str, files: dict[str, str]) -> ModelSpec:
        """The spec of an artefact of this model."""
        return replace(
            self.base.spec, precision=precision, files=files, parent=self.model.spec.name, speed=()
        )


def report_of(
    name: str, precision: str, source: Source, made: Made, limits: Limits, device: str
) -> GateReport:
    """The report on an artefact that was measured."""
    assert made.measured is not None, "nothing was measured"
    return GateReport(
        name, source.model.spec.name, precision, source.evidence.words, device, limits, made.measured,
        made.failures, made.kept_float, made.attempts, (*source.evidence.notes, *made.notes),
    )  # fmt: skip
