"""What orders the queue: cheap facts of a prediction and of a mask, measured from their pixels."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.project.sample import StoredPrediction

Plane = NDArray[np.uint8]
Pixels = NDArray[np.int64]
# Pixels of which a model is less sure than this, 0-1, count as unsure.
UNSURE = 0.6
UNKNOWN = -1.0
# Pixels that are compared at once.
STRIP = 1 << 18


@dataclass(frozen=True, eq=False)
class PredictionFacts:
    """A prediction in a few numbers.

    Attributes:
        pixels: int64 [K], pixels of each class.
        confidence: mean probability of the best class, 0-1.
        margin: mean lead over the runner-up, 0-1; -1 where no runner-up was kept.
        unsure: share of pixels of which the model is less than 60 % sure, 0-1.
    """

    pixels: Pixels
    confidence: float
    margin: float
    unsure: float


@dataclass(frozen=True, eq=False)
class MaskFacts:
    """A mask in a few numbers.

    Attributes:
        pixels: int64 [K], pixels of each class.
        differing: share of the labelled pixels in which a prediction says something else, 0-1; -1 without a
            prediction or a labelled pixel.
    """

    pixels: Pixels
    differing: float


def facts_of_prediction(said: StoredPrediction, classes: int) -> PredictionFacts:
    """Measures a prediction in a palette of K classes."""
    sure = histogram(said.confidence)
    total = max(int(sure.sum()), 1)
    degrees = np.arange(256) / 255
    margin = UNKNOWN if said.margin is None else float(histogram(said.margin) @ degrees) / total
    return PredictionFacts(
        pixels=histogram(said.ids)[:classes],
        confidence=float(sure @ degrees) / total,
        margin=margin,
        unsure=int(sure[degrees < UNSURE].sum()) / total,
    )


def facts_of_mask(mask: Plane, predicted: Plane | None, classes: int) -> MaskFacts:
    """Measures a mask uint8 [H,W] in a palette of K classes; a prediction of another size counts as none."""
    same = agreement(mask, predicted) if predicted is not None and predicted.shape == mask.shape else None
    return MaskFacts(histogram(mask)[:classes], UNKNOWN if same is None else 1 - same)


def histogram(plane: Plane) -> Pixels:
    """int64 [256]: how many pixels of a uint8 [H,W] hold each value."""
    counts: Pixels = np.zeros(256, np.int64)
    # cv2 counts in float32, which is exact up to 2^24; a strip has fewer.
    for strip in _strips(plane):
        part = cv2.calcHist([np.ascontiguousarray(plane[strip])], [0], None, [256], [0.0, 256.0])
        counts += part.ravel().astype(np.int64)
    return counts


def agreement(mask: Plane, predicted: Plane) -> float | None:
    """Share of labelled pixels (not 255) that the prediction has too, 0-1; None when none is labelled."""
    total = equal = 0
    for strip in _strips(mask):
        own, other = mask[strip], predicted[strip]
        labelled = cv2.threshold(own, 254, 255, cv2.THRESH_BINARY_INV)[1]
        total += cv2.countNonZero(labelled)
        equal += cv2.countNonZero(cv2.bitwise_and(labelled, cv2.compare(own, other, cv2.CMP_EQ)))
    return equal / total if total else None


def _strips(plane: Plane) -> list[slice]:
    """Bands of rows that stay in the processor's cache: 67 megapixels in a tenth of the time of a whole."""
    rows = max(1, STRIP // max(plane.shape[1], 1))
    return [slice(top, top + rows) for top in range(0, plane.shape[0], rows)]
