"""The commands that retrain, and those of runs, on a run whose training is played."""

import json
from pathlib import Path
from shutil import copytree, rmtree

import pytest
from typer.testing import CliRunner, Result

from segstudio.cli import retrain, runs
from segstudio.errors import InputError, ModelError
from segstudio.paths import bundled_models_dir, user_models_dir
from segstudio.project.project import Project
from segstudio.workflows.model_use import usable_fingerprint
from segstudio.workflows.retrain import supervise
from tests.workflows.retrain.conftest import fill_project
from tests.workflows.retrain.stand_in import COMMAND


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose runs are played, without what follows them."""
    fill_project(tmp_path / "frames")
    usual = supervise.start
    monkeypatch.setattr(supervise, "start", lambda run, command=(): usual(run, command=command or COMMAND))
    return tmp_path / "frames"


def called(group: str, *words: str) -> Result:
    result = CliRunner().invoke((retrain if group == "retrain" else runs).app, list(words))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_dry_run_and_the_experiment(root: Path) -> None:
    found = json.loads(called("retrain", str(root), "--dry-run", "--json", "--query", "train/1").stdout)
    assert (found["train"], found["validation"], found["keeps_classes"]) == (1, 2, True)
    text = called("retrain", str(root), "--print-spec", "--minutes", "3").stdout
    assert "pretrained_model_path: start.safetensors" in text
    with pytest.raises(InputError, match="--then 'ship'"):
        called("retrain", str(root), "--then", "ship")
    assert not (root / ".segstudio" / "runs").exists()


def test_it_starts_from_the_model_in_use(root: Path) -> None:
    copytree(bundled_models_dir() / "street-b0", user_models_dir() / "night")
    with Project.open(root, create=False) as project:
        project.promotions.promote("night", usable_fingerprint("night"), reason="better at night")
    found = json.loads(called("retrain", str(root), "--dry-run", "--json").stdout)
    assert "night" in found["start"]
    rmtree(user_models_dir() / "night")
    with pytest.raises(ModelError, match=r"the model of this project, night, is not here.*--model"):
        called("retrain", str(root), "--dry-run")


def test_a_run_from_the_command_line(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is played leaves no weights to make a model of: the run says so.
    with pytest.raises(InputError, match="has no weights yet"):
        called("retrain", str(root), "--name", "mine")
    listed = json.loads(called("runs", "list", str(root), "--json").stdout)["runs"]
    assert [(run["name"], run["state"], run["step"], run["steps"]) for run in listed] == [
        ("mine", "failed", 8, 8)
    ]
    assert "mine: failed, step 8 of 8" in called("runs", "list", str(root)).stdout
    assert json.loads(called("runs", "show", str(root), "--json").stdout)["saved_step"] == 8
    with pytest.raises(InputError, match="does not run: it is failed"):
        called("runs", "pause", str(root), "mine")
    with pytest.raises(InputError, match="has no run 'other'"):
        called("runs", "follow", str(root), "other")
    with monkeypatch.context() as other_run:
        other_run.setattr(supervise, "_living", lambda _: ["another run"])
        assert "mine waits until no other run trains" in called("runs", "resume", str(root), "mine").stdout
        assert "mine: queued, number 1 in the queue" in called("runs", "list", str(root)).stdout
    assert "mine is removed" in called("runs", "remove", str(root), "mine").stdout
    assert called("runs", "list", str(root)).stdout.startswith("no runs yet")
