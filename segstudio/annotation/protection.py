"""What tools may not change: locked classes, and pixels that a filter keeps out of reach."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect

Mask = NDArray[np.uint8]
Cover = NDArray[np.bool_]


class PixelFilter(Protocol):
    """Says where a mask may be painted."""

    def __call__(self, mask: Mask, rect: Rect) -> Cover:
        """bool [h,w]: which pixels of a rectangle inside the mask, uint8 [H,W], may change."""


@dataclass(frozen=True)
class Unsure:
    """Only where the model is less sure than a limit.

    Attributes:
        confidence: the model's, uint8 [H,W], 255 is certain.
        below: 1-255; pixels with a smaller confidence may change.
    """

    confidence: Mask = field(repr=False, compare=False)
    below: int

    def __call__(self, mask: Mask, rect: Rect) -> Cover:
        """See PixelFilter."""
        return np.asarray(self.confidence[rect.slices] < self.below)


@dataclass(frozen=True)
class Differing:
    """Only where the mask is not what the model predicts.

    Attributes:
        prediction: the model's ids, uint8 [H,W].
    """

    prediction: Mask = field(repr=False, compare=False)

    def __call__(self, mask: Mask, rect: Rect) -> Cover:
        """See PixelFilter."""
        return np.asarray(self.prediction[rect.slices] != mask[rect.slices])


@dataclass(frozen=True)
class Protection:
    """What tools may not change: locked classes always; with `only`, everything but these classes.

    Attributes:
        locked: classes that stay as they are.
        only: the classes that may be painted over; None for all.
        where: filters that every pixel must pass.
    """

    locked: frozenset[int] = frozenset()
    only: frozenset[int] | None = None
    where: tuple[PixelFilter, ...] = ()

    @property
    def is_off(self) -> bool:
        """Whether every pixel may change."""
        return not self.locked and self.only is None and not self.where

    def table(self) -> Cover:
        """bool [256]: which ids may be painted over."""
        table = np.ones(256, bool) if self.only is None else np.zeros(256, bool)
        if self.only is not None:
            table[list(self.only)] = True
        table[list(self.locked)] = False
        return table

    def open(self, mask: Mask, rect: Rect) -> Cover:
        """bool [h,w]: which pixels of a rectangle inside the mask, uint8 [H,W], may change."""
        allowed: Cover = self.table()[mask[rect.slices]]
        for admits in self.where:
            allowed = allowed & admits(mask, rect)
        return allowed


OPEN = Protection()
