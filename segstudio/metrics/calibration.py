"""Calibration: whether a model that says 80 % is right in 80 % of the pixels."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts, quotient

# As torchmetrics and Guo et al. (arXiv 1706.04599) divide 0-1.
BINS = 15


@dataclass(frozen=True, eq=False)
class Calibration:
    """The reliability of one class, or of all together; NaN in bins without pixels.

    Attributes:
        pixels: int64 [15], in each bin of the confidence.
        confidence: float64 [15], its mean there, 0-1.
        accuracy: float64 [15], the share of them that is right.
        ece: the expected calibration error: the mean of |confidence - accuracy| over pixels, 0-1.
    """

    pixels: Counts
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    ece: float


def count_calibration(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    confidence: NDArray[np.uint8],
    classes: int,
    ignore: int = 255,
) -> Counts:
    """int64 [K,15,3]: by predicted class and bin of confidence the pixels, the sum of their confidence
    (0-255), and the pixels that are right.

    Args:
        truth: uint8 [H,W]; pixels of `ignore` and of ids outside 0..classes-1 are not counted.
        predicted: uint8 [H,W]; ids outside 0..classes-1 are not counted.
        confidence: uint8 [H,W], 255 is certain.
        classes: number of classes K.
        ignore: the id that stands for "no truth here".
    """
    counted = (truth < classes) & (truth != ignore) & (predicted < classes)
    # One histogram over (class, right, confidence) holds all three sums: a confidence has 256 values.
    code = predicted[counted].astype(np.int32) * 512
    code += (truth == predicted)[counted] * np.int32(256)
    code += confidence[counted]
    found = np.bincount(code, minlength=classes * 512).reshape(classes, 2, 256)
    bins = bin_of(np.arange(256, dtype=np.uint8))
    counts = np.zeros((classes, BINS, 3), np.int64)
    both = found.sum(axis=1)
    for number in range(BINS):
        inside = bins == number
        counts[:, number, 0] = both[:, inside].sum(axis=1)
        counts[:, number, 1] = (both * np.arange(256))[:, inside].sum(axis=1)
        counts[:, number, 2] = found[:, 1, inside].sum(axis=1)
    return counts


def bin_of(confidence: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The bin 0-14 of confidences 0-255; certainty belongs to the last one."""
    return np.minimum(confidence.astype(np.int64) * BINS // 255, BINS - 1)


def calibration(counts: Counts, class_id: int | None = None) -> Calibration:
    """The reliability that pooled counts [K,15,3] show, of one predicted class or of all."""
    bins = counts.sum(axis=0) if class_id is None else counts[class_id]
    pixels = bins[:, 0]
    sure, right = quotient(bins[:, 1] / 255, pixels), quotient(bins[:, 2], pixels)
    total = int(pixels.sum())
    gaps = np.abs(np.nan_to_num(sure - right)) * pixels
    return Calibration(pixels, sure, right, float(gaps.sum() / total) if total else float("nan"))
