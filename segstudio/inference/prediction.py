"""What a model says about the pixels of an image."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Prediction:
    """Class ids and how sure the model is of them; uint8 [H,W] each.

    Attributes:
        ids: the class with the largest score.
        confidence: its probability times 255.
        second: the class with the next largest score, where that was asked for; 255 where there is none.
        margin: by how much the first one's probability is larger, times 255; likewise.
    """

    ids: NDArray[np.uint8]
    confidence: NDArray[np.uint8]
    second: NDArray[np.uint8] | None = None
    margin: NDArray[np.uint8] | None = None
