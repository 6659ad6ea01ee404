"""What a model would call a region if not by the class it has: candidates in the order of their evidence."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.regions import Region

Plane = NDArray[np.uint8]
NO_CLASS = 255
# So many pixels of a region's box tell as much as all of them, and keep a key press short.
ENOUGH_PIXELS = 1 << 20


@dataclass(frozen=True)
class Candidate:
    """A class and the mean probability that the model gives it over the pixels of a region, 0-1."""

    class_id: int
    score: float


@dataclass(frozen=True)
class Evidence:
    """What a model said about the pixels of a mask, uint8 [H,W] each; see `StoredPrediction`.

    Without a runner-up only the best class of each pixel counts.
    """

    ids: Plane
    confidence: Plane
    second: Plane | None = None
    margin: Plane | None = None


def candidates(region: Region, said: Evidence) -> tuple[Candidate, ...]:
    """The classes that the model saw in a region, best first, without the region's own; equals by id.

    A pixel counts for its best class with that one's probability, and for its second with the second's. Of a
    region whose box has over a million pixels every n-th row counts.
    """
    step = max(1, region.rect.width * region.rect.height // ENOUGH_PIXELS)
    inside = region.inside[::step]
    if not inside.any():
        return ()

    def seen(plane: Plane) -> Plane:
        return plane[region.rect.slices][::step][inside]

    sure = seen(said.confidence)
    sums = _sums(seen(said.ids), sure)
    if said.second is not None and said.margin is not None:
        # A margin is stored in steps and may come out a little above the confidence.
        share = sure - np.minimum(seen(said.margin), sure)
        sums += _sums(seen(said.second), share)
    sums[[NO_CLASS, region.class_id]] = 0
    scores = sums / (255 * np.count_nonzero(inside))
    ranked = sorted(np.flatnonzero(sums).tolist(), key=lambda class_id: (-sums[class_id], class_id))
    return tuple(Candidate(class_id, float(scores[class_id])) for class_id in ranked)


def _sums(ids: Plane, weights: Plane) -> NDArray[np.float64]:
    return np.bincount(ids, weights=weights, minlength=256).astype(np.float64)
