"""Which region of the truth each error segment lies in."""

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.true_regions import TrueRegions

Numbers = NDArray[np.int64]
# A share is a float32: an area that is found from it is off by this much of itself at most.
SLIP = 2.0**-23


def true_areas(table: SegmentTable) -> NDArray[np.float64]:
    """float64 [n]: the pixels of the true region that each segment lies in, exact below 4 million."""
    return np.rint(table.rows.area / table.rows.share.astype(np.float64))


def region_of(table: SegmentTable, regions: TrueRegions, region_sample: NDArray[np.int32]) -> Numbers:
    """int64 [n]: the true region that each segment of a table lies in; -1 where it is not among the regions.

    It is of the same sample, class and area, and its box holds the segment's.

    Args:
        table: the segments.
        regions: the regions of the same samples' truth.
        region_sample: int32 [r], which of the table's samples each region is in.
    """
    known = _keys(region_sample, regions.truth, regions.area.astype(np.int64))
    order = np.argsort(known, kind="stable")
    known = known[order]
    area = true_areas(table)
    lowest = np.floor(area * (1 - SLIP)).astype(np.int64)
    highest = np.ceil(area * (1 + SLIP)).astype(np.int64)
    places = np.searchsorted(known, _keys(table.sample, table.rows.truth, lowest))
    last = np.searchsorted(known, _keys(table.sample, table.rows.truth, highest), "right")
    found = np.full(table.count, -1, np.int64)
    # Each round looks at one more candidate of those that are not settled; regions of one size are few.
    open_ = np.flatnonzero(places < last)
    while len(open_):
        candidates = order[places[open_]]
        fits = _holds(regions.box[candidates], table.rows.box[open_])
        found[open_[fits]] = candidates[fits]
        places[open_] += 1
        open_ = open_[~fits & (places[open_] < last[open_])]
    return found


def _keys(sample: NDArray[np.int32], truth: NDArray[np.uint8], area: Numbers) -> Numbers:
    """int64 [n]: one number that sorts by sample, then class, then area."""
    return (sample.astype(np.int64) << 40) | (truth.astype(np.int64) << 32) | area


def _holds(outer: NDArray[np.int32], inner: NDArray[np.int32]) -> NDArray[np.bool_]:
    """bool [n]: whether boxes [n,4] (x, y, width, height) lie inside others."""
    begins = outer[:, :2] <= inner[:, :2]
    ends = inner[:, :2] + inner[:, 2:] <= outer[:, :2] + outer[:, 2:]
    return np.asarray((begins & ends).all(axis=1))
