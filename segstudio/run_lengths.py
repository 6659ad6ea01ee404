"""Runs: the horizontal stretches of one value in a plane of pixels, and what is connected through them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Runs:
    """The runs of an image [H,W], in scan order, and which of them touch.

    A run is a longest stretch of one value within a row. What holds for all pixels of a run is computed once
    for it: a street scene of 2 MP has some 60,000.

    Attributes:
        starts: int64 [n], the first pixel of each, counted through the image row by row.
        lengths: int64 [n], pixels.
        width: columns of the image.
        upper: int64 [m], of every two runs that lie above each other, the upper one ...
        lower: int64 [m], ... and the lower one.
    """

    starts: Indices
    lengths: Indices
    width: int
    upper: Indices
    lower: Indices

    @property
    def count(self) -> int:
        """How many runs there are."""
        return len(self.starts)

    @property
    def rows(self) -> Indices:
        """int64 [n]: the row of each."""
        return self.starts // self.width

    @property
    def columns(self) -> Indices:
        """int64 [n]: the first column of each."""
        return self.starts % self.width

    def beside(self) -> tuple[Indices, Indices]:
        """Every two runs that are neighbours in a row: the left ones and the right ones."""
        left = np.flatnonzero(self.rows[1:] == self.rows[:-1])
        return left, left + 1

    def neighbours(self) -> tuple[Indices, Indices]:
        """Every two runs that share an edge of a pixel, once."""
        left, right = self.beside()
        return np.concatenate([self.upper, left]), np.concatenate([self.lower, right])

    def connected(self, values: NDArray[Any]) -> NDArray[np.int32]:
        """int32 [n]: for every run the lowest run of its 4-connected component of equal values, [n]."""
        first, second = self.neighbours()
        same = values[first] == values[second]
        return components(self.count, first[same].astype(np.int32), second[same].astype(np.int32))

    def sums(self, pixels: NDArray[Any]) -> NDArray[np.float64]:
        """float64 [n]: the sum of an image [H,W] over the pixels of each run."""
        # Bytes are summed as whole numbers in less than half the time, words too: no row can overflow.
        short = pixels.dtype in (np.bool_, np.uint8) or (pixels.dtype == np.uint16 and self.width <= 1 << 16)
        kind = np.uint32 if short else np.float64
        total: NDArray[np.float64] = np.add.reduceat(pixels.ravel(), self.starts, dtype=kind).astype(
            np.float64
        )
        return total

    def greatest(self, pixels: NDArray[Any]) -> NDArray[Any]:
        """The largest value [n] of an image [H,W] in each run."""
        largest: NDArray[Any] = np.maximum.reduceat(pixels.ravel(), self.starts)
        return largest


def find_runs(image: NDArray[Any]) -> Runs:
    """The runs of an image [H,W] of whole numbers; an empty one has none."""
    width = image.shape[1]
    if not image.size:
        none = np.zeros(0, np.int64)
        return Runs(none, none, max(width, 1), none, none)
    begins = np.ones(image.shape, bool)
    np.not_equal(image[:, 1:], image[:, :-1], out=begins[:, 1:])
    starts = np.flatnonzero(begins)
    lengths = np.diff(starts, append=image.size)
    numbers = np.cumsum(begins, dtype=np.int32).ravel() - 1
    # Two runs that lie above each other do so for the first time where one of them begins.
    above = np.flatnonzero(begins[1:] | begins[:-1])
    return Runs(
        starts, lengths, width, numbers[above].astype(np.int64), numbers[above + width].astype(np.int64)
    )


def components(count: int, first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.int32]:
    """int32 [count]: for every number below `count` the lowest one that it is joined with, over the pairs.

    Roots are hooked onto lower roots and chains shortened, both for all pairs at once; each round at least
    halves the roots that are still to be joined.
    """
    parents = np.arange(count, dtype=np.int32)
    while len(first):
        parents[np.maximum(first, second)] = np.minimum(first, second)
        while not np.array_equal(shorter := parents[parents], parents):
            parents = shorter
        first, second = parents[first], parents[second]
        apart = first != second
        first, second = first[apart], second[apart]
    return parents
