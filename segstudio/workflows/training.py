"""Reads what training runs left behind."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"
# The folder of the task in a results_dir.
TASK = "train"
# A run writes an event every few steps and one after each validation; the longest gap is a validation.
SILENCE_SECONDS = 600.0
Curve = list[tuple[int, float]]


@dataclass(frozen=True)
class RunCurves:
    """The curves of one run, by optimiser step; scores are fractions 0-1."""

    name: str
    folder: Path
    steps: int
    done: int
    finished: bool
    loss: tuple[tuple[int, float], ...]
    learning_rate: tuple[tuple[int, float], ...]
    miou: tuple[tuple[int, float], ...]
    accuracy: tuple[tuple[int, float], ...]
    class_iou: dict[str, tuple[tuple[int, float], ...]]
    seconds: float
    silent_seconds: float
    paused: bool

    @property
    def state(self) -> str:
        """ "finished", "running", or "stopped": on request, by an error, or silent for long."""
        if self.finished:
            return "finished"
        return "stopped" if self.paused or self.silent_seconds >= SILENCE_SECONDS else "running"

    @property
    def best_miou(self) -> float | None:
        """The best validation mIoU, or None before the first validation."""
        return max((value for _, value in self.miou), default=None)

    def scores_at_best(self) -> dict[str, float]:
        """Validation mIoU and pixel accuracy where the mIoU is best, by the names of model.json."""
        if not self.miou:
            return {}
        best, value = max(self.miou, key=lambda point: point[1])
        return {"val_miou": value, "val_aacc": dict(self.accuracy)[best]}


def list_runs(folder: Path) -> list[Path]:
    """Folders below `folder` that hold a run, oldest first: results_dirs, or folders of events themselves."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if events_file(path).is_file()]
    return sorted(found, key=lambda path: events_file(path).stat().st_mtime)


def events_file(folder: Path) -> Path:
    """Where a run's events are or would be: in its folder, or in the folder of the task inside."""
    own = folder / EVENTS
    return own if own.is_file() else folder / TASK / EVENTS


def read_run(folder: Path) -> RunCurves:
    """The curves of a run, by its results_dir or the folder of its events.

    Lines that a crash cut short are left out.
    """
    loss, rate, miou, accuracy = Curve(), Curve(), Curve(), Curve()
    class_iou: dict[str, Curve] = {}
    steps = done = 0
    finished = paused = False
    first = last = 0.0
    for event in _events(events_file(folder)):
        step = int(event.get("step", 0))
        done = max(done, step)
        last = float(event.get("time", last))
        first = first or last
        kind = event.get("kind")
        paused = kind == "failed" or (kind == "end" and bool(event.get("stopped", False)))
        if kind == "start":
            finished = False
            steps = int(event.get("steps", 0))
            # A run that goes on from a checkpoint repeats the steps after it.
            for points in (loss, rate, miou, accuracy, *class_iou.values()):
                points[:] = [point for point in points if point[0] <= step]
        elif kind == "step":
            loss.append((step, float(event["loss"])))
            rate.append((step, float(event["lr"])))
        elif kind == "validation":
            miou.append((step, float(event["miou"])))
            accuracy.append((step, float(event["aacc"])))
            for name, value in event.get("iou", {}).items():
                if value is not None:
                    class_iou.setdefault(name, Curve()).append((step, float(value)))
        elif kind == "end":
            finished = not paused
    return RunCurves(
        folder.name, folder, steps, done, finished, tuple(loss), tuple(rate), tuple(miou), tuple(accuracy),
        {name: tuple(points) for name, points in class_iou.items()}, last - first,
        time.time() - last, paused,
    )  # fmt: skip


def _events(path: Path) -> list[dict[str, Any]]:
    events = []
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                events.append(event)
    return events
