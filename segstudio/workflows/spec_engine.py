"""The task gen_trt_engine: a TensorRT engine of an ONNX file, as a spec says."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.errors import SpecError
from segstudio.images import list_images
from segstudio.jobs import JobContext
from segstudio.training.spec.derived import task_folder
from segstudio.training.spec.schema import ExperimentSpec

if TYPE_CHECKING:
    import onnx

    from segstudio.deploy.tensorrt_graph import Quantize
    from segstudio.deploy.tensorrt_plan import EngineFacts, EnginePlan, Span

TASK, TITLE = "gen_trt_engine", "SegFormer gen_trt_engine"
HALVES = ("fp16", "bf16")


@dataclass(frozen=True)
class EngineResult:
    """A built engine, what it is bound to, and lines for the user."""

    engine: Path
    facts: "EngineFacts"
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """engine, notes and the keys of engine.json."""
        return {"engine": str(self.engine), **asdict(self.facts), "notes": list(self.notes)}


def build_from_spec(spec: ExperimentSpec, job: JobContext, notes: Sequence[str] = ()) -> EngineResult:
    """Builds gen_trt_engine.trt_engine from gen_trt_engine.onnx_file, with engine.json beside it.

    Args:
        spec: checked for this task.
        job: told of the steps; events of the kind "log" are TensorRT's lines.
        notes: lines for the user that reading the spec gave.

    Raises:
        SpecError: a file, folder or combination that a key names is not possible.
        BackendError: no TensorRT or GPU here, or TensorRT refuses.
        ModelError: the ONNX file cannot be read or converted.
        Cancelled: somebody asked to stop.
    """
    from segstudio.deploy.onnx_graph import load_onnx
    from segstudio.deploy.tensorrt_build import build_engine
    from segstudio.training.status import task_status

    folder = task_folder(spec, TASK)
    with task_status(folder, TITLE) as status:
        source, engine = Path(spec.gen_trt_engine.onnx_file), _engine_path(spec, folder)
        plan, more = _plan(spec, load_onnx(source))
        quantize, last = _quantize(spec, load_onnx(source))
        facts = build_engine(source, engine, plan, job, quantize)
        status.metrics("Engine generated.", {"size_mb": facts.bytes / 2**20, "seconds": facts.seconds})
    return EngineResult(engine, facts, (*notes, *more, *last))


def _engine_path(spec: ExperimentSpec, folder: Path) -> Path:
    """Where the engine goes.

    Raises:
        SpecError: a folder is there.
    """
    section = spec.gen_trt_engine
    engine = (
        Path(section.trt_engine) if section.trt_engine else folder / f"{Path(section.onnx_file).stem}.engine"
    )
    if engine.is_dir():
        raise SpecError(
            f"{TASK}.trt_engine: {engine} is a folder", hint="remove it, or give the path of a file in it"
        )
    return engine


def _plan(spec: ExperimentSpec, model: "onnx.ModelProto") -> "tuple[EnginePlan, list[str]]":
    """How to build, and notes on keys that change nothing for this file."""
    from segstudio.deploy.fixed import input_axes
    from segstudio.deploy.onnx_graph import real_inputs
    from segstudio.deploy.tensorrt_plan import ENGINE_PRECISIONS, EnginePlan

    section, rt, notes = spec.gen_trt_engine, spec.gen_trt_engine.tensorrt, list[str]()
    precision = next(known for known in ENGINE_PRECISIONS if known == rt.data_type.lower())
    rows, columns = input_axes(model.graph)
    dims = [dim.dim_value for dim in real_inputs(model.graph)[0].type.tensor_type.shape.dim]
    batch = (rt.min_batch_size, rt.opt_batch_size, rt.max_batch_size)
    if section.batch_size > 0:
        batch = (section.batch_size,) * 3
    heights, widths = (
        (rt.min_height, rt.opt_height, rt.max_height),
        (rt.min_width, rt.opt_width, rt.max_width),
    )
    spans = [
        _span(*entry, notes)
        for entry in (
            ("batch_size", batch, dims[0]),
            ("height", heights, dims[rows]),
            ("width", widths, dims[columns]),
        )
    ]
    _require_one_size(model, dims[rows] or _only(heights), dims[columns] or _only(widths))
    plan = EnginePlan(
        precision,
        tf32=True,
        workspace_mb=rt.workspace_size,
        batch=spans[0],
        height=spans[1],
        width=spans[2],
        keep=_kept(spec, notes),
        timing_cache=Path(section.timing_cache) if section.timing_cache else None,
        verbose=section.verbose,
        device=section.gpu_id,
    )
    return plan, notes


def _require_one_size(model: "onnx.ModelProto", height: int, width: int) -> None:
    """Refuses spans of sizes for a graph whose network's size follows from the aspect of an image.

    TensorRT plans for lengths between the ends of a span, and such sizes do not lie between them.

    Raises:
        SpecError: it is such a graph, and height or width is not one number.
    """
    from segstudio.deploy.onnx_facts import embedded_spec, is_deployment

    found = embedded_spec(model, TASK) if is_deployment(model.graph) else None
    if found is not None and found.resize.mode == "short_side" and not (height and width):
        raise SpecError(
            f"{TASK}.tensorrt: {found.name} keeps the aspect of images, so its engine takes one size of them",
            hint="give min_height = opt_height = max_height, and so for width: the pixels of your images",
        )


def _only(span: "Span") -> int:
    return span[0] if span[0] == span[2] else 0


def _span(name: str, wanted: "Span", side: int, notes: list[str]) -> "Span | None":
    """The lengths of an axis; None where the file has them, or the usual ones are taken."""
    from segstudio.deploy.tensorrt_plan import USUAL_SIDE

    key = f"{TASK}.tensorrt.min/opt/max_{name}"
    if side:
        if any(wanted) and wanted not in ((side,) * 3, (1, 1, 1)):
            notes.append(f"{key} has no effect: {TASK}.onnx_file fixes it to {side}")
        return None
    if not any(wanted):
        usual = "/".join(map(str, USUAL_SIDE))
        notes.append(f"{TASK}.onnx_file leaves {name} free: {usual} is taken; {key} chooses others")
        return None
    least, usual_length, most = wanted
    return least or usual_length or most, usual_length or most, most


def _kept(spec: ExperimentSpec, notes: list[str]) -> tuple[str, ...]:
    """The names of layers that stay float32.

    Raises:
        SpecError: a layer is to have a precision that a strongly typed network cannot give it.
    """
    rt = spec.gen_trt_engine.tensorrt
    whole = rt.data_type.lower()
    found = []
    for entry in rt.layers_precision or ():
        name, _, kind = entry.rpartition(":")
        if kind.lower() == "fp32" and whole in HALVES:
            found.append(name)
        elif kind.lower() == whole:
            notes.append(f"{TASK}.tensorrt.layers_precision {entry} has no effect: the engine is {whole}")
        else:
            raise SpecError(
                f"{TASK}.tensorrt.layers_precision {entry!r} is not possible in an engine of {whole}",
                hint="precisions come from the ONNX graph: layers of fp16 and bf16 engines can be fp32",
            )
    return tuple(found)


def _quantize(spec: ExperimentSpec, model: "onnx.ModelProto") -> "tuple[Quantize | None, list[str]]":
    """What makes the quantized form of a float file for int8, and notes.

    Raises:
        SpecError: folders of images are missing, or hold too few.
    """
    from segstudio.deploy.tensorrt_graph import is_quantized

    rt = spec.gen_trt_engine.tensorrt
    if rt.data_type.lower() != "int8":
        return None, []
    key = f"{TASK}.tensorrt.calibration"
    if is_quantized(model):
        return None, [f"{key} has no effect: {TASK}.onnx_file is quantized"]
    from segstudio.deploy.calibration import USUAL, spread
    from segstudio.deploy.tensorrt_int8 import quantizer_on

    images, asked = list(_images(spec)), rt.calibration.cal_batch_size * rt.calibration.cal_batches
    if len(images) < asked:
        raise SpecError(
            f"{key}: {len(images)} images are in {', '.join(rt.calibration.cal_image_dir)},"
            f" and cal_batch_size x cal_batches is {asked}",
            hint="lower cal_batches, or give more images",
        )
    notes = []
    if rt.calibration.cal_cache_file:
        notes.append(f"{key}.cal_cache_file has no effect: the ranges are part of the quantized graph")
    if asked < USUAL <= len(images):
        notes.append(f"{USUAL} images are used to calibrate: {asked} would miss what others need")
    chosen = [images[number] for number in spread(len(images), max(asked, USUAL))]
    pixels = spec.dataset.segment.augmentation
    return quantizer_on(chosen, pixels.mean, pixels.std), notes


def _images(spec: ExperimentSpec) -> Iterator[Path]:
    for name in spec.gen_trt_engine.tensorrt.calibration.cal_image_dir:
        if not Path(name).is_dir():
            raise SpecError(
                f"{TASK}.tensorrt.calibration.cal_image_dir: there is no folder {name}",
                hint="give folders of images",
            )
        yield from list_images(Path(name))
