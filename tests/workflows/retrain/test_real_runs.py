"""Real trainings that are killed or run out of memory: `pytest -m slow tests/workflows/retrain`."""

import os
import signal
import sys
from pathlib import Path

import pytest
from safetensors.numpy import load_file

from segstudio.images import atomic_write
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.training.loop import train
from segstudio.training.spec.load import load_spec
from segstudio.workflows.retrain import supervise
from segstudio.workflows.retrain.locks import is_held
from segstudio.workflows.retrain.runs import RunState, pace_of, status_of
from tests.workflows.retrain.test_chain import tiny_run
from tests.workflows.retrain.test_supervise import until

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="signals and limits of POSIX")]
STEPS = 12


def test_a_killed_training_reaches_the_weights_of_a_whole_one(project: Project, tmp_path: Path) -> None:
    run = tiny_run(project, STEPS, evaluate=False)
    whole = load_spec(run.spec_file, [f"results_dir={tmp_path / 'whole'}"]).spec
    train(whole, JobContext())
    supervise.start(run)
    until(lambda: pace_of(run).saved_step >= 3)
    os.kill(status_of(run).to_json()["process"], signal.SIGKILL)
    until(lambda: not is_held(run.lock))
    status = supervise.follow(run, JobContext())
    assert status.state is RunState.FAILED
    assert status.reason is not None
    assert status.reason.kind == "killed"
    supervise.start(run)
    assert supervise.follow(run, JobContext()).state is RunState.FINISHED
    ours, theirs = (
        load_file(folder / "latest.safetensors") for folder in (run.train, tmp_path / "whole/train")
    )
    assert all((ours[name] == theirs[name]).all() for name in theirs)


def test_memory_that_runs_out_is_said(project: Project) -> None:
    run = tiny_run(project, evaluate=False)
    text = run.spec_file.read_text(encoding="utf-8")
    large = text.replace("img_size: 64", "img_size: 2048").replace("batch_size: 2", "batch_size: 64")
    atomic_write(run.spec_file, large.encode())
    limited = ("sh", "-c", f'ulimit -v 12000000; exec {sys.executable} -m segstudio runs work "$0"')
    supervise.start(run, command=limited)
    status = supervise.follow(run, JobContext())
    assert status.state is RunState.FAILED
    assert status.reason is not None
    assert (status.reason.message, status.reason.kind) == ("memory ran out", "memory")
    assert "smaller crops" in status.reason.hint
