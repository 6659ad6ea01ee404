"""Confusion counts of masks, and every score as a quotient of their sums."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Counts = NDArray[np.int64]


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
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {predicted.shape}")
    columns = classes + 1
    rows = np.arange(256, dtype=np.uint16)
    # Pixels without truth go to a row of their own, which is cut off below.
    rows[classes:] = classes
    rows[ignore] = classes
    clipped = np.minimum(np.arange(256), classes).astype(np.uint16)
    codes = (rows * columns)[truth]
    codes += clipped[predicted]
    counts = np.bincount(codes.ravel(), minlength=columns * columns)
    return counts.reshape(columns, columns)[:classes].astype(np.int64)


@dataclass(frozen=True)
class Scores:
    """Scores of K classes, fractions 0-1; NaN stands for a class that never occurs.

    IoU, Acc (recall), precision and F1 are those of the field: TP/(TP+FP+FN), TP/(TP+FN), TP/(TP+FP) and
    2TP/(2TP+FP+FN). Means leave absent classes out; aacc is the share of counted pixels that are right.
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


def scores(counts: Counts) -> Scores:
    """Every score of confusion counts [K, K+1] (sum them over samples first: means of scores are biased)."""
    hits = np.diagonal(counts).astype(np.float64)
    support = counts.sum(axis=1)
    claimed = counts[:, :-1].sum(axis=0)
    iou = _quotient(hits, support + claimed - hits)
    acc = _quotient(hits, support)
    precision = _quotient(hits, claimed)
    f1 = _quotient(2 * hits, support + claimed)
    total = int(support.sum())
    return Scores(
        iou=iou,
        acc=acc,
        precision=precision,
        f1=f1,
        support_pixels=support.astype(np.int64),
        miou=_mean(iou),
        macc=_mean(acc),
        aacc=float(hits.sum() / total) if total else float("nan"),
        mf1=_mean(f1),
    )


def _quotient(above: NDArray[np.float64], below: NDArray[np.float64] | Counts) -> NDArray[np.float64]:
    result = np.full(above.shape, np.nan)
    np.divide(above, below, out=result, where=np.asarray(below) > 0)
    return result


def _mean(values: NDArray[np.float64]) -> float:
    present = values[~np.isnan(values)]
    return float(present.mean()) if present.size else float("nan")
