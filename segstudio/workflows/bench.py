"""Times a model on this machine, in the manner of trtexec: warm-up, then percentiles and throughput."""

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.inference.backend import AUTO, Backend, Options, cpu_name, open_backend
from segstudio.inference.catalog import find_model
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene

# As trtexec has them.
WARM_UP_SECONDS = 0.2
LEAST_SECONDS = 3.0
LEAST_RUNS = 10
PERCENTILES = (50, 90, 95, 99)


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
    """

    width: int
    height: int
    batch: int
    runs: int
    fps: float
    latency_ms: dict[str, float]
    variation: float


@dataclass(frozen=True)
class BenchResult:
    """Speed of one model, pixels in memory to ids and confidence in memory; a row for each size and batch.

    Attributes:
        model, backend, device: what ran where.
        precision: of the arithmetic.
        purpose: latency or throughput.
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

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)

    def lines(self) -> list[str]:
        """What a person reads: what ran where, then a line a row."""
        lanes = f", {self.lanes} calls at a time" if self.lanes > 1 else ""
        shown = [f"{self.model} on {self.backend}, {self.device}, {self.precision}{lanes}"]
        for row in self.rows:
            latency = ", ".join(f"{key} {value:.1f}" for key, value in row.latency_ms.items())
            shown.append(
                f"  {row.width}x{row.height}, batch {row.batch}: {row.fps:.2f} images/s;"
                f" ms a call: {latency}; varied by {row.variation:.0%}"
            )
        return shown


def bench_model(
    model: str,
    *,
    backend: str = AUTO,
    sizes: Sequence[tuple[int, int]] = ((1024, 512),),
    batches: Sequence[int] = (1,),
    seconds: float = LEAST_SECONDS,
    options: Options = Options(),  # noqa: B008 - frozen
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
        context: progress and cancellation.

    Raises:
        InputError: a size, batch or time that cannot be.
        ModelError, BackendError: the model cannot be run.
    """
    context = context or JobContext()
    for value in (*itertools.chain(*sizes), *batches, seconds):
        if value <= 0:
            raise InputError(f"a size, batch or time of {value}", hint="give numbers above 0")
    folder, spec = find_model(model)
    runner = open_backend(folder, spec, backend, options)
    rows = []
    try:
        for (width, height), batch in itertools.product(sizes, batches):
            images = np.stack([draw_scene(seed, height, width).image for seed in range(batch)])
            rows.append(timed_row(runner, images, seconds, context))
    finally:
        runner.close()
    device = f"{runner.device} ({cpu_name()})" if runner.device == "CPU" else runner.device
    return BenchResult(
        spec.name, runner.name, device, options.precision, options.purpose, runner.lanes, tuple(rows)
    )


def timed_row(runner: Backend, images: NDArray[np.uint8], seconds: float, context: JobContext) -> BenchRow:
    """Times uint8 [N,H,W,3] with every lane of a backend busy.

    Raises:
        Cancelled: the context was cancelled.
    """
    batch, height, width = images.shape[:3]
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
    total = time.perf_counter() - began
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
