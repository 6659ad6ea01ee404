"""Confusion counts as people read them: shares of rows and columns, and the pairs of one class by size."""

from dataclasses import dataclass
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts


class Whole(Enum):
    """What a pair's pixels are a share of."""

    ROW = "row"
    COLUMN = "column"
    PIXELS = "pixels"


@dataclass(frozen=True)
class PairShare:
    """Pixels of one pair of classes: `other` is the class beside the one asked for, K is "no class"."""

    other: int
    pixels: int
    share: float


def shares(counts: Counts, whole: Whole) -> NDArray[np.float64]:
    """float64 [K,K+1], 0-1: the share of each pair in its true class, its predicted class, or all pixels.

    Args:
        counts: int64 [K,K+1], rows truth, the last column "no class".
        whole: what the shares of one row, one column, or of all sum to 1 in; those of nothing are 0.
    """
    axis = {Whole.ROW: 1, Whole.COLUMN: 0, Whole.PIXELS: None}[whole]
    total = counts.sum(axis=axis, keepdims=True)
    result = np.zeros(counts.shape)
    np.divide(counts, total, out=result, where=total > 0)
    return result


def called(counts: Counts, class_id: int) -> tuple[PairShare, ...]:
    """What the pixels of a class were predicted as, most first, the right ones among them."""
    return _sorted(counts[class_id])


def called_so(counts: Counts, class_id: int) -> tuple[PairShare, ...]:
    """What the pixels that were predicted as a class are in truth, most first."""
    return _sorted(counts[:, class_id])


def occurring(counts: Counts) -> NDArray[np.intp]:
    """The classes that are in the truth or predicted, in their order."""
    return np.flatnonzero((counts.sum(axis=1) > 0) | (counts[:, :-1].sum(axis=0) > 0))


def _sorted(pixels: NDArray[np.int64]) -> tuple[PairShare, ...]:
    total = int(pixels.sum())
    # Stable, so that equal ones stay in the palette's order.
    order = np.argsort(-pixels, kind="stable")
    return tuple(
        PairShare(int(place), int(pixels[place]), float(pixels[place] / total))
        for place in order
        if pixels[place] > 0
    )
