"""Random crops, geometry and photometry of training samples, on uint8 arrays, from a given generator."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.training.spec.schema import AugmentationSpec, RandomColor
from segstudio.training.spec.studio import Extras

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
IGNORE = 255
CROP_TRIES = 5


def augment(
    image: Image,
    mask: Mask,
    size: tuple[int, int],
    spec: AugmentationSpec,
    extras: Extras,
    generator: np.random.Generator,
    focus: int | None = None,
) -> tuple[Image, Mask]:
    """A random crop of a sample, resized, flipped, turned and recoloured.

    Args:
        image: uint8 [H,W,3] RGB.
        mask: uint8 [H,W] class ids, 255 = ignore.
        size: (height, width) of the result.
        spec: ranges and probabilities.
        extras: those that TAO has no key for.
        generator: the only source of chance: the same state gives the same sample.
        focus: a class on one of whose pixels the crop is centred, roughly.

    Returns:
        uint8 [h,w,3] and [h,w]; what lies outside the image is black and ignored.
    """
    matrix = draw_crop(mask, size, spec, extras, generator, focus)
    height, width = size
    small = math.hypot(matrix[0, 0], matrix[1, 0]) < 0.7
    # Bilinear sampling aliases when it reduces, as it does at inference; a little blur before it, half of the
    # time, shows the network both.
    source = image
    if small and generator.random() < 0.5:
        source = np.ascontiguousarray(cv2.GaussianBlur(image, (3, 3), 0.6), np.uint8)
    crop = cv2.warpAffine(source, matrix, (width, height), flags=cv2.INTER_LINEAR)
    target = cv2.warpAffine(
        mask,
        matrix,
        (width, height),
        flags=cv2.INTER_NEAREST,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(IGNORE,),
    )
    return photometric(crop.astype(np.uint8, copy=False), spec, extras, generator), target.astype(
        np.uint8, copy=False
    )


def draw_crop(
    mask: Mask,
    size: tuple[int, int],
    spec: AugmentationSpec,
    extras: Extras,
    generator: np.random.Generator,
    focus: int | None,
) -> NDArray[np.float64]:
    """The affine matrix [2,3] from image to crop coordinates; drawn again while one class fills the crop."""
    matrix: NDArray[np.float64] = _draw_once(mask, size, spec, extras, generator, focus)
    for _ in range(CROP_TRIES):
        if extras.largest_class_share >= 1:
            break
        preview = cv2.warpAffine(
            mask,
            np.diag([0.125, 0.125]) @ matrix,
            (max(1, size[1] // 8), max(1, size[0] // 8)),
            flags=cv2.INTER_NEAREST,
            borderMode=cv2.BORDER_CONSTANT,
            borderValue=(IGNORE,),
        )
        counts = np.bincount(preview.ravel(), minlength=256)[:IGNORE]
        if counts.sum() and counts.max() <= extras.largest_class_share * counts.sum():
            break
        matrix = _draw_once(mask, size, spec, extras, generator, focus)
    return matrix


def _draw_once(
    mask: Mask,
    size: tuple[int, int],
    spec: AugmentationSpec,
    extras: Extras,
    generator: np.random.Generator,
    focus: int | None,
) -> NDArray[np.float64]:
    height, width = mask.shape
    flips = spec.random_flip
    low, high = spec.with_scale_random_crop.scale_range if spec.with_scale_random_crop.enable else (1.0, 1.0)
    scale = math.exp(generator.uniform(math.log(low), math.log(high)))
    crop = np.array([size[1], size[0]]) / scale
    centre = _centre(mask, crop, generator, focus)
    # Where the image is larger than the crop, the crop stays inside it; else it may slide.
    for axis, side in enumerate((width, height)):
        half = crop[axis] / 2
        lowest, highest = min(half, side - half), max(half, side - half)
        centre[axis] = min(max(centre[axis], lowest), highest)
    angle = math.radians(generator.uniform(-extras.rotate_degrees, extras.rotate_degrees))
    mirrored, upended = generator.random(2) < (flips.hflip_probability, flips.vflip_probability)
    signs = [-1.0 if mirrored and flips.enable else 1.0, -1.0 if upended and flips.enable else 1.0]
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])
    linear: NDArray[np.float64] = scale * turn @ np.diag(signs)
    # Pixel centres lie at +0.5, as in the bilinear resize of the deployment graph.
    offset = np.array([size[1], size[0]]) / 2 - linear @ centre
    offset = offset + linear @ np.array([0.5, 0.5]) - 0.5
    matrix: NDArray[np.float64] = np.hstack([linear, offset[:, None]])
    return matrix


def _centre(
    mask: Mask, crop: NDArray[np.float64], generator: np.random.Generator, focus: int | None
) -> NDArray[np.float64]:
    height, width = mask.shape
    if focus is not None:
        rows, columns = np.nonzero(mask == focus)
        if rows.size:
            pick = int(generator.integers(rows.size))
            jitter = (generator.random(2) - 0.5) * crop * 0.8
            return np.array([columns[pick], rows[pick]], np.float64) + jitter
    anywhere: NDArray[np.float64] = generator.random(2) * np.array([width, height], np.float64)
    return anywhere


def photometric(
    image: Image, spec: AugmentationSpec, extras: Extras, generator: np.random.Generator
) -> Image:
    """Brightness, contrast, gamma, saturation and hue changes, sometimes blur and noise; uint8 in and out."""
    out: NDArray[Any] = recolour(image, spec.random_color, generator) if spec.random_color.enable else image
    if spec.with_random_blur and generator.random() < extras.blur_probability:
        out = cv2.GaussianBlur(out, (0, 0), float(generator.uniform(0.4, 1.4)))
    if generator.random() < extras.noise_probability:
        noise = generator.normal(0, generator.uniform(2, 10), out.shape)
        out = np.clip(out + noise, 0, 255)
    return np.ascontiguousarray(out, np.uint8)


def recolour(image: Image, spec: RandomColor, generator: np.random.Generator) -> Image:
    """Gamma, contrast and brightness by one curve, then saturation and hue; uint8 in and out."""
    contrast = 1 + generator.uniform(-spec.contrast, spec.contrast)
    brightness = 255 * generator.uniform(-spec.brightness, spec.brightness) * 0.5
    gamma = math.exp(generator.uniform(-spec.brightness, spec.brightness))
    levels = 255.0 * (np.arange(256) / 255.0) ** gamma
    curve = np.clip((levels - 128) * contrast + 128 + brightness, 0, 255).astype(np.uint8)
    out = cv2.LUT(image, curve)
    if spec.saturation or spec.hue:
        hsv = cv2.cvtColor(out, cv2.COLOR_RGB2HSV)
        shift = round(generator.uniform(-spec.hue, spec.hue) * 180)
        hues = ((np.arange(256) + shift) % 180).astype(np.uint8)
        gain = 1 + generator.uniform(-spec.saturation, spec.saturation)
        saturations = np.clip(np.arange(256) * gain, 0, 255).astype(np.uint8)
        hsv[:, :, 0] = cv2.LUT(hsv[:, :, 0], hues)
        hsv[:, :, 1] = cv2.LUT(hsv[:, :, 1], saturations)
        out = cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)
    return np.ascontiguousarray(out, np.uint8)
