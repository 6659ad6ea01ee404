"""Scores of parts of the samples: by folder, split, status or tag."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts, scores

Members = NDArray[np.int64]


@dataclass(frozen=True)
class Slice:
    """A part of the samples; scores are fractions 0-1, NaN where nothing counts.

    Attributes:
        name: what its samples share.
        images: how many samples.
        miou: over the classes that occur in it.
        iou: float64 [K].
        images_with: int64 [K], samples whose truth holds the class.
        pixels: int64 [K], pixels of the class in the truth.
    """

    name: str
    images: int
    miou: float
    iou: NDArray[np.float64]
    images_with: NDArray[np.int64]
    pixels: NDArray[np.int64]


def groups_of(texts: Sequence[str], *, lists: bool = False) -> dict[str, Members]:
    """Samples by their text, in the texts' order; a sample without one is in no group.

    Args:
        texts: one a sample.
        lists: texts name several groups, with commas between.
    """
    found: dict[str, list[int]] = {}
    for number, text in enumerate(texts):
        for name in text.split(",") if lists else [text]:
            if name:
                found.setdefault(name, []).append(number)
    return {name: np.array(found[name], np.int64) for name in sorted(found)}


def slices(confusion: Counts, groups: Mapping[str, Members]) -> tuple[Slice, ...]:
    """The scores of groups of samples.

    Args:
        confusion: int64 [N,K,K+1], the counts of each sample.
        groups: by name, the numbers of its samples.
    """
    return tuple(_slice(name, confusion[members]) for name, members in groups.items())


def _slice(name: str, confusion: Counts) -> Slice:
    found = scores(confusion.sum(axis=0))
    present = confusion.sum(axis=2) > 0
    return Slice(name, len(confusion), found.miou, found.iou, present.sum(axis=0), found.support_pixels)
