"""Presets by machine, the experiment that follows from a choice, and what is wrong with an edited one."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from segstudio.annotation.palette import load_palette
from segstudio.errors import InputError, ModelError
from segstudio.project.project import Project
from segstudio.training.spec.load import spec_from_dict
from segstudio.workflows.machine import Gpu
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.estimate import START_SECONDS, timetable
from segstudio.workflows.retrain.plan import (
    check_spec,
    choose_preset,
    experiment_values,
    make_plan,
    spec_text,
)
from segstudio.workflows.retrain.presets import MachineFacts, presets_for

BUNDLED = RetrainChoice("model:street-b0", minutes=2)
H100 = Gpu("H100", 81_559, "580", "9.0")
T4 = Gpu("T4", 15_360, "535", "7.5")


def test_the_machine_proposes_a_preset() -> None:
    plain = MachineFacts(2, 8 << 30)
    assert [(found.key, found.precision, found.threads) for found in presets_for(plain)] == [
        ("cpu", "32-true", 1)
    ]
    assert presets_for(replace(plain, cpu_bf16=True))[0].precision == "bf16-mixed"
    found = presets_for(MachineFacts(16, 8 << 30, (H100, H100)))
    assert [preset.key for preset in found] == ["gpus", "gpu", "cpu"]
    assert found[0].spec()["train"] == {"num_gpus": 2, "gpu_ids": [0, 1]}
    old = presets_for(MachineFacts(8, 8 << 30, (T4,)))[0]
    assert (old.precision, old.stages[0].batch) == ("16-mixed", 8)
    assert all(preset.reason for preset in found)


def test_a_preset_that_is_not_there_names_the_others() -> None:
    with pytest.raises(InputError, match=r"use one of .*cpu"):
        choose_preset("tpu")


def test_the_experiment_of_a_model_keeps_its_network(project: Project) -> None:
    plan = make_plan(project, BUNDLED, 2)
    spec = spec_from_dict(experiment_values(project, plan.text, Path("/run")))
    assert spec.model.backbone.type == "mit_b0"
    assert spec.train.pretrained_model_path == "/run/start.safetensors"
    assert spec.studio.sources[0].path == "/run/data/manifest.json"
    assert spec.studio.evaluation.short_side == 448
    assert spec.studio.max_steps == plan.estimate.steps
    assert spec.studio.max_steps % spec.train.validation_interval == 0
    scratch = make_plan(project, replace(BUNDLED, start="scratch"), 0)
    spec = spec_from_dict(experiment_values(project, scratch.text, Path("/run")))
    assert spec.studio.optim.muon
    assert not spec.studio.validation
    assert not spec.train.pretrained_model_path


def test_the_models_classes_stay_where_each_of_the_projects_has_one_there(
    tmp_path: Path, project: Project
) -> None:
    (tmp_path / "camvid").mkdir()
    with Project.open(tmp_path / "camvid", palette="camvid-11") as other:
        kept = make_plan(other, BUNDLED)
        assert kept.network_palette == load_palette("cityscapes")
        own = make_plan(other, replace(BUNDLED, classes="project"))
        assert own.network_palette.name == "camvid-11"
        # A classifier that begins anew learns faster.
        assert own.values["train"]["optim"]["lr"] > kept.values["train"]["optim"]["lr"]


def test_a_start_that_cannot_be_used(project: Project, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no model 'none'"):
        make_plan(project, RetrainChoice("model:none"))
    with pytest.raises(ModelError, match="is no file"):
        make_plan(project, RetrainChoice(str(tmp_path / "net.pth")))
    (tmp_path / "net.pth").write_bytes(b"PK\x03\x04" * 10)
    with pytest.raises(ModelError, match="import it first"):
        make_plan(project, RetrainChoice(str(tmp_path / "net.pth")))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("max_steps", "max_stebs"), "max_stebs"),
        (("balanced_share: 0.5", "balanced_share: 5"), "studio.balanced_share is 5"),
        (("precision: ", "precision: bf17 #"), "studio.precision is 'bf17'"),
        (("results_dir: .", "results_dir: ["), "line "),
        (("mit_b0", "mit_b9"), "mit_b9"),
    ],
)
def test_an_edited_experiment_is_checked_in_one_line(
    project: Project, change: tuple[str, str], words: str
) -> None:
    text = spec_text(project, BUNDLED)
    assert check_spec(project, text) == ""
    wrong = check_spec(project, text.replace(*change))
    assert words in wrong
    assert "\n" not in wrong
    assert check_spec(project, "- a list") != ""
    assert spec_text(project, replace(BUNDLED, spec="mine: 1")) == "mine: 1"


def test_a_timetable_spends_the_time_that_there_is() -> None:
    plan = timetable(600, 0.5, 0.1, 50)
    assert plan.seconds == pytest.approx(600, rel=0.05)
    assert plan.steps % plan.validation_steps == 0
    assert plan.validation_limit == 0
    # Validation may not eat the training: fewer samples are scored.
    many = timetable(600, 0.5, 1.0, 500)
    assert 0 < many.validation_limit < 500
    assert many.steps * 0.5 > 0.6 * (600 - START_SECONDS)
    short = timetable(1, 2.0, 0.1, 2)
    assert short.steps >= 1
    assert yaml.safe_load(str(short.steps)) == short.steps
