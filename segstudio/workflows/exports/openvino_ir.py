"""Makes OpenVINO's own files, in float32 and in int8."""

from pathlib import Path

from segstudio.deploy.gate import FLOAT
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.jobs import JobContext
from segstudio.workflows.exports.graphs import judged
from segstudio.workflows.exports.source import Made, Source

XML, BINARY = "model.xml", "model.bin"
FILES = {"openvino": XML, "openvino_weights": BINARY}
OPENVINO = ("openvino",)


def make_float(source: Source, folder: Path, context: JobContext) -> Made:
    """The deployment graph as IR."""
    if missing := _missing():
        return Made(None, missing=missing)
    _convert(source.base.spec.file(source.base.folder, "onnx"), folder)
    return judged(source, folder, source.described("fp32", FILES), FLOAT, context, backends=OPENVINO)


def make_int8(source: Source, folder: Path, context: JobContext) -> Made:
    """The int8 graph as IR, which has to pass the gate by itself."""
    if missing := _missing():
        return Made(None, missing=missing)
    found = source.int8(context)
    if found.failures:
        return Made(None, found.evidence, found.failures, found.kept_float, found.attempts)
    _convert(found.side.folder / ONNX_FILE, folder)
    spec = source.described("int8", FILES)
    made = judged(source, folder, spec, source.limits, context, backends=OPENVINO)
    return Made(made.spec, made.measured, made.failures, found.kept_float, found.attempts)


def _missing() -> str:
    try:
        import openvino
    except ImportError:
        return "OpenVINO is not installed: pip install openvino"
    return "" if openvino.__version__ else "OpenVINO is damaged: pip install --force-reinstall openvino"


def _convert(graph: Path, folder: Path) -> None:
    import openvino

    model = openvino.Core().read_model(str(graph))
    # Weights keep the numbers that they have.
    openvino.save_model(model, str(folder / XML), compress_to_fp16=False)
