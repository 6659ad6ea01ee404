"""Confusion counts of masks, and every score as a quotient of their sums."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]

# cv2's histograms are float32, which holds whole numbers exactly up to here.
_EXACT = 1 << 24


def count_confusion(
    truth: NDArray[np.uint8], predicted: NDArray[np.uint8], classes: int, ignore: int = 255
) -> Counts:
    """Counts pixels by (true class, predicted class).

    Args:
        truth: uint8 [H,W] class ids; `ignore` and ids outside 0..classes-1 are not counted at all.
        predicted: uint8 [H,W]; ids outside 0..classes-1 are counted as missed, in the last column.
        classes: number of classes K, 1-255.
        ignore: the id that stands for "no truth here".

    Returns:
        int64 [K, K+1], rows truth, columns predicted, the last column "predicted as no class".

    Raises:
        ValueError: the shapes differ.
    """
    pairs = count_pairs(truth, predicted)
    counts = np.empty((classes, classes + 1), np.int64)
    counts[:, :classes] = pairs[:classes, :classes]
    counts[:, classes] = pairs[:classes, classes:].sum(axis=1)
    if ignore < classes:
        counts[ignore] = 0
    return counts


def count_pairs(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Counts:
    """int64 [256,256]: how many pixels of two uint8 [H,W] hold each pair of values.

    Raises:
        ValueError: the shapes differ.
    """
    if first.shape != second.shape:
        raise ValueError(f"truth is {first.shape}, prediction is {second.shape}")
    total = np.zeros((256, 256), np.int64)
    rows = max(1, _EXACT // max(1, first.shape[1]))
    for top in range(0, first.shape[0] if first.size else 0, rows):
        pair = [np.ascontiguousarray(part[top : top + rows]) for part in (first, second)]
        total += cv2.calcHist(pair, [0, 1], None, [256, 256], [0, 256, 0, 256]).astype(np.int64)
    return total


@dataclass(frozen=True)
class Scores:
    """Scores of K classes, fractions 0-1; NaN stands for a class that never occurs.

    IoU, Acc (recall), precision and F1 are those of the field: TP/(TP+FP+FN), TP/(TP+FN), TP/(TP+FP) and
    2TP/(2TP+FP+FN). Means leave absent classes out; aacc is the share of counted pixels that are right.
    Mean recall is macc.
    """

    iou: NDArray[np.float64]
    acc: NDArray[np.float64]
    precision: NDArray[np.float64]
    f1: NDArray[np.float64]
    support_pixels: NDArray[np.int64]
    miou: float
    macc: float
    aacc: float
    mf1: float
    mprecision: float


def scores(counts: Counts) -> Scores:
    """Every score of confusion counts [K, K+1] (sum them over samples first: means of scores are biased)."""
    hits = np.diagonal(counts).astype(np.float64)
    support = counts.sum(axis=1)
    claimed = counts[:, :-1].sum(axis=0)
    iou = quotient(hits, support + claimed - hits)
    acc = quotient(hits, support)
    precision = quotient(hits, claimed)
    f1 = quotient(2 * hits, support + claimed)
    total = int(support.sum())
    return Scores(
        iou=iou,
        acc=acc,
        precision=precision,
        f1=f1,
        support_pixels=support.astype(np.int64),
        miou=mean(iou),
        macc=mean(acc),
        aacc=float(hits.sum() / total) if total else float("nan"),
        mf1=mean(f1),
        mprecision=mean(precision),
    )


def quotient(
    above: NDArray[np.float64] | NDArray[np.int64], below: NDArray[np.float64] | NDArray[np.int64]
) -> NDArray[np.float64]:
    """float64 above / below of one shape; NaN where below is 0."""
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=np.asarray(below) > 0)
    return result


def mean(values: NDArray[np.float64]) -> float:
    """The mean of those that are not NaN; NaN if all are."""
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
