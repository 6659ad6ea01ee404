"""What follows a training: each step once, remembered, with the lineage beside the model."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from segstudio import paths
from segstudio.errors import InputError, SegstudioError
from segstudio.inference.catalog import find_model
from segstudio.inference.model_changes import rename
from segstudio.inference.spec import load_spec, save_spec
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.training.loop import train
from segstudio.training.spec.load import load_spec as load_experiment
from segstudio.workflows.retrain import chain, supervise
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.folder import RunFolder
from segstudio.workflows.retrain.placed_model import placed_model
from segstudio.workflows.retrain.runs import EventReader, RunState
from segstudio.workflows.retrain.watched import Watched
from segstudio.workflows.retrain.write import write_run

# Seconds of training: random weights, four steps on crops of 64 pixels.
TINY = """
results_dir: .
model: {backbone: {type: mit_b0}}
dataset: {segment: {palette: cityscapes, img_size: 64, batch_size: 2, workers: 0}}
train:
  checkpoint_interval_unit: step
  checkpoint_interval: 1
  validation_interval: 2
  checkpointer: {enable_topk: true, save_top_k: 1}
studio:
  preset: scratch
  max_steps: STEPS
  threads: 1
  accelerator: cpu
  log_every: 1
  watch: {count: 2, side: 32}
  evaluation: {short_side: 64, bootstrap: 0}
  sources: [{kind: manifest, path: data/manifest.json}]
  validation: [{kind: manifest, path: data/manifest.json}]
"""


def tiny_run(project: Project, steps: int = 4, **more: Any) -> RunFolder:
    spec = TINY.replace("STEPS", str(steps))
    return write_run(project, RetrainChoice("scratch", spec=spec, name="tiny", **more), JobContext())


class Commands:
    """Plays segstudio's own commands, and keeps what was asked."""

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self.asked: list[list[str]] = []
        self.fails = ""

    def __call__(self, words: Sequence[str], _: JobContext) -> dict[str, Any]:
        words = list(words)[3:]
        self.asked.append(words)
        step = "export" if "--as" in words else "evaluate" if words[0] == "evaluate" else "model"
        if step == self.fails:
            raise SegstudioError("segstudio: no room.")
        out = Path(words[words.index("--out") + 1]) if "--out" in words else self.run.path / "evaluate"
        out.mkdir(parents=True, exist_ok=True)
        if step == "evaluate":
            (out / "results.json").write_text("{}", encoding="utf-8")
            return {"miou": 0.5}
        if step == "export":
            (out / "report.html").write_text("", encoding="utf-8")
            return {"page": str(out / "report.html")}
        spec = replace(find_model("street-b0")[1], name=out.name, created="", files={})
        save_spec(spec, out)
        return {}


@pytest.fixture
def commands(project: Project, monkeypatch: pytest.MonkeyPatch) -> Commands:
    run = tiny_run(project, formats=("onnx",))
    run.train.mkdir()
    run.best_weights.write_bytes(b"weights")
    played = Commands(run)
    monkeypatch.setattr(chain, "run_child", played)
    return played


def test_a_chain_goes_on_with_the_step_that_failed(commands: Commands) -> None:
    commands.fails = "export"
    with pytest.raises(SegstudioError, match="exporting failed: no room"):
        chain.run_chain(commands.run, JobContext())
    found = chain.chain_result(commands.run)
    assert found is not None
    assert (found.model, found.miou, found.page) == ("tiny", 0.5, None)
    commands.fails = ""
    events: list[Any] = []
    found = chain.run_chain(commands.run, JobContext(on_event=events.append))
    assert found.page == commands.run.path / "exports" / "report.html"
    assert [words[0] for words in commands.asked] == ["export", "evaluate", "export", "export"]
    assert events[-1] == {"kind": "chain", **found.to_json()}
    assert found.said == "ready to compare"
    # All is done: nothing is asked again.
    assert chain.run_chain(commands.run, JobContext()) == found
    assert len(commands.asked) == 4


def test_a_model_says_what_it_comes_from(commands: Commands) -> None:
    run = commands.run
    note = run.note()
    assert note is not None
    run.write_note(replace(note, start="street-b0", start_sha256="ab12"))
    chain.run_chain(run, JobContext())
    folder, spec = find_model("tiny")
    assert (spec.parent, spec.parent_sha256, spec.created[:2]) == ("street-b0", "ab12", "20")
    assert (folder / "manifest.json").read_bytes() == run.manifest.read_bytes()
    assert (folder / "experiment.yaml").read_bytes() == run.spec_file.read_bytes()


def test_a_model_is_made_once_whatever_others_are_called(commands: Commands) -> None:
    spec = find_model("street-b0")[1]
    other = paths.user_models_dir() / "tiny"
    other.mkdir(parents=True)
    save_spec(replace(spec, name="tiny", files={}), other)
    assert chain.run_chain(commands.run, JobContext(), formats=()).model == "tiny-2"
    assert find_model("tiny")[1].parent == ""
    # What the memory of the chain lost is found by its content.
    rename("tiny-2", "mine")
    commands.run.chain.unlink()
    assert chain.run_chain(commands.run, JobContext(), formats=()).model == "mine"
    assert sum(words[0] == "export" for words in commands.asked) == 1


def test_a_run_that_learnt_on_becomes_another_model(commands: Commands) -> None:
    run = commands.run
    assert chain.run_chain(run, JobContext()).model == "tiny"
    commands.asked.clear()
    run.best_weights.write_bytes(b"better weights")
    assert placed_model(run) is None
    found = chain.run_chain(run, JobContext())
    assert (found.model, found.page) == ("tiny-2", run.path / "exports-tiny-2" / "report.html")
    assert [words[0] for words in commands.asked] == ["export", "evaluate", "export"]
    assert find_model("tiny")[0].is_dir()
    assert (run.path / "exports" / "report.html").is_file()
    assert placed_model(run) == find_model("tiny-2")[0]


def test_a_leftover_of_older_weights_is_made_again(commands: Commands) -> None:
    leftover = commands.run.path / "model"
    leftover.mkdir()
    save_spec(replace(find_model("street-b0")[1], name="old", files={}), leftover)
    (leftover / "run_weights.sha256").write_text("ab12", encoding="utf-8")
    chain.run_chain(commands.run, JobContext(), formats=())
    assert commands.asked[0][0] == "export"
    assert not leftover.exists()


def test_further_formats_leave_those_that_are_there(commands: Commands) -> None:
    chain.run_chain(commands.run, JobContext())
    chain.run_chain(commands.run, JobContext(), formats=("openvino",))
    last = commands.asked[-1]
    assert last[last.index("--as") + 1] == "onnx,openvino"
    chain.run_chain(commands.run, JobContext(), formats=("onnx",))
    assert commands.asked[-1] is last


def test_the_held_out_samples_are_found_below_any_name(commands: Commands) -> None:
    moved = commands.run.path.parent / "the driver's runs, {1}" / "tiny"
    moved.parent.mkdir()
    commands.run.path.rename(moved)
    commands.run = RunFolder(moved)
    chain.run_chain(commands.run, JobContext(), formats=())
    words = next(asked for asked in commands.asked if asked[0] == "evaluate")
    start = words.index(str(commands.run.spec_file)) + 2
    spec = load_experiment(commands.run.spec_file, words[start : start + 1], task="evaluate").spec
    assert spec.studio.test[0].path == str(commands.run.manifest)


def test_a_run_without_weights_becomes_no_model(project: Project) -> None:
    with pytest.raises(InputError, match="has no weights yet"):
        chain.run_chain(tiny_run(project), JobContext())


def test_a_training_keeps_pictures_of_a_few_samples(project: Project) -> None:
    run = tiny_run(project, steps=2)
    train(load_experiment(run.spec_file).spec, JobContext())
    watched = Watched()
    for event in EventReader(run).new():
        watched = watched.after(run, event)
    assert set(watched.pictures) == {2}
    assert set(watched.samples) == {"0", "1"}
    image, mask = watched.samples["0"]
    assert image.is_file()
    assert mask.is_relative_to(run.data)
    from segstudio.images import read_mask

    for key, picture in watched.pictures[2].items():
        shown = read_mask(picture)
        assert max(shown.shape) == 32
        assert set(shown.ravel().tolist()) <= set(range(19)), key


@pytest.mark.slow
def test_retrain_evaluate_export_for_real(project: Project) -> None:
    run = tiny_run(project, formats=("onnx",))
    supervise.start(run)
    status = supervise.follow(run, JobContext())
    assert status.state is RunState.FINISHED, (status.reason, run.complaints.read_text(encoding="utf-8"))
    found = chain.chain_result(run)
    assert found is not None
    assert found.page is not None
    assert found.page.is_file()
    assert found.evaluation is not None
    assert json.loads(found.evaluation.read_text(encoding="utf-8"))["images"] == 2
    assert load_spec(find_model("tiny")[0]).metrics["val_miou"] == status.pace.best_miou
