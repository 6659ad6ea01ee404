"""Samples are paired by name, mapped to the model's classes, planned repeatably and balanced by class."""

from pathlib import Path

import numpy as np
import pytest

from segstudio.errors import SpecError
from segstudio.images import write_image, write_mask
from segstudio.jobs import JobContext
from segstudio.training.augment import augment
from segstudio.training.sources import AugmentedSamples, Draw, Plan, StepSampler, open_sources, pair_by_stem
from segstudio.training.spec.load import spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec
from tests.training.conftest import SpecMaker

GREY = np.full((32, 40, 3), 90, np.uint8)
COLOURS = np.zeros((256, 3), np.uint8)


def folder_spec(root: Path, palette: str, **studio: object) -> ExperimentSpec:
    source = {"images": str(root / "images"), "masks": str(root / "masks"), "palette": palette}
    return spec_from_dict({"studio": {"sources": [source], **studio}})


def write_pair(root: Path, stem: str, mask: np.ndarray) -> None:
    write_image(root / "images" / f"{stem}.jpg", np.broadcast_to(GREY[:1, :1], (*mask.shape, 3)))
    write_mask(root / "masks" / f"{stem}.png", mask.astype(np.uint8), COLOURS)


def test_pairs_by_stem_and_orphans(tmp_path: Path) -> None:
    for stem in ("b/2", "a/10", "a/9"):
        write_pair(tmp_path, stem, np.zeros((32, 40)))
    write_image(tmp_path / "images" / "lonely.png", GREY)
    write_mask(tmp_path / "masks" / "a" / "3.png", GREY[:, :, 0], COLOURS)
    found = pair_by_stem(tmp_path / "images", tmp_path / "masks")
    assert [image.stem for image, _ in found.pairs] == ["9", "10", "2"]
    assert all(image.stem == mask.stem for image, mask in found.pairs)
    assert [path.name for path in found.images_without_mask] == ["lonely.png"]
    assert [path.name for path in found.masks_without_image] == ["3.png"]
    source = open_sources(folder_spec(tmp_path, "cityscapes"), JobContext())[0]
    assert len(source) == 3
    assert sorted(path.name for path in source.orphans) == ["3.png", "lonely.png"]


def test_masks_are_mapped_to_the_models_classes(tmp_path: Path) -> None:
    camvid = np.array([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255, 77]] * 4)
    write_pair(tmp_path, "frame", camvid)
    source = open_sources(folder_spec(tmp_path, "camvid-11"), JobContext())[0]
    assert source.load(0)[1][0].tolist() == [10, 2, 5, 0, 1, 8, 7, 4, 13, 11, 12, 255, 255]


def test_scenes_repeat_and_hold_rare_classes() -> None:
    values = {"kind": "scenes", "count": 6, "first_seed": 50, "height": 96, "width": 128}
    spec = spec_from_dict({"studio": {"sources": [values]}})
    first, second = (open_sources(spec, JobContext())[0] for _ in range(2))
    for number in range(6):
        assert all(
            np.array_equal(*pair) for pair in zip(first.load(number), second.load(number), strict=True)
        )
    assert first.load(0)[0].shape == (96, 128, 3)


def test_unusable_sources_are_explained(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is no folder"):
        open_sources(folder_spec(tmp_path, "cityscapes"), JobContext())
    (tmp_path / "images").mkdir()
    (tmp_path / "masks").mkdir()
    with pytest.raises(SpecError, match="no pair"):
        open_sources(folder_spec(tmp_path, "cityscapes"), JobContext())
    write_mask(tmp_path / "masks" / "a.png", GREY[:20, :, 0], COLOURS)
    write_image(tmp_path / "images" / "a.png", GREY)
    with pytest.raises(SpecError, match=r"40, 20.*40, 32"):
        open_sources(folder_spec(tmp_path, "cityscapes"), JobContext())


def rare_and_common(root: Path) -> None:
    for number in range(6):
        mask = np.zeros((64, 64))
        if number == 4:
            mask[30:34, 30:34] = 6
        write_pair(root, f"frame{number}", mask)


def test_balanced_crops_show_rare_classes(tmp_path: Path) -> None:
    rare_and_common(tmp_path)

    def share_with_rare(balanced: float) -> float:
        crops = [{"height": 32, "width": 32, "batch": 20}]
        spec = folder_spec(tmp_path, "cityscapes", balanced_share=balanced, crops=crops)
        sources = open_sources(spec, JobContext())
        samples = AugmentedSamples(sources, spec)
        draws = Plan(sources, 19, spec, 1).draws(0)
        return float(np.mean([bool((samples[draw][1] == 6).any()) for draw in draws]))

    assert share_with_rare(1.0) > 0.3
    assert share_with_rare(0.0) < 0.2


def test_plan_is_a_function_of_seed_and_step(tmp_path: Path) -> None:
    rare_and_common(tmp_path)
    spec = folder_spec(tmp_path, "cityscapes")
    sources = open_sources(spec, JobContext())
    whole = list(StepSampler(Plan(sources, 19, spec, 6), 0, 6))
    later = list(StepSampler(Plan(sources, 19, spec, 6), 3, 6))
    assert whole[3:] == later
    assert len({draw.seed for step in whole for draw in step}) == sum(map(len, whole))


def test_crop_stages_follow_the_run(tmp_path: Path) -> None:
    rare_and_common(tmp_path)
    crops = [
        {"start": 0.0, "height": 32, "width": 32, "batch": 3},
        {"start": 0.5, "height": 64, "width": 96, "batch": 2},
    ]
    spec = folder_spec(tmp_path, "cityscapes", crops=crops)
    plan = Plan(open_sources(spec, JobContext()), 19, spec, 10)
    assert [(len(plan.draws(step)), plan.draws(step)[0].width) for step in (0, 4, 5, 9)] == [
        (3, 32),
        (3, 32),
        (2, 96),
        (2, 96),
    ]


def test_a_draw_is_the_augmented_sample(make_spec: SpecMaker) -> None:
    spec = make_spec()
    sources = open_sources(spec, JobContext())
    draw = Draw(source=0, number=1, height=32, width=48, focus=10, seed=77)
    image, target = AugmentedSamples(sources, spec)[draw]
    expected = augment(
        *sources[0].load(1), (32, 48), spec.dataset.segment.augmentation, np.random.default_rng(77), 10
    )
    assert np.array_equal(image.permute(1, 2, 0).numpy(), expected[0])
    assert np.array_equal(target.numpy(), expected[1])
