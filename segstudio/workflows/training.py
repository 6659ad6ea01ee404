"""Reads what training runs left behind, and what running ones add."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

EVENTS = "events.jsonl"
# The folder of the task in a results_dir.
TASK = "train"
# A run writes an event every few steps and one after each validation; the longest gap is a validation.
SILENCE_SECONDS = 600.0
# Recent entries of the log over which the speed is averaged.
RECENT = 8
Points = tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class RunCurves:
    """The curves of one run, by optimiser step; scores are fractions 0-1.

    Attributes:
        steps: how many the run is to have, 0 before its start.
        done: the last step that was told.
        images_per_second: of the last entry of the log, 0 before the first.
        steps_per_second: over the last entries of the log, 0 before the second.
        notes: what the trainer remarked, oldest first.
        watched: steps of the validations that left pictures of predictions.
    """

    name: str
    folder: Path
    steps: int
    done: int
    finished: bool
    loss: Points
    learning_rate: Points
    miou: Points
    accuracy: Points
    class_iou: dict[str, Points]
    seconds: float
    silent_seconds: float
    paused: bool
    images_per_second: float = 0.0
    steps_per_second: float = 0.0
    notes: tuple[str, ...] = ()
    watched: tuple[int, ...] = ()

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
    return RunReader(folder).read()


class RunReader:
    """Reads the events of one run again and again: each time only those that came since.

    For one thread at a time.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._place = 0
        self._sums = _Sums()
        self._made: RunCurves | None = None

    def read(self) -> RunCurves:
        """The curves as of now; a line that is not whole yet is left for the next time."""
        path = events_file(self.folder)
        added = self._added(path)
        for line in added:
            event = _parsed(line)
            if event is not None:
                self._sums.add(event)
        if self._made is None or added or not self._made.finished:
            self._made = self._sums.curves(self.folder)
        return self._made

    def _added(self, path: Path) -> list[bytes]:
        try:
            with path.open("rb") as stream:
                size = stream.seek(0, 2)
                if size < self._place:
                    # Another run took its place.
                    self._place, self._sums = 0, _Sums()
                stream.seek(self._place)
                text = stream.read(size - self._place)
        except OSError:
            return []
        whole = text.rfind(b"\n") + 1
        self._place += whole
        return text[:whole].splitlines()


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        event = json.loads(line)
    except ValueError:
        return None
    return event if isinstance(event, dict) else None


class _Sums:
    """What the events so far add up to."""

    def __init__(self) -> None:
        self.loss, self.rate = _Curve(), _Curve()
        self.miou, self.accuracy = _Curve(), _Curve()
        self.class_iou: dict[str, _Curve] = {}
        self.watched: list[int] = []
        self.notes: list[str] = []
        self.steps = self.done = 0
        self.finished = self.paused = False
        self.first = self.last = 0.0
        self.speed = 0.0
        self._times: list[tuple[float, int]] = []

    def add(self, event: Mapping[str, Any]) -> None:
        """Takes one event."""
        step, kind = int(event.get("step", 0)), event.get("kind")
        self.done = max(self.done, step)
        self.last = float(event.get("time", self.last))
        self.first = self.first or self.last
        self.paused = kind == "failed" or (kind == "end" and bool(event.get("stopped", False)))
        if kind == "start":
            self._start(step, int(event.get("steps", 0)))
        elif kind == "step":
            self._step(step, event)
        elif kind == "validation":
            self._validation(step, event)
        elif kind == "watched":
            self.watched.append(step)
        elif kind == "end":
            self.finished = not self.paused
        self.notes += [str(line) for line in event.get("lines", ())]

    def _start(self, step: int, steps: int) -> None:
        self.finished, self.steps, self.done = False, steps, step
        self._times = [(self.last, step)]
        # A run that goes on from a checkpoint repeats the steps after it.
        for curve in (self.loss, self.rate, self.miou, self.accuracy, *self.class_iou.values()):
            curve.cut(step)
        self.watched = [one for one in self.watched if one <= step]

    def _step(self, step: int, event: Mapping[str, Any]) -> None:
        self.loss.add(step, float(event["loss"]))
        self.rate.add(step, float(event["lr"]))
        self.speed = float(event.get("images_per_second", 0.0))
        self._times = [*self._times[1 - RECENT :], (self.last, step)]

    def _validation(self, step: int, event: Mapping[str, Any]) -> None:
        self.miou.add(step, float(event["miou"]))
        self.accuracy.add(step, float(event["aacc"]))
        for name, value in event.get("iou", {}).items():
            if value is not None:
                self.class_iou.setdefault(name, _Curve()).add(step, float(value))

    def curves(self, folder: Path) -> RunCurves:
        """All of it, as of now."""
        (began, before), (ended, after) = (self._times or [(0.0, 0)])[0], (self._times or [(0.0, 0)])[-1]
        return RunCurves(
            name=folder.name,
            folder=folder,
            steps=self.steps,
            done=self.done,
            finished=self.finished,
            loss=self.loss.points(),
            learning_rate=self.rate.points(),
            miou=self.miou.points(),
            accuracy=self.accuracy.points(),
            class_iou={name: curve.points() for name, curve in self.class_iou.items()},
            seconds=max(0.0, self.last - self.first),
            silent_seconds=time.time() - self.last,
            paused=self.paused,
            images_per_second=self.speed,
            steps_per_second=(after - before) / (ended - began) if ended > began else 0.0,
            notes=tuple(self.notes),
            watched=tuple(self.watched),
        )


class _Curve:
    """Points that are added at the end; those that were handed out stay as they are."""

    def __init__(self) -> None:
        self._points: list[tuple[int, float]] = []
        self._made: Points | None = None

    def add(self, step: int, value: float) -> None:
        self._points.append((step, value))
        self._made = None

    def cut(self, step: int) -> None:
        """Leaves out what came after a step."""
        self._points = [point for point in self._points if point[0] <= step]
        self._made = None

    def points(self) -> Points:
        if self._made is None:
            self._made = tuple(self._points)
        return self._made
