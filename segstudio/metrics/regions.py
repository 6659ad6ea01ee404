"""Counts regions: the 4-connected components of every class in one pass over the runs of a mask."""

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts
from segstudio.run_lengths import find_runs


def count_regions(mask: NDArray[np.uint8], classes: int, ignore: int = 255) -> Counts:
    """int64 [K]: the number of regions of every class.

    Args:
        mask: uint8 [H,W]; `ignore` and ids outside 0..classes-1 form no regions.
        classes: number of classes K.
        ignore: the id that stands for "no truth here".
    """
    runs = find_runs(mask)
    ids = mask.ravel()[runs.starts]
    roots = runs.connected(ids) == np.arange(runs.count)
    counts = np.bincount(ids[roots], minlength=256)[:classes].astype(np.int64)
    if ignore < classes:
        counts[ignore] = 0
    return counts
