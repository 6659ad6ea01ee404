"""Runs live without whoever started them, do as they are asked, and say why they ended."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from segstudio.errors import InputError, SegstudioError
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.workflows.retrain import supervise
from segstudio.workflows.retrain.folder import RunFolder, list_runs
from segstudio.workflows.retrain.locks import is_held
from segstudio.workflows.retrain.runs import RunState, RunStatus, all_statuses, pace_of, status_of
from tests.workflows.retrain.conftest import PATIENCE, MakeRun
from tests.workflows.retrain.stand_in import COMMAND

ROOT = Path(__file__).resolve().parents[3]
posix = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def until(true: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def start(run: RunFolder) -> None:
    supervise.start(run, command=COMMAND)


def followed(run: RunFolder) -> tuple[RunStatus, list[dict[str, Any]]]:
    events: list[Any] = []
    status = supervise.follow(run, JobContext(on_event=events.append), look_seconds=0.02)
    return status, events


def kill(run: RunFolder) -> None:
    os.kill(status_of(run).to_json()["process"], signal.SIGKILL)
    until(lambda: not is_held(run.lock))


def test_a_run_is_followed_to_its_end(make_run: MakeRun) -> None:
    run = make_run()
    start(run)
    status, events = followed(run)
    assert status.state is RunState.FINISHED
    assert (status.pace.step, status.pace.steps, status.pace.best_miou) == (8, 8, 0.08)
    assert [event["step"] for event in events if event["kind"] == "step"] == list(range(1, 9))
    assert not is_held(run.lock)
    with pytest.raises(InputError, match="is finished"):
        start(run)
    with pytest.raises(InputError, match="does not run: it is finished"):
        supervise.pause(run)


def test_pause_go_on_and_stop(make_run: MakeRun) -> None:
    run = make_run(steps=100_000, seconds=0.01)
    start(run)
    with pytest.raises(InputError, match="already"):
        start(run)
    until(lambda: pace_of(run).step > 2)
    supervise.pause(run)
    until(lambda: status_of(run).state is RunState.PAUSED)
    step = pace_of(run).step
    assert pace_of(run).saved_step == step
    supervise.go_on(run)
    until(lambda: pace_of(run).step > step + 2)
    supervise.stop(run)
    status, _ = followed(run)
    assert status.state is RunState.STOPPED
    assert status.reason is not None
    assert f"step {status.pace.saved_step}" in status.reason.hint


def test_a_paused_run_can_be_cancelled(make_run: MakeRun) -> None:
    run = make_run(steps=100_000, seconds=0.01)
    start(run)
    supervise.pause(run)
    until(lambda: status_of(run).state is RunState.PAUSED)
    supervise.cancel(run)
    assert followed(run)[0].state is RunState.CANCELLED
    with pytest.raises(InputError, match="is cancelled already"):
        supervise.cancel(run)
    supervise.remove(run)
    assert not run.path.exists()


ENDS = {
    "memory": ("memory ran out", "smaller crops", "memory"),
    "disk": ("the disk is full", "free some space", "disk"),
    "loss": ("the loss is nan at step 6 (samples a, b)", "lower train.optim.lr", "loss"),
    "crash": ("it crashed: ZeroDivisionError: a bug", "errors.txt", "crash"),
}


@pytest.mark.parametrize("kind", ENDS)
def test_the_reason_of_an_end_and_where_it_goes_on(make_run: MakeRun, kind: str) -> None:
    run = make_run(**{kind: 6})
    start(run)
    status, _ = followed(run)
    message, hint, word = ENDS[kind]
    assert status.state is RunState.FAILED
    assert status.reason is not None
    assert (status.reason.message, status.reason.kind) == (message, word)
    assert hint in status.reason.hint
    assert "goes on from its last checkpoint, step 4" in status.reason.hint
    assert ("ZeroDivisionError" in run.complaints.read_text(encoding="utf-8")) is (kind == "crash")


@posix
def test_a_killed_run_goes_on_from_its_checkpoint(make_run: MakeRun) -> None:
    run = make_run(hang=6)
    start(run)
    until(lambda: pace_of(run).step == 5)
    kill(run)
    status, _ = followed(run)
    assert status.state is RunState.FAILED
    assert str(status.reason).startswith("its process was killed.")
    (run.path / "behaviour.json").write_text("{}", encoding="utf-8")
    start(run)
    status, events = followed(run)
    assert status.state is RunState.FINISHED
    # The step after the checkpoint was made twice.
    assert [event["step"] for event in events if event["kind"] == "step"] == [1, 2, 3, 4, 5, 5, 6, 7, 8]


SUPERVISOR = """
import sys
from pathlib import Path
from segstudio.jobs import JobContext
from segstudio.workflows.retrain import supervise
from segstudio.workflows.retrain.folder import RunFolder
from tests.workflows.retrain.stand_in import COMMAND
run = RunFolder(Path(sys.argv[1]))
supervise.start(run, command=COMMAND)
supervise.follow(run, JobContext())
"""


@posix
@pytest.mark.parametrize("both", [False, True], ids=["window", "both"])
def test_the_window_is_killed_and_the_run_is_taken_up_again(make_run: MakeRun, both: bool) -> None:
    run = make_run(steps=100_000, seconds=0.01)
    window = subprocess.Popen([sys.executable, "-c", SUPERVISOR, str(run.path)], cwd=ROOT)
    until(lambda: pace_of(run).step > 5)
    window.kill()
    window.wait(PATIENCE)
    if both:
        kill(run)
        status, _ = followed(run)
        assert status.state is RunState.FAILED
        assert status.pace.saved_step >= 4
        return
    step = pace_of(run).step
    until(lambda: pace_of(run).step > step)
    assert status_of(run).state is RunState.RUNNING
    supervise.stop(run)
    status, events = followed(run)
    assert status.state is RunState.STOPPED
    assert events[0]["kind"] == "start"


def test_cancelling_the_following_leaves_the_run_alone(make_run: MakeRun) -> None:
    run = make_run(steps=100_000, seconds=0.01)
    start(run)
    context = JobContext()
    context.cancel()
    with pytest.raises(SegstudioError, match="cancelled"):
        supervise.follow(run, context)
    assert is_held(run.lock)


# -- the queue ---------------------------------------------------------------------------------------------


def waiting(project: Project) -> list[str]:
    """The names of the runs that wait, in the order in which they will start."""
    queued = [status for status in all_statuses(list_runs(project)) if status.place]
    return [status.run.name for status in sorted(queued, key=lambda status: status.place)]


def test_a_queue_is_worked_off_one_by_one_without_a_window(project: Project, make_run: MakeRun) -> None:
    runs = [make_run(name, seconds=0.01) for name in ("one", "two", "three")]
    for run in runs:
        supervise.queue_up(run)
    assert waiting(project) == ["one", "two", "three"]
    supervise.set_queue_order([runs[2], runs[0], runs[1]])
    assert waiting(project) == ["three", "one", "two"]
    assert [status.place for status in all_statuses(runs)] == [2, 3, 1]
    supervise.cancel(runs[1])
    assert status_of(runs[1]).state is RunState.CANCELLED
    # Two windows ask at the same time.
    with ThreadPoolExecutor(2) as windows:
        asked = list(windows.map(lambda _: supervise.start_next(project, command=COMMAND), range(2)))
    assert [run.name for run in asked if run] == ["three"]
    assert followed(runs[2])[0].state is RunState.FINISHED
    # The process of a run that ends starts the next one.
    until(lambda: status_of(runs[0]).state is RunState.FINISHED)
    until(lambda: not any(is_held(run.lock) for run in list_runs(project)))
    assert status_of(runs[1]).state is RunState.CANCELLED


def test_what_cannot_be_started_leaves_the_queue_with_its_reason(
    project: Project, make_run: MakeRun, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = make_run()
    supervise.queue_up(run)
    monkeypatch.setattr("segstudio.workflows.retrain.supervise.needed_bytes", lambda _: 1 << 62)
    assert supervise.start_next(project, command=COMMAND) is None
    status = status_of(run)
    assert status.state is RunState.FAILED
    assert status.reason is not None
    assert "MB free, the run may need" in status.reason.message
    assert waiting(project) == []
    assert [found.name for found in list_runs(project)] == ["run"]
