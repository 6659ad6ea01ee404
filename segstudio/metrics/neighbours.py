"""What a class is lost beside, and whether it is found when another class is in the image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts
from segstudio.metrics.segment_table import SegmentTable


@dataclass(frozen=True)
class Beside:
    """Error segments that lie beside one class.

    Attributes:
        class_id: that class; K for those beside none.
        segments: how many.
        pixels: theirs together.
        share: of the pixels of all that were looked at, 0-1.
    """

    class_id: int
    segments: int
    pixels: int
    share: float


@dataclass(frozen=True)
class Companion:
    """How well a class is found in samples with and without another class; recalls are 0-1 or NaN.

    Attributes:
        class_id: the other class.
        images_with: samples with both.
        images_without: samples with the class alone.
        recall_with: right pixels / pixels of the class, where both are.
        recall_without: the same where the other one is not.
    """

    class_id: int
    images_with: int
    images_without: int
    recall_with: float
    recall_without: float

    @property
    def difference(self) -> float:
        """What the other class gives; NaN where one of the recalls is."""
        return self.recall_with - self.recall_without


def lost_beside(table: SegmentTable, chosen: NDArray[np.int64]) -> tuple[Beside, ...]:
    """The pixels of chosen rows by the class that they lie beside, most first; see `Segments.beside`."""
    count = len(table.names) + 1
    beside, areas = table.rows.beside[chosen], table.rows.area[chosen]
    segments = np.bincount(beside, minlength=count)
    pixels = np.bincount(beside, areas, minlength=count).astype(np.int64)
    total = max(int(pixels.sum()), 1)
    order = np.argsort(-pixels, kind="stable")
    return tuple(
        Beside(int(row), int(segments[row]), int(pixels[row]), int(pixels[row]) / total)
        for row in order
        if segments[row]
    )


def companions(confusion: Counts, class_id: int) -> tuple[Companion, ...]:
    """The other classes of the samples that hold a class, in order of ids.

    Args:
        confusion: int64 [N,K,K+1], the counts of each sample.
        class_id: the class.
    """
    support = confusion.sum(axis=2)
    holding = np.flatnonzero(support[:, class_id])
    present = support[holding] > 0
    pixels = support[holding, class_id].astype(np.float64)
    hits = confusion[holding, class_id, class_id].astype(np.float64)
    with_pixels, with_hits = present.T @ pixels, present.T @ hits
    images = present.sum(axis=0)
    return tuple(
        Companion(
            other,
            int(images[other]),
            len(holding) - int(images[other]),
            _quotient(with_hits[other], with_pixels[other]),
            _quotient(hits.sum() - with_hits[other], pixels.sum() - with_pixels[other]),
        )
        for other in range(confusion.shape[1])
        if other != class_id and images[other]
    )


def _quotient(above: float, below: float) -> float:
    return float(above / below) if below else float("nan")
