"""Projects of tiny accepted samples, and runs whose training is played."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from segstudio.images import write_image
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.retrain.folder import RunFolder
from segstudio.workflows.retrain.runs import status_of
from segstudio.workflows.retrain.supervise import cancel
from tests.training.conftest import tiny_sample
from tests.workflows.retrain.stand_in import BEHAVIOUR

PATIENCE = 60.0
MakeRun = Callable[..., RunFolder]


def fill_project(root: Path, train: int = 2, val: int = 2) -> None:
    """Accepted samples train/0.. and val/0.., sky above road."""
    for split, count in (("train", train), ("val", val)):
        for number in range(count):
            write_image(root / "images" / split / f"{number}.png", tiny_sample(number % 3)[0])
    with Project.open(root) as project:
        for sample in project.samples():
            project.save_mask(sample.key, tiny_sample(int(sample.key.rpartition("/")[2]) % 3)[1])
        project.set_status([sample.key for sample in project.samples()], SampleStatus.ACCEPTED)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """Two samples to learn from, two to score."""
    fill_project(tmp_path / "frames")
    with Project.open(tmp_path / "frames", create=False) as opened:
        yield opened


@pytest.fixture
def make_run(project: Project) -> Iterator[MakeRun]:
    """Run folders without samples, for trainings that are played; what lives at the end is cancelled."""
    made: list[RunFolder] = []

    def make(name: str = "run", **behaviour: Any) -> RunFolder:
        run = RunFolder(project.runs_dir / name)
        run.path.mkdir(parents=True)
        (run.path / BEHAVIOUR).write_text(json.dumps(behaviour), encoding="utf-8")
        run.train.mkdir()
        (run.train / "events.jsonl").touch()
        made.append(run)
        return run

    yield make
    for run in made:
        if status_of(run).state.alive:
            cancel(run)
