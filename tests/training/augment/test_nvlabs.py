"""The set `nvlabs` beside mmsegmentation's steps: resize and crop, padding, distortion of colours."""

import colorsys
import dataclasses

import cv2
import numpy as np

from segstudio.scenes.street import draw_scene
from segstudio.training.augment.nvlabs import augment, distort
from segstudio.training.augment.photometry import change_hsv
from segstudio.training.spec.schema import (
    AugmentationSpec,
    RandomColor,
    RandomFlip,
    RandomRotate,
    ScaleRandomCrop,
)
from segstudio.training.spec.studio import Extras

EXTRAS = Extras(kind="nvlabs")
PLAIN = AugmentationSpec(
    random_flip=RandomFlip(enable=False),
    random_rotate=RandomRotate(enable=False),
    random_color=RandomColor(enable=False),
    with_scale_random_crop=ScaleRandomCrop(enable=False),
    mean=(0.485, 0.456, 0.406),
)


def scaled(low: float, high: float) -> AugmentationSpec:
    return dataclasses.replace(PLAIN, with_scale_random_crop=ScaleRandomCrop(True, (low, high)))


def generator(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_crops_are_windows_of_the_resized_image() -> None:
    scene = draw_scene(5, 80, 120)
    for seed, scale in enumerate((0.7, 1.3, 1.9)):
        larger = cv2.resize(scene.image, (int(120 * scale + 0.5), int(80 * scale + 0.5)))
        crop, target = augment(
            scaled(scale, scale), EXTRAS, scene.image, scene.mask, (48, 48), generator(seed), None
        )
        found = cv2.matchTemplate(larger, crop, cv2.TM_SQDIFF)
        y, x = np.unravel_index(int(found.argmin()), found.shape)
        window = larger[y : y + 48, x : x + 48].astype(int)
        assert np.abs(window - crop).mean() < 1
        mask = cv2.resize(scene.mask, larger.shape[1::-1], interpolation=cv2.INTER_NEAREST_EXACT)
        # They differ where a pixel's middle falls on the border between two.
        assert (mask[y : y + 48, x : x + 48] == target).mean() > 0.95


def test_factors_are_uniform() -> None:
    columns = np.broadcast_to(np.arange(200, dtype=np.uint8)[None, :, None], (200, 200, 3)).copy()
    mask = np.zeros((200, 200), np.uint8)
    steps = []
    for seed in range(200):
        crop = augment(scaled(0.5, 2.0), EXTRAS, columns, mask, (8, 96), generator(seed), None)[0]
        steps.append((int(crop[4, 94, 0]) - int(crop[4, 1, 0])) / 93)
    factors = 1 / np.array(steps)
    assert 0.48 < factors.min() < 0.6
    assert 1.9 < factors.max() < 2.1
    assert abs(factors.mean() - 1.25) < 4 * 1.5 / np.sqrt(12 * 200)


def test_windows_are_uniform_in_place() -> None:
    columns = np.broadcast_to(np.arange(100, dtype=np.uint8)[None, :, None], (50, 100, 3)).copy()
    mask = np.zeros((50, 100), np.uint8)
    lefts = [
        int(augment(PLAIN, EXTRAS, columns, mask, (40, 51), generator(seed), None)[0][0, 0, 0])
        for seed in range(400)
    ]
    assert (min(lefts), max(lefts)) == (0, 49)
    assert abs(np.mean(lefts) - 24.5) < 4 * 50 / np.sqrt(12 * 400)


def test_padding_is_right_and_below_in_the_mean_colour_of_mirrored_crops_too() -> None:
    image = np.full((20, 30, 3), 200, np.uint8)
    mask = np.full((20, 30), 3, np.uint8)
    mask[:, 0] = 8
    keys = dataclasses.replace(PLAIN, random_flip=RandomFlip(True, 1.0, 0.0), random_color=RandomColor())
    crop, target = augment(keys, EXTRAS, image, mask, (32, 48), generator(2), None)
    assert (target[:20, :29] == 3).all()
    assert (target[:20, 29] == 8).all()
    assert (target[20:] == 255).all()
    assert (target[:, 30:] == 255).all()
    assert (crop[target == 255] == (124, 116, 104)).all()


def test_distortion_of_greys_is_brightness_then_contrast() -> None:
    greys = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2)
    outs = np.array([distort(greys, 1.0, generator(seed))[0, :, 0] for seed in range(300)]).astype(float)
    middle, upper = outs[:, 100], outs[:, 140]
    # Where nothing is clipped, contrast is the slope and brightness the offset before it.
    contrast = (upper - middle) / 40
    offset = middle / contrast - 100
    assert 0.47 < contrast.min() < 0.55
    assert 1.3 < contrast.max() < 1.53
    free = upper < 255
    assert np.abs(offset[free]).max() < 37
    assert np.quantile(offset[free], 0.9) > 15
    assert np.quantile(offset[free], 0.1) < -15


def test_distortion_applies_each_change_with_its_probability() -> None:
    image = draw_scene(5, 24, 32).image
    assert np.array_equal(distort(image, 0.0, generator(0)), image)
    untouched = sum(np.array_equal(distort(image, 0.5, generator(seed)), image) for seed in range(400))
    # One in sixteen, and what rounds to no change.
    assert 8 < untouched < 55
    greys = np.full((2, 2, 3), 120, np.uint8)
    same = sum(np.array_equal(distort(greys, 0.5, generator(seed)), greys) for seed in range(400))
    assert 65 < same < 150


def test_saturation_and_hue_as_the_textbook_has_them() -> None:
    colours = generator(1).integers(40, 216, (1, 50, 3), dtype=np.uint8)
    for gain, steps in ((0.5, 0), (1.5, 0), (1.0, 18), (1.0, -18), (1.3, 7)):
        expected = []
        for red, green, blue in colours[0]:
            hue, saturation, value = colorsys.rgb_to_hsv(red / 255, green / 255, blue / 255)
            expected.append(colorsys.hsv_to_rgb((hue + steps / 180) % 1, min(1.0, saturation * gain), value))
        found = change_hsv(colours, gain, steps)[0] / 255
        # OpenCV keeps hues in steps of two degrees.
        assert np.abs(found - np.array(expected)).max() < 0.035
