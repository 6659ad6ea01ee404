"""Predicts images one behind the other: decoding, inference and writing overlap, and are timed."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError
from segstudio.inference.prediction import Prediction
from segstudio.jobs import JobContext
from segstudio.workflows.flow import Budget, Flow
from segstudio.workflows.inputs import Source

STAGES = ("decode", "inference", "write")
# Bytes of decoded images that may be under way; beyond, decoding waits.
LARGEST_UNDER_WAY = 256 << 20

Write = Callable[[Source, NDArray[np.uint8], Prediction], None]
Predict = Callable[[NDArray[np.uint8]], Prediction]


@dataclass(frozen=True)
class Skipped:
    """An input that could not be predicted, and why."""

    path: str
    reason: str


@dataclass
class Stopwatch:
    """Seconds by stage; each list has one entry an image, in the same order."""

    stages: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in STAGES})

    def add(self, seconds: Sequence[float]) -> None:
        """Notes an image's seconds, in the order of STAGES."""
        for name, value in zip(STAGES, seconds, strict=True):
            self.stages[name].append(value)

    def join(self, other: "Stopwatch") -> None:
        """Takes over another one's images."""
        for name, values in other.stages.items():
            self.stages[name] += values

    def totals(self) -> dict[str, float]:
        """Seconds by stage over all images."""
        return {stage: round(sum(times), 4) for stage, times in self.stages.items()}

    def latency_ms(self) -> dict[str, float]:
        """p50, p95 and p99 of the sum of the stages of an image."""
        sums = np.array([self.stages[name] for name in STAGES]).sum(axis=0) * 1000
        return {f"p{p}": round(float(np.percentile(sums, p)), 3) if sums.size else 0.0 for p in (50, 95, 99)}


@dataclass(frozen=True)
class _Work:
    """An image on its way, and what its stages took."""

    source: Source
    image: NDArray[np.uint8]
    seconds: tuple[float, ...]
    prediction: Prediction | None = None


def run_pipeline(
    sources: Sequence[Source],
    predict: Predict,
    write: Write,
    watch: Stopwatch,
    context: JobContext,
    lanes: int = 1,
) -> tuple[int, list[Skipped]]:
    """Decodes ahead of the inference and writes behind it, a few images at a time.

    Args:
        sources: what is predicted.
        predict: the inference; `lanes` threads call it at the same time.
        write: stores the answer.
        watch: takes the times.
        context: progress and cancellation.
        lanes: see `Backend.lanes`.

    Returns:
        How many were predicted, and those that could not be read.
    """
    skipped: list[Skipped] = []
    budget = Budget(LARGEST_UNDER_WAY)

    def decode(source: Source) -> _Work | None:
        began = time.perf_counter()
        try:
            image = source.decode()
        except ImageError as error:
            skipped.append(Skipped(str(source.path), error.message))
            return None
        seconds = time.perf_counter() - began
        budget.take(image.nbytes, flow.stopped)
        return _Work(source, image, (seconds,))

    def infer(work: _Work) -> _Work:
        began = time.perf_counter()
        prediction = predict(work.image)
        return _Work(work.source, work.image, (*work.seconds, time.perf_counter() - began), prediction)

    def store(work: _Work) -> tuple[str, tuple[float, ...]]:
        began = time.perf_counter()
        assert work.prediction is not None
        write(work.source, work.image, work.prediction)
        budget.give_back(work.image.nbytes)
        return work.source.name, (*work.seconds, time.perf_counter() - began)

    done = 0
    with Flow() as flow:
        predicted = flow.stage(flow.stage(sources, decode), infer, lanes)
        for name, seconds in flow.stage(predicted, store):
            context.check()
            watch.add(seconds)
            done += 1
            context.progress(done + len(skipped), len(sources), name)
    return done, skipped
