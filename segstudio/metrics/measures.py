"""Everything that is counted of one image, from which every score of an evaluation follows by sums."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.boundary import BOUNDARY_SHARE, count_boundary
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.metrics.instances import InstanceRules, weigh_instances
from segstudio.metrics.regions import count_regions


@dataclass(frozen=True, eq=False)
class ImageMeasures:
    """Counts of one image with K classes.

    Attributes:
        confusion: int64 [K, K+1] pixels by true and predicted class, the last column "as no class".
        boundary: int64 [K, 3] pixels in both boundary bands, in the truth's, in the prediction's.
        regions: int64 [K] regions of the truth.
        instances: float64 [K, 4] weighted pixels of instances (see weigh_instances), None without a map.
    """

    confusion: Counts
    boundary: Counts
    regions: Counts
    instances: NDArray[np.float64] | None = None


def measure_image(
    truth: NDArray[np.uint8],
    predicted: NDArray[np.uint8],
    classes: int,
    ignore: int = 255,
    *,
    boundary_share: float = BOUNDARY_SHARE,
    instances: NDArray[np.int32] | None = None,
    rules: InstanceRules | None = None,
) -> ImageMeasures:
    """Measures a prediction against the truth.

    Args:
        truth: uint8 [H,W] class ids; `ignore` and ids outside 0..classes-1 are pixels without truth.
        predicted: uint8 [H,W] class ids; ids outside 0..classes-1 are misses.
        classes: number of classes K, 1-255.
        ignore: the id that stands for "no truth here".
        boundary_share: half width of the band of boundary IoU, as a share of the diagonal.
        instances: int32 [H,W], the instances of the truth; used with `rules` alone.
        rules: which instances count.

    Raises:
        ValueError: the shapes differ.
    """
    weighted = None
    if instances is not None and rules is not None:
        weighted = weigh_instances(instances, predicted, classes, rules)
    return ImageMeasures(
        confusion=count_confusion(truth, predicted, classes, ignore),
        boundary=count_boundary(truth, predicted, classes, ignore, boundary_share),
        regions=count_regions(truth, classes, ignore),
        instances=weighted,
    )
