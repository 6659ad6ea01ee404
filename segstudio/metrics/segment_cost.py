"""What error segments cost: a wrong pixel is a known part of 1 - IoU of its true and its predicted class."""

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts
from segstudio.metrics.segment_table import SegmentTable

Parts = NDArray[np.float64]


def pixel_costs(confusion: Counts) -> Parts:
    """float64 [K+1]: the part of a class's 1 - IoU that one wrong pixel of it is; 0 for absent classes.

    1 - IoU = (FN + FP) / union, so it is 1 / union. The last entry stands for "no class", which costs none.

    Args:
        confusion: int64 [K,K+1], pooled counts.
    """
    union = confusion.sum(axis=1) + confusion[:, :-1].sum(axis=0) - np.diagonal(confusion)
    costs = np.zeros(len(confusion) + 1)
    np.divide(1, union, out=costs[:-1], where=union > 0)
    return costs


def segment_costs(table: SegmentTable, confusion: Counts) -> NDArray[np.float32]:
    """float32 [n]: the points of mIoU, as a fraction 0-1, that each segment of a table costs.

    A segment costs its true class and its predicted one; the mean is over the classes that occur, as in mIoU.
    The segments of all wrong pixels together cost 1 - mIoU; those too small for a row are missing in the sum.

    Args:
        table: the segments.
        confusion: int64 [K,K+1], pooled counts of the same samples.
    """
    costs = pixel_costs(confusion)
    rows = table.rows
    both = costs[rows.truth] + costs[rows.predicted]
    classes = max(int(np.count_nonzero(costs)), 1)
    return (rows.area * both / classes).astype(np.float32)


def class_costs(table: SegmentTable, confusion: Counts, chosen: NDArray[np.int64]) -> Parts:
    """float64 [K]: the part of each class's 1 - IoU that the chosen rows of a table are; NaN where absent.

    Args:
        table: the segments.
        confusion: int64 [K,K+1], pooled counts of the same samples.
        chosen: int64 [m], numbers of rows.
    """
    costs, rows = pixel_costs(confusion), table.rows
    pixels = np.zeros(len(costs))
    for ids in (rows.truth, rows.predicted):
        pixels += np.bincount(ids[chosen], rows.area[chosen], minlength=len(costs))
    return np.where(costs > 0, pixels * costs, np.nan)[:-1]
