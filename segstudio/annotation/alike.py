"""All regions of one class that are like a region: found by size, certainty, place and neighbours."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.run_regions import RunRegions, find_regions
from segstudio.annotation.second_choice import Evidence, candidates
from segstudio.annotation.tools import paint_region

Plane = NDArray[np.uint8]
Source = Literal["mask", "prediction"]
SOURCES: tuple[Source, ...] = ("mask", "prediction")
CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)


@dataclass(frozen=True)
class Likeness:
    """Which regions are wanted.

    Attributes:
        class_id: their class.
        source: where they have it.
        least, most: their area in pixels; `most` 0 means any.
        surest: regions with a larger mean confidence of the prediction are left out, 0-1.
        least_sure: likewise with a smaller one.
        touching: a class that shares an edge with them; None is any.
        top, bottom: the band of rows in which their middle lies, 0 is the image's top and 1 its bottom.
        second: what the model would call them otherwise; None is anything.
    """

    class_id: int
    source: Source = "mask"
    least: int = 1
    most: int = 0
    least_sure: float = 0.0
    surest: float = 1.0
    touching: int | None = None
    top: float = 0.0
    bottom: float = 1.0
    second: int | None = None

    @property
    def needs_prediction(self) -> bool:
        """Whether samples without a prediction have nothing to offer."""
        by_sureness = self.least_sure > 0 or self.surest < 1
        return self.source == "prediction" or by_sureness or self.second is not None


@dataclass(frozen=True)
class Alike:
    """A region that was found, small enough to keep many thousands of.

    Attributes:
        class_id: its class.
        rect: its box.
        area: pixels.
        confidence: the mean of the prediction's there, 0-1; None without a prediction.
        bits: which pixels of the box belong to it, row by row, eight a byte.
    """

    class_id: int
    rect: Rect
    area: int
    confidence: float | None
    bits: bytes

    @classmethod
    def of(cls, region: Region, confidence: float | None) -> "Alike":
        """A region as it is kept."""
        bits = np.packbits(region.inside).tobytes()
        return cls(region.class_id, region.rect, region.area, confidence, bits)

    @property
    def region(self) -> Region:
        """The region with its pixels."""
        count = self.rect.width * self.rect.height
        flat = np.unpackbits(np.frombuffer(self.bits, np.uint8), count=count)
        inside = flat.reshape(self.rect.height, self.rect.width).astype(bool)
        return Region(self.class_id, self.rect, inside, self.area)


def find_alike(mask: Plane | None, said: Evidence | None, wanted: Likeness) -> list[Alike]:
    """The wanted regions of one sample, largest first.

    Args:
        mask: uint8 [H,W]; None where there is none, which has no regions of its own.
        said: the prediction of the same size, or None.
        wanted: which.
    """
    plane = mask if wanted.source == "mask" else said.ids if said is not None else None
    if plane is None or (wanted.needs_prediction and said is None):
        return []
    box = Rect(*cv2.boundingRect((plane == wanted.class_id).view(np.uint8)))
    if box.is_empty:
        return []
    found = find_regions((plane[box.slices] == wanted.class_id).view(np.uint8))
    sure = None
    if said is not None:
        sums = found.sums(np.ascontiguousarray(said.confidence[box.slices]))
        sure = sums / (255 * found.areas)
    numbers = np.flatnonzero(_passes(found, sure, box, plane.shape[0], wanted))
    numbers = numbers[np.argsort(-found.areas[numbers], kind="stable")]
    regions = [(_placed(found.region(int(n), wanted.class_id), box), int(n)) for n in numbers]
    return [
        Alike.of(region, None if sure is None else float(sure[number]))
        for region, number in regions
        if (wanted.touching is None or touches(plane, region, wanted.touching))
        and (wanted.second is None or _second_of(region, said) == wanted.second)
    ]


def _passes(
    found: RunRegions, sure: NDArray[np.float64] | None, box: Rect, height: int, wanted: Likeness
) -> NDArray[np.bool_]:
    """bool [N]: what area, sureness and place let through."""
    passes = found.areas >= wanted.least
    if wanted.most:
        passes &= found.areas <= wanted.most
    if sure is not None:
        passes &= (sure >= wanted.least_sure) & (sure <= wanted.surest)
    middle = (found.boxes[:, 1] + found.boxes[:, 3] / 2 + box.y) / height
    passes &= (middle >= wanted.top) & (middle <= wanted.bottom)
    return np.asarray(passes, bool)


def touches(plane: Plane, region: Region, class_id: int) -> bool:
    """Whether a pixel of a class shares an edge with a region."""
    around = region.rect.grown(1).clip(plane.shape[1], plane.shape[0])
    inside = np.zeros((around.height, around.width), np.uint8)
    rect = region.rect
    inner = Rect(rect.x - around.x, rect.y - around.y, rect.width, rect.height)
    inside[inner.slices] = region.inside
    rim = (cv2.dilate(inside, CROSS) > 0) & (inside == 0)
    return bool((plane[around.slices][rim] == class_id).any())


def _second_of(region: Region, said: Evidence | None) -> int | None:
    ranked = candidates(region, said) if said is not None else ()
    return ranked[0].class_id if ranked else None


def _placed(region: Region, box: Rect) -> Region:
    """A region of a box, in the coordinates of the whole."""
    rect = region.rect
    moved = Rect(rect.x + box.x, rect.y + box.y, rect.width, rect.height)
    return Region(region.class_id, moved, region.inside, region.area)


def is_still_there(plane: Plane, region: Region) -> bool:
    """Whether all pixels of a region have its class."""
    if region.rect.clip(plane.shape[1], plane.shape[0]) != region.rect:
        return False
    return bool((plane[region.rect.slices][region.inside] == region.class_id).all())


def relabelled(
    mask: Plane, regions: Iterable[Region], target: int, title: str, protection: Protection = OPEN
) -> Edit | None:
    """The edit that gives regions another class in a mask, which stays as it is; None if nothing changes."""
    chosen = list(regions)
    bounds = EMPTY
    for region in chosen:
        bounds = bounds.union(region.rect)
    if bounds.is_empty:
        return None
    after = mask.copy()
    for region in chosen:
        paint_region(after, region, target, protection=protection)
    return Edit.of(title, bounds, mask[bounds.slices], after[bounds.slices])
