"""Specs: TAO's key names, overrides, and refusals that name the key and what it may be."""

from pathlib import Path

import pytest

from segstudio.errors import SpecError
from segstudio.networks.architecture import HUGGINGFACE_EPS
from segstudio.training.spec.derived import architecture_of, decisive
from segstudio.training.spec.load import load_spec, spec_from_dict, spec_to_dict, spec_yaml
from segstudio.training.spec.schema import ExperimentSpec

REPOSITORY = Path(__file__).resolve().parents[2]
MINIMAL = {"dataset": {"segment": {"root_dir": "frames"}}}


def refused(values: object) -> SpecError:
    with pytest.raises(SpecError) as caught:
        spec_from_dict(values, "mine.yaml")
    assert "mine.yaml" in caught.value.message
    return caught.value


def test_defaults_are_those_of_tao_where_it_has_the_key() -> None:
    spec = spec_from_dict(MINIMAL)
    assert spec.train.optim.lr == 6e-5
    assert spec.train.optim.weight_decay == 0.01
    assert spec.train.seed == 1234
    assert spec.dataset.segment.augmentation.random_flip.hflip_probability == 0.5


def test_file_with_overrides_and_interpolation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMES", "/somewhere")
    path = tmp_path / "spec.yaml"
    path.write_text(
        "results_dir: runs/a\ndataset: {segment: {root_dir: '${oc.env:FRAMES}/x'}}\n"
        "train: {optim: {lr: 6e-4}}\nstudio: {crops: [{height: 64, width: 96, batch: 2}]}\n",
        encoding="utf-8",
    )
    spec = load_spec(path, ["train.optim.lr=2e-4", "studio.max_steps=7", "results_dir=runs/b"]).spec
    assert spec.dataset.segment.root_dir == "/somewhere/x"
    assert spec.train.optim.lr == 2e-4
    assert (spec.studio.max_steps, spec.results_dir) == (7, "runs/b")
    assert spec.studio.crops[0].width == 96


def test_written_specs_read_back_equal(tmp_path: Path) -> None:
    spec = spec_from_dict({**MINIMAL, "studio": {"sources": [{"kind": "scenes", "count": 3}]}})
    path = tmp_path / "experiment.yaml"
    path.write_text(spec_yaml(spec), encoding="utf-8")
    assert load_spec(path).spec == spec
    assert spec_from_dict(spec_to_dict(spec)) == spec


@pytest.mark.parametrize("name", ["train.yaml", "finetune.yaml"])
def test_bundled_recipes_are_valid(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMVID", "camvid")
    spec = load_spec(REPOSITORY / "models" / "street-b0" / name).spec
    assert spec.model.backbone.type == "mit_b0"
    assert {source.kind for source in spec.studio.sources} == {"folder", "scenes"}


def test_unknown_keys_name_the_nearest() -> None:
    error = refused({"train": {"optim": {"learning_rate": 1, "weight_decey": 0.1}}})
    assert "train.optim.learning_rate" in error.message
    error = refused({**MINIMAL, "train": {"optim": {"weight_decey": 0.1}}})
    assert "train.optim.weight_decey" in error.message
    assert "'weight_decay'" in error.hint


@pytest.mark.parametrize(
    ("values", "key", "hint"),
    [
        ({"train": {"num_epochs": "ten"}}, "train.num_epochs", "int"),
        ({"train": {"num_epochs": True}}, "train.num_epochs", "int"),
        ({"train": {"optim": {"lr": "fast"}}}, "train.optim.lr", "float"),
        ({"train": 3}, "train", "keys"),
        ({"model": {"backbone": {"type": "mit_b9"}}}, "model.backbone.type", "mit_b0"),
        ({"studio": {"crops": [{"height": 100}]}}, "studio.crops", "multiples of 32"),
        ({"studio": {"crops": [{"start": 0.5}]}}, "studio.crops", "starts at 0"),
        ({"studio": {"sources": [{"kind": "video"}]}}, "studio.sources", "scenes"),
        ({"dataset": {"segment": {"augmentation": {"mean": [0.5]}}}}, "augmentation.mean", "3 entries"),
        ({"studio": {"precision": "8-bit"}}, "studio.precision", "bf16-mixed"),
    ],
)
def test_bad_values_name_key_and_remedy(values: dict[str, object], key: str, hint: str) -> None:
    error = refused({**MINIMAL, **values})
    assert key in error.message
    assert hint in error.hint


def test_a_spec_without_images_is_refused() -> None:
    assert "dataset.segment.root_dir" in refused({}).message


def test_files_that_are_no_specs(tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1,\n", encoding="utf-8")
    for path in (broken, tmp_path / "absent.yaml"):
        with pytest.raises(SpecError, match=path.name):
            load_spec(path)
    unset = tmp_path / "unset.yaml"
    unset.write_text("results_dir: ${oc.env:SEGSTUDIO_NOT_SET}\n", encoding="utf-8")
    with pytest.raises(SpecError, match="SEGSTUDIO_NOT_SET"):
        load_spec(unset)


def test_where_a_run_lies_is_not_decisive() -> None:
    spec, moved = (
        spec_from_dict({**MINIMAL, "results_dir": folder, "studio": {"threads": threads}})
        for folder, threads in (("a", 1), ("b", 2))
    )
    assert spec != moved
    assert decisive(spec) == decisive(moved)
    assert isinstance(decisive(spec), ExperimentSpec)
    slower = spec_from_dict({**MINIMAL, "train": {"optim": {"lr": 1e-5}}})
    assert decisive(slower) != decisive(spec)


def test_the_architecture_follows_the_spec() -> None:
    spec = spec_from_dict(
        {
            **MINIMAL,
            "model": {"backbone": {"type": "fan_tiny_8_p4_hybrid", "feat_downsample": True}},
            "studio": {"network": {"head": "mmseg", "head_bias": True, "norm_eps": "huggingface"}},
        }
    )
    made = architecture_of(spec, 7)
    assert (made.backbone, made.classes, made.embed_dim) == ("fan_tiny_8_p4_hybrid", 7, 768)
    assert (made.head, made.head_bias, made.feat_downsample) == ("mmseg", True, True)
    assert (made.block_eps, made.embed_eps) == HUGGINGFACE_EPS


@pytest.mark.parametrize("values", [{"head": "hat"}, {"norm_eps": "mine"}])
def test_forms_that_nobody_makes_are_refused(values: dict[str, str]) -> None:
    assert "studio.network" in refused({**MINIMAL, "studio": {"network": values}}).message
