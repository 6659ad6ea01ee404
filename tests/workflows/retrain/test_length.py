"""A run is as long as its minutes: what a step takes is measured on this machine, once."""

import json
from dataclasses import replace

import pytest

from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.training import pace
from segstudio.training.spec.load import load_spec
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.estimate import timetable
from segstudio.workflows.retrain.length import settle_length
from segstudio.workflows.retrain.plan import make_plan
from segstudio.workflows.retrain.write import write_run
from tests.workflows.retrain.test_chain import tiny_run

CHOICE = RetrainChoice("model:street-b0", minutes=5, preset="cpu")


def test_the_steps_follow_from_what_one_takes(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(project, CHOICE, JobContext())
    asked: list[tuple[int, int]] = []

    def measured(_: object, height: int, width: int) -> pace.Tempo:
        asked.append((height, width))
        return pace.Tempo(2.0, 0.5)

    monkeypatch.setattr(pace, "measure_tempo", measured)
    settle_length(run)
    settle_length(run)
    assert asked == [(64, 64)]
    spec, wanted = load_spec(run.spec_file).spec, timetable(300, 2.0, 0.5, 2)
    assert (spec.studio.max_steps, spec.train.validation_interval) == (wanted.steps, wanted.validation_steps)
    assert 0.8 < spec.studio.max_steps * 2.0 / 300 < 1
    assert spec.studio.validation[0].path == str(run.manifest)
    # The next preview knows how fast this machine is.
    plan = make_plan(project, replace(CHOICE, minutes=1), 2)
    assert plan.estimate.measured
    speed = json.loads((run.path / "speed.json").read_text(encoding="utf-8"))
    assert plan.estimate.seconds_per_step == pytest.approx(2.0)
    # Its speed says nothing of runs that learn less in a step.
    assert not make_plan(project, replace(CHOICE, freeze_backbone=True), 2).estimate.measured
    assert speed["pixels_per_second"] == pytest.approx(plan.preset.pixels_per_step / 2.0)


def test_an_edited_experiment_stays_as_it_is(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "measure_tempo", lambda *_: pytest.fail("measured"))
    run = tiny_run(project)
    before = run.spec_file.read_bytes()
    settle_length(run)
    assert run.spec_file.read_bytes() == before


def test_a_step_is_measured(project: Project) -> None:
    tempo = pace.measure_tempo(load_spec(tiny_run(project).spec_file).spec, 64, 72)
    assert 0 < tempo.scored < 60
    assert 0 < tempo.step < 60
