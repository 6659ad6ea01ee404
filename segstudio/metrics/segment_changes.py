"""Model A against model B, segment by segment: what is fixed, what is broken, what is wrong in both."""

from collections.abc import Iterator
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segment_table import Coded, SegmentTable

# Two segments are the same error when their boxes overlap by this much (IoU).
SAME_BOX = 0.5
PAIRS = 1_000_000


class Change(IntEnum):
    """What became of an error of one model in the other."""

    UNCHANGED = 0
    GONE = 1


def matched(first: SegmentTable, second: SegmentTable) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """bool [n] and [m]: which segments of two tables are wrong in the same way in the other one.

    They are in the same sample, have the same true and the same predicted class, and their boxes overlap by
    more than `SAME_BOX`. Samples that only one table has do not count as changed.
    """
    places = {key: number for number, key in enumerate(second.samples)}
    shared = np.array([places.get(key, -1) for key in first.samples], np.int64)
    same_sample = shared[first.sample] if first.count else np.zeros(0, np.int64)
    ours = _codes(first, same_sample)
    theirs = _codes(second, second.sample.astype(np.int64))
    in_first, in_second = same_sample < 0, ~np.isin(second.sample, shared)
    order = np.argsort(theirs, kind="stable")
    low = np.searchsorted(theirs[order], ours, "left")
    high = np.searchsorted(theirs[order], ours, "right")
    high[in_first] = low[in_first]
    counts = high - low
    for begin, end in _blocks(counts):
        # Every pair of candidates of one sample and class pair.
        some = counts[begin:end]
        left = np.repeat(np.arange(begin, end), some)
        within = np.arange(len(left)) - np.repeat(np.cumsum(some) - some, some)
        right = order[np.repeat(low[begin:end], some) + within]
        same = overlaps(first.rows.box[left], second.rows.box[right]) > SAME_BOX
        in_first[left[same]] = True
        in_second[right[same]] = True
    return in_first, in_second


def _blocks(counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Stretches of segments that have about `PAIRS` candidates together: all at once take gigabytes."""
    sums = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        done = int(sums[begin - 1]) if begin else 0
        end = max(int(np.searchsorted(sums, done + PAIRS, "right")), begin + 1)
        yield begin, end
        begin = end


def change_column(same: NDArray[np.bool_], gone: str) -> Coded:
    """The word `change` of a table; `gone` names what is wrong in this model alone: "fixed" or "broken"."""
    return Coded(("unchanged", gone), np.where(same, Change.UNCHANGED, Change.GONE).astype(np.uint8))


def _codes(table: SegmentTable, sample: NDArray[np.int64]) -> NDArray[np.int64]:
    """One number for each sample and pair of classes."""
    pair = table.rows.truth.astype(np.int64) * 256 + table.rows.predicted
    return np.asarray(sample * 65536 + pair, np.int64)


def overlaps(first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.float64]:
    """float64 [n]: IoU of pairs of boxes int32 [n,4] (x, y, width, height); either may be one box [1,4]."""
    ends = np.minimum(first[:, :2] + first[:, 2:], second[:, :2] + second[:, 2:])
    sides = np.maximum(ends - np.maximum(first[:, :2], second[:, :2]), 0).astype(np.float64)
    inner = sides[:, 0] * sides[:, 1]
    outer = _sizes(first) + _sizes(second) - inner
    return np.asarray(inner / np.maximum(outer, 1))


def _sizes(box: NDArray[np.int32]) -> NDArray[np.float64]:
    return box[:, 2].astype(np.float64) * box[:, 3]
