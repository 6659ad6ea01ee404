"""Proving a model: who may judge, what the verdict says, and that nothing of it shows in the project."""

import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from segstudio import images, paths
from segstudio.errors import Cancelled, InputError, ModelError
from segstudio.inference import model_changes
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import scores
from segstudio.metrics.paired_bootstrap import Differences
from segstudio.project.sample import SampleStatus
from segstudio.workflows.model_use import model_in_use, roll_back
from segstudio.workflows.prove.compare import ProofOrder, prove
from segstudio.workflows.prove.promote import promote
from segstudio.workflows.prove.proof import headline, reason
from segstudio.workflows.prove.verdict import ClassVerdict, Recommendation, judge
from tests.workflows.prove.conftest import SHAPE, Stage, picture

ORDER = ProofOrder("new", "old", timed=False)


def fill(stage: Stage, count: int, split: str = "val", *, new_wrong: int = 1) -> None:
    """Samples on which "old" calls rows of class 1 class 0; "new" is right with `new_wrong` 1."""
    for seed in range(count):
        truth, old = picture(seed, wrong=0)
        _, new = picture(seed, wrong=new_wrong)
        stage.sample(f"{split}/{seed:02d}", old, new, truth)


def write_manifest(folder: Path, project: Path, samples: list[dict[str, str]]) -> None:
    values = {"segstudio_manifest": 1, "project": str(project), "samples": samples}
    (folder / "manifest.json").write_text(json.dumps(values))


def test_a_better_model_is_called_better_with_the_classes_that_gain(stage: Stage) -> None:
    fill(stage, 12)
    with stage.open() as project:
        proof = prove(project, ORDER)
        expected = [
            scores(sum(project.evaluation.counts(name).values(), np.zeros((19, 20), np.int64))).miou
            for name in ("old", "new")
        ]
    assert proof.recommendation is Recommendation.BETTER
    assert [proof.current.miou, proof.candidate.miou] == pytest.approx(expected)
    assert proof.candidate.miou == 1.0
    assert proof.named(ClassVerdict.BETTER)[0] == "sidewalk"
    assert proof.named(ClassVerdict.WORSE) == []
    assert [entry.name for entry in proof.by_change] == ["building", "road", "sidewalk"]
    assert proof.interval[0] > 0
    sidewalk = proof.classes[1]
    assert (sidewalk.changes.fixed.count, sidewalk.changes.broken.count) == (12, 0)
    assert len(proof.segments.fixed) == 12
    assert all(segment.is_fixed and segment.truth == 1 for segment in proof.segments.fixed)
    assert proof.segments.total.fixed.cost == pytest.approx(1 - proof.current.miou, abs=1e-6)
    assert headline(proof) == "new is better than old"
    assert "on 12 samples of split val" in reason(proof)
    json.dumps(proof.to_json(), allow_nan=False)


def test_a_worse_model_and_a_mixed_one_are_called_so(stage: Stage) -> None:
    fill(stage, 12)
    with stage.open() as project:
        turned = prove(project, ProofOrder("old", "new", timed=False))
        assert turned.recommendation is Recommendation.WORSE
        assert turned.segments.total.broken.count == 12
        assert turned.sure_losses == ("sidewalk", "road")


def test_gains_that_cost_another_class_are_mixed(stage: Stage) -> None:
    for seed in range(12):
        truth, old = picture(seed, wrong=0, tall=8)
        new = truth.copy()
        new[16:19, seed % 8 :] = 1
        stage.sample(f"val/{seed:02d}", old, new, truth)
    with stage.open() as project:
        proof = prove(project, ORDER)
    assert proof.recommendation is Recommendation.MIXED
    assert proof.sure_losses == ("building",)
    assert "worse: building" in reason(proof)


def test_few_samples_say_how_many_would_tell(stage: Stage) -> None:
    fill(stage, 4)
    with stage.open() as project:
        proof = prove(project, ORDER)
    assert proof.recommendation is Recommendation.TOO_FEW
    assert proof.needed >= 10
    assert {entry.verdict for entry in proof.by_change} == {ClassVerdict.TOO_FEW}
    assert f"about {proof.needed} samples would tell" in reason(proof)


def test_nothing_of_it_shows_and_nothing_is_measured_twice(stage: Stage) -> None:
    fill(stage, 5)
    with stage.open() as project:
        project.save_prediction("val/00", np.zeros(SHAPE, np.uint8), np.zeros(SHAPE, np.uint8), "other")
        before = project.predicted_keys(), project.info().by_status
        proof = prove(project, ORDER)
        assert (project.predicted_keys(), project.info().by_status) == before
        stored = project.load_prediction("val/00")
        assert stored is not None
        assert stored.model == "other"
        assert proof.changes.scores == {f"val/{seed:02d}" for seed in range(5)}
        runs = [stage.backends[name].runs for name in ("old", "new")]
        assert runs == [5, 5]
        again = prove(project, ORDER)
        assert [stage.backends[name].runs for name in ("old", "new")] == runs
        assert again.to_json() == proof.to_json()


def test_a_model_of_the_same_name_with_other_weights_is_measured_anew(stage: Stage) -> None:
    fill(stage, 5)
    with stage.open() as project:
        prove(project, ORDER)
        (stage.root.parent / "other").mkdir()
        (paths.user_models_dir() / "new" / "model.onnx").write_text("trained on")
        stage.backends["new"].channel = 0
        proof = prove(project, ORDER)
        assert proof.difference == 0
        # Whatever an older "new" predicted elsewhere must not pass for this one's answers.
        again = prove(project, ORDER)
        assert stage.backends["new"].runs == 15
        assert again.difference == 0


def test_samples_that_were_learnt_from_never_judge(stage: Stage) -> None:
    fill(stage, 12)
    folder = stage.model("newest", 1, parent="new")
    stage_manifest = [{"key": "val/00", "split": "train"}, {"key": "val/01", "split": "val"}]
    write_manifest(folder, stage.root, stage_manifest)
    # Its parent learnt from a copy of another one, in another project.
    digest = hashlib.sha256((stage.root / "images" / "val" / "02.png").read_bytes()).hexdigest()
    parents = paths.user_models_dir() / "new"
    write_manifest(parents, Path("elsewhere"), [{"key": "val/05", "split": "train", "image_sha256": digest}])
    with stage.open() as project:
        proof = prove(project, ProofOrder("newest", "old", timed=False))
    assert proof.held_out.learnt == ("val/00", "val/02")
    assert set(proof.keys) == {f"val/{seed:02d}" for seed in range(12)} - {"val/00", "val/02"}
    assert proof.held_out.judged == 1
    text = " ".join(proof.warnings())
    assert "2 samples were learnt from and do not count: val/00, val/02" in text
    assert "old keeps no list of what was learnt from" in text


def test_without_a_split_all_judge_that_nobody_learnt_from(stage: Stage) -> None:
    fill(stage, 12, split="drive")
    with stage.open() as project:
        with pytest.raises(InputError, match=r"nothing says which samples .* new and old learnt from"):
            prove(project, ORDER)
        keys = [f"drive/{seed:02d}" for seed in range(12)]
        for name in ("new", "old"):
            folder = paths.user_models_dir() / name
            write_manifest(folder, stage.root, [{"key": key, "split": ""} for key in keys[:2]])
        proof = prove(project, ORDER)
        assert proof.keys == tuple(keys[2:])
        assert proof.held_out.untold == ()
        write_manifest(paths.user_models_dir() / "old", stage.root, [{"key": key} for key in keys])
        with pytest.raises(InputError, match="learnt from all 12 samples"):
            prove(project, ORDER)


def test_near_duplicates_of_what_was_learnt_are_named(stage: Stage) -> None:
    random = np.random.default_rng(0)
    scene = np.repeat(np.repeat(random.integers(0, 3, (3, 4), np.uint8), 8, axis=0), 8, axis=1) * 80
    for key in ("train/a", "val/a", "val/b"):
        # The blue channel, which no model looks at, makes the picture.
        stage.sample(key, np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint8))
        picture_of = scene if key.endswith("a") else scene[::-1, ::-1]
        rgb = np.stack([np.ones(SHAPE, np.uint8), np.ones(SHAPE, np.uint8), picture_of], axis=-1)
        images.write_image(stage.root / "images" / f"{key}.png", rgb)
    write_manifest(paths.user_models_dir() / "new", stage.root, [{"key": "train/a", "split": "train"}])
    with stage.open() as project:
        proof = prove(project, ORDER)
    assert [(twin.key, twin.learnt) for twin in proof.held_out.twins] == [("val/a", "train/a")]
    assert "val/a and train/a" in " ".join(proof.warnings())


def test_only_accepted_masks_are_the_truth(stage: Stage) -> None:
    fill(stage, 3)
    with stage.open() as project:
        project.set_status(["val/00"], SampleStatus.IN_PROGRESS)
        proof = prove(project, ORDER)
        assert proof.keys == ("val/01", "val/02")
        assert "1 more are not accepted" in " ".join(proof.warnings())
        project.set_status(["val/01", "val/02"], SampleStatus.IN_PROGRESS)
        with pytest.raises(InputError, match="none of the 3 samples with masks in split val is accepted"):
            prove(project, ORDER)
        open_too = ProofOrder("new", "old", statuses=(SampleStatus.IN_PROGRESS,), timed=False)
        assert len(prove(project, open_too).keys) == 3


@pytest.mark.parametrize(
    ("order", "said"),
    [
        (ProofOrder("new", "new"), "have the same weights"),
        (ProofOrder("new", "old", split="dusk"), "split dusk .* has no sample with a mask"),
        (ProofOrder("nobody", "old"), "there is no model"),
    ],
)
def test_what_cannot_be_compared_is_refused(stage: Stage, order: ProofOrder, said: str) -> None:
    fill(stage, 2)
    with stage.open() as project, pytest.raises(InputError, match=said):
        prove(project, order)


def test_two_models_of_one_name_are_refused(stage: Stage, tmp_path: Path) -> None:
    fill(stage, 2)
    twin = tmp_path / "copy"
    shutil.copytree(paths.user_models_dir() / "new", twin)
    (twin / "model.onnx").write_text("other weights")
    with stage.open() as project, pytest.raises(InputError, match="both models are called new"):
        prove(project, ProofOrder(twin, "new", timed=False))


def test_a_damaged_manifest_stops_it(stage: Stage) -> None:
    fill(stage, 2)
    (paths.user_models_dir() / "new" / "manifest.json").write_text("[1")
    with stage.open() as project, pytest.raises(ModelError, match="does not say what new learnt from"):
        prove(project, ORDER)


def test_a_cancelled_comparison_keeps_what_was_measured(stage: Stage) -> None:
    fill(stage, 6)
    context = JobContext(on_progress=lambda done, *_: context.cancel() if done == 2 else None)
    with stage.open() as project:
        with pytest.raises(Cancelled):
            prove(project, ORDER, context)
        assert 0 < len(project.evaluation.counts("old")) < 6


def test_speed_and_size_stand_side_by_side(stage: Stage) -> None:
    fill(stage, 2)
    with stage.open() as project:
        proof = prove(project, ProofOrder("new", "old"))
    for side in (proof.current, proof.candidate):
        assert side.cost.bytes == len(f"{side.model} 0")
        assert side.cost.milliseconds is not None
        assert side.cost.milliseconds > 0
        assert (side.cost.backend, side.cost.device) == ("paper", "CPU")


def test_only_a_model_of_the_catalog_with_the_weights_that_were_compared_is_promoted(stage: Stage) -> None:
    fill(stage, 3)
    stage.model("used", 2)
    with stage.open() as project:
        proof = prove(project, ORDER)
        weights = paths.user_models_dir() / "new" / "model.onnx"
        before = weights.read_text()
        weights.write_text("trained on")
        with pytest.raises(ModelError, match="other weights in the catalog"):
            promote(project, proof)
        assert project.promotions.history() == []
        weights.write_text(before)
        promote(project, proof, before="used")
        assert [one.model for one in project.promotions.history()] == ["new", "used"]
        model_changes.delete("used")
        with pytest.raises(ModelError, match="there is no model 'used'"):
            roll_back(project)
        model_changes.restore("used")
        roll_back(project)
        found, _ = model_in_use(project)
        assert found is not None
        assert found.name == "used"


def test_a_sure_loss_of_a_class_is_in_the_headline_where_the_mean_cannot_tell(stage: Stage) -> None:
    iou = np.array([[-0.001, 0.004], [-0.3, -0.1]])
    first, second = np.array([0.8, 0.8]), np.array([0.9, 0.6])
    shown = np.full(2, 12)
    found = Differences(first, second, iou, iou, shown, (0.8, 0.75), np.array([-0.12, 0.01]))
    judged = judge(found, 12)
    assert (judged.recommendation, judged.sure_losses) == (Recommendation.WORSE, (1,))
    fill(stage, 3)
    with stage.open() as project:
        proof = prove(project, ORDER)
    unsure = replace(
        proof, recommendation=Recommendation.WORSE, interval=(-0.12, 0.01), sure_losses=("sidewalk",)
    )
    assert headline(unsure) == "new is worse than old in sidewalk"


def test_sure_classes_of_too_few_samples_are_in_the_headline(stage: Stage) -> None:
    fill(stage, 7)
    with stage.open() as project:
        proof = prove(project, ORDER)
    assert proof.recommendation is Recommendation.TOO_FEW
    assert ClassVerdict.BETTER in {entry.verdict for entry in proof.by_change}
    assert headline(proof) == "new looks better, but 7 samples are too few to be sure"
