"""What every format is made from: the float model, the images, and what was made already."""

import hashlib
import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path

from segstudio.deploy.comparison import Side
from segstudio.deploy.gate import Attempt, GateReport, Limits
from segstudio.deploy.gate import Evidence as Measured
from segstudio.deploy.int8 import Int8, Task, make_int8
from segstudio.inference.backend import cpu_name
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.jobs import JobContext, cores
from segstudio.workflows.exports.evidence import Evidence

# The kind of a model's own palette among its files.
PALETTE = "palette"
BLOCK = 2**20
PACKAGES = ("onnx", "onnxruntime", "onnxruntime-gpu", "openvino", "nncf", "tensorrt")


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
        base: the float model in the wanted batch and size, as an ONNX file alone.
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
            inputs = self.evidence.inputs(self.base.spec, self.base.batch, context)
            task = Task(
                self.base, inputs, self.evidence.judged, self.evidence.truth, self.backends, self.limits,
                self.scratch,
            )  # fmt: skip
            self._int8 = make_int8(task, context)
        return self._int8

    def finished(self, folder: Path, precision: str, files: Mapping[str, str]) -> ModelSpec:
        """Writes the model.json of an artefact of this model, and its palette where the model has its own.

        Other numbers are other weights: they have a hash of their own, and no scores.

        Args:
            folder: with the artefact's files.
            precision: fp32 for the model's own numbers.
            files: see `ModelSpec`.
        """
        parent = self.model.spec
        spec = replace(
            self.base.spec,
            precision=precision,
            files=dict(files),
            parent=parent.name,
            parent_sha256=parent.weights_sha256,
            speed=(),
        )
        if precision != self.base.spec.precision:
            spec = replace(spec, weights_sha256=_digest(folder / name for name in files.values()), metrics={})
        if PALETTE in self.model.spec.files:
            name = self.model.spec.files[PALETTE]
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(self.model.spec.file(self.model.folder, PALETTE), folder / name)
            spec = replace(spec, files={**spec.files, PALETTE: name})
        save_spec(spec, folder)
        return spec


def _digest(paths: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as stream:
            while block := stream.read(BLOCK):
                digest.update(block)
    return digest.hexdigest()


def report_of(name: str, precision: str, source: Source, made: Made, limits: Limits) -> GateReport:
    """The report on an artefact that was measured."""
    assert made.measured is not None, "nothing was measured"
    return GateReport(
        name, source.model.spec.name, precision, source.evidence.words, f"{cpu_name()}, {cores()} cores",
        limits, made.measured, made.failures, made.kept_float, made.attempts,
        (*source.evidence.notes, *made.notes), versions(),
    )  # fmt: skip


def versions() -> dict[str, str]:
    """Of the packages that make and judge artefacts, by name; without those that are not installed."""
    found = {}
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found
