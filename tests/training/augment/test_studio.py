"""The set `studio`: the ranges of its views, and its colours."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.training.augment.geometry import factor
from segstudio.training.augment.studio import augment, draw_view, photometric, recolour
from segstudio.training.spec.schema import (
    AugmentationSpec,
    RandomColor,
    RandomFlip,
    RandomRotate,
    ScaleRandomCrop,
)
from segstudio.training.spec.studio import Extras

QUIET = Extras(kind="studio", blur_probability=0.0, noise_probability=0.0)
PLAIN = AugmentationSpec(
    random_flip=RandomFlip(enable=False),
    random_rotate=RandomRotate(enable=False),
    random_color=RandomColor(enable=False),
    with_scale_random_crop=ScaleRandomCrop(enable=False),
)
MASK = np.zeros((200, 300), np.uint8)


def scaled(low: float, high: float) -> AugmentationSpec:
    return dataclasses.replace(PLAIN, with_scale_random_crop=ScaleRandomCrop(True, (low, high)))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 30))
def test_turned_crops_stay_inside_larger_images(seed: int, degrees: float) -> None:
    extras = dataclasses.replace(QUIET, rotate_degrees=degrees)
    view = draw_view(PLAIN, extras, MASK, (64, 96), np.random.default_rng(seed), None)
    corners = np.linalg.inv(view) @ np.array([[0, 96, 0, 96], [0, 0, 64, 64], [1, 1, 1, 1]])
    assert corners[:2].min() >= -1e-6
    assert (corners[:2].max(1) <= np.array([300, 200]) + 1e-6).all()


def test_halving_is_as_likely_as_doubling() -> None:
    factors = np.array(
        [
            factor(draw_view(scaled(0.5, 2.0), QUIET, MASK, (64, 64), np.random.default_rng(seed), None))
            for seed in range(400)
        ]
    )
    assert factors.min() >= 0.5
    assert factors.max() <= 2.0
    logarithms = np.log(factors) / math.log(2)
    assert abs(logarithms.mean()) < 4 / math.sqrt(3 * 400)
    assert abs(logarithms.var() - 1 / 3) < 0.06


def test_doubling_keeps_pixel_corners_aligned() -> None:
    rows, columns = np.indices((90, 120))
    mask = (1 + rows // 30 * 4 + columns // 30).astype(np.uint8)
    image = np.repeat(mask[:, :, None] * 10, 3, axis=2).astype(np.uint8)
    crop, target = augment(scaled(2.0, 2.0), QUIET, image, mask, (180, 240), np.random.default_rng(0), None)
    assert np.array_equal(target, mask.repeat(2, 0).repeat(2, 1))
    assert np.array_equal(crop[:50, :50], image.repeat(2, 0).repeat(2, 1)[:50, :50])


def test_reduced_crops_are_softened_about_half_of_the_time() -> None:
    rows, columns = np.indices((256, 256))
    checks = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[:, :, None], 3, axis=2)
    mask = np.zeros((256, 256), np.uint8)
    spreads = np.array(
        [
            augment(scaled(0.6, 0.6), QUIET, checks, mask, (64, 64), np.random.default_rng(seed), None)[
                0
            ].std()
            for seed in range(60)
        ]
    )
    soft = spreads < 0.75 * spreads.max()
    assert 15 < soft.sum() < 45
    # Both kinds show the same place: a blur moves nothing.
    means = [
        augment(scaled(0.6, 0.6), QUIET, checks, mask, (64, 64), np.random.default_rng(seed), None)[0].mean()
        for seed in (int(soft.argmax()), int((~soft).argmax()))
    ]
    assert np.abs(np.array(means) - 127.5).max() < 8


def test_colours_change_within_their_range_and_as_often_as_asked() -> None:
    grey = np.full((8, 8, 3), 128, np.uint8)
    keys = dataclasses.replace(
        PLAIN, random_color=RandomColor(True, 0.2, 0.2, 0.0, 0.0, color_probability=0.7)
    )
    values = np.array(
        [int(photometric(keys, QUIET, grey, np.random.default_rng(seed))[0, 0, 0]) for seed in range(400)]
    )
    assert 60 < values.min() < 110
    assert 146 < values.max() < 196
    assert abs((values != 128).sum() - 280) < 4 * math.sqrt(400 * 0.7 * 0.3) + 10


@pytest.mark.parametrize("seed", range(5))
def test_hue_shifts_keep_grey_grey(seed: int) -> None:
    grey = np.repeat(np.arange(0, 256, 4, dtype=np.uint8)[None, :, None], 3, axis=2)
    keys = RandomColor(brightness=0.0, contrast=0.0, saturation=0.3, hue=0.5)
    assert np.array_equal(recolour(grey, keys, np.random.default_rng(seed)), grey)


def test_blur_and_noise_come_as_often_as_asked() -> None:
    image = np.repeat(np.tile(np.array([100, 156], np.uint8), 32)[None, :, None], 3, axis=2).repeat(64, 0)
    blurred = Extras(kind="studio", blur_probability=0.3, noise_probability=0.0)
    noisy = Extras(kind="studio", blur_probability=0.0, noise_probability=0.3)
    for extras in (blurred, noisy):
        changed = sum(
            not np.array_equal(photometric(PLAIN, extras, image, np.random.default_rng(seed)), image)
            for seed in range(200)
        )
        assert abs(changed - 60) < 4 * math.sqrt(200 * 0.3 * 0.7)
    spread = [
        (photometric(PLAIN, noisy, image, np.random.default_rng(seed)).astype(float) - image).std()
        for seed in range(40)
    ]
    assert all(value == 0 or 1.8 < value < 10.5 for value in spread)
