"""The set `nvlabs`: mmsegmentation's pipeline for SegFormer, as one view and photometric distortion.

Resize by a factor, crop (drawn again while one class fills it), flip, distort colours, pad. The padding has
the mean colour of the spec, since mmsegmentation pads with 0 after it normalises.
"""

import math
from functools import partial

import numpy as np

from segstudio.training.augment.geometry import (
    Image,
    Mask,
    Size,
    View,
    about,
    cover,
    draw_flips,
    draw_mixed,
    draw_turn,
    pixel_of_class,
    sample_image,
    sample_mask,
    shift,
    stretch,
)
from segstudio.training.augment.photometry import LEVELS, by_curve, change_hsv
from segstudio.training.spec.schema import AugmentationSpec
from segstudio.training.spec.studio import Extras

# mmseg/datasets/pipelines/transforms.py, RandomCrop and PhotoMetricDistortion.
TRIES = 10
BRIGHTNESS = 32.0
CONTRAST = SATURATION = (0.5, 1.5)
# In steps of two degrees.
HUE = 18


def augment(
    keys: AugmentationSpec,
    extras: Extras,
    image: Image,
    mask: Mask,
    size: Size,
    generator: np.random.Generator,
    focus: int | None,
) -> tuple[Image, Mask]:
    """See `segstudio.training.augment.sets.Augmenter`."""
    low, high = keys.with_scale_random_crop.scale_range if keys.with_scale_random_crop.enable else (1.0, 1.0)
    base = extras.base_side / min(mask.shape) if extras.base_side else 1.0
    scale = base * float(generator.uniform(low, high))
    resized = max(1, math.floor(mask.shape[0] * scale + 0.5)), max(1, math.floor(mask.shape[1] * scale + 0.5))
    larger = stretch(resized[1] / mask.shape[1], resized[0] / mask.shape[0])
    window = partial(draw_window, mask, larger, resized, size, generator, focus)
    view = draw_mixed(window, mask, size, extras.largest_class_share, TRIES)
    # The flip mirrors what was cropped, before the padding at its right and lower side.
    middle = min(size[1], resized[1]) / 2, min(size[0], resized[0]) / 2
    view = about(draw_flips(keys.random_flip, generator), *middle) @ view
    view = about(draw_turn(keys.random_rotate, generator), size[1] / 2, size[0] / 2) @ view
    mean = tuple(min(255, max(0, round(255 * value))) for value in keys.mean)
    crop = sample_image(image, view, size, mean)
    if keys.random_color.enable:
        crop = distort(crop, keys.random_color.color_probability, generator)
        cover(crop, view, mask.shape, mean)
    return crop, sample_mask(mask, view, size)


def draw_window(
    mask: Mask, larger: View, resized: Size, size: Size, generator: np.random.Generator, focus: int | None
) -> View:
    """A crop at whole pixels of the resized image, with a pixel of `focus` in it where the class occurs."""
    spare = max(resized[1] - size[1], 0), max(resized[0] - size[0], 0)
    corner = generator.integers(0, spare, endpoint=True)
    pixel = None if focus is None else pixel_of_class(mask, focus, generator)
    if pixel is not None:
        there = (larger @ (pixel[0] + 0.5, pixel[1] + 0.5, 1.0))[:2]
        corner = np.floor(there - generator.random(2) * size[::-1])
        corner = np.clip(corner, 0, spare)
    return shift(-float(corner[0]), -float(corner[1])) @ larger


def distort(image: Image, probability: float, generator: np.random.Generator) -> Image:
    """mmsegmentation's PhotoMetricDistortion: four changes, each with the same probability.

    Brightness +-32, contrast x0.5-1.5 (right after it, or last), saturation x0.5-1.5, hue +-36 degrees.
    """
    bright, contrasted, saturated, turned = generator.random(4) < probability
    early = generator.random() < 0.5
    curve, offset = LEVELS, float(generator.uniform(-BRIGHTNESS, BRIGHTNESS))
    contrast, gain = float(generator.uniform(*CONTRAST)), float(generator.uniform(*SATURATION))
    steps = int(generator.integers(-HUE, HUE, endpoint=True))
    if bright:
        curve = np.trunc(np.clip(curve + offset, 0, 255))
    if contrasted and early:
        curve = np.trunc(np.clip(curve * contrast, 0, 255))
    if curve is not LEVELS:
        image = by_curve(image, curve)
    image = change_hsv(image, gain if saturated else 1.0, steps if turned else 0)
    return by_curve(image, LEVELS * contrast) if contrasted and not early else image
