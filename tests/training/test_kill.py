"""A training that is killed or stopped at any moment goes on to the very weights of an undisturbed one."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from segstudio.jobs import JobContext
from segstudio.training.checkpoint import read_checkpoint
from segstudio.training.events import read_events
from segstudio.training.loop import train
from segstudio.training.spec.load import spec_yaml
from segstudio.training.spec.schema import ExperimentSpec
from tests.training.conftest import SpecMaker

STEPS, PATIENCE = 6, 120.0
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def spec_of(make_spec: SpecMaker, folder: str) -> ExperimentSpec:
    return make_spec(
        folder,
        steps=STEPS,
        workers=1,
        train={
            "checkpoint_interval": 1,
            "validation_interval": 2,
            "checkpointer": {"enable_topk": True, "save_top_k": 1},
        },
        studio={"drop_path": 0.3, "optim": {"ema_decay": 0.9}, "log_every": 1},
    )


def start(spec: ExperimentSpec, folder: Path) -> "subprocess.Popen[bytes]":
    file = folder / f"{Path(spec.results_dir).name}.yaml"
    file.write_text(spec_yaml(spec), encoding="utf-8")
    with said_in(folder).open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "segstudio", "train", "-e", str(file)],
            stdout=subprocess.DEVNULL,
            stderr=said,
            start_new_session=True,
        )


def said_in(folder: Path) -> Path:
    return folder / "stderr.txt"


def finish(spec: ExperimentSpec, folder: Path) -> None:
    """Lets a run go on to its end."""
    code = start(spec, folder).wait(PATIENCE)
    assert code == 0, said_in(folder).read_text(encoding="utf-8")[-3000:]


def steps_done(spec: ExperimentSpec) -> int:
    events = read_events(Path(spec.results_dir) / "train")
    return max((event["step"] for event in events if event["kind"] == "step"), default=0)


def interrupted(spec: ExperimentSpec, folder: Path, number: int, at_step: int, delay: float) -> int:
    """Starts a run, sends a signal to its whole group soon after a step, and waits; returns its exit code."""
    process = start(spec, folder)
    deadline = time.monotonic() + PATIENCE
    while steps_done(spec) < at_step and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(delay)
    if process.poll() is None:
        os.killpg(process.pid, number)
    return process.wait(PATIENCE)


def assert_same(first: ExperimentSpec, second: ExperimentSpec) -> None:
    one, other = (
        read_checkpoint(Path(spec.results_dir) / "train" / "latest.pth") for spec in (first, second)
    )
    for part in ("network", "average"):
        assert all(torch.equal(one[part][name], other[part][name]) for name in one[part]), part
    for part in ("step", "best_miou", "stop_miou", "stalled", "kept", "ended"):
        assert one[part] == other[part], part
    assert torch.equal(one["chances"][0]["torch"], other["chances"][0]["torch"])


def test_killed_stopped_and_resumed(make_spec: SpecMaker, tmp_path: Path) -> None:
    whole, parts = spec_of(make_spec, "whole"), spec_of(make_spec, "parts")
    train(whole, JobContext())
    assert interrupted(parts, tmp_path, signal.SIGKILL, 2, 0.0) == -signal.SIGKILL
    assert interrupted(parts, tmp_path, signal.SIGTERM, 4, 0.0) == 0
    assert read_checkpoint(Path(parts.results_dir) / "train" / "latest.pth")["step"] >= 4
    finish(parts, tmp_path)
    assert_same(whole, parts)
    kinds = [event["kind"] for event in read_events(Path(parts.results_dir) / "train")]
    assert kinds.count("start") == 3


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10))
def test_many_kills(make_spec: SpecMaker, tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    whole, parts = spec_of(make_spec, "whole"), spec_of(make_spec, "parts")
    train(whole, JobContext())
    for _ in range(3):
        interrupted(parts, tmp_path, signal.SIGKILL, chance.randrange(STEPS), chance.random() * 0.5)
    finish(parts, tmp_path)
    assert_same(whole, parts)
