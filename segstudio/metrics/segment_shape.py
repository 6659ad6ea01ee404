"""The pixels of an error segment, found again in the masks that it was measured in."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segment_table import SegmentTable

Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class SegmentSpot:
    """What a segment is found again by.

    Attributes:
        key: its sample.
        truth: the true class.
        predicted: the predicted class; `classes` is "no class".
        box: x, y, width and height in pixels.
        area: pixels.
        classes: number of classes K.
    """

    key: str
    truth: int
    predicted: int
    box: tuple[int, int, int, int]
    area: int
    classes: int

    @classmethod
    def of(cls, table: SegmentTable, number: int) -> "SegmentSpot":
        """The spot of a row."""
        rows = table.rows
        x, y, width, height = rows.box[number].tolist()
        return cls(
            table.samples[int(table.sample[number])],
            int(rows.truth[number]),
            int(rows.predicted[number]),
            (x, y, width, height),
            int(rows.area[number]),
            len(table.names),
        )

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the box for an array [H,W]."""
        x, y, width, height = self.box
        return slice(y, y + height), slice(x, x + width)


def shape_of(spot: SegmentSpot, truth: Mask, predicted: Mask | None) -> NDArray[np.bool_] | None:
    """bool [height,width]: the segment's pixels in its box; None where masks no longer hold it.

    Args:
        spot: the segment.
        truth: uint8 [H,W].
        predicted: uint8 [H,W] of the model that the segment is of; None where that is not known.
    """
    x, y, width, height = spot.box
    if predicted is None or truth.shape != predicted.shape or x + width > truth.shape[1]:
        return None
    if y + height > truth.shape[0]:
        return None
    said = np.minimum(predicted[spot.slices], spot.classes)
    wrong = (truth[spot.slices] == spot.truth) & (said == spot.predicted)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats(wrong.astype(np.uint8), connectivity=4)
    # The box is exact: only the segment itself is as large as it, and of this area.
    same = (stats[:, cv2.CC_STAT_WIDTH] == width) & (stats[:, cv2.CC_STAT_HEIGHT] == height)
    same &= stats[:, cv2.CC_STAT_AREA] == spot.area
    same[0] = False
    return np.asarray(numbers == int(np.argmax(same))) if same.any() else None
