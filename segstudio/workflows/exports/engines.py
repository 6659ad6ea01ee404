"""Makes TensorRT engines, for this machine's GPU alone, beside the ONNX file that they are built from."""

from pathlib import Path

from segstudio.deploy.comparison import Side, compare
from segstudio.deploy.gate import HALF, Limits, failures
from segstudio.deploy.model_folder import ONNX_FILE
from segstudio.deploy.modelopt_ import quantize_modelopt
from segstudio.deploy.modelopt_ import status as modelopt_status
from segstudio.deploy.onnx_graph import load_onnx, save_onnx
from segstudio.deploy.quantization import quantized_for_tensorrt
from segstudio.deploy.tensorrt_build import build_engine
from segstudio.deploy.tensorrt_here import status
from segstudio.deploy.tensorrt_plan import EnginePlan, EnginePrecision
from segstudio.images import read_image
from segstudio.inference.spec import save_spec
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
    inputs = source.evidence.inputs(source.base.spec)
    context.progress(0, 3, "quantizing")
    if modelopt_status()[0]:
        images = [read_image(path) for path in source.evidence.calibration]
        quantize_modelopt(plain, folder / ONNX_FILE, images)
    else:
        save_onnx(quantized_for_tensorrt(load_onnx(plain), inputs), folder / ONNX_FILE)
    spec = source.described("int8", {"onnx": ONNX_FILE})
    save_spec(spec, folder)
    on_cpu = Limits(source.limits.miou_loss, source.limits.class_loss, source.limits.agreement, faster=False)
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
    height, width = source.size or source.evidence.judged[0].load()[0].shape[:2]
    batch = source.batch or 1
    plan = EnginePlan(
        precision, batch=(batch,) * 3, height=(height,) * 3, width=(width,) * 3
    )  # fmt: skip
    build_engine(folder / ONNX_FILE, folder / ENGINE_FILE, plan, context)
    spec = source.described(precision, {"onnx": ONNX_FILE, "engine": ENGINE_FILE})
    save_spec(spec, folder)
    evidence = compare(
        source.base, Side(folder, spec), source.evidence.judged, source.evidence.truth, ("tensorrt",),
        context, reference=source.backends[0],
    )  # fmt: skip
    broken = failures(evidence, limits)
    note = f"the engine is for images of {width}x{height}; other sizes have one built when they come"
    return Made(None if broken else spec, evidence, broken, notes=(note,))
