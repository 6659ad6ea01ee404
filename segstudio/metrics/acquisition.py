"""What a frame without a truth is worth: doubt, by what its classes lack, less what others like it tell."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.int64]
# Of a class whose IoU nobody knows, this is assumed.
USUAL_IOU = 0.5
# Rare classes weigh more, common ones less, but by no more than this.
MOST_RARE = 3.0
# Two frames count as half alike at about this many times the usual distance of a frame to its nearest one.
REACH = 2.0
# Rows of a table of distances that are made at once.
CHUNK = 512


def class_worth(iou: Floats, pixels: NDArray[np.int64]) -> Floats:
    """What a pixel of each class is worth: what the class lacks times how rare it is; float64 [K].

    (1 - IoU) times the root of an even share over the class's own, within 1/3 and 3. The root, because a weak
    network sees rare classes where there are none, and those frames would come first for that alone.

    Args:
        iou: [K], 0-1; NaN where it is not known.
        pixels: int64 [K] of the true masks known so far; all 0 where there are none.
    """
    rarity = np.ones(len(iou))
    if total := int(pixels.sum()):
        share = np.maximum(pixels / total, np.finfo(np.float64).tiny)
        rarity = np.clip(np.sqrt(1 / len(iou) / share), 1 / MOST_RARE, MOST_RARE)
    worth: Floats = (1 - np.where(np.isnan(iou), USUAL_IOU, iou)) * rarity
    return worth


def spread_out(gain: Floats, features: NDArray[np.float32], known: Rows, given: Rows, count: int) -> Rows:
    """Frames of large gain that are unlike the known ones and each other, in the order of their choice.

    Each next frame has the largest gain times 1 - exp(-(d / (2 s))^2): d is its distance to the nearest frame
    that is known or chosen, s the median distance of all frames to their nearest other one. Features are
    compared with mean 0 and standard deviation 1.

    Args:
        gain: float64 [N], not below 0.
        features: float32 [N,C] of all frames.
        known: int64, rows that cannot be chosen and count as seen; not empty.
        given: int64, open rows that are chosen first, whatever their gain.
        count: how many, `given` among them; as many rows are open.
    """
    values = features.astype(np.float64)
    values = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
    scale = max(REACH * float(np.median(_nearest_other(values))), 1e-9)
    near = np.min([_distances(values, row) for row in known.tolist()], axis=0)
    left = np.ones(len(values), bool)
    left[known] = False
    chosen: list[int] = []
    for turn in range(count):
        if turn < len(given):
            row = int(given[turn])
        else:
            new = 1 - np.exp(-np.square(near / scale))
            row = int(np.argmax(np.where(left, gain * new, -np.inf)))
        chosen.append(row)
        left[row] = False
        near = np.minimum(near, _distances(values, row))
    return np.array(chosen, np.int64)


def _distances(values: Floats, row: int) -> Floats:
    """Euclidean distances of all rows to one."""
    found: Floats = np.sqrt(np.square(values - values[row]).sum(axis=1))
    return found


def _nearest_other(values: Floats) -> Floats:
    """float64 [N]: the distance of each row to the nearest other one; 0 for a single row."""
    if len(values) < 2:
        return np.zeros(len(values))
    squares = np.square(values).sum(axis=1)
    found = np.empty(len(values))
    for first in range(0, len(values), CHUNK):
        rows = np.arange(first, min(first + CHUNK, len(values)))
        table = squares[rows, None] + squares - 2 * values[rows] @ values.T
        table[np.arange(len(rows)), rows] = np.inf
        found[rows] = np.sqrt(np.maximum(table.min(axis=1), 0))
    return found
