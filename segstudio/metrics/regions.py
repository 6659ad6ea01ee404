"""Counts regions: the 4-connected components of every class in one pass over the runs of a mask."""

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts

Runs = NDArray[np.int32]


def count_regions(mask: NDArray[np.uint8], classes: int, ignore: int = 255) -> Counts:
    """int64 [K]: the number of regions of every class.

    Args:
        mask: uint8 [H,W]; `ignore` and ids outside 0..classes-1 form no regions.
        classes: number of classes K.
        ignore: the id that stands for "no truth here".
    """
    if not mask.size:
        return np.zeros(classes, np.int64)
    starts = np.ones(mask.shape, bool)
    np.not_equal(mask[:, 1:], mask[:, :-1], out=starts[:, 1:])
    ids = mask.ravel()[np.flatnonzero(starts)]
    touching = _touching_runs(mask, starts)
    roots = _components(len(ids), *touching) == np.arange(len(ids))
    counts = np.bincount(ids[roots], minlength=256)[:classes].astype(np.int64)
    if ignore < classes:
        counts[ignore] = 0
    return counts


def _touching_runs(mask: NDArray[np.uint8], starts: NDArray[np.bool_]) -> tuple[Runs, Runs]:
    """The pairs of runs (numbers of horizontal stretches of one id) that lie above each other."""
    numbers = np.cumsum(starts, dtype=np.int32) - 1
    # Two runs that overlap do so for the first time where one of them starts.
    upper = np.flatnonzero((mask[1:] == mask[:-1]) & (starts[1:] | starts[:-1]))
    return numbers[upper], numbers[upper + mask.shape[1]]


def _components(count: int, first: Runs, second: Runs) -> Runs:
    """int32 [count]: for every run the lowest run that it is joined with, over the pairs given.

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
