"""The set `studio`: one affine view of flips, turns, scale and crop, then colour, blur and noise."""

import math

import numpy as np

from segstudio.training.augment.geometry import (
    REDUCED,
    Image,
    Mask,
    Size,
    View,
    draw_flips,
    draw_mixed,
    draw_turn,
    factor,
    pixel_of_class,
    sample_image,
    sample_mask,
    shift,
    softened,
    stretch,
    turn,
)
from segstudio.training.augment.photometry import LEVELS, add_noise, blur, by_curve, change_hsv
from segstudio.training.spec.schema import AugmentationSpec, RandomColor
from segstudio.training.spec.studio import Extras

TRIES = 5
BLACK = (0, 0, 0)


def augment(
    keys: AugmentationSpec,
    extras: Extras,
    image: Image,
    mask: Mask,
    size: Size,
    generator: np.random.Generator,
    focus: int | None,
) -> tuple[Image, Mask]:
    """See `segstudio.training.augment.sets.Augmenter`; outside the image lies black."""
    view = draw_mixed(
        lambda: draw_view(keys, extras, mask, size, generator, focus),
        mask,
        size,
        extras.largest_class_share,
        TRIES,
    )
    source, moved = image, view
    # Bilinear sampling aliases when it reduces, as it does at inference; a blur before it, half of the time,
    # shows the network both.
    if factor(view) < REDUCED and generator.random() < 0.5:
        source, moved = softened(image, view, size)
    crop = sample_image(source, moved, size, BLACK)
    return photometric(keys, extras, crop, generator), sample_mask(mask, view, size)


def draw_view(
    keys: AugmentationSpec,
    extras: Extras,
    mask: Mask,
    size: Size,
    generator: np.random.Generator,
    focus: int | None,
) -> View:
    """A view whose crop lies inside the image as far as it fits, around a pixel of `focus` if it is there."""
    sides = np.array(mask.shape[::-1], np.float64)
    scale = _draw_scale(keys, extras, float(sides.min()), generator)
    small = turn(float(generator.uniform(-extras.rotate_degrees, extras.rotate_degrees)))
    linear = stretch(scale, scale) @ small @ draw_turn(keys.random_rotate, generator)
    linear = linear @ draw_flips(keys.random_flip, generator)
    crop = np.array(size[::-1], np.float64)
    # Half of what the crop covers of the image, corners of a turned crop included.
    half = np.abs(np.linalg.inv(linear)[:2, :2]) @ crop / 2
    pixel = None if focus is None else pixel_of_class(mask, focus, generator)
    if pixel is None:
        # Clipped below: crops gather at the borders, which are seen about as often as the middle that way.
        centre = generator.random(2) * sides
    else:
        centre = np.array(pixel) + 0.5 + (generator.random(2) - 0.5) * 0.8 * crop / scale
    # Where the image is larger than the crop, the crop stays inside it; else it may slide.
    centre = np.clip(centre, np.minimum(half, sides - half), np.maximum(half, sides - half))
    return shift(*(crop / 2)) @ linear @ shift(*-centre)


def _draw_scale(
    keys: AugmentationSpec, extras: Extras, shorter: float, generator: np.random.Generator
) -> float:
    """Uniform in its logarithm: halving is as likely as doubling."""
    low, high = keys.with_scale_random_crop.scale_range if keys.with_scale_random_crop.enable else (1.0, 1.0)
    base = extras.base_side / shorter if extras.base_side else 1.0
    return base * math.exp(generator.uniform(math.log(low), math.log(high)))


def photometric(
    keys: AugmentationSpec, extras: Extras, image: Image, generator: np.random.Generator
) -> Image:
    """Colours, blur and noise, each with its probability; uint8 [H,W,3] in and out."""
    colour, soft, noisy = generator.random(3)
    if keys.random_color.enable and colour < keys.random_color.color_probability:
        image = recolour(image, keys.random_color, generator)
    if keys.with_random_blur and soft < extras.blur_probability:
        image = blur(image, float(generator.uniform(0.4, 1.4)))
    if noisy < extras.noise_probability:
        image = add_noise(image, float(generator.uniform(2, 10)), generator)
    return image


def recolour(image: Image, keys: RandomColor, generator: np.random.Generator) -> Image:
    """Gamma, contrast about 128 and brightness by one curve, then saturation and hue; uint8 in and out."""
    contrast = 1 + generator.uniform(-keys.contrast, keys.contrast)
    offset = 255 * generator.uniform(-keys.brightness, keys.brightness) * 0.5
    gamma = math.exp(generator.uniform(-keys.brightness, keys.brightness))
    gain = 1 + generator.uniform(-keys.saturation, keys.saturation)
    steps = round(generator.uniform(-keys.hue, keys.hue) * 180)
    curve = (255.0 * (LEVELS / 255.0) ** gamma - 128) * contrast + 128 + offset
    return change_hsv(by_curve(image, curve), gain, steps)
