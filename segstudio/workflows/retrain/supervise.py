"""Starts, follows and steers runs from any process: a run is its folder, and lives without its window."""

import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from segstudio.errors import InputError, SegstudioError
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.workflows.retrain import control
from segstudio.workflows.retrain.disk import needed_bytes, require_space
from segstudio.workflows.retrain.folder import RunFolder, read_json, runs_below, write_json
from segstudio.workflows.retrain.locks import alone, is_held
from segstudio.workflows.retrain.runs import START_SECONDS, RunState, RunStatus, RunWatch, places, status_of

LAUNCHER = "segstudio.workflows.retrain.launch"
QUEUE_LOCK = "queue.lock"
LOOK_SECONDS = 0.25
QUEUE_PATIENCE = 10.0


def start(run: RunFolder, *, command: Sequence[str] = ()) -> None:
    """Starts a run, or lets it go on from its last checkpoint, in a process that outlives this one.

    Args:
        run: whose folder `write_run` has made.
        command: of the process in place of the usual one; it gets the run's folder as its last word.

    Raises:
        InputError: it lives already, or is finished.
        SegstudioError: the disk has no room for its checkpoints, or the process cannot be started.
    """
    status = status_of(run)
    if status.state.alive:
        raise InputError(f"the run {run.name} is {status.state.value} already", hint="follow it")
    if status.state is RunState.FINISHED:
        raise InputError(f"the run {run.name} is finished", hint="make a new run to train on")
    require_space(run.path, needed_bytes(run))
    run.starting.touch()
    for old in (run.ended, run.control, run.queued):
        old.unlink(missing_ok=True)
    try:
        _launch(run, command)
        _wait_until_alive(run)
    finally:
        run.starting.unlink(missing_ok=True)


def _launch(run: RunFolder, command: Sequence[str]) -> None:
    words = [*(command or (sys.executable, "-m", "segstudio", "runs", "work")), str(run.path)]
    launcher = [sys.executable, "-m", LAUNCHER, str(run.output), str(run.complaints), *words]
    started = time.time()
    try:
        # A process of its own starts it and ends: the run is no child of the window.
        done = subprocess.run(launcher, capture_output=True, text=True, timeout=START_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SegstudioError(f"the run {run.name} cannot be started: {error}") from error
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:] or ["no reason given"]
        raise SegstudioError(f"the run {run.name} cannot be started: {last[0]}")
    write_json(run.process, {"process": int(done.stdout), "started": round(started, 3)})


def _wait_until_alive(run: RunFolder) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not (is_held(run.lock) or run.ended.is_file()):
        if time.monotonic() > deadline:
            raise SegstudioError(
                f"the run {run.name} has not begun after {START_SECONDS:.0f} s", hint=f"see {run.complaints}"
            )
        time.sleep(control.LOOK_SECONDS / 5)


def follow(run: RunFolder, context: JobContext, *, look_seconds: float = LOOK_SECONDS) -> RunStatus:
    """Follows a run until it has no process any more; the work of a Job. Also takes up a run again.

    Every event of the training goes to `context.event`, those of before first, as it stands in events.jsonl;
    changes of state go there as `{"kind": "state", "state": ..., "doing": ...}`. Progress is in steps.

    Args:
        run: which.
        context: cancelling it ends the following, not the run.
        look_seconds: between two looks.

    Returns:
        How it ended; a queued or ready run is told as it is at once.

    Raises:
        Cancelled: the context was cancelled; the run goes on.
    """
    watch = RunWatch(run)
    told: tuple[RunState, str] | None = None
    while True:
        context.check()
        status, events = watch.look()
        for event in events:
            context.event(event)
        pace = status.pace
        if (status.state, status.doing) != told:
            told = (status.state, status.doing)
            context.event({"kind": "state", "state": status.state.value, "doing": status.doing})
        if events or status.state.alive:
            context.progress(pace.step, pace.steps, status.doing or status.state.value)
        if not status.state.alive:
            return status
        context.wait_cancelled(look_seconds)


def pause(run: RunFolder) -> None:
    """Lets a run wait; it saves first.

    Raises:
        InputError: it does not run.
    """
    _ask(run, control.PAUSE)


def go_on(run: RunFolder) -> None:
    """Lets a paused run go on.

    Raises:
        InputError: it does not run.
    """
    _ask(run, control.GO_ON)


def stop(run: RunFolder) -> None:
    """Lets a run save and end; `start` goes on from there.

    Raises:
        InputError: it does not run.
    """
    _ask(run, control.STOP)


def stop_all(runs: Iterable[RunFolder]) -> None:
    """Lets living runs save and end, and the queue wait until `start_next` is called again.

    Reads nothing: one that has ended meanwhile is left as it is.

    Raises:
        ImageError: the disk refuses.
    """
    for run in runs:
        control.ask(run, control.STOP_ALL)


def cancel(run: RunFolder) -> None:
    """Ends a run, and nothing follows it, or takes it out of the queue; what it saved can be resumed.

    Raises:
        InputError: it has ended already.
    """
    status = status_of(run)
    if status.state.alive:
        control.ask(run, control.CANCEL)
    elif status.state in (RunState.QUEUED, RunState.READY):
        write_json(run.ended, {"state": RunState.CANCELLED.value, "time": time.time()})
        run.queued.unlink(missing_ok=True)
    else:
        raise InputError(f"the run {run.name} is {status.state.value} already")


def _ask(run: RunFolder, word: str) -> None:
    state = status_of(run).state
    if not state.alive:
        raise InputError(f"the run {run.name} does not run: it is {state.value}", hint="start it first")
    control.ask(run, word)


def remove(run: RunFolder) -> None:
    """Deletes a run's folder.

    Raises:
        InputError: it lives. SegstudioError: the disk refuses.
    """
    if status_of(run).state.alive:
        raise InputError(f"the run {run.name} runs", hint="cancel it first")
    try:
        shutil.rmtree(run.path)
    except OSError as error:
        raise SegstudioError(f"{run.path} cannot be deleted: {error.strerror}") from error


# -- the queue ---------------------------------------------------------------------------------------------


def queue_up(run: RunFolder) -> None:
    """Puts a run at the end of the queue; `start_next` takes it when no other one runs.

    Raises:
        InputError: it lives, waits already, or is finished.
    """
    status = status_of(run)
    if not status.state.resumable:
        raise InputError(f"the run {run.name} is {status.state.value} already")
    write_json(run.queued, {"order": time.time()})
    run.ended.unlink(missing_ok=True)


def set_queue_order(runs: Sequence[RunFolder]) -> None:
    """Lets these waiting runs start in this order; others keep their places."""
    orders = sorted(float(read_json(run.queued).get("order", 0.0)) for run in runs)
    for run, order in zip(runs, orders, strict=True):
        write_json(run.queued, {"order": order})


def start_next(project: Project, *, command: Sequence[str] = ()) -> RunFolder | None:
    """Starts the run that waits longest, if none runs; None if there is nothing to start.

    Several windows may ask at once: one of them starts it. A run that ends asks too, so a queue goes on
    without a window. A run that cannot be started leaves the queue as failed, with the reason.
    """
    return start_next_below(project.runs_dir, command=command)


def start_next_below(runs_dir: Path, *, command: Sequence[str] = ()) -> RunFolder | None:
    """See `start_next`."""
    with alone(runs_dir / QUEUE_LOCK, QUEUE_PATIENCE) as mine:
        if not mine or _living(runs_dir):
            return None
        for run in _waiting(runs_dir):
            try:
                start(run, command=command)
            except SegstudioError as error:
                run.queued.unlink(missing_ok=True)
                write_json(run.ended, {
                    "state": RunState.FAILED.value, "message": error.message, "hint": error.hint,
                    "kind": "input", "time": time.time(),
                })  # fmt: skip
                continue
            return run
    return None


def _waiting(runs_dir: Path) -> list[RunFolder]:
    runs = runs_below(runs_dir)
    order = places(runs)
    return sorted((run for run in runs if run.path in order), key=lambda run: order[run.path])


def _living(runs_dir: Path) -> list[RunFolder]:
    return [run for run in runs_below(runs_dir) if is_held(run.lock)]
