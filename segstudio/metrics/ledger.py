"""The IoU ledger: what each kind of error costs each class, in parts that sum to 1 - IoU."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts


@dataclass(frozen=True)
class Ledger:
    """Lost IoU of K classes by kind, fractions 0-1; rows of absent classes are NaN.

    For a class, IoU = TP / union with union = TP + FN + FP, and 1 - IoU = (FN + FP) / union: each wrong pixel
    is a part of the loss, so the parts of all kinds sum to it.

    Attributes:
        lost: float64 [K,7], by Kind: the class's own pixels that were predicted as another one.
        taken: float64 [K,7]: pixels of other classes that were predicted as this one.
        iou: float64 [K].
    """

    lost: NDArray[np.float64]
    taken: NDArray[np.float64]
    iou: NDArray[np.float64]

    @property
    def total(self) -> NDArray[np.float64]:
        """float64 [K,7]: both together; a row sums to 1 - IoU."""
        return self.lost + self.taken


def lost_iou(ledger: Counts, confusion: Counts) -> Ledger:
    """The ledger of pooled counts.

    Args:
        ledger: int64 [K,7,2], `Segments.ledger` summed over samples.
        confusion: int64 [K,K+1], the confusion counts of the same samples.
    """
    hits = np.diagonal(confusion).astype(np.float64)
    union = hits + ledger.sum(axis=(1, 2))
    with np.errstate(invalid="ignore"):
        lost, taken = ledger[:, :, 0] / union[:, None], ledger[:, :, 1] / union[:, None]
        return Ledger(lost, taken, hits / union)
