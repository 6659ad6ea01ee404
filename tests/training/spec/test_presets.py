"""The recipes that lie under a spec, against the published ones."""

from typing import Any

import pytest

from segstudio.training.spec.load import PRESETS, preset, spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec

DATA: dict[str, Any] = {"dataset": {"segment": {"root_dir": "frames"}}}


def of(name: str) -> ExperimentSpec:
    return spec_from_dict({**DATA, "studio": {"preset": name}})


@pytest.mark.parametrize("name", PRESETS)
def test_presets_hold_known_keys_alone(name: str) -> None:
    spec_from_dict({**DATA, "studio": {"preset": name}})
    assert set(preset(name)) <= {"model", "dataset", "train", "studio"}


def test_files_without_our_section_are_taos() -> None:
    assert spec_from_dict(DATA).studio.preset == "tao"
    assert spec_from_dict({**DATA, "studio": {}}).studio.preset == "studio"


def test_tao() -> None:
    """tao-core, config/segformer: the runtime defaults; the rest from TAO's code."""
    spec = of("tao")
    optim, augmentation = spec.train.optim, spec.dataset.segment.augmentation
    assert (optim.optim, optim.lr, optim.weight_decay, optim.policy) == ("adamw", 6e-5, 0.01, "linear")
    assert spec.studio.optim.head_lr_factor == 10
    assert spec.studio.optim.betas == (0.9, 0.999)
    assert (spec.studio.schedule.policy, spec.studio.schedule.warmup_share) == ("", 0.01)
    assert spec.studio.schedule.warmup_start == 1e-6
    assert spec.studio.network.head_bias is True
    assert spec.model.decode_head.decoder_params.embed_dim == 768
    assert (spec.studio.augmentation.kind, augmentation.mean, augmentation.std) == (
        "tao",
        (0.5,) * 3,
        (0.5,) * 3,
    )
    assert augmentation.with_scale_random_crop.scale_range == (1.0, 1.2)
    assert (augmentation.with_random_blur, augmentation.with_random_crop) == (True, True)
    assert augmentation.random_color.hue == 0.3
    assert (spec.dataset.segment.img_size, spec.dataset.segment.predict_split) == (256, "test")
    assert (spec.train.seed, spec.train.num_epochs) == (1234, 10)
    extras = spec.studio
    assert (extras.optim.ema_decay, extras.optim.gradient_clip, extras.optim.accumulation) == (0, 0, 1)
    assert (extras.balanced_share, extras.head_dropout, extras.precision) == (0, 0.1, "32-true")


def test_scratch_lies_over_studio() -> None:
    scratch, studio = of("scratch"), of("studio")
    assert scratch.studio.preset == "scratch"
    assert scratch.studio.optim.muon
    assert scratch.studio.optim.head_lr_factor == 1
    assert scratch.train.optim.lr > 10 * studio.train.optim.lr
    assert scratch.studio.optim.gradient_clip == studio.studio.optim.gradient_clip > 0
    assert scratch.dataset.segment.augmentation == studio.dataset.segment.augmentation


def test_nvlabs() -> None:
    """SegFormer, arXiv 2105.15203, section 4.1, and mmsegmentation's schedule of 160000 steps."""
    spec = of("nvlabs")
    optim, augmentation = spec.train.optim, spec.dataset.segment.augmentation
    assert (optim.optim, optim.lr, optim.weight_decay) == ("adamw", 6e-5, 0.01)
    assert spec.studio.optim.head_lr_factor == 10
    schedule = spec.studio.schedule
    assert (schedule.policy, schedule.power, schedule.end, schedule.warmup_start) == ("poly", 1.0, 0.0, 1e-6)
    assert schedule.warmup_share * 160_000 == pytest.approx(1500)
    assert augmentation.mean == (0.485, 0.456, 0.406)
    assert augmentation.std == (0.229, 0.224, 0.225)
    assert augmentation.with_scale_random_crop.scale_range == (0.5, 2.0)
    assert (augmentation.random_flip.hflip_probability, augmentation.random_flip.vflip_probability) == (
        0.5,
        0.0,
    )
    assert augmentation.random_rotate.enable is False
    assert (spec.studio.augmentation.kind, spec.studio.augmentation.largest_class_share) == ("nvlabs", 0.75)
    assert spec.studio.network.head_bias is False
    assert spec.model.decode_head.decoder_params.embed_dim == 0
    assert spec.dataset.segment.label_transform is None
