"""The regions of the truth as a model sees them: how much of each was found, and what the rest was called."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.error_scene import Floats, Scene
from segstudio.metrics.segments import boxes


@dataclass(frozen=True)
class TrueRegions:
    """The regions of a sample's mask, a row each; the same mask gives the same rows for every model.

    Attributes:
        truth: uint8 [n], the class.
        area: int32 [n], pixels.
        box: int32 [n,4], x, y, width and height.
        hit: float32 [n], the share of it that was predicted right, 0-1.
        called: uint8 [n], the class that most of its pixels were predicted as; K is "no class".
    """

    truth: NDArray[np.uint8]
    area: NDArray[np.int32]
    box: NDArray[np.int32]
    hit: Floats
    called: NDArray[np.uint8]

    @property
    def count(self) -> int:
        """How many regions there are."""
        return len(self.truth)


def true_regions(scene: Scene) -> TrueRegions:
    """The regions of a scene's truth; pixels without truth form none."""
    region = scene.true_region
    areas = scene.pixels(region)
    classes = np.zeros(len(areas), np.int64)
    classes[region] = scene.truth
    kept = np.flatnonzero(classes < scene.classes)
    # One entry for each pair of a region and a class that was predicted in it.
    keys, inverse = np.unique(region * 256 + scene.predicted, return_inverse=True)
    pixels = np.bincount(inverse, scene.runs.lengths)
    order = np.lexsort((keys % 256, -pixels, keys // 256))
    first = np.unique(keys[order] // 256, return_index=True)[1]
    called = (keys[order] % 256)[first]
    hits = scene.pixels(region, scene.right)
    return TrueRegions(
        truth=classes[kept].astype(np.uint8),
        area=areas[kept].astype(np.int32),
        box=boxes(scene.runs, region, len(areas))[kept],
        hit=(hits[kept] / areas[kept]).astype(np.float32),
        called=called[kept].astype(np.uint8),
    )
