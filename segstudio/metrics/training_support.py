"""How many regions like a failed one the training saw: whether more pictures or better ones are needed."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.true_regions import TrueRegions

# Regions are alike when their areas differ by less than this factor ...
AREA_FACTOR = 2.0
# ... and the rows of their middles by less than this share of the image's height.
ROW_REACH = 0.15


@dataclass(frozen=True)
class Support:
    """Regions of the truth that are like a segment's.

    Attributes:
        class_id: the class.
        area: pixels of the region that they are like.
        like: int64 [n], rows of those regions.
        images: how many samples they are in.
        of_class: how many regions of the class there are in all, whatever their size and place.
        images_of_class: how many samples have one.
    """

    class_id: int
    area: int
    like: NDArray[np.int64]
    images: int
    of_class: int
    images_of_class: int


def training_support(
    table: SegmentTable,
    number: int,
    regions: TrueRegions,
    region_sample: NDArray[np.int32],
    heights: NDArray[np.int64],
    in_training: NDArray[np.bool_],
) -> Support:
    """Counts the regions in training samples that have the true class, size and place of a segment's region.

    Args:
        table: segments whose samples are those of the regions.
        number: the segment.
        regions: of all N samples.
        region_sample: int32 [n], the sample of each.
        heights: int64 [N], of the samples' images in pixels; 0 where it is not known.
        in_training: bool [N], whether training used a sample.
    """
    rows = table.rows
    class_id = int(rows.truth[number])
    # The segment may be a part of its region alone.
    area = float(rows.area[number]) / max(float(rows.share[number]), 1e-6)
    own = int(table.sample[number])
    chosen = (regions.truth == class_id) & in_training[region_sample] & (region_sample != own)
    tall = np.maximum(heights, 1)
    middle = (regions.box[:, 1] + regions.box[:, 3] / 2) / tall[region_sample]
    place = _middle(rows.box[number], round(area), class_id, regions, region_sample == own)
    if place is None:
        place = float(rows.centre[number, 1])
    row = place / tall[own]
    near = np.abs(middle - row) <= ROW_REACH
    near |= (heights[region_sample] == 0) | (heights[own] == 0)
    sized = (regions.area * AREA_FACTOR >= area) & (regions.area <= area * AREA_FACTOR)
    like = np.flatnonzero(chosen & near & sized)
    return Support(
        class_id=class_id,
        area=round(area),
        like=like,
        images=len(np.unique(region_sample[like])),
        of_class=int(np.count_nonzero(chosen)),
        images_of_class=len(np.unique(region_sample[chosen])),
    )


def _middle(
    box: NDArray[np.int32], area: int, class_id: int, regions: TrueRegions, own: NDArray[np.bool_]
) -> float | None:
    """The middle row of the region of its own sample that a segment's box lies in; None without one."""
    fits = own & (regions.truth == class_id) & (np.abs(regions.area - area) <= 1)
    fits &= (regions.box[:, :2] <= box[:2]).all(axis=1)
    fits &= (regions.box[:, :2] + regions.box[:, 2:] >= box[:2] + box[2:]).all(axis=1)
    found = np.flatnonzero(fits)
    return float(regions.box[found[0], 1] + regions.box[found[0], 3] / 2) if len(found) else None
