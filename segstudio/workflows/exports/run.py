"""Exports a model to several formats at once; nothing is put into its place before it passed the gate."""

import importlib
import json
import math
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from segstudio.deploy.calibration import USUAL
from segstudio.deploy.comparison import Side
from segstudio.deploy.fixed import fixed
from segstudio.deploy.gate import FLOAT, HALF, INT8, GateReport, Limits
from segstudio.deploy.model_folder import ONNX_FILE, external_files, folder_in_the_making
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.deploy.parity import backend_names
from segstudio.errors import BackendError, InputError, ModelError, SegstudioError
from segstudio.images import atomic_write
from segstudio.inference.catalog import find_model
from segstudio.inference.spec import ModelSpec, network_size, save_spec
from segstudio.jobs import JobContext, PartContext
from segstudio.workflows.export_history import ExportedFormat, note_export
from segstudio.workflows.exports.evidence import Evidence, Pictures, gather
from segstudio.workflows.exports.formats import FORMATS, PAGE_FILE, Judged
from segstudio.workflows.exports.report_page import report_page
from segstudio.workflows.exports.source import Made, Source, report_of

JSON_FILE = "report.json"
REFUSED = "the gate refused it"
PRECISIONS: dict[Judged, str] = {"int8": "int8", "half": "fp16", "float": "fp32", "proof": "fp32"}


@dataclass(frozen=True)
class ExportChoices:
    """How a model is exported.

    Attributes:
        formats: keys of FORMATS.
        pictures: images to judge by.
        calibration: images to calibrate int8 on.
        batch: fixed batch; 0 is any.
        size: fixed height and width of images; None is any.
        limits: of int8.
        options: of single formats, see `Source`.
    """

    formats: tuple[str, ...]
    pictures: Pictures = field(default_factory=Pictures)
    calibration: Pictures = field(default_factory=Pictures)
    batch: int = 0
    size: tuple[int, int] | None = None
    limits: Limits = INT8
    options: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Artefact:
    """What became of one format.

    Attributes:
        format: its key.
        folder: where it is; None if it is not.
        reason: why it is not.
        report: what was measured; None where the writer proves its own work, or nothing was made.
        notes: for the user.
    """

    format: str
    folder: Path | None
    reason: str = ""
    report: GateReport | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ExportResult:
    """All formats of one export.

    Attributes:
        model: its name.
        folder: with a folder for each artefact and the report.
        page: the report to read.
        artefacts: in the order in which they were made.
        notes: on the images.
    """

    model: str
    folder: Path
    page: Path
    artefacts: tuple[Artefact, ...]
    notes: tuple[str, ...] = ()

    @property
    def made(self) -> tuple[Artefact, ...]:
        """Those that may be used."""
        return tuple(one for one in self.artefacts if one.folder)

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form; what was not measured is null."""
        return {
            "model": self.model,
            "folder": str(self.folder),
            "page": str(self.page),
            "artefacts": [artefact_to_json(one) for one in self.artefacts],
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """What a person reads."""
        shown = []
        for one in self.artefacts:
            shown.append(f"{one.format}: {one.folder or f'not made: {one.reason}'}")
            shown += [f"  {line}" for line in (*_figures(one.report), *one.notes)]
        return [*shown, *(f"note: {note}" for note in self.notes), f"report: {self.page}"]


def artefact_to_json(one: Artefact) -> dict[str, Any]:
    """A JSON-ready form of an artefact, with the figures that follow from what was measured."""
    values = asdict(one) | {"folder": str(one.folder) if one.folder else None}
    if one.report:
        evidence = one.report.evidence
        before, after = evidence.miou
        values["report"] |= {"passed": one.report.passed}
        values["report"]["evidence"] |= {
            "miou_before": before, "miou_after": after, "speed_up": evidence.speed_up
        }  # fmt: skip
    plain: dict[str, Any] = _plain(values)
    return plain


def export_as(
    model: str | Path, out: Path, choices: ExportChoices, context: JobContext | None = None
) -> ExportResult:
    """Exports a model to every format chosen, each into a folder of its name below `out`.

    A format that fails its gate, or that this machine cannot make, leaves no folder and is told; the others
    are made all the same.

    Raises:
        InputError: nothing to do, images that cannot be used, or `out` cannot be a folder.
        ModelError: no such model, it holds no float numbers, or not one format could be made.
        Cancelled: the context was cancelled; what was finished stays.
    """
    context = context or JobContext()
    folder, spec = find_model(model)
    if spec.precision != "fp32":
        parent = f": {spec.parent}" if spec.parent else ""
        raise ModelError(f"{spec.name} is {spec.precision} already", hint=f"export its float model{parent}")
    backends = backend_names()
    if not backends:
        raise BackendError("nothing here runs ONNX files to judge by", hint="pip install onnxruntime")
    wanted = USUAL if any(FORMATS[name].judged == "int8" for name in choices.formats) else 0
    with _made_folder(out), tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as scratch:
        evidence = gather(
            spec, choices.pictures, choices.calibration, size=choices.size, wanted=wanted, context=context
        )
        source = _source(Side(folder, spec), choices, evidence, backends, Path(scratch))
        artefacts: list[Artefact] = []
        for number, name in enumerate(choices.formats):
            context.check()
            stage = _stage(context, number, len(choices.formats), name)
            artefacts.append(_artefact(name, source, choices, out, stage))
            context.event({"kind": "artefact", **artefact_to_json(artefacts[-1])})
        result = ExportResult(spec.name, out, out / PAGE_FILE, tuple(artefacts), evidence.notes)
        write_reports(result)
        result = _noted(result, spec, choices)
    if not result.made:
        first = result.artefacts[0]
        raise ModelError(
            f"nothing was exported; {first.format}: {first.reason}", hint=f"the report is {result.page}"
        )
    return result


def _noted(result: ExportResult, spec: ModelSpec, choices: ExportChoices) -> ExportResult:
    """Tells the catalog what was made; an export that it cannot note is good all the same."""
    how = {name: value for name, value in asdict(choices).items() if name != "formats"}
    text = json.dumps(how, sort_keys=True, default=str)
    formats = tuple(_exported(one, text) for one in result.made)
    try:
        if formats:
            note_export(spec.name, spec.weights_sha256, result.page, formats)
    except InputError as error:
        return replace(result, notes=(*result.notes, f"the catalog does not know of it: {error}"))
    return result


def _exported(one: Artefact, choices: str) -> ExportedFormat:
    assert one.folder is not None, "made"
    folder = one.folder.resolve()
    files = tuple(path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file())
    made = ExportedFormat(one.format, str(folder), choices=choices, files=files)
    if one.report is None:
        return made
    evidence = one.report.evidence
    before, after = evidence.miou
    fps = evidence.speeds[0].after if evidence.speeds else math.nan
    return replace(made, agreement=evidence.agreement, miou_before=before, miou_after=after, fps=fps)


@contextmanager
def _made_folder(out: Path) -> Iterator[None]:
    """The folder of an export; one that was not there before goes again if nothing is in it in the end.

    Raises:
        InputError: it cannot be made.
    """
    was_there = out.is_dir()
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{out} cannot be a folder: {error.strerror or error}", hint="choose another --out"
        ) from error
    try:
        yield
    finally:
        if not was_there:
            with suppress(OSError):
                out.rmdir()


def write_reports(result: ExportResult) -> None:
    """Writes the report of an export as JSON and as a page, and each artefact's own beside it."""
    reports = [(one.format, one.reason, one.report, one.notes) for one in result.artefacts]
    page = report_page(result.model, reports)
    for folder, values in (
        (result.folder, result.to_json()),
        *((one.folder, artefact_to_json(one)) for one in result.made if one.report),
    ):
        assert folder is not None, "made"
        atomic_write(folder / JSON_FILE, f"{json.dumps(values, indent=2)}\n".encode())
    atomic_write(result.page, page.encode())


def _source(
    model: Side, choices: ExportChoices, evidence: Evidence, backends: Sequence[str], scratch: Path
) -> Source:
    if choices.batch < 0 or (choices.size and min(choices.size) <= 0):
        raise InputError("a batch or size below 1", hint="leave it out for any, or give numbers above 0")
    # Backends would take other forms first, and their files would count.
    graphs = {kind: name for kind, name in model.spec.files.items() if kind.startswith("onnx")}
    base = Side(model.folder, replace(model.spec, files=graphs))
    if choices.batch or choices.size:
        base = Side(scratch / "base", _fixed_model(model, choices, scratch / "base"))
    seen = network_size(model.spec.resize, *(choices.size or _usual(model.spec)))
    return Source(
        base, model, evidence, backends, choices.limits, choices.batch, choices.size, seen, scratch,
        dict(choices.options),
    )  # fmt: skip


def _usual(spec: ModelSpec) -> tuple[int, int]:
    """An image of 16 to 9 that a network sees at its own size."""
    rule = spec.resize
    return (rule.size, rule.width) if rule.width else (rule.size or 1024, (rule.size or 1024) * 16 // 9)


def _fixed_model(model: Side, choices: ExportChoices, folder: Path) -> ModelSpec:
    graph = fixed(load_onnx(model.spec.file(model.folder, "onnx")), batch=choices.batch, size=choices.size)
    folder.mkdir()
    beside = save_onnx(graph, folder / ONNX_FILE)
    spec = replace(model.spec, files={"onnx": ONNX_FILE, **external_files(beside)})
    save_spec(spec, folder)
    return spec


def _stage(whole: JobContext, number: int, count: int, name: str) -> JobContext:
    """The part of the work that one format is."""

    def show(done: float, total: float, text: str) -> None:
        share = number + (done / total if total else 0.0)
        whole.progress(share, count, f"{name}: {text}" if text else name)

    return PartContext(whole, show)


def _artefact(name: str, source: Source, choices: ExportChoices, out: Path, context: JobContext) -> Artefact:
    """Makes one format; the errors that belong to it alone become its reason."""
    kind = FORMATS[name].judged
    limits = {"int8": choices.limits, "half": HALF}.get(kind, FLOAT)
    report = None
    try:
        with folder_in_the_making(out / name) as folder:
            made = _maker(name)(source, folder, context)
            if made.measured:
                report = report_of(name, PRECISIONS[kind], source, made, limits)
            if made.spec is None:
                raise _NotMadeError(made.missing or f"{REFUSED}: {'; '.join(made.failures)}")
    except (_NotMadeError, InputError) as error:
        reason = str(error).removesuffix(".")
        return Artefact(name, None, f"{reason}{_older(out / name)}", report)
    return Artefact(name, out / name, "", report, made.notes)


class _NotMadeError(SegstudioError):
    """Ends the making of a folder, which vanishes then."""


def _maker(name: str) -> Callable[[Source, Path, JobContext], Made]:
    module, _, function = FORMATS[name].maker.partition(":")
    found: Callable[[Source, Path, JobContext], Made] = getattr(importlib.import_module(module), function)
    return found


def _older(folder: Path) -> str:
    return f"; {folder} is from an earlier export" if folder.exists() else ""


def _figures(report: GateReport | None) -> list[str]:
    if report is None:
        return []
    evidence = report.evidence
    before, after = evidence.miou
    scores = "" if math.isnan(before) else f", mIoU {before:.2%} before and {after:.2%} after"
    lines = [f"{evidence.agreement:.2%} of the ids agree on {evidence.images} images{scores}"]
    if evidence.speeds:
        best = evidence.speeds[0]
        lines.append(
            f"{best.after:.1f} images/s on {best.backend}, {evidence.speed_up:.2f} times the float model's;"
            f" {evidence.bytes_after / 1e6:.1f} MB, was {evidence.bytes_before / 1e6:.1f}"
        )
    if report.kept_float:
        lines.append(f"kept in float: {', '.join(report.kept_float)}")
    return lines


def _plain(value: Any) -> Any:
    """JSON has no NaN."""
    if isinstance(value, Mapping):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
