"""The state of a run from its files alone: whoever looks, whatever was cut short."""

import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from segstudio.workflows.retrain import runs, supervise
from segstudio.workflows.retrain.folder import RunFolder, write_json
from segstudio.workflows.retrain.reasons import Reason, reason_of, reason_of_error
from segstudio.workflows.retrain.runs import EventReader, RunState, pace_of, status_of
from segstudio.workflows.retrain.watched import Watched
from tests.workflows.retrain.conftest import MakeRun
from tests.workflows.retrain.stand_in import COMMAND
from tests.workflows.retrain.test_supervise import until

START = {"kind": "start", "step": 0, "steps": 40}
STEP = {"kind": "step", "step": 10, "loss": 0.5, "lr": 1e-3, "eta": 60.0}
SCORED = {"kind": "validation", "step": 10, "miou": 0.25}
SAVED = {"kind": "saved", "step": 10}


def written(folder: Path, *events: dict[str, Any], ago: float = 0.0, ours: bool = False) -> RunFolder:
    run = RunFolder(folder)
    run.train.mkdir(parents=True)
    lines = [json.dumps({"time": time.time() - ago, **event}) for event in events]
    (run.train / "events.jsonl").write_text("\n".join([*lines, '{"kind": "st']), encoding="utf-8")
    if ours:
        run.output.touch()
    return run


def test_how_far_a_run_is(tmp_path: Path) -> None:
    pace = pace_of(written(tmp_path / "run", START, STEP, SCORED, SAVED))
    assert (pace.step, pace.steps, pace.loss, pace.best_miou, pace.saved_step) == (10, 40, 0.5, 0.25, 10)
    assert pace.seconds_left == 60
    assert pace.steps_per_second == 0.5


def test_events_are_read_once(tmp_path: Path) -> None:
    run = written(tmp_path / "run", START, STEP)
    reader = EventReader(run)
    assert [event["kind"] for event in reader.new()] == ["start", "step"]
    assert reader.new() == []
    with (run.train / "events.jsonl").open("a", encoding="utf-8") as file:
        file.write('op"}\nno event\n[1]\n{"kind": "end"}\n')
    assert [event["kind"] for event in reader.new()] == ["stop", "end"]


END = {"kind": "end", "step": 40, "stopped": False}
EARLY = ({"kind": "early_stop", "step": 20}, {"kind": "end", "step": 20, "stopped": False})
STATES: tuple[tuple[tuple[dict[str, Any], ...], float, RunState], ...] = (
    ((), 0, RunState.READY),
    ((START, STEP), 0, RunState.RUNNING),
    ((START, STEP), 3600, RunState.FAILED),
    ((START, STEP, END), 0, RunState.FINISHED),
    ((START, STEP, *EARLY), 0, RunState.FINISHED),
    ((START, {"kind": "end", "step": 20, "stopped": True}), 0, RunState.STOPPED),
)


@pytest.mark.parametrize(("events", "ago", "state"), STATES)
def test_a_run_that_train_itself_writes(
    tmp_path: Path, events: tuple[dict[str, Any], ...], ago: float, state: RunState
) -> None:
    assert status_of(written(tmp_path / "run", *events, ago=ago)).state is state


def test_a_run_without_process_and_last_word_was_killed(tmp_path: Path) -> None:
    run = written(tmp_path / "run", START, STEP, SAVED, ours=True)
    status = status_of(run)
    assert status.state is RunState.FAILED
    assert status.reason is not None
    assert (status.reason.kind, status.reason.hint[-8:]) == ("killed", " step 10")
    assert status_of(written(tmp_path / "early", ours=True)).state is RunState.FAILED


def test_a_living_run_that_says_nothing_is_silent(make_run: MakeRun, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(hang=3)
    supervise.start(run, command=COMMAND)
    until(lambda: pace_of(run).step == 2)
    assert status_of(run).state is RunState.RUNNING
    monkeypatch.setattr(runs, "SILENT_SECONDS", 0.0)
    assert status_of(run).state is RunState.SILENT


def living(folder: Path, monkeypatch: pytest.MonkeyPatch, *said: dict[str, Any], ago: float) -> RunFolder:
    """A run whose process has begun just now, and what an earlier one had said."""
    run = written(folder, *said, ago=ago, ours=True)
    run.lock.touch()
    runs.note_session(run)
    monkeypatch.setattr(runs, "is_held", lambda path: path == run.lock)
    return run


@pytest.mark.parametrize("kind", ["step", "paused", "end"])
def test_what_an_earlier_session_said_last_says_nothing_of_this_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    run = living(tmp_path / "run", monkeypatch, START, STEP | {"kind": kind}, ago=9999)
    status = status_of(run)
    assert (status.state, status.doing) == (RunState.STARTING, "preparing")
    assert status.silent_seconds < 100
    # Nor does the step that a killed process was doing.
    write_json(run.chain, {"doing": "evaluating"})
    os.utime(run.chain, (1e9, 1e9))
    assert status_of(run).doing == "preparing"


def test_what_follows_a_training_is_not_silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = living(tmp_path / "run", monkeypatch, START, STEP, END, ago=9999)
    os.utime(run.lock, (time.time() - 9000, time.time() - 9000))
    write_json(run.chain, {"doing": "evaluating"})
    status = status_of(run)
    assert (status.state, status.doing) == (RunState.RUNNING, "evaluating")
    # A step that says nothing any more is.
    os.utime(run.chain, (time.time() - 500, time.time() - 500))
    assert status_of(run).state is RunState.SILENT


def test_unusual_events_are_read_too(tmp_path: Path) -> None:
    unusual: list[dict[str, Any]] = [
        {"kind": "step", "step": 11, "loss": None},
        {"kind": "step", "step": 12},
        {"kind": "validation", "step": 12, "miou": None, "time": "now"},
        {"kind": "start", "steps": "many", "step": None},
    ]
    pace = pace_of(written(tmp_path / "run", START, STEP, SCORED, *unusual))
    assert (pace.loss, pace.best_miou, pace.step) == (0.5, 0.25, 12)


def test_train_itself_says_why_it_ended(tmp_path: Path) -> None:
    failed = {"kind": "failed", "step": 10, "message": "latest.pth cannot be written"}
    for ago in (0, 3600):
        status = status_of(written(tmp_path / f"failed {ago}", START, STEP, failed, ago=ago))
        assert status.state is RunState.FAILED
        assert str(status.reason).startswith("latest.pth cannot be written")
    status = status_of(written(tmp_path / "silent", START, STEP, ago=3600))
    assert str(status.reason).startswith("it has said nothing since ")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ("RuntimeError: DefaultCPUAllocator: can't allocate memory", "memory"),
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB", "memory"),
        ("OSError: [Errno 28] No space left on device", "disk"),
        ("Traceback (most recent call last):\nImportError: no torch", "crash"),
        ("", "killed"),
    ],
)
def test_the_reason_is_read_from_what_the_process_said_last(tmp_path: Path, said: str, kind: str) -> None:
    run = written(tmp_path / "run", ours=True)
    run.complaints.write_text(said, encoding="utf-8")
    found = reason_of(run, 0)
    assert found.kind == kind
    assert "begins anew" in found.hint


def test_an_error_is_told_with_what_to_do(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)
    assert reason_of_error(RuntimeError("CUDA out of memory"), run, 3).kind == "memory"
    assert str(Reason("it crashed", "see there", "crash")) == "it crashed. see there."


def test_pictures_of_steps_that_are_repeated_are_forgotten(tmp_path: Path) -> None:
    run, found = RunFolder(tmp_path), Watched()
    event = {"kind": "watched", "keys": ["a"], "images": ["a.jpg"], "masks": ["a.png"]}
    for step in (10, 20):
        found = found.after(run, event | {"step": step})
    assert set(found.after(run, START | {"step": 10}).pictures) == {10}
    assert found.pictures[20]["a"] == run.train / "watch" / "step_00020" / "a.png"
    assert found.samples == {"a": (Path("a.jpg"), Path("a.png"))}
