"""What every augmentation set keeps: image and mask move together, ids stay, chance has one source."""

import dataclasses
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.errors import SpecError
from segstudio.training.augment.sets import KINDS, Augmenter, augmenter
from segstudio.training.spec.schema import (
    AugmentationSpec,
    DatasetSpec,
    ExperimentSpec,
    RandomColor,
    RandomFlip,
    RandomRotate,
    ScaleRandomCrop,
    SegmentSpec,
)
from segstudio.training.spec.studio import DataSpec, Extras, StudioSpec

Array = NDArray[np.uint8]
MOVES = AugmentationSpec(random_color=RandomColor(enable=False), with_random_blur=False)
KIND = pytest.mark.parametrize("kind", KINDS)


def make(kind: str, keys: AugmentationSpec = MOVES, **extras: float) -> Augmenter:
    """An augmenter without noise."""
    wanted = dataclasses.replace(Extras(kind=kind, noise_probability=0.0), **extras)  # type: ignore[arg-type]
    return augmenter(
        ExperimentSpec(
            dataset=DatasetSpec(segment=SegmentSpec(augmentation=keys)),
            studio=StudioSpec(augmentation=wanted),
        )
    )


def coordinates(height: int, width: int) -> tuple[Array, Array]:
    """Red is x, green is y, blue is full; the mask has blocks of 8 pixels with ids below 250."""
    rows, columns = np.indices((height, width))
    image = np.stack([columns, rows, np.full_like(rows, 255)], axis=2).astype(np.uint8)
    return image, ((rows // 8 * 37 + columns // 8 * 11) % 250).astype(np.uint8)


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


@st.composite
def specs(draw: st.DrawFn) -> AugmentationSpec:
    low = draw(st.floats(0.3, 2.0))
    return dataclasses.replace(
        MOVES,
        random_flip=RandomFlip(draw(st.booleans())),
        random_rotate=RandomRotate(
            draw(st.booleans()), 0.5, draw(st.sampled_from([(90.0, 180.0, 270.0), (-30.0, 45.0), (0.0,)]))
        ),
        with_scale_random_crop=ScaleRandomCrop(draw(st.booleans()), (low, low * draw(st.floats(1.0, 3.0)))),
        with_random_crop=draw(st.booleans()),
    )


SIDES = st.tuples(st.integers(1, 100), st.integers(1, 100)) | st.sampled_from([(1, 1), (3, 1000), (1000, 3)])


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(sorted(KINDS)),
    specs(),
    SIDES,
    st.tuples(st.integers(1, 48), st.integers(1, 48)),
    st.integers(0, 2**32),
    st.sampled_from([1.0, 0.75]),
    st.sampled_from([0.0, 10.0]),
    st.booleans(),
)
def test_any_sample_in_any_crop(
    kind: str,
    keys: AugmentationSpec,
    sides: tuple[int, int],
    size: tuple[int, int],
    seed: int,
    share: float,
    rotate: float,
    focused: bool,
) -> None:
    image = np.full((*sides, 3), 255, np.uint8)
    mask = generator(seed).choice([0, 7, 254, 255], sides).astype(np.uint8)
    augment = make(kind, keys, largest_class_share=share, rotate_degrees=rotate)
    crop, target = augment(image, mask, size, generator(seed), 7 if focused else None)
    assert crop.shape == (*size, 3)
    assert target.shape == size
    assert crop.dtype == target.dtype == np.uint8
    assert set(np.unique(target)) <= set(np.unique(mask)) | {255}
    # What lies outside the image is ignored; inside, no pixel is mixed with the outside.
    beyond = (crop < 254).any(2)
    assert (target[beyond] == 255).all()
    whole = augment(image, np.full_like(mask, 7), size, generator(seed), 7)
    assert np.array_equal(whole[1] == 255, (whole[0] < 254).any(2))
    fill = {"nvlabs": 128}.get(kind, 0)
    assert np.isin(crop, [fill, 254, 255]).all()


@KIND
@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_image_and_mask_move_together(kind: str, seed: int) -> None:
    image, mask = coordinates(120, 160)
    keys = dataclasses.replace(
        MOVES,
        random_flip=RandomFlip(True, 0.5, 0.3),
        random_rotate=RandomRotate(True, 0.5, (90.0, 180.0, 270.0, 20.0)),
        with_scale_random_crop=ScaleRandomCrop(True, (0.5, 2.0)),
    )
    crop, target = make(kind, keys, rotate_degrees=10.0)(image, mask, (120, 160), generator(seed), None)
    rows, columns = np.nonzero(target != 255)
    assert rows.size > 1000
    x, y = crop[rows, columns, 0].astype(int), crop[rows, columns, 1].astype(int)
    # The colour tells where a pixel came from: the id must be one of those within a pixel of there.
    inner = (x > 2) & (x < 157) & (y > 2) & (y < 117)
    x, y, ids = x[inner], y[inner], target[rows, columns][inner]
    around = [mask[y + down, x + right] for down in (-2, -1, 0, 1, 2) for right in (-2, -1, 0, 1, 2)]
    assert (np.stack(around) == ids).any(0).mean() > 0.999
    assert (mask[y, x] == ids).mean() > 0.7


@KIND
def test_same_seed_same_sample_and_inputs_untouched(kind: str) -> None:
    image, mask = coordinates(90, 120)
    before = image.copy(), mask.copy()
    for array in (image, mask):
        array.setflags(write=False)
    augment = make(kind, AugmentationSpec(), noise_probability=1.0, blur_probability=1.0, rotate_degrees=5.0)
    sent = pickle.loads(pickle.dumps(augment))
    first = augment(image, mask, (64, 64), generator(5), 7)
    again = sent(image, mask, (64, 64), generator(5), 7)
    others = [augment(image, mask, (64, 64), generator(seed), 7)[0] for seed in range(6, 12)]
    assert np.array_equal(first[0], again[0])
    assert np.array_equal(first[1], again[1])
    assert not any(np.array_equal(first[0], other) for other in others)
    assert np.array_equal(image, before[0])
    assert np.array_equal(mask, before[1])


@KIND
def test_nothing_changes_when_everything_is_off(kind: str) -> None:
    image, mask = coordinates(60, 90)
    image[:] = generator(0).integers(0, 255, image.shape)
    crop, target = make(kind, off())(image, mask, mask.shape, generator(0), None)
    assert np.array_equal(crop, image)
    assert np.array_equal(target, mask)


def off(**changes: object) -> AugmentationSpec:
    keys = dataclasses.replace(
        MOVES,
        random_flip=RandomFlip(enable=False),
        random_rotate=RandomRotate(enable=False),
        with_scale_random_crop=ScaleRandomCrop(enable=False),
        with_random_crop=False,
    )
    return dataclasses.replace(keys, **changes)  # type: ignore[arg-type]


@KIND
def test_flips_are_exact_and_as_often_as_asked(kind: str) -> None:
    _, mask = coordinates(16, 24)
    image = generator(1).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    augment = make(kind, off(random_flip=RandomFlip(True, 0.3, 0.6)))
    forms = {
        (across, down): image[:: -1 if down else 1, :: -1 if across else 1]
        for across in (False, True)
        for down in (False, True)
    }
    seen = dict.fromkeys(forms, 0)
    for seed in range(400):
        crop, target = augment(image, mask, mask.shape, generator(seed), None)
        match = [form for form, expected in forms.items() if np.array_equal(crop, expected)]
        assert len(match) == 1
        across, down = match[0]
        assert np.array_equal(target, mask[:: -1 if down else 1, :: -1 if across else 1])
        seen[match[0]] += 1
    for (across, down), count in seen.items():
        chance = (0.3 if across else 0.7) * (0.6 if down else 0.4)
        assert abs(count - 400 * chance) < 4 * np.sqrt(400 * chance * (1 - chance))


@KIND
def test_quarter_turns_are_exact_and_equally_often(kind: str) -> None:
    mask = coordinates(24, 24)[1]
    image = generator(1).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    augment = make(kind, off(random_rotate=RandomRotate(True, 0.6, (90.0, 180.0, 270.0))))
    seen = [0, 0, 0, 0]
    for seed in range(400):
        crop, target = augment(image, mask, (24, 24), generator(seed), None)
        # numpy turns counter-clockwise, as Pillow does.
        match = [turns for turns in range(4) if np.array_equal(crop, np.rot90(image, turns))]
        assert len(match) == 1
        assert np.array_equal(target, np.rot90(mask, match[0]))
        seen[match[0]] += 1
    for turns, count in enumerate(seen):
        chance = 0.2 if turns else 0.4
        assert abs(count - 400 * chance) < 4 * np.sqrt(400 * chance * (1 - chance))


@pytest.mark.parametrize("kind", ["studio", "nvlabs"])
def test_focus_is_in_the_crop(kind: str) -> None:
    mask = np.zeros((200, 300), np.uint8)
    mask[150:153, 20:23] = 9
    image = np.zeros((200, 300, 3), np.uint8)
    augment = make(kind, off())
    for seed in range(40):
        assert (augment(image, mask, (64, 64), generator(seed), 9)[1] == 9).any()
    assert augment(image, mask, (64, 64), generator(0), 11)[1].shape == (64, 64)


@pytest.mark.parametrize("kind", ["studio", "nvlabs"])
def test_crops_that_one_class_fills_are_drawn_again(kind: str) -> None:
    mask = np.zeros((100, 400), np.uint8)
    mask[:, 300:] = 1
    image = np.zeros((100, 400, 3), np.uint8)

    def mixed(share: float) -> float:
        augment = make(kind, off(), largest_class_share=share)
        crops = [augment(image, mask, (96, 96), generator(seed), None)[1] for seed in range(60)]
        return float(
            np.mean([np.bincount(crop.ravel(), minlength=2)[:2].max() < 0.8 * 9216 for crop in crops])
        )

    assert mixed(0.75) > mixed(1.0) + 0.2


@pytest.mark.parametrize("kind", ["studio", "nvlabs"])
def test_factors_are_relative_to_the_base_side(kind: str) -> None:
    image, mask = coordinates(100, 200)
    keys = off(with_scale_random_crop=ScaleRandomCrop(True, (2.0, 2.0)))
    crop = make(kind, keys, base_side=150)(image, mask, (60, 60), generator(3), None)[0].astype(int)
    # 100 rows become 150, then twice that: a step of one pixel in the crop is a third of one in the image.
    assert abs((crop[30, 59, 0] - crop[30, 0, 0]) - 59 / 3) <= 1
    assert abs((crop[59, 30, 1] - crop[0, 30, 1]) - 59 / 3) <= 1


@pytest.mark.parametrize("kind", ["studio", "nvlabs"])
@pytest.mark.parametrize("enable", [True, False])
def test_a_stage_may_zoom(kind: str, enable: bool) -> None:
    image, mask = coordinates(100, 200)
    keys = off(with_scale_random_crop=ScaleRandomCrop(enable, (2.0, 2.0)))
    spec = ExperimentSpec(
        dataset=DatasetSpec(segment=SegmentSpec(augmentation=keys)),
        studio=StudioSpec(augmentation=Extras(kind=kind, blur_probability=0.0, noise_probability=0.0)),
    )
    crop = augmenter(spec, 1.5)(image, mask, (60, 60), generator(3), None)[0].astype(int)
    pixels = 59 / (3.0 if enable else 1.5)
    assert abs((crop[30, 59, 0] - crop[30, 0, 0]) - pixels) <= 1
    assert abs((crop[59, 30, 1] - crop[0, 30, 1]) - pixels) <= 1


@KIND
def test_grey_images_stay_grey(kind: str) -> None:
    extras = Extras(kind=kind, noise_probability=1.0)
    keys = dataclasses.replace(AugmentationSpec(), mean=(0.485, 0.456, 0.406))
    spec = ExperimentSpec(
        dataset=DatasetSpec(segment=SegmentSpec(augmentation=keys)),
        studio=StudioSpec(augmentation=extras, data=DataSpec(grayscale=True)),
    )
    image = np.repeat(coordinates(40, 60)[0][:, :, :1], 3, axis=2)
    crop, _ = augmenter(spec)(image, coordinates(40, 60)[1], (64, 80), generator(2), None)
    assert np.ptp(crop[:, :, 0]) > 20
    assert (crop == crop[:, :, :1]).all()


def test_wrong_keys_are_refused() -> None:
    with pytest.raises(SpecError, match="studio, tao, nvlabs"):
        make("mmseg")
    for change in (
        {"random_color": RandomColor(hue=0.7)},
        {"random_color": RandomColor(contrast=-0.1)},
        {"random_rotate": RandomRotate(True, 0.5, ())},
        {"with_scale_random_crop": ScaleRandomCrop(True, (2.0, 1.0))},
    ):
        with pytest.raises(SpecError, match="segment"):
            make("tao", off(**change))
