"""Augmentation repeats from its generator, and moves image and mask together."""

import dataclasses

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.training.augment import augment, draw_crop, photometric
from segstudio.training.spec import AugmentationSpec, RandomColor, RandomFlip, ScaleRandomCrop

PLAIN = AugmentationSpec(
    random_flip=RandomFlip(enable=False),
    random_color=RandomColor(enable=False),
    with_scale_random_crop=ScaleRandomCrop(enable=False),
    with_random_blur=False,
    noise_probability=0.0,
    largest_class_share=1.0,
)
GEOMETRY = dataclasses.replace(
    PLAIN,
    random_flip=RandomFlip(vflip_probability=0.3),
    with_scale_random_crop=ScaleRandomCrop(scale_range=(0.5, 2.0)),
    rotate_degrees=10.0,
)


def blocks(height: int = 90, width: int = 120) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A mask of large blocks and an image whose grey is ten times the id."""
    rows, columns = np.indices((height, width))
    mask = (1 + rows // 30 * 4 + columns // 30).astype(np.uint8)
    return np.repeat(mask[:, :, None] * 10, 3, axis=2), mask


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_same_seed_same_sample_and_inputs_untouched() -> None:
    image, mask = blocks()
    before = image.copy(), mask.copy()
    spec = AugmentationSpec(rotate_degrees=5, noise_probability=1.0, blur_probability=1.0)
    first = augment(image, mask, (64, 64), spec, generator(5), focus=7)
    second = augment(image, mask, (64, 64), spec, generator(5), focus=7)
    other = augment(image, mask, (64, 64), spec, generator(6), focus=7)
    assert np.array_equal(first[0], second[0])
    assert np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], other[0])
    assert np.array_equal(image, before[0])
    assert np.array_equal(mask, before[1])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_image_and_mask_move_together(seed: int) -> None:
    image, mask = blocks()
    crop, target = augment(image, mask, (64, 96), GEOMETRY, generator(seed))
    assert crop.shape == (64, 96, 3)
    assert target.shape == (64, 96)
    assert crop.dtype == target.dtype == np.uint8
    near = np.ones((5, 5), np.uint8)
    inside = cv2.dilate(target, near) == cv2.erode(target, near)
    inside[[0, 1, -2, -1]] = inside[:, [0, 1, -2, -1]] = False
    # Away from the edges of blocks, where bilinear sampling mixes, the grey names the class; what lies
    # outside the image is black and ignored.
    expected = np.where(target == 255, 0, target * np.int64(10))
    assert np.abs(crop[:, :, 0].astype(np.int64) - expected)[inside].max(initial=0) <= 1


def test_no_change_when_everything_is_off() -> None:
    image, mask = blocks()
    crop, target = augment(image, mask, mask.shape, PLAIN, generator(0))
    assert np.array_equal(crop, image)
    assert np.array_equal(target, mask)


def test_flips_are_exact() -> None:
    image, mask = blocks()
    both = dataclasses.replace(PLAIN, random_flip=RandomFlip(hflip_probability=1.0, vflip_probability=1.0))
    crop, target = augment(image, mask, mask.shape, both, generator(0))
    assert np.array_equal(crop, image[::-1, ::-1])
    assert np.array_equal(target, mask[::-1, ::-1])


def test_doubling_keeps_pixel_corners_aligned() -> None:
    image, mask = blocks()
    twice = dataclasses.replace(PLAIN, with_scale_random_crop=ScaleRandomCrop(scale_range=(2.0, 2.0)))
    crop, target = augment(image, mask, (180, 240), twice, generator(0))
    assert np.array_equal(target, mask.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(crop[4:50, 4:50], image.repeat(2, 0).repeat(2, 1)[4:50, 4:50])


def test_focus_is_in_the_crop() -> None:
    mask = np.zeros((200, 300), np.uint8)
    mask[150:153, 20:23] = 9
    image = np.zeros((200, 300, 3), np.uint8)
    for seed in range(40):
        _, target = augment(image, mask, (64, 64), PLAIN, generator(seed), focus=9)
        assert (target == 9).any()


def test_crops_that_one_class_fills_are_drawn_again() -> None:
    mask = np.zeros((100, 400), np.uint8)
    mask[:, 300:] = 1
    image = np.zeros((100, 400, 3), np.uint8)

    def mixed(share: float) -> float:
        spec = dataclasses.replace(PLAIN, largest_class_share=share)
        crops = [augment(image, mask, (96, 96), spec, generator(seed))[1] for seed in range(60)]
        return float(
            np.mean([np.bincount(crop.ravel(), minlength=2)[:2].max() < 0.8 * 9216 for crop in crops])
        )

    assert mixed(0.75) > mixed(1.0) + 0.2


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6))
def test_crops_stay_inside_larger_images(seed: int) -> None:
    mask = np.zeros((200, 300), np.uint8)
    matrix = draw_crop(mask, (64, 96), PLAIN, generator(seed), None)
    corner = -matrix[:, 2]
    assert 0 <= corner[0] <= 300 - 96
    assert 0 <= corner[1] <= 200 - 64


def test_colours_change_within_their_range() -> None:
    grey = np.full((8, 8, 3), 128, np.uint8)
    spec = dataclasses.replace(
        PLAIN, random_color=RandomColor(brightness=0.2, contrast=0.2, hue=0.0, saturation=0.0)
    )
    values = [int(photometric(grey, spec, generator(seed))[0, 0, 0]) for seed in range(200)]
    assert min(values) < 110
    assert max(values) > 146
    assert min(values) > 60
    assert max(values) < 196
    assert photometric(grey, PLAIN, generator(0)) is not grey or np.array_equal(
        photometric(grey, PLAIN, generator(0)), grey
    )


@pytest.mark.parametrize("seed", range(5))
def test_hue_shifts_keep_grey_grey(seed: int) -> None:
    grey = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 3, axis=2)
    spec = dataclasses.replace(PLAIN, random_color=RandomColor(brightness=0.0, contrast=0.0, hue=0.5))
    assert np.array_equal(photometric(grey, spec, generator(seed)), grey)
