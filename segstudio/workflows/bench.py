"""Times a model on this machine, in the manner of trtexec: warm-up, then percentiles and throughput."""

import itertools
import math
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import BackendError, InputError
from segstudio.inference.backend import AUTO, Backend, Options, cpu_name, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.onnx_ import runtime_errors
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.workflows.bench_profile import profile_stages
from segstudio.workflows.machine import backend_version, free_bytes

# As trtexec has them.
WARM_UP_SECONDS = 0.2
LEAST_SECONDS = 3.0
LEAST_RUNS = 10
PERCENTILES = (50, 90, 95, 99)
# Above it lone figures say little; trtexec warns at 1 %, for GPUs.
UNQUIET = 0.05


@dataclass(frozen=True)
class BenchRow:
    """Speed at one size and batch.

    Attributes:
        width, height: of the images, in pixels.
        batch: images a call.
        runs: calls that were timed.
        fps: images a second of the wall clock, over all lanes.
        latency_ms: of a call: p50, p90, p95, p99, mean, min and max.
        variation: standard deviation of the latency over its mean; a few percent on a quiet machine.
        stages: shares, 0-1, of the time of the model's nodes by part of the graph, from a pass of its own;
            None where that was not asked for or the backend does not tell.
    """

    width: int
    height: int
    batch: int
    runs: int
    fps: float
    latency_ms: dict[str, float]
    variation: float
    stages: dict[str, float] | None = None

    def line(self) -> str:
        """What a person reads of it."""
        latency = ", ".join(f"{key} {value:.1f}" for key, value in self.latency_ms.items())
        return (
            f"{self.width}x{self.height}, batch {self.batch}: {self.fps:.2f} images/s;"
            f" ms a call: {latency}; varied by {self.variation:.0%}"
        )


@dataclass(frozen=True)
class BenchResult:
    """Speed of one model, pixels in memory to ids and confidence in memory; a row for each size and batch.

    Attributes:
        model, architecture, weights_sha256: what ran.
        backend, backend_version, device: what it ran on.
        precision: of the arithmetic.
        purpose: latency or throughput.
        threads: of the CPU, for all lanes.
        lanes: calls at the same time.
        rows: the figures.
    """

    model: str
    backend: str
    device: str
    precision: str
    purpose: str
    lanes: int
    rows: tuple[BenchRow, ...]
    architecture: str = ""
    weights_sha256: str = ""
    backend_version: str = ""
    threads: int = 0

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)

    def lines(self) -> list[str]:
        """What a person reads: what ran where, a line a row, and what to mistrust."""
        lanes = f", {self.lanes} calls at a time" if self.lanes > 1 else ""
        shown = [f"{self.model} on {self.backend}, {self.device}, {self.precision}{lanes}"]
        for row in self.rows:
            shown.append(f"  {row.line()}")
            # Shares that would be shown as 0 % say nothing.
            shares = [f"{name} {share:.0%}" for name, share in (row.stages or {}).items() if share >= 0.005]
            if shares:
                shown.append(f"    {', '.join(shares)}")
        if self.warning:
            shown.append(f"  {self.warning}")
        return shown

    @property
    def warning(self) -> str:
        """What to think of figures of an unquiet machine; empty where it was quiet."""
        most = max((row.variation for row in self.rows), default=0.0)
        if most <= UNQUIET:
            return ""
        return (
            f"warning: calls varied by up to {most:.0%}: the machine was not quiet;"
            " compare side by side with --against, or time it again"
        )


def bench_model(
    model: str,
    *,
    backend: str = AUTO,
    sizes: Sequence[tuple[int, int]] = ((1024, 512),),
    batches: Sequence[int] = (1,),
    seconds: float = LEAST_SECONDS,
    options: Options = Options(),  # noqa: B008 - frozen
    profile: bool = False,
    context: JobContext | None = None,
) -> BenchResult:
    """Runs a model on drawn scenes, every size with every batch.

    Args:
        model: name or folder.
        backend: see `open_backend`.
        sizes: (width, height) of the images.
        batches: images a call.
        seconds: how long each row is timed, at least; ten calls at least.
        options: how the backend is to run.
        profile: whether to ask, in a pass of its own behind the timed one, where the time goes.
        context: progress and cancellation.

    Raises:
        InputError: a size, batch or time that cannot be, or for which there is no memory.
        ModelError, BackendError: the model cannot be run, or not at this size.
    """
    context = context or JobContext()
    for value in (*itertools.chain(*sizes), *batches, seconds):
        if not (value > 0 and math.isfinite(value)):
            raise InputError(f"a size, batch or time of {value}", hint="give numbers above 0")
    folder, spec = find_model(model)
    for (width, height), batch in itertools.product(sizes, batches):
        require_memory(spec, width, height, batch)
    runner = open_backend(folder, spec, backend, options)
    rows = []
    try:
        for (width, height), batch in itertools.product(sizes, batches):
            images = np.stack([draw_scene(seed, height, width).image for seed in range(batch)])
            row = timed_row(runner, images, seconds, context)
            if profile:
                stages = profile_stages(folder, spec, runner.name, runner.device, options, images)
                row = replace(row, stages=stages)
            rows.append(row)
    finally:
        runner.close()
    return _result(spec, runner, options, rows)


def _result(spec: ModelSpec, runner: Backend, options: Options, rows: Sequence[BenchRow]) -> BenchResult:
    return BenchResult(
        model=spec.name,
        backend=runner.name,
        device=f"{runner.device} ({cpu_name()})" if runner.device == "CPU" else runner.device,
        precision=options.precision,
        purpose=options.purpose,
        lanes=runner.lanes,
        rows=tuple(rows),
        architecture=spec.architecture,
        weights_sha256=spec.weights_sha256,
        backend_version=backend_version(runner.name),
        threads=options.threads_here,
    )


def require_memory(spec: ModelSpec, width: int, height: int, batch: int) -> None:
    """Refuses what certainly cannot be held: scores of every class at the size of the images, in float32.

    Raises:
        InputError: says how much it would take and how much there is.
    """
    needed = batch * width * height * (len(spec.classes) * 4 + 3)
    there = free_bytes()
    if there and needed > there:
        raise InputError(
            f"{width}x{height}, batch {batch} needs {needed / 2**30:.0f} GiB at least, and"
            f" {there / 2**30:.0f} GiB are free",
            hint="give a smaller --size or --batch",
        )


def timed_row(runner: Backend, images: NDArray[np.uint8], seconds: float, context: JobContext) -> BenchRow:
    """Times uint8 [N,H,W,3] with every lane of a backend busy.

    Raises:
        BackendError: the backend cannot run this size.
        Cancelled: the context was cancelled.
    """
    batch, height, width = images.shape[:3]
    _try_once(runner, images)
    began = time.perf_counter()
    while time.perf_counter() - began < WARM_UP_SECONDS:
        runner.run(images)
    times: list[float] = []
    began = time.perf_counter()

    def keep_busy() -> None:
        while len(times) < LEAST_RUNS or time.perf_counter() - began < seconds:
            context.check()
            start = time.perf_counter()
            runner.run(images)
            times.append(time.perf_counter() - start)
            spent = min(time.perf_counter() - began, seconds)
            context.progress(spent, seconds, f"{width}x{height}, batch {batch}")

    with ThreadPoolExecutor(runner.lanes) as pool:
        for lane in [pool.submit(keep_busy) for _ in range(runner.lanes)]:
            lane.result()
    return _figures(images.shape, times, time.perf_counter() - began)


def _figures(shape: tuple[int, ...], times: Sequence[float], total: float) -> BenchRow:
    """The row of calls on images [N,H,W,3] that took so many seconds each, and in total."""
    batch, height, width = shape[:3]
    milliseconds = np.array(times) * 1000
    figures = {f"p{p}": float(np.percentile(milliseconds, p)) for p in PERCENTILES}
    figures |= {"mean": milliseconds.mean(), "min": milliseconds.min(), "max": milliseconds.max()}
    return BenchRow(
        width,
        height,
        batch,
        len(times),
        round(len(times) * batch / total, 3),
        {name: round(float(value), 3) for name, value in figures.items()},
        round(float(milliseconds.std() / milliseconds.mean()), 4),
    )


def _try_once(runner: Backend, images: NDArray[np.uint8]) -> None:
    """The first call, which is the one that finds no room.

    Raises:
        BackendError: the size, and what the backend said.
    """
    # Those of ONNX Runtime have no base that could be caught instead.
    own = runtime_errors() if runner.name == "onnx" else ()
    refusals: tuple[type[Exception], ...] = (MemoryError, RuntimeError, *own)
    try:
        runner.run(images)
    except refusals as error:
        batch, height, width = images.shape[:3]
        reason = " ".join(str(error).split())[:300] or "no memory"
        raise BackendError(
            f"{runner.name} cannot run {width}x{height}, batch {batch}: {reason}",
            hint="give a smaller --size or --batch",
        ) from error
