"""Times a model on this machine, in the manner of trtexec: warm-up, then percentiles and throughput."""

import time
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from segstudio.inference.backend import AUTO, cpu_name, open_backend
from segstudio.inference.catalog import find_model
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene

WARM_UP_SECONDS = 0.2
LEAST_SECONDS = 3.0
LEAST_RUNS = 10


@dataclass(frozen=True)
class BenchResult:
    """Speed of one model: milliseconds per call (of `batch` images), images per second."""

    model: str
    backend: str
    device: str
    width: int
    height: int
    batch: int
    runs: int
    fps: float
    latency_ms: dict[str, float]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)


def bench_model(
    model: str,
    *,
    backend: str = AUTO,
    width: int = 1024,
    height: int = 512,
    batch: int = 1,
    seconds: float = LEAST_SECONDS,
    context: JobContext | None = None,
) -> BenchResult:
    """Runs a model on drawn scenes of one size until the time is over; pixels in, ids and confidence out.

    Raises:
        ModelError, BackendError: the model cannot be run.
    """
    context = context or JobContext()
    folder, spec = find_model(model)
    runner = open_backend(folder, spec, backend)
    images = np.stack([draw_scene(seed, height, width).image for seed in range(batch)])
    try:
        began = time.perf_counter()
        while time.perf_counter() - began < WARM_UP_SECONDS:
            runner.run(images)
        times: list[float] = []
        began = time.perf_counter()
        while len(times) < LEAST_RUNS or time.perf_counter() - began < seconds:
            context.check()
            start = time.perf_counter()
            runner.run(images)
            times.append(time.perf_counter() - start)
            context.progress(min(time.perf_counter() - began, seconds), seconds, f"{len(times)} runs")
        total = time.perf_counter() - began
    finally:
        runner.close()
    milliseconds = np.array(times) * 1000
    latency = {f"p{p}": round(float(np.percentile(milliseconds, p)), 3) for p in (50, 90, 95, 99)}
    latency["mean"] = round(float(milliseconds.mean()), 3)
    latency["min"] = round(float(milliseconds.min()), 3)
    device = f"{runner.device} ({cpu_name()})" if runner.device == "CPU" else runner.device
    return BenchResult(
        spec.name, runner.name, device, width, height, batch, len(times),
        round(len(times) * batch / total, 3), latency,
    )  # fmt: skip
