"""Timing a model: every size with every batch, figures that fit together, all lanes busy."""

import dataclasses
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.errors import BackendError, Cancelled, InputError
from segstudio.inference.backend import Options
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.workflows.bench import LEAST_RUNS, BenchResult, BenchRow, bench_model

Ids = NDArray[np.uint8]


class SteadyBackend:
    """Takes five milliseconds a call, and knows how many calls ran at the same time."""

    name = "steady"
    device = "paper"

    def __init__(self, lanes: int) -> None:
        self.lanes = lanes
        self.shapes: list[tuple[int, ...]] = []
        self.closed = False
        self.most = 0
        self._inside = 0
        self._lock = threading.Lock()

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Ids]:
        with self._lock:
            self._inside += 1
            self.most = max(self.most, self._inside)
            self.shapes.append(images.shape)
        end = time.perf_counter() + 0.005
        while time.perf_counter() < end:
            threading.Event().wait(0.001)
        with self._lock:
            self._inside -= 1
        return images[..., 0], images[..., 1]

    def core_kind(self) -> None:
        """It gives ids alone."""

    def scores(self, pixels: object) -> NDArray[np.float32]:
        raise AssertionError("there are none")

    def close(self) -> None:
        self.closed = True


def put(monkeypatch: pytest.MonkeyPatch, lanes: int) -> SteadyBackend:
    backend = SteadyBackend(lanes)

    def open_steady(folder: Path, spec: ModelSpec, wanted: str, options: Options) -> SteadyBackend:
        return backend

    monkeypatch.setattr("segstudio.workflows.bench.open_backend", open_steady)
    return backend


def test_every_size_with_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = put(monkeypatch, 1)
    result = bench_model("street-b0", sizes=[(48, 32), (64, 64)], batches=[1, 3], seconds=0.06)
    rows = [(row.width, row.height, row.batch) for row in result.rows]
    assert rows == [(48, 32, 1), (48, 32, 3), (64, 64, 1), (64, 64, 3)]
    assert set(backend.shapes) == {(n, h, w, 3) for w, h, n in rows}
    assert backend.closed
    assert (result.model, result.backend, result.lanes) == ("street-b0", "steady", 1)


def test_figures_fit_together(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, 1)
    (row,) = bench_model("street-b0", sizes=[(48, 32)], batches=[4], seconds=0.1).rows
    assert row.runs >= LEAST_RUNS
    figures = row.latency_ms
    order = [figures[name] for name in ("min", "p50", "p90", "p95", "p99", "max")]
    assert order == sorted(order)
    assert figures["min"] >= 5
    assert figures["min"] <= figures["mean"] <= figures["max"]
    # One call after the other: what is between them makes the wall clock a little slower.
    assert 0.5 * 4000 / figures["mean"] < row.fps <= 4000 / figures["mean"] * 1.001
    assert row.variation >= 0


def test_all_lanes_are_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = put(monkeypatch, 3)
    (row,) = bench_model("street-b0", sizes=[(48, 32)], seconds=0.3).rows
    assert backend.most == 3
    assert row.fps > 1.5 * 1000 / row.latency_ms["mean"]


def test_cancelling_ends_all_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = put(monkeypatch, 2)
    before = set(threading.enumerate())
    context = JobContext(lambda done, total, text: context.cancel())
    with pytest.raises(Cancelled):
        bench_model("street-b0", sizes=[(48, 32)], seconds=60, context=context)
    assert backend.closed
    assert set(threading.enumerate()) <= before


@pytest.mark.parametrize(
    "wrong", [{"sizes": [(0, 5)]}, {"batches": [-1]}, {"seconds": 0}, {"seconds": float("nan")}]
)
def test_what_cannot_be_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(InputError, match="a size, batch or time of"):
        bench_model("street-b0", **wrong)  # type: ignore[arg-type]  # some of its arguments


def test_what_cannot_be_held_is_refused_before_anything_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = put(monkeypatch, 1)
    monkeypatch.setattr("segstudio.workflows.bench.free_bytes", lambda: 2**30)
    with pytest.raises(InputError, match=r"40000x40000, batch 2 needs 235 GiB at least, and 1 GiB are free"):
        bench_model("street-b0", sizes=[(8, 8), (40000, 40000)], batches=[2])
    assert backend.shapes == []


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("no  room\nfor it")])
def test_a_backend_that_finds_no_room_says_so(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    backend = put(monkeypatch, 1)

    def fail(images: NDArray[np.uint8]) -> tuple[Ids, Ids]:
        raise error

    monkeypatch.setattr(backend, "run", fail)
    with pytest.raises(BackendError, match=r"steady cannot run 48x32, batch 1: no (memory|room for it)"):
        bench_model("street-b0", sizes=[(48, 32)], seconds=0.1)
    assert backend.closed


def test_an_unquiet_machine_is_warned_of() -> None:
    quiet = BenchRow(8, 8, 1, 10, 5.0, {"p50": 1.0}, 0.05, {"backbone": 0.9, "head": 0.1, "other": 0.0})
    result = BenchResult("m", "onnx", "CPU", "fp32", "latency", 1, (quiet,))
    assert result.warning == ""
    assert result.lines()[-1].strip() == "backbone 90%, head 10%"
    loud = dataclasses.replace(quiet, variation=0.3, stages=None)
    warned = dataclasses.replace(result, rows=(quiet, loud))
    assert "varied by up to 30%" in warned.lines()[-1]


def test_stages_come_from_a_pass_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, 1)
    (plain,) = bench_model("street-b0", sizes=[(48, 32)], seconds=0.05).rows
    assert plain.stages is None
    # Of a backend that does not tell.
    (asked,) = bench_model("street-b0", sizes=[(48, 32)], seconds=0.05, profile=True).rows
    assert asked.stages is None
