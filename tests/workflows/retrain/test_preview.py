"""What a retraining says before it starts, and the folder that it writes."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segstudio.errors import Cancelled, InputError, SpecError
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.verdicts import Destination, SegmentPlace
from segstudio.training.data.manifest import read_manifest
from segstudio.training.spec.load import load_spec
from segstudio.workflows.retrain import preview as retrain_preview
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.folder import list_runs
from segstudio.workflows.retrain.plan import spec_text
from segstudio.workflows.retrain.preview import preview
from segstudio.workflows.retrain.runs import RunState, status_of
from segstudio.workflows.retrain.start import file_hash
from segstudio.workflows.retrain.write import write_run

BUNDLED = RetrainChoice("model:street-b0", minutes=2)


def test_the_preview_counts_and_warns(project: Project) -> None:
    places = [SegmentPlace("train/1", 0, 10, (3, 3, 4, 4))]
    project.verdicts.send(places, Destination.WEIGHT)
    found = preview(project, replace(BUNDLED, balanced_share=1.0), JobContext())
    by_name = {one.name: one for one in found.classes}
    assert (by_name["road"].train_samples, by_name["sky"].validation_samples) == (2, 2)
    masks = [project.load_mask(key) for key in ("train/0", "train/1")]
    assert by_name["road"].train_pixels == sum(int(np.sum(mask == 0)) for mask in masks if mask is not None)
    # Two classes occur: balanced crops take each as often.
    assert (by_name["road"].drawn_share, by_name["bus"].drawn_share) == (0.5, 0.0)
    assert found.visits == {"train/1": 2}
    assert found.plan.keeps_classes
    # The frames of both splits are the same pictures.
    assert {(leak.train, leak.validation) for leak in found.leaks} >= {("train/0", "val/0")}
    assert "scores will be too good" in found.warnings[0]
    assert json.loads(json.dumps(found.to_json()))["train"] == 2
    assert any("learns from 2 samples" in line for line in found.lines())


def test_samples_are_counted_again_only_where_they_changed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = preview(project, BUNDLED, JobContext())
    monkeypatch.setattr(retrain_preview, "count_each", lambda *_: pytest.fail("counted"))
    other = replace(BUNDLED, minutes=9, name="mine", formats=("onnx",), evaluate=False, balanced_share=1.0)
    again = preview(project, other, JobContext(), found.facts)
    assert again.chosen is found.chosen
    assert again.estimate.steps > found.estimate.steps
    assert again.classes != found.classes
    for changed in ({"query": "train/1"}, {"seed": 1}, {"start": "scratch"}, {"validation": "test"}):
        with pytest.raises(pytest.fail.Exception, match="counted"):
            preview(project, replace(BUNDLED, **changed), JobContext(), found.facts)


def test_masks_that_cannot_be_used_and_lonely_classes_are_named(project: Project) -> None:
    mask = project.load_mask("train/0")
    assert mask is not None
    mask[:4] = 13
    project.save_mask("train/0", mask, force=True)
    project.mask_path("train/1").write_bytes(b"no picture")
    found = preview(project, replace(BUNDLED, statuses=("accepted", "in_progress")), JobContext())
    assert found.only_train == ("car",)
    assert found.unusable == (("train/1", "it cannot be read"),)


def test_a_run_is_written_once_and_for_all(project: Project) -> None:
    run = write_run(project, BUNDLED, JobContext())
    assert run.name == "street-b0-1"
    assert status_of(run).state is RunState.READY
    note = run.note()
    assert note is not None
    assert (note.choice, note.start, note.measured_steps) == (
        replace(BUNDLED, name=run.name),
        "street-b0",
        True,
    )
    assert note.manifest_sha256 == file_hash(run.manifest)
    frozen = {sample.key: sample for sample in read_manifest(run.manifest).samples}
    assert {key: sample.split for key, sample in frozen.items()}["val/0"] == "val"
    assert (run.data / frozen["train/0"].image).resolve() == project.sample("train/0").image
    assert load_spec(run.spec_file).spec.results_dir == str(run.path)
    assert write_run(project, BUNDLED, JobContext()).name == "street-b0-2"
    assert [found.name for found in list_runs(project)] == ["street-b0-1", "street-b0-2"]
    with pytest.raises(InputError, match="there is a run 'street-b0-2' already"):
        write_run(project, replace(BUNDLED, name="street-b0-2"), JobContext())


def test_an_edited_experiment_counts(project: Project) -> None:
    text = spec_text(project, BUNDLED).replace("balanced_share: 0.5", "balanced_share: 0.25")
    run = write_run(project, replace(BUNDLED, spec=text), JobContext())
    assert load_spec(run.spec_file).spec.studio.balanced_share == 0.25
    note = run.note()
    assert note is not None
    assert not note.measured_steps


def test_what_fails_on_the_way_leaves_no_folder(project: Project) -> None:
    cancelled = JobContext()
    cancelled.cancel()
    for choice, context, error in (
        (BUNDLED, cancelled, Cancelled),
        (BUNDLED.with_spec("studio: {max_stebs: 3}"), JobContext(), SpecError),
    ):
        with pytest.raises(error):
            write_run(project, choice, context)
    assert not any(path.is_dir() for path in project.runs_dir.iterdir())


def test_a_palette_of_ones_own_is_frozen_too(tmp_path: Path, project: Project) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "name: own\nclasses:\n"
        "  - {label_id: 0, seg_class: ground, rgb: [1, 2, 3]}\n"
        "  - {label_id: 1, seg_class: air, rgb: [4, 5, 6]}\n",
        encoding="utf-8",
    )
    image = project.sample("train/0").image
    with Project.open(tmp_path / "two", palette=str(own), images=image.parent) as other:
        for sample in other.samples():
            mask = project.load_mask(f"train/{sample.key}")
            assert mask is not None
            other.save_mask(sample.key, (mask == 10).astype("uint8"))
        run = write_run(other, replace(BUNDLED, statuses=("in_progress",), drawn_share=0.5), JobContext())
        spec = load_spec(run.spec_file).spec
    assert spec.dataset.segment.palette == str(run.data / "palette.yaml")
