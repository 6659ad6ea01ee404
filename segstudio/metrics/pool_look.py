"""What a network says of images whose truth is not known yet, in the figures that choosing them needs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class PoolLook:
    """A row an image, of n images and K classes.

    Attributes:
        cells: int64 [n,K], cells of the network's scores by the class that wins there.
        likely: float32 [n,K], mean probability of each class over the image, 0-1; a row's sum is 1.
        doubtful: float32 [n,K], sum of 1 - confidence over the cells of a class, over all cells, 0-1.
        margin: float32 [n], mean difference between the two largest probabilities (BvSB), 0-1.
        features: float32 [n,C], mean of what the classifier reads.
    """

    cells: NDArray[np.int64]
    likely: NDArray[np.float32]
    doubtful: NDArray[np.float32]
    margin: NDArray[np.float32]
    features: NDArray[np.float32]

    @property
    def confidence(self) -> NDArray[np.float32]:
        """float32 [n]: mean probability of the winning class, 0-1."""
        sure: NDArray[np.float32] = 1 - self.doubtful.sum(axis=1)
        return sure
