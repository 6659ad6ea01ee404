"""Where a mask and a model's prediction differ, region by region, the weightiest first."""

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.regions import Region
from segstudio.annotation.run_regions import RunRegions, find_regions

Plane = NDArray[np.uint8]
UNLABELLED = 255
BORDER = 2


@dataclass(frozen=True)
class Disagreement:
    """A region in which the mask has one class and the prediction another.

    Attributes:
        own: the mask's class; 255 where it has none.
        predicted: the prediction's.
        area: pixels.
        confidence: the mean of the prediction's, 0-1.
        found: where its pixels are.
        number: its own in there.
    """

    own: int
    predicted: int
    area: int
    confidence: float
    found: RunRegions
    number: int

    @cached_property
    def region(self) -> Region:
        """Its pixels, under the mask's class."""
        return self.found.region(self.number, self.own)

    @property
    def identity(self) -> tuple[int, ...]:
        """What it is known by again, as long as it keeps its classes, its size and its place."""
        box = (int(value) for value in self.found.boxes[self.number])
        return (self.own, self.predicted, self.area, *box)


def disagreements(
    mask: Plane, ids: Plane, confidence: Plane, *, border: int = BORDER, unlabelled: bool = False
) -> list[Disagreement]:
    """The regions in which mask and prediction differ, by area times mean confidence, largest first.

    Args:
        mask: class ids uint8 [H,W].
        ids: the prediction; pixels without a predicted class (255) agree with everything.
        confidence: uint8 [H,W] of it.
        border: regions that are nowhere wider than so many pixels both ways are left out; they vanish under
            an opening by a square one pixel wider.
        unlabelled: whether pixels that have no class in the mask count too.

    Raises:
        ValueError: the planes differ in size.
    """
    if not mask.shape == ids.shape == confidence.shape:
        raise ValueError(f"mask {mask.shape}, ids {ids.shape} and confidence {confidence.shape} differ")
    codes = pair_codes(mask, ids, unlabelled=unlabelled)
    found = find_regions(codes)
    wide = found.shares(wide_places(codes, border)) > 0 if border > 0 else np.ones(found.count, bool)
    weights = found.sums(confidence)
    kept = np.flatnonzero(wide)
    # A stable sort: of two equally weighty ones the upper comes first.
    kept = kept[np.argsort(-weights[kept], kind="stable")]
    return [
        Disagreement(
            own=int(found.values[number]) - 1 >> 8,
            predicted=int(found.values[number]) - 1 & 255,
            area=int(found.areas[number]),
            confidence=float(weights[number] / (255 * found.areas[number])),
            found=found,
            number=int(number),
        )
        for number in kept
    ]


def pair_codes(mask: Plane, ids: Plane, *, unlabelled: bool) -> NDArray[np.uint16]:
    """uint16 [H,W]: 1 + 256 times the mask's class + the predicted one where both differ, 0 elsewhere."""
    # 255 predicted is never coded, so that 65535 is the highest and 1 can be added.
    codes: NDArray[np.uint16] = mask.astype(np.uint16)
    codes <<= 8
    codes += ids
    codes += 1
    agree = (mask == ids) | (ids == UNLABELLED)
    if not unlabelled:
        agree |= mask == UNLABELLED
    codes[agree] = 0
    return codes


def wide_places(codes: NDArray[np.uint16], border: int) -> NDArray[np.bool_]:
    """bool [H,W]: the pixels at one corner of a square of equal codes, of side `border` + 1, in the image."""
    square = np.ones((border + 1, border + 1), np.uint8)
    # Beyond the image is 0, which no disagreement has: a square must lie within.
    low = cv2.erode(codes, square, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    high = cv2.dilate(codes, square, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray((low == high) & (codes != 0), bool)
