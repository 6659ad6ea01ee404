"""Fine-grained mIoU: scores that one bad image, or one small object, can move."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts, mean, quotient, scores

WORST_PERCENT = 1


@dataclass(frozen=True)
class FineGrained:
    """The mIoUs of Wang et al., "Revisiting Evaluation Metrics for Semantic Segmentation" (arXiv 2310.19252).

    Fractions 0-1, NaN without images. Worst: over the lowest WORST_PERCENT of the scores alone; average: the
    mean over the lowest 10, 20, ... 100 percent.

    Attributes:
        d: pixels of all images pooled, the usual mIoU.
        i: mean over images of the mean over the classes of their truth.
        c: mean over classes of the mean over the images whose truth has them.
        i_worst: i of the worst images.
        c_worst: c with the worst images of every class.
        i_average: average of i.
        c_average: average of c.
    """

    d: float
    i: float
    c: float
    i_worst: float
    c_worst: float
    i_average: float
    c_average: float


def fine_grained(confusion: Counts) -> FineGrained:
    """The scores of confusion counts int64 [N, K, K+1]."""
    ious = image_ious(confusion)
    of_images = np.array([mean(row) for row in ious])
    of_classes = [ious[:, number] for number in range(ious.shape[1])]
    tenths = range(10, 101, 10)
    return FineGrained(
        d=scores(confusion.sum(axis=0)).miou,
        i=_lowest(of_images, 100),
        c=_over_classes(of_classes, 100),
        i_worst=_lowest(of_images, WORST_PERCENT),
        c_worst=_over_classes(of_classes, WORST_PERCENT),
        i_average=float(np.mean([_lowest(of_images, percent) for percent in tenths])),
        c_average=float(np.mean([_over_classes(of_classes, percent) for percent in tenths])),
    )


def image_ious(confusion: Counts) -> NDArray[np.float64]:
    """float64 [N, K]: IoU in every image of [N, K, K+1]; NaN where the image's truth lacks the class."""
    hits, truth, claimed = class_sums(confusion)
    ious = quotient(hits, truth + claimed - hits)
    ious[truth == 0] = np.nan
    return ious


def class_sums(confusion: Counts) -> tuple[Counts, Counts, Counts]:
    """Three int64 [N, K] of [N, K, K+1]: hits, pixels of the class, pixels predicted as the class."""
    return np.einsum("nkk->nk", confusion[:, :, :-1]), confusion.sum(axis=2), confusion[:, :, :-1].sum(axis=1)


def _lowest(values: NDArray[np.float64], percent: int) -> float:
    """The mean of the lowest percent of those that are not NaN, at least of one."""
    present = np.sort(values[~np.isnan(values)])
    return mean(present[: max(1, len(present) * percent // 100)])


def _over_classes(of_classes: list[NDArray[np.float64]], percent: int) -> float:
    return mean(np.array([_lowest(values, percent) for values in of_classes]))
