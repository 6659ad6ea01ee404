"""The set `tao`: the steps of TAO's segformer (its Lightning generation), in their order, as one view.

Resize to the crop's size, flips, a listed angle, random resized crop, rescale and crop back, blur, colours;
blur and colours change every sample, as in TAO. Two things differ. What a turn uncovers is ignored: in TAO it
gets id 0, which is a class. The image is resampled once after the first resize, not once a step, and the mask
once from the file's own pixels; both are sharper, and equal up to interpolation.
"""

import math
from collections.abc import Callable

import numpy as np
from PIL import Image as Pictures

from segstudio.training.augment.geometry import (
    IGNORE,
    Image,
    Mask,
    Size,
    View,
    about,
    cover,
    draw_flips,
    draw_turn,
    sample_image,
    sample_mask,
    shift,
    stretch,
)
from segstudio.training.augment.photometry import blur, brighten, change_contrast, saturate, turn_hue
from segstudio.training.spec.schema import AugmentationSpec, RandomColor
from segstudio.training.spec.studio import Extras

BLACK = (0, 0, 0)
AREA = (0.8, 1.2)
AREA_TRIES = 10


def augment(
    keys: AugmentationSpec,
    extras: Extras,
    image: Image,
    mask: Mask,
    size: Size,
    generator: np.random.Generator,
    focus: int | None,
) -> tuple[Image, Mask]:
    """See `segstudio.training.augment.sets.Augmenter`; extras and focus have no part in TAO's recipe."""
    height, width = size
    frame = Pictures.fromarray(image)
    if image.shape[:2] != size:
        # The gap lets Pillow reduce large images by whole factors first, several times as fast.
        frame = frame.resize((width, height), Pictures.Resampling.BICUBIC, reducing_gap=2.0)
    middle = width / 2, height / 2
    view = about(draw_flips(keys.random_flip, generator), *middle)
    view = about(draw_turn(keys.random_rotate, generator), *middle) @ view
    if keys.with_random_crop:
        view = draw_resized_crop(size, generator) @ view
    placed = np.eye(3)
    if keys.with_scale_random_crop.enable:
        placed = draw_rescale(keys.with_scale_random_crop.scale_range, size, generator)
    view = placed @ view
    crop = sample_image(np.asarray(frame, np.uint8), view, size, BLACK, cubic=True)
    target = sample_mask(mask, view @ stretch(width / mask.shape[1], height / mask.shape[0]), size)
    # The rescaled crop may be smaller than the result, which shows nothing of the image beyond that crop.
    cover(crop, placed, size, BLACK)
    cover(target, placed, size, (IGNORE,))
    if keys.with_random_blur:
        crop = blur(crop, float(generator.random()))
    if keys.random_color.enable:
        crop = jitter(crop, keys.random_color, generator)
    return crop, target


def draw_resized_crop(size: Size, generator: np.random.Generator) -> View:
    """A part of 0.8 to 1 of the area, enlarged to the whole: areas up to 1.2 are drawn, and above 1 again."""
    for _ in range(AREA_TRIES):
        side = math.sqrt(generator.uniform(*AREA))
        height, width = round(size[0] * side), round(size[1] * side)
        if height <= size[0] and width <= size[1]:
            top = int(generator.integers(size[0] - height, endpoint=True))
            left = int(generator.integers(size[1] - width, endpoint=True))
            return stretch(size[1] / width, size[0] / height) @ shift(-left, -top)
    return np.eye(3)


def draw_rescale(scale_range: tuple[float, float], size: Size, generator: np.random.Generator) -> View:
    """Scaled by a factor from a range; what is too large is cropped, what is too small put anywhere."""
    scale = float(generator.uniform(*scale_range))
    scaled = [max(1, round(side * scale)) for side in size]
    spare = [old - new for old, new in zip(size, scaled, strict=True)]
    top, left = (int(math.copysign(generator.integers(abs(space), endpoint=True), space)) for space in spare)
    return shift(left, top) @ stretch(scaled[1] / size[1], scaled[0] / size[0])


def jitter(image: Image, keys: RandomColor, generator: np.random.Generator) -> Image:
    """torchvision's ColorJitter: brightness, contrast, saturation and hue in random order.

    The first three draw a factor from 1 - x (at least 0) to 1 + x, the hue a shift of up to x turns.
    """
    steps: list[tuple[Callable[[Image, float], Image], float]] = [
        (change, float(generator.uniform(max(0.0, 1 - reach), 1 + reach)))
        for change, reach in (
            (brighten, keys.brightness),
            (change_contrast, keys.contrast),
            (saturate, keys.saturation),
        )
        if reach
    ]
    if keys.hue:
        steps.append((turn_hue, float(generator.uniform(-keys.hue, keys.hue))))
    for index in generator.permutation(len(steps)):
        change, amount = steps[index]
        image = change(image, amount)
    return image
