"""Runs are found by their results_dir, whether their events lie in it or in the folder of the task inside."""

import json
import os
import time
from pathlib import Path

from segstudio.workflows.training import list_runs, read_run


def write_events(folder: Path, age: float, *events: dict[str, object]) -> None:
    folder.mkdir(parents=True)
    now = time.time() - age
    path = folder / "events.jsonl"
    path.write_text("".join(json.dumps({**event, "time": now}) + "\n" for event in events), encoding="utf-8")
    os.utime(path, (now, now))


def test_runs_old_and_new(tmp_path: Path) -> None:
    start: dict[str, object] = {"kind": "start", "step": 0, "steps": 9}
    write_events(tmp_path / "new" / "train", 5.0, start, {"kind": "step", "step": 3, "loss": 1.0, "lr": 0.1})
    write_events(tmp_path / "old", 9.0, start)
    (tmp_path / "empty").mkdir()
    (tmp_path / "notes.txt").write_text("none", encoding="utf-8")
    assert [folder.name for folder in list_runs(tmp_path)] == ["old", "new"]
    run = read_run(tmp_path / "new")
    assert (run.name, run.done, run.loss) == ("new", 3, ((3, 1.0),))
    assert read_run(tmp_path / "new" / "train").loss == run.loss
    assert list_runs(tmp_path / "absent") == []


def test_a_run_that_failed_is_stopped_until_it_goes_on(tmp_path: Path) -> None:
    start: dict[str, object] = {"kind": "start", "step": 0, "steps": 9}
    failed: dict[str, object] = {"kind": "failed", "message": "the disk is full"}
    write_events(tmp_path / "failed", 1.0, start, failed)
    write_events(tmp_path / "again", 1.0, start, failed, start)
    assert read_run(tmp_path / "failed").state == "stopped"
    assert read_run(tmp_path / "again").state == "running"
