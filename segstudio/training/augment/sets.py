"""The augmentation sets by name: what a spec makes of a sample in training.

| key of the spec | studio | tao | nvlabs |
|---|---|---|---|
| random_flip, random_rotate | yes | yes | yes |
| with_scale_random_crop | log-uniform factor | after the resize to the crop's size | uniform factor |
| with_random_crop | - | random resized crop | - |
| with_random_blur | with blur_probability | every sample | - |
| random_color | reaches, with color_probability | reaches, every sample | color_probability alone |
| base_side, largest_class_share, focus | yes | - | yes |
| rotate_degrees, blur_probability, noise_probability | yes | - | - |
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np

from segstudio.errors import SpecError
from segstudio.training.augment import nvlabs, studio, tao
from segstudio.training.augment.geometry import Image, Mask, Size
from segstudio.training.spec.schema import AugmentationSpec, ExperimentSpec, ScaleRandomCrop
from segstudio.training.spec.studio import Extras

# Makes a training sample of
#   an image uint8 [H,W,3] RGB and its mask uint8 [H,W] (class ids, 255 = ignore), which stay as they are,
#   the (height, width) of the result,
#   a generator, the only source of chance: the same state gives the same sample,
#   and a class on one of whose pixels the crop is to lie, or None.
# It returns uint8 [h,w,3] and uint8 [h,w]; what lies outside the image is ignored.
Augmenter = Callable[[Image, Mask, Size, np.random.Generator, int | None], tuple[Image, Mask]]

Kind = Callable[
    [AugmentationSpec, Extras, Image, Mask, Size, np.random.Generator, int | None], tuple[Image, Mask]
]
KINDS: dict[str, Kind] = {"studio": studio.augment, "tao": tao.augment, "nvlabs": nvlabs.augment}


def augmenter(spec: ExperimentSpec, scale: float = 1.0) -> Augmenter:
    """The augmentation of a spec, its range of scales times `scale`; it can be sent to other processes.

    Raises:
        SpecError: the set is unknown, or a key that it uses is out of range.
    """
    keys, extras = spec.dataset.segment.augmentation, spec.studio.augmentation
    if extras.kind not in KINDS:
        raise SpecError(
            f"studio.augmentation.kind is {extras.kind!r}", hint=f"it must be one of {', '.join(KINDS)}"
        )
    colour, scales = keys.random_color, keys.with_scale_random_crop
    rules = (
        (0 < scales.scale_range[0] <= scales.scale_range[1], "with_scale_random_crop.scale_range",
         scales.scale_range, "two rising factors above 0"),
        (min(colour.brightness, colour.contrast, colour.saturation) >= 0, "random_color",
         (colour.brightness, colour.contrast, colour.saturation), "0 or more for each change"),
        (0 <= colour.hue <= 0.5, "random_color.hue", colour.hue, "0 to 0.5, half the circle"),
        (bool(keys.random_rotate.angle_list) or not keys.random_rotate.enable, "random_rotate.angle_list",
         keys.random_rotate.angle_list, "angles in degrees, or random_rotate.enable false"),
    )  # fmt: skip
    for right, key, value, wanted in rules:
        if not right:
            raise SpecError(f"dataset.segment.augmentation.{key} is {value!r}", hint=f"it must be {wanted}")
    chosen = partial(KINDS[extras.kind], _zoomed(keys, scale), extras)
    return partial(_in_grey, chosen) if spec.studio.data.grayscale else chosen


def _zoomed(keys: AugmentationSpec, scale: float) -> AugmentationSpec:
    if scale == 1.0:
        return keys
    given = keys.with_scale_random_crop
    low, high = given.scale_range if given.enable else (1.0, 1.0)
    return replace(keys, with_scale_random_crop=ScaleRandomCrop(True, (low * scale, high * scale)))


def _in_grey(
    augment: Augmenter,
    image: Image,
    mask: Mask,
    size: Size,
    generator: np.random.Generator,
    focus: int | None,
) -> tuple[Image, Mask]:
    """Noise and padding are the same in all channels, as at inference on grey images."""
    crop, target = augment(image, mask, size, generator, focus)
    return np.repeat(crop[:, :, 1:2], 3, axis=2), target
