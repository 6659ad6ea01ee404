"""Makes TensorRT engines, for this machine's GPU alone, beside the ONNX file that they are built from."""

from dataclasses import replace
from pathlib import Path

from segstudio.deploy import modelopt_
from segstudio.deploy.calibration import at_size
from segstudio.deploy.comparison import Side, compare
from segstudio.deploy.gate import HALF, Limits, failures
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.deploy.quantization import quantized_for_tensorrt
from segstudio.deploy.tensorrt_build import build_engine
from segstudio.deploy.tensorrt_here import status
from segstudio.deploy.tensorrt_plan import EnginePlan, EnginePrecision
from segstudio.images import read_image
from segstudio.jobs import JobContext
from segstudio.workflows.exports.source import Made, Source

ENGINE_FILE = "model.engine"
ELSEWHERE = "an engine is built where it runs: export the model there, or build from onnx-fp16 with trtexec"


def make_half(source: Source, folder: Path, context: JobContext) -> Made:
    """An engine in float16."""
    there, _, reason = status()
    if not there:
        return Made(None, missing=f"{reason}; {ELSEWHERE}")
    graph = load_onnx(source.base.spec.file(source.base.folder, "onnx"))
    save_onnx(graph, folder / ONNX_FILE)
    return _built(source, folder, "fp16", HALF, context)


def make_int8(source: Source, folder: Path, context: JobContext) -> Made:
    """An engine in int8, from a graph that ModelOpt quantizes, or ONNX Runtime where that is not installed.

    The graph is judged on the CPU before any GPU sees it.
    """
    there, _, reason = status()
    if not there:
        return Made(None, missing=f"{reason}; {ELSEWHERE}")
    plain = source.base.spec.file(source.base.folder, "onnx")
    inputs = source.evidence.inputs(source.base.spec, source.base.batch, context)
    context.progress(0, 3, "quantizing")
    if modelopt_.status()[0]:
        images = [at_size(read_image(path), source.size) for path in source.evidence.calibration]
        modelopt_.quantize_modelopt(plain, folder / ONNX_FILE, images)
    else:
        save_onnx(quantized_for_tensorrt(load_onnx(plain), inputs), folder / ONNX_FILE)
    spec = source.finished(folder, "int8", {"onnx": ONNX_FILE})
    on_cpu = replace(source.limits, faster=False)
    evidence = compare(
        source.base, Side(folder, spec), source.evidence.judged, source.evidence.truth, ("onnx",), context
    )
    if broken := failures(evidence, on_cpu):
        return Made(None, evidence, broken)
    return _built(source, folder, "int8", source.limits, context)


def _built(
    source: Source, folder: Path, precision: EnginePrecision, limits: Limits, context: JobContext
) -> Made:
    """Builds the engine of a folder's graph, and judges its answers by the float model's on the CPU."""
    judged = source.evidence.judged
    height, width = source.size or judged[0].load()[0].shape[:2]
    batch = source.base.batch
    plan = EnginePlan(precision, batch=(batch,) * 3, height=(height,) * 3, width=(width,) * 3)
    build_engine(folder / ONNX_FILE, folder / ENGINE_FILE, plan, context)
    spec = source.finished(folder, precision, {"onnx": ONNX_FILE, "engine": ENGINE_FILE})
    # Images of another size would have an engine built for each.
    alike = [one.at_size((height, width)) for one in judged]
    evidence = compare(
        source.base, Side(folder, spec), alike, source.evidence.truth, ("tensorrt",), context,
        reference=source.backends[0],
    )  # fmt: skip
    broken = failures(evidence, limits)
    note = f"the engine is for images of {width}x{height}; other sizes have one built when they come"
    return Made(None if broken else spec, evidence, broken, notes=(note,))
