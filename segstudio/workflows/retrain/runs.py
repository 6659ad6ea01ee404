"""The life of a run, read from its files: how far it is, whether it lives, how and why it ended."""

import contextlib
import json
import math
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import Any

from segstudio.workflows.retrain.folder import RunFolder, read_json
from segstudio.workflows.retrain.locks import is_held
from segstudio.workflows.retrain.reasons import Reason, goes_on, reason_of
from segstudio.workflows.training import SILENCE_SECONDS

# A living run that says nothing for so long is busy with a validation, or its machine sleeps.
SILENT_SECONDS = 180.0
# Python, torch and a cold disk together, until its process takes the lock.
START_SECONDS = 120.0


class RunState(Enum):
    """Where a run is in its life. `SILENT` lives and says nothing; the last five have no process."""

    QUEUED = "queued"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    SILENT = "silent"
    READY = "ready"
    STOPPED = "stopped"
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def alive(self) -> bool:
        """Whether a process works on it, or waits for the word to go on."""
        return self in (RunState.STARTING, RunState.RUNNING, RunState.PAUSED, RunState.SILENT)

    @property
    def resumable(self) -> bool:
        """Whether it may be started again, and goes on from its last checkpoint."""
        return self in (RunState.READY, RunState.STOPPED, RunState.FAILED, RunState.CANCELLED)


class EventReader:
    """Reads the events of a run bit by bit: each call parses only what was added."""

    def __init__(self, run: RunFolder) -> None:
        self._path = run.train / "events.jsonl"
        self._offset = 0

    def new(self) -> list[dict[str, Any]]:
        """The events since the last call, oldest first; a line that is being written waits."""
        try:
            with self._path.open("rb") as stream:
                stream.seek(self._offset)
                content = stream.read()
        except OSError:
            return []
        whole = content.rfind(b"\n") + 1
        self._offset += whole
        found = []
        for line in content[:whole].splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                found.append(event)
        return found


@dataclass(frozen=True)
class Pace:
    """How far a training is, gathered from its events.

    Attributes:
        kind: of the last event that says what it does; "" before the first.
        step, steps: done and wanted, of optimiser steps.
        seconds_left: of the training; None if unknown.
        steps_per_second: None if unknown.
        loss: of the last steps; None before.
        best_miou: of the validations, 0-1; None before the first.
        saved_step: of the last checkpoint, 0 without one.
        last_time: of the last event, seconds since 1970.
        early: whether it ended before its last step, as nothing was gained any more.
        complaint: why it failed, in its own words; "" where it did not.
    """

    kind: str = ""
    step: int = 0
    steps: int = 0
    seconds_left: float | None = None
    steps_per_second: float | None = None
    loss: float | None = None
    best_miou: float | None = None
    saved_step: int = 0
    last_time: float = 0.0
    early: bool = False
    complaint: str = ""

    @property
    def trained(self) -> bool:
        """Whether the training came to its end; what follows it may be left to do."""
        return self.kind == "end" and self.steps > 0 and (self.early or self.steps <= self.step)

    def after(self, event: dict[str, Any]) -> "Pace":
        """The same with one more event; figures that it lacks stay as they were."""
        kind, step = str(event.get("kind", "")), int(number(event.get("step")) or self.step)
        now = replace(self, last_time=number(event.get("time")) or self.last_time)
        if kind == "start":
            steps = int(number(event.get("steps")) or 0)
            return replace(now, kind=kind, step=step, steps=steps, seconds_left=None, complaint="")
        if kind == "step":
            left = number(event.get("eta"))
            speed = (self.steps - step) / left if left and self.steps > step else self.steps_per_second
            loss = number(event.get("loss"))
            return replace(
                now,
                kind=kind,
                step=step,
                loss=self.loss if loss is None else loss,
                seconds_left=left,
                steps_per_second=speed,
            )
        if kind == "validation":
            scores = [one for one in (number(event.get("miou")), self.best_miou) if one is not None]
            return replace(now, kind=kind, step=step, best_miou=max(scores, default=None))
        if kind == "saved":
            return replace(now, saved_step=step)
        if kind == "early_stop":
            return replace(now, early=True)
        if kind == "failed":
            now = replace(now, complaint=str(event.get("message") or ""))
        if kind in ("paused", "resumed", "end", "failed", "diverged"):
            return replace(now, kind=kind, step=max(step, self.step))
        return now


def number(value: object) -> float | None:
    """A figure of an event; None for what is missing or no number, as a score of nothing."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if is_number and isinstance(value, int | float) else None


@dataclass(frozen=True)
class RunStatus:
    """A run as it is at one moment.

    Attributes:
        run: which.
        state: see `RunState`.
        pace: how far the training is.
        reason: why it ended without finishing, with what to do; None else.
        doing: what it does, for people, such as "training" or "exporting onnx".
        place: in the queue, from 1; 0 for none.
        silent_seconds: since the last event of a living run.
    """

    run: RunFolder
    state: RunState
    pace: Pace
    reason: Reason | None = None
    doing: str = ""
    place: int = 0
    silent_seconds: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        pace = self.pace
        return {
            "name": self.run.name, "folder": str(self.run.path), "state": self.state.value,
            "doing": self.doing, "place": self.place, "step": pace.step, "steps": pace.steps,
            "seconds_left": pace.seconds_left, "steps_per_second": pace.steps_per_second,
            "loss": pace.loss, "best_miou": pace.best_miou, "saved_step": pace.saved_step,
            "process": read_json(self.run.process).get("process", 0) if self.state.alive else 0,
            "reason": self.reason.message if self.reason else "",
            "hint": self.reason.hint if self.reason else "",
        }  # fmt: skip


class RunWatch:
    """Follows one run cheaply: keeps what it has read. For one thread."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.pace = Pace()
        self._reader = EventReader(run)

    def look(self) -> tuple[RunStatus, list[dict[str, Any]]]:
        """The run as it is now, and its events since the last look, oldest first."""
        # Asked before the events are read: who ended in between has written its last ones by then.
        lives = is_held(self.run.lock)
        events = self._reader.new()
        for event in events:
            self.pace = self.pace.after(event)
        return self._status(lives), events

    def _status(self, lives: bool) -> RunStatus:
        run, pace = self.run, self.pace
        if lives:
            return _living(run, pace)
        ended = read_json(run.ended)
        if ended:
            state = _STATES.get(str(ended.get("state")), RunState.FAILED)
            reason = None
            if state is not RunState.FINISHED and ended.get("message"):
                reason = Reason(str(ended["message"]), str(ended.get("hint", "")), str(ended.get("kind", "")))
            return RunStatus(run, state, pace, reason)
        if run.queued.is_file():
            return RunStatus(run, RunState.QUEUED, pace)
        if is_starting(run):
            return RunStatus(run, RunState.STARTING, pace, doing="starting")
        if not run.output.is_file() and pace.last_time and pace.kind != "end":
            return _told_alone(run, pace)
        if pace.kind == "":
            started = run.output.is_file()
            return RunStatus(run, RunState.FAILED if started else RunState.READY, pace,
                             reason_of(run, pace.saved_step) if started else None)  # fmt: skip
        if pace.kind == "end":
            # A training that `segstudio train` ran itself leaves no other word.
            return RunStatus(run, RunState.FINISHED if pace.trained else RunState.STOPPED, pace)
        return RunStatus(run, RunState.FAILED, pace, reason_of(run, pace.saved_step))


def pace_of(run: RunFolder) -> Pace:
    """How far a training is, whoever works on it; never touches its lock."""
    pace = Pace()
    for event in EventReader(run).new():
        pace = pace.after(event)
    return pace


def is_starting(run: RunFolder) -> bool:
    """Whether somebody starts the run, and its process has not taken its lock yet."""
    try:
        since = run.starting.stat().st_mtime
    except OSError:
        return False
    return time.time() - since < START_SECONDS


_STATES = {state.value: state for state in RunState}


def _living(run: RunFolder, pace: Pace) -> RunStatus:
    """A run whose process lives. What an earlier session said last says nothing of this one."""
    session, step = session_start(run), chain_step(run)
    said = max(pace.last_time, session, _modified(run.chain) if step else 0.0)
    silent = max(0.0, time.time() - said) if said else 0.0
    if step:
        state = RunState.RUNNING
    elif pace.kind == "" or pace.last_time < session:
        pace, state = replace(pace, seconds_left=None), RunState.STARTING
    else:
        state = RunState.PAUSED if pace.kind == "paused" else RunState.RUNNING
    if silent >= SILENT_SECONDS and state is not RunState.PAUSED:
        state = RunState.SILENT
    training = {RunState.PAUSED: "paused", RunState.STARTING: "preparing"}.get(state, "training")
    return RunStatus(run, state, pace, doing=step or training, silent_seconds=silent)


def _told_alone(run: RunFolder, pace: Pace) -> RunStatus:
    """A run of `segstudio train`, which holds no lock: it lives as long as it talks."""
    if pace.kind == "failed":
        hint = goes_on(pace.saved_step)
        return RunStatus(run, RunState.FAILED, pace, Reason(pace.complaint or "it failed", hint, "crash"))
    if time.time() - pace.last_time < SILENCE_SECONDS:
        state = RunState.PAUSED if pace.kind == "paused" else RunState.RUNNING
        return RunStatus(run, state, pace, doing="paused" if state is RunState.PAUSED else "training")
    since = datetime.fromtimestamp(pace.last_time)
    said = f"it has said nothing since {since:%d %b %H:%M}"
    hint = f"look whether its process lives; {goes_on(pace.saved_step)}"
    return RunStatus(run, RunState.FAILED, pace, Reason(said, hint, "silent"))


def note_session(run: RunFolder) -> None:
    """Notes that a process begins to work on a run, whose lock it holds; see `session_start`."""
    with contextlib.suppress(OSError):
        os.utime(run.lock)


def session_start(run: RunFolder) -> float:
    """When the process of a run began, seconds since 1970; 0 if unknown."""
    started = number(read_json(run.process).get("started")) or 0.0
    return max(started, _modified(run.lock))


def chain_step(run: RunFolder) -> str:
    """What of the steps after the training a living run does, for people; "" for none."""
    # A process that was killed in a step leaves it there.
    fresh = _modified(run.chain) >= session_start(run)
    return str(read_json(run.chain).get("doing", "")) if fresh else ""


def _modified(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


def status_of(run: RunFolder) -> RunStatus:
    """A run as it is now."""
    return RunWatch(run).look()[0]


def all_statuses(runs: Sequence[RunFolder]) -> list[RunStatus]:
    """Several runs as they are now, with their places in the queue."""
    order = places(runs)
    return [replace(status_of(run), place=order.get(run.path, 0)) for run in runs]


def places(runs: Sequence[RunFolder]) -> dict[Path, int]:
    """The place of each queued run in the queue, from 1."""
    waiting = [(read_json(run.queued).get("order", 0.0), run) for run in runs if run.queued.is_file()]
    return {run.path: place for place, (_, run) in enumerate(sorted(waiting, key=lambda pair: pair[0]), 1)}
