"""Makes ONNX files: the deployment graph in float32, in float16, and in int8."""

import shutil
from pathlib import Path

from segstudio.deploy.comparison import Side, compare
from segstudio.deploy.gate import FLOAT, HALF, Limits, failures
from segstudio.deploy.int8 import Int8
from segstudio.deploy.model_folder import ONNX_FILE, external_files
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.deploy.onnx_half import half_precision
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.workflows.exports.source import Made, Source

FOR_GPUS = "made for GPUs: on a CPU, ONNX Runtime converts float16 back and forth"


def make_float(source: Source, folder: Path, context: JobContext) -> Made:
    """The deployment graph as it is, or at a fixed batch and size."""
    for kind, name in source.base.spec.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source.base.spec.file(source.base.folder, kind), folder / name)
    return judged(source, folder, source.finished(folder, "fp32", source.base.spec.files), FLOAT, context)


def make_half(source: Source, folder: Path, context: JobContext) -> Made:
    """The network in float16, but for what loses too much there."""
    graph = half_precision(load_onnx(source.base.spec.file(source.base.folder, "onnx")))
    beside = save_onnx(graph, folder / ONNX_FILE)
    spec = source.finished(folder, "fp16", {"onnx": ONNX_FILE, **external_files(beside)})
    return judged(source, folder, spec, HALF, context, notes=(FOR_GPUS,))


def make_int8(source: Source, folder: Path, context: JobContext) -> Made:
    """The network in int8, by whichever quantizer does it best."""
    found = source.int8(context)
    if found.failures:
        return Made(None, found.evidence, found.failures, found.kept_float, found.attempts)
    shutil.copyfile(found.side.folder / ONNX_FILE, folder / ONNX_FILE)
    spec = source.finished(folder, "int8", {"onnx": ONNX_FILE})
    return Made(spec, found.evidence, (), found.kept_float, found.attempts, notes=(made_by(source, found),))


def made_by(source: Source, found: Int8) -> str:
    """What made an int8 graph, in words."""
    return f"quantized by {found.quantizer} on {len(source.evidence.calibration)} images"


def judged(
    source: Source,
    folder: Path,
    spec: ModelSpec,
    limits: Limits,
    context: JobContext,
    *,
    backends: tuple[str, ...] = (),
    notes: tuple[str, ...] = (),
) -> Made:
    """Measures files that were just made.

    Args:
        source: of the export.
        folder: with the files.
        spec: of the folder.
        limits: that it must keep.
        context: progress and cancellation.
        backends: that run it; empty: those that run ONNX files.
        notes: for the user.
    """
    evidence = compare(
        source.base, Side(folder, spec), source.evidence.judged, source.evidence.truth,
        backends or source.backends, context,
    )  # fmt: skip
    broken = failures(evidence, limits)
    return Made(None if broken else spec, evidence, broken, notes=notes)
