"""Bootstrap intervals over images: how far scores would move with other images of the same kind."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts, quotient
from segstudio.metrics.fine_grained import class_sums

# Numbers of one block of resampling weights: 8 bytes each.
_BLOCK = 1 << 22


@dataclass(frozen=True, eq=False)
class Intervals:
    """95 % percentile intervals, fractions 0-1, NaN where nothing is known.

    Attributes:
        iou: float64 [K, 2], low and high of every class, over the resamples in which it occurs.
        miou: float64 [2].
    """

    iou: NDArray[np.float64]
    miou: NDArray[np.float64]


def bootstrap_intervals(confusion: Counts, resamples: int = 1000, seed: int = 0) -> Intervals:
    """Intervals of IoU and mIoU by drawing images with replacement (Efron's percentile bootstrap).

    Args:
        confusion: int64 [N, K, K+1] of N images.
        resamples: how often N images are drawn; 0 gives NaN, as do fewer than two images.
        seed: the same seed draws the same images.
    """
    return intervals_of_sums(np.stack(class_sums(confusion), axis=1), resamples, seed)


def intervals_of_sums(sums: Counts, resamples: int = 1000, seed: int = 0) -> Intervals:
    """The same from int64 [N, 3, K], `class_sums` by image: IoU needs no more of the confusion."""
    images, _, classes = sums.shape
    if resamples < 1 or images < 2:
        return Intervals(np.full((classes, 2), np.nan), np.full(2, np.nan))
    flat = sums.reshape(images, -1).astype(np.float64)
    drawn = np.concatenate(
        [weights @ flat for weights in resampling_weights(images, resamples, np.random.default_rng(seed))]
    )
    hits, truth, claimed = np.split(drawn, 3, axis=1)
    ious = quotient(hits, truth + claimed - hits)
    seen = ~np.isnan(ious)
    mious = quotient(np.where(seen, ious, 0).sum(axis=1), seen.sum(axis=1))
    return Intervals(np.stack([_interval(ious[:, number]) for number in range(classes)]), _interval(mious))


def resampling_weights(
    images: int, resamples: int, random: np.random.Generator
) -> Iterator[NDArray[np.float64]]:
    """How often each image is in each resample: float64 [rows, images] in blocks of bounded size."""
    rows = max(1, _BLOCK // images)
    for first in range(0, resamples, rows):
        count = min(rows, resamples - first)
        codes = random.integers(0, images, (count, images)) + images * np.arange(count)[:, None]
        drawn = np.bincount(codes.ravel(), minlength=count * images)
        yield drawn.reshape(count, images).astype(np.float64)


def _interval(values: NDArray[np.float64]) -> NDArray[np.float64]:
    present = values[~np.isnan(values)]
    return np.percentile(present, [2.5, 97.5]) if present.size else np.full(2, np.nan)
