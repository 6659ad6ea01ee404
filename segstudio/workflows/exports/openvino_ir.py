"""Makes OpenVINO's own files, in float32 and in int8."""

from dataclasses import replace
from pathlib import Path

from segstudio.deploy.gate import FLOAT
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.errors import BackendError
from segstudio.inference import openvino_
from segstudio.jobs import JobContext
from segstudio.workflows.exports.graphs import judged, made_by
from segstudio.workflows.exports.source import Made, Source

XML, BINARY = "model.xml", "model.bin"
FILES = {"openvino": XML, "openvino_weights": BINARY}
OPENVINO = ("openvino",)


def make_float(source: Source, folder: Path, context: JobContext) -> Made:
    """The deployment graph as IR."""
    if missing := openvino_.status()[2]:
        return Made(None, missing=missing)
    _convert(source.base.spec.file(source.base.folder, "onnx"), folder)
    spec = source.finished(folder, "fp32", FILES)
    return judged(source, folder, spec, FLOAT, context, backends=OPENVINO)


def make_int8(source: Source, folder: Path, context: JobContext) -> Made:
    """The int8 graph as IR, which has to pass the gate by itself."""
    if missing := openvino_.status()[2]:
        return Made(None, missing=missing)
    found = source.int8(context)
    if found.failures:
        return Made(None, found.evidence, found.failures, found.kept_float, found.attempts)
    _convert(found.side.folder / ONNX_FILE, folder)
    spec = source.finished(folder, "int8", FILES)
    notes = (made_by(source, found),)
    made = judged(source, folder, spec, source.limits, context, backends=OPENVINO, notes=notes)
    return replace(made, kept_float=found.kept_float, attempts=found.attempts)


def _convert(graph: Path, folder: Path) -> None:
    import openvino

    try:
        model = openvino.Core().read_model(str(graph))
        # Weights keep the numbers that they have.
        openvino.save_model(model, str(folder / XML), compress_to_fp16=False)
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:200]
        raise BackendError(f"OpenVINO cannot convert the graph: {reason}", hint="use onnx instead") from error
