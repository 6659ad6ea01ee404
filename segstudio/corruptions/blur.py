"""Blurs of lens, pane and movement; images are float32 RGB [H,W,3] in 0-1, lengths in pixels.

Amounts for severities 1-5 are those of ImageNet-C (Hendrycks and Dietterich, arXiv 1903.12261, and its code);
`length_scale` enlarges the lengths for very large images.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

# Up to this longer side lengths are as published, so that Cityscapes (2048 x 1024) gives its usual benchmark;
# on larger images they grow with the side, which keeps what is seen of a picture the same.
LONGEST_AS_PUBLISHED = 2048

# Radius, and the standard deviation of the blur that takes the stairs from the disk's rim.
DEFOCUS = ((3.0, 0.1), (4.0, 0.5), (6.0, 0.5), (8.0, 0.5), (10.0, 0.5))
GAUSSIAN = (1.0, 2.0, 3.0, 4.0, 6.0)
# Standard deviation, longest move of a pixel, rounds.
GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1.0, 2, 3), (1.1, 3, 2), (1.5, 4, 2))
# Radius and standard deviation.
MOTION = ((10, 3.0), (15, 5.0), (15, 8.0), (15, 12.0), (20, 15.0))


def length_scale(size: tuple[int, ...]) -> float:
    """By how much published lengths are enlarged for an image of (height, width, ...)."""
    return max(1.0, max(size[:2]) / LONGEST_AS_PUBLISHED)


def defocus(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Every point becomes a disk."""
    radius, alias = DEFOCUS[severity - 1]
    radius *= length_scale(image.shape)
    reach = math.ceil(radius) + 2
    rows, columns = np.mgrid[-reach : reach + 1, -reach : reach + 1]
    disk = (rows**2 + columns**2 <= radius**2).astype(np.float32)
    side = 3 if radius <= 8 else 5
    kernel = cv2.GaussianBlur(disk / disk.sum(), (side, side), alias)
    return _filtered(image, kernel)


def gaussian(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Normal blur."""
    return soften(image, GAUSSIAN[severity - 1] * length_scale(image.shape))


def glass(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Pixels trade places with near ones, between two blurs.

    Each pixel takes the value of a neighbour of its own, where ImageNet-C swaps pairs in reading order: the
    same disorder, hundreds of times as fast.
    """
    sigma, move, rounds = GLASS[severity - 1]
    scale = length_scale(image.shape)
    out, move = soften(image, sigma * scale), round(move * scale)
    height, width = image.shape[:2]
    for _ in range(rounds):
        moves = generator.integers(-move, move, (2, height, width), np.int32, endpoint=True)
        rows = np.clip(moves[0] + np.arange(height, dtype=np.int32)[:, None], 0, height - 1)
        columns = np.clip(moves[1] + np.arange(width, dtype=np.int32), 0, width - 1)
        out = out[rows, columns]
    return soften(out, sigma * scale)


def motion(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """A pan at up to 45 degrees from the horizon that began at full weight and fades: half a normal curve."""
    radius, sigma = MOTION[severity - 1]
    return streak(image, radius, sigma, math.radians(generator.uniform(-45, 45)))


def streak(image: NDArray[np.float32], radius: float, sigma: float, angle: float) -> NDArray[np.float32]:
    """Smears float32 [H,W] or [H,W,3] along a line of 2 * radius pixels, in radians below the x axis."""
    scale = length_scale(image.shape)
    steps = np.arange(2 * round(radius * scale) + 1)
    weights = np.exp(-0.5 * (steps / (sigma * scale)) ** 2)
    reach = int(steps[-1]) + 1
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    x, y = reach + steps * math.cos(angle), reach + steps * math.sin(angle)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    # Points between pixels are shared among the four around them.
    for across, down in ((0, 0), (1, 0), (0, 1), (1, 1)):
        share = (1 - np.abs(x - left - across)) * (1 - np.abs(y - top - down))
        np.add.at(kernel, (top + down, left + across), weights * share)
    rows, columns = np.nonzero(kernel)
    tight = kernel[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    anchor = (reach - int(columns.min()), reach - int(rows.min()))
    return _filtered(image, tight / tight.sum(), anchor)


def soften(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Normal blur of float32 [H,W] or [H,W,3] to four standard deviations."""
    side = 2 * math.ceil(4 * sigma) + 1
    out = cv2.GaussianBlur(image, (side, side), sigma, borderType=cv2.BORDER_REPLICATE)
    return out.astype(np.float32, copy=False)


def _filtered(
    image: NDArray[np.float32], kernel: cv2.typing.MatLike, anchor: tuple[int, int] = (-1, -1)
) -> NDArray[np.float32]:
    out = cv2.filter2D(image, -1, kernel, anchor=anchor, borderType=cv2.BORDER_REPLICATE)
    return out.astype(np.float32, copy=False)
