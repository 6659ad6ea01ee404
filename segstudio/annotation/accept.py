"""Takes over what a model predicted: everything, one class, one region, or only where no class is yet."""

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, region_at
from segstudio.annotation.tools import put_pixels

Mask = NDArray[np.uint8]
UNLABELLED = 255


def accept_all(mask: Mask, prediction: Mask, *, protection: Protection = OPEN) -> Rect:
    """The prediction replaces the mask, locked classes aside."""
    return _accept(mask, prediction, np.ones(mask.shape, bool), protection)


def accept_class(mask: Mask, prediction: Mask, class_id: int, *, protection: Protection = OPEN) -> Rect:
    """Pixels predicted as a class become that class."""
    return _accept(mask, prediction, prediction == class_id, protection)


def accept_region(mask: Mask, prediction: Mask, x: int, y: int, *, protection: Protection = OPEN) -> Rect:
    """The predicted region under a pixel is taken over."""
    region = region_at(prediction, x, y)
    put_pixels(mask, prediction, region.rect, region.inside, protection)
    return region.rect


def accept_within(mask: Mask, prediction: Mask, region: Region, *, protection: Protection = OPEN) -> Rect:
    """The pixels of a region become what is predicted there; those without a predicted class stay."""
    known = region.inside & (prediction[region.rect.slices] != UNLABELLED)
    put_pixels(mask, prediction, region.rect, known, protection)
    return region.rect


def fill_unlabelled(mask: Mask, prediction: Mask, *, protection: Protection = OPEN) -> Rect:
    """The prediction fills the pixels that have no class yet; nothing that a person painted changes."""
    return _accept(mask, prediction, mask == UNLABELLED, protection)


def _accept(mask: Mask, prediction: Mask, cover: NDArray[np.bool_], protection: Protection) -> Rect:
    rect = Rect(0, 0, mask.shape[1], mask.shape[0])
    put_pixels(mask, prediction, rect, cover, protection)
    return rect
