"""Boundary IoU: how well outlines agree, which plain IoU of large regions hides."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts, count_pairs

# Half width of the band as a share of the diagonal: what is used for Cityscapes, 11 px at 2048x1024.
BOUNDARY_SHARE = 0.005


def band_width(height: int, width: int, share: float = BOUNDARY_SHARE) -> int:
    """Half width of the band in pixels: the share of the image's diagonal, at least 1."""
    return max(1, round(share * math.hypot(height, width)))


def count_boundary(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    classes: int,
    ignore: int = 255,
    share: float = BOUNDARY_SHARE,
) -> Counts:
    """Counts the pixels of the boundary bands of every class.

    The band of a class is its mask minus the mask's erosion by d = `band_width` pixels, with what is outside
    the image belonging to no class (Cheng et al., Boundary IoU, arXiv 2103.16562). Pixels without truth are
    not counted and belong to every class: where an outline against them runs is unknown, so it has no band.

    Args:
        truth: uint8 [H,W]; `ignore` and ids outside 0..classes-1 are pixels without truth.
        predicted: uint8 [H,W]; ids outside 0..classes-1 together are one more class, which is not reported.
        classes: number of classes K, 1-255.
        ignore: the id that stands for "no truth here".
        share: half width of the band as a share of the diagonal.

    Returns:
        int64 [K, 3]: pixels of a class in both bands, in the band of the truth, in that of the prediction.

    Raises:
        ValueError: the shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {predicted.shape}")
    if not truth.size:
        return np.zeros((classes, 3), np.int64)
    unknown, shown = _without_truth(truth, classes, ignore), np.minimum(predicted, classes)
    width = band_width(truth.shape[0], truth.shape[1], share)
    pairs = count_pairs(_band(truth, unknown, width), _band(shown, unknown, width))
    both = np.diagonal(pairs)
    return np.stack([both, pairs.sum(axis=1), pairs.sum(axis=0)], axis=1)[:classes]


def _without_truth(truth: NDArray[np.uint8], classes: int, ignore: int) -> NDArray[np.uint8]:
    """uint8 [H,W]: 255 for the pixels whose id is no class or the ignored one, else 0."""
    ids = np.arange(256)
    return np.where((ids >= classes) | (ids == ignore), 255, 0).astype(np.uint8)[truth]


def _band(mask: NDArray[np.uint8], unknown: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """uint8 [H,W]: the mask's id where a pixel is in the band of its class, 255 elsewhere.

    One pass serves every class: a pixel is inside its class when the lowest and the highest id of the square
    around it are its own. `unknown` is 255 for pixels that count for every class, else 0.
    """
    lowest = cv2.bitwise_or(mask, unknown)
    highest = cv2.bitwise_and(mask, cv2.bitwise_not(unknown))
    square = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    inside = cv2.compare(cv2.erode(lowest, square), cv2.dilate(highest, square), cv2.CMP_EQ)
    rim = min(width, *mask.shape)
    # No class goes on beyond the image.
    inside[:rim], inside[-rim:], inside[:, :rim], inside[:, -rim:] = 0, 0, 0, 0
    return mask | unknown | np.asarray(inside, np.uint8)
