"""The protocols of what finds a region from clicks and boxes, and the clicks themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region


@dataclass(frozen=True)
class Click:
    """A pixel (column, row) that belongs to the wanted region, or that does not."""

    x: int
    y: int
    include: bool = True


class Embedding(Protocol):
    """What a segmenter knows of one image; answers in milliseconds, without Jobs.

    Attributes:
        nbytes: memory that it holds.
    """

    nbytes: int

    def mask(self, clicks: Sequence[Click], box: Rect | None = None) -> Region | None:
        """The region that clicks and a box ask for; None where they ask for nothing.

        Clicks count in their order, without a limit, and lie inside the image; the region lies in the box.
        Its `class_id` says nothing, and it may have several parts.
        """
        ...


class Segmenter(Protocol):
    """Something that finds regions: the model's own features, or a network made for it."""

    def embed(self, image: NDArray[np.uint8]) -> Embedding:
        """Looks at an image once, uint8 [H,W,3] RGB; takes long, for a worker."""
        ...
