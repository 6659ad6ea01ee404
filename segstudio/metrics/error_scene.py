"""Truth and prediction of a sample as runs, with the regions of both: what error segments are found in."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.run_lengths import Indices, Runs, find_runs

Mask = NDArray[np.uint8]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Scene:
    """Both masks as runs of one true and one predicted class, and their regions.

    Attributes:
        runs: the runs.
        truth: int64 [n], true class of each; K where there is none.
        predicted: int64 [n], predicted class; K for no class.
        true_region: int64 [n], number of the true region of each run.
        predicted_region: int64 [n], of its predicted region.
        segment: int64 [n], of its error segment; right runs and those without truth are segments too.
        classes: K.
        distance: float32 [H,W], pixels to the nearest border of the truth.
    """

    runs: Runs
    truth: Indices
    predicted: Indices
    true_region: Indices
    predicted_region: Indices
    segment: Indices
    classes: int
    distance: Floats

    @classmethod
    def of(cls, truth: Mask, predicted: Mask, classes: int, ignore: int) -> "Scene":
        """The scene of two masks [H,W]."""
        known = np.minimum(truth, classes) if ignore >= classes else np.where(truth == ignore, classes, truth)
        known, shown = np.minimum(known, classes).astype(np.uint8), np.minimum(predicted, classes)
        runs = find_runs(known.astype(np.uint16) * 256 + shown)
        first, second = (
            known.ravel()[runs.starts].astype(np.int64),
            shown.ravel()[runs.starts].astype(np.int64),
        )
        regions = [_numbers(runs.connected(values)) for values in (first, second, first * 256 + second)]
        distance = _edge_distance(known, classes)
        return cls(runs, first, second, regions[0], regions[1], regions[2], classes, distance)

    @property
    def wrong(self) -> Flags:
        """bool [n]: runs with a truth that was not predicted."""
        return np.asarray((self.truth != self.predicted) & (self.truth < self.classes))

    @property
    def right(self) -> Flags:
        """bool [n]: runs that were predicted right."""
        return np.asarray((self.truth == self.predicted) & (self.truth < self.classes))

    def pixels(self, groups: Indices, chosen: Flags | None = None) -> NDArray[np.float64]:
        """float64 [groups]: pixels of each group of runs, of the chosen runs alone if some are."""
        lengths = self.runs.lengths if chosen is None else self.runs.lengths * chosen
        count = int(groups.max(initial=-1)) + 1
        return np.bincount(groups, lengths, minlength=count).astype(np.float64)


def _numbers(values: NDArray[np.int32]) -> Indices:
    """int64 [n]: the values' places among all different ones."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)


def _edge_distance(known: Mask, classes: int) -> Floats:
    """float32 [H,W]: pixels from a pixel's centre to the border that two true classes share nearest to it.

    Borders against pixels without truth are none. Without any border it is farther than the image is wide.
    """
    free = np.ones(known.shape, np.uint8)
    for here, there in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        edge = (known[here] != known[there]) & (known[here] < classes) & (known[there] < classes)
        free[here][edge] = 0
        free[there][edge] = 0
    if free.all():
        return np.full(known.shape, float(sum(known.shape)), np.float32)
    # A pixel beside the border has its centre half a pixel away from it.
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 5) + 0.5, np.float32)
