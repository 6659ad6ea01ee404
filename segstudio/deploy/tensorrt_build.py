"""Builds TensorRT engines from ONNX files: strongly typed, so that TensorRT 10 and 11 do the same."""

import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.deploy.cuda import MEGABYTE, Cuda
from segstudio.deploy.fixed import input_axes
from segstudio.deploy.onnx_graph import load_onnx
from segstudio.deploy.tensorrt_graph import Quantize, prepared
from segstudio.deploy.tensorrt_here import Words, make_log, require_tensorrt, sides
from segstudio.deploy.tensorrt_plan import (
    USUAL_BATCH,
    USUAL_SIDE,
    EngineFacts,
    EnginePlan,
    Span,
    digest,
    save_facts,
)
from segstudio.errors import BackendError, InputError
from segstudio.images import atomic_write
from segstudio.jobs import JobContext

if TYPE_CHECKING:
    import tensorrt as trt


def build_engine(
    onnx_path: Path,
    engine_path: Path,
    plan: EnginePlan,
    context: JobContext,
    quantize: Quantize | None = None,
) -> EngineFacts:
    """Builds an engine; it and engine.json beside it appear when it is done, or neither does.

    Args:
        onnx_path: a graph with one image as its input; the deployment graph, or TAO's.
        engine_path: the file to write.
        plan: how.
        context: told of the steps; a wish to stop ends the build at the next one.
        quantize: makes the quantized form of a float file, for int8.

    Raises:
        BackendError: no TensorRT or GPU here, or TensorRT refuses the file, the plan, or for lack of memory.
        ModelError: the file cannot be read or converted.
        ImageError: the disk refuses.
        Cancelled: somebody asked to stop.
    """
    version = require_tensorrt()
    if engine_path.is_dir():
        raise InputError(
            f"{engine_path} is a folder", hint="remove it, or give the path of a file for the engine"
        )
    cuda = Cuda(plan.device)
    cuda.use()
    context.progress(0, 0, "converting the ONNX graph")
    started = time.perf_counter()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = prepared(onnx_path, plan, Path(folder), quantize)
        context.check()
        built = _Build(onnx_path, plan, context, cuda).run(path)
    context.check()
    facts = EngineFacts(
        gpu=cuda.gpu.name,
        capability=cuda.gpu.capability,
        tensorrt=version,
        onnx_sha256=digest(onnx_path),
        precision=plan.precision,
        tf32=plan.tf32,
        keep=plan.keep,
        profile=built.profile,
        outputs=built.outputs,
        bytes=len(built.content),
        seconds=round(time.perf_counter() - started, 1),
    )
    _write(built.content, facts, engine_path)
    return facts


def _write(content: bytes, facts: EngineFacts, path: Path) -> None:
    atomic_write(path, content)
    try:
        save_facts(facts, path)
    except InputError:
        path.unlink(missing_ok=True)
        raise


@dataclass(frozen=True)
class Built:
    """An engine's content, the shapes that it takes, and what it gives."""

    content: bytes
    profile: Mapping[str, tuple[tuple[int, ...], ...]]
    outputs: Mapping[str, tuple[str, tuple[int, ...]]]


class _Build:
    """One build: TensorRT's objects live as long as it runs, also where something is raised."""

    def __init__(self, source: Path, plan: EnginePlan, context: JobContext, cuda: Cuda) -> None:
        self._source, self._plan, self._context, self._cuda = source, plan, context, cuda
        self._words = Words(on_line=self._tell if plan.verbose else None)

    def run(self, path: Path) -> Built:
        """Builds from the prepared file.

        Raises:
            BackendError: see `build_engine`.
        """
        import tensorrt as trt

        log = make_log(self._words)
        try:
            builder = trt.Builder(log)
        except TypeError as error:
            raise BackendError(f"TensorRT does not start: {self._words.reason}") from error
        # TensorRT 11 knows no other networks, and may no longer have the flag.
        flag = getattr(trt.NetworkDefinitionCreationFlag, "STRONGLY_TYPED", None)
        network = builder.create_network(0 if flag is None else 1 << int(flag))
        self._parse(trt.OnnxParser(network, log), path)
        profile = self._profile(builder, network, input_axes(load_onnx(path).graph))
        config = self._config(builder)
        if profile is not None:
            config.add_optimization_profile(profile)
        cache = self._timing_cache(config)
        memory = _serialized(builder, network, config)
        if memory is None:
            self._context.check()
            raise self._refusal()
        if cache is not None and self._plan.timing_cache is not None:
            atomic_write(self._plan.timing_cache, bytes(cache.serialize()))
        return Built(bytes(memory), _shapes_taken(network, profile), _outputs(network))

    def _parse(self, parser: "trt.OnnxParser", path: Path) -> None:
        # The types of TensorRT have a bool of their own.
        if bool(parser.parse_from_file(str(path))):
            return
        # The first error is the cause of the others.
        error: trt.ParserError | None = parser.get_error(0) if parser.num_errors else None
        reason = self._words.reason
        if error is not None:
            name = error.node_name() or f"number {error.node()}"
            reason = f"node {name} ({error.node_operator()}): {' '.join(error.desc().split())[:300]}"
        raise BackendError(
            f"TensorRT cannot read {self._source}: {reason}",
            hint="export it again with opset 17 and without operations of other makers",
        )

    def _profile(
        self, builder: "trt.Builder", network: "trt.INetworkDefinition", axes: tuple[int, int]
    ) -> "trt.IOptimizationProfile | None":
        """The spans of the free axes; None where all are fixed."""
        import tensorrt as trt

        plan = self._plan
        given = network.get_input(0)
        dims = sides(given.shape)
        spans = [(side, side, side) for side in dims]
        wanted = (
            (0, plan.batch, USUAL_BATCH),
            (axes[0], plan.height, USUAL_SIDE),
            (axes[1], plan.width, USUAL_SIDE),
        )
        for axis, span, usual in wanted:
            spans[axis] = _span(dims[axis], span, usual, f"{self._source}: axis {axis} of {given.name}")
        if -1 not in dims:
            return None
        profile = builder.create_optimization_profile()
        least, middle, most = (trt.Dims([span[part] for span in spans]) for part in range(3))
        profile.set_shape(given.name, least, middle, most)
        return profile

    def _config(self, builder: "trt.Builder") -> "trt.IBuilderConfig":
        import tensorrt as trt

        config = builder.create_builder_config()
        if self._plan.workspace_mb:
            config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, self._plan.workspace_mb * MEGABYTE)
        # It is on unless it is cleared.
        tf32 = trt.BuilderFlag.TF32
        (config.set_flag if self._plan.tf32 else config.clear_flag)(tf32)
        if hasattr(trt, "IProgressMonitor"):
            # TensorRT does not keep it alive.
            self._monitor = config.progress_monitor = make_monitor(self._context)
        return config

    def _timing_cache(self, config: "trt.IBuilderConfig") -> "trt.ITimingCache | None":
        path = self._plan.timing_cache
        if path is None:
            return None
        try:
            content = path.read_bytes() if path.exists() else b""
        except OSError as error:
            raise BackendError(
                f"timing_cache {path} cannot be read: {error.strerror}", hint="give the path of a file"
            ) from error
        cache = config.create_timing_cache(content)
        if not cache or not config.set_timing_cache(cache, False):
            self._tell(f"{path} is of another GPU or version of TensorRT: it is written anew")
            cache = config.create_timing_cache(b"")
            config.set_timing_cache(cache, False)
        return cache

    def _refusal(self) -> BackendError:
        reason = self._words.reason
        if not self._words.memory_ran_out:
            return BackendError(f"TensorRT cannot build {self._source}: {reason}")
        free, total = self._cuda.free_mb, self._cuda.gpu.memory_mb
        return BackendError(
            f"TensorRT ran out of GPU memory ({free} of {total} MB are free): {reason}",
            hint="close other programs on the GPU, or lower workspace_size, max_batch_size and the sizes",
        )

    def _tell(self, line: str) -> None:
        self._context.event({"kind": "log", "lines": [line]})


def make_monitor(context: JobContext) -> "trt.IProgressMonitor":
    """Reports the steps of each phase of a build, and ends the build when asked to."""
    import tensorrt as trt

    class Monitor(trt.IProgressMonitor):
        """Called from several threads."""

        def __init__(self) -> None:
            super().__init__()
            self._steps: dict[str, int] = {}

        def phase_start(self, phase_name: str, parent_phase: str, num_steps: int) -> None:
            self._steps[phase_name] = num_steps

        def phase_finish(self, phase_name: str) -> None:
            self._steps.pop(phase_name, None)

        def step_complete(self, phase_name: str, step: int) -> bool:
            steps = self._steps.get(phase_name, 0)
            context.progress(min(step + 1, steps), steps, phase_name)
            return not context.cancelled

    return Monitor()


def _serialized(
    builder: "trt.Builder", network: "trt.INetworkDefinition", config: "trt.IBuilderConfig"
) -> "trt.IHostMemory | None":
    """The engine; None where TensorRT fails, which its types leave out."""
    return builder.build_serialized_network(network, config)


def _span(side: int, wanted: Span | None, usual: Span, where: str) -> Span:
    """The lengths of an axis.

    Raises:
        BackendError: the file fixes it to something else, or the lengths do not rise.
    """
    if side != -1:
        if wanted is not None and wanted != (side, side, side):
            raise BackendError(
                f"{where} is fixed to {side}, not {'/'.join(map(str, wanted))}",
                hint="leave it out, or export the ONNX file with this axis free",
            )
        return side, side, side
    span = wanted or usual
    if not 1 <= span[0] <= span[1] <= span[2]:
        raise BackendError(
            f"{where}: {'/'.join(map(str, span))}", hint="give three rising numbers, 1 or more"
        )
    return span


def _shapes_taken(
    network: "trt.INetworkDefinition", profile: "trt.IOptimizationProfile | None"
) -> dict[str, tuple[tuple[int, ...], ...]]:
    given = network.get_input(0)
    fixed = sides(given.shape)
    shapes = (fixed, fixed, fixed) if profile is None else map(sides, profile.get_shape(given.name))
    return {given.name: tuple(shapes)}


def _outputs(network: "trt.INetworkDefinition") -> dict[str, tuple[str, tuple[int, ...]]]:
    ends = [network.get_output(number) for number in range(network.num_outputs)]
    return {end.name: (str(end.dtype.name).lower(), sides(end.shape)) for end in ends}
