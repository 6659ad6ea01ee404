"""Every region of one class in many samples: where it is, how large, and how far the model agrees."""

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.errors import SegstudioError
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import StoredPrediction
from segstudio.project.sample_queue import Source

LOG = logging.getLogger(__name__)
Ids = NDArray[np.uint8]
# More regions than anybody looks through; a class of specks must not fill the memory.
MOST = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class ClassRegion:
    """A region of a class in a sample.

    Attributes:
        key: the sample.
        rect: its box.
        start: the first of its pixels (x, y) in scan order.
        area: pixels.
        support: how probable the model finds the class there, 0-1 on average; NaN without a prediction.
    """

    key: str
    rect: Rect
    start: tuple[int, int]
    area: int
    support: float


def regions_of(key: str, ids: Ids, class_id: int, said: StoredPrediction | None) -> list[ClassRegion]:
    """The regions of a class in a plane of ids uint8 [H,W], in scan order.

    The model supports a pixel by its confidence where it says the class, and not at all elsewhere.
    """
    chosen = (ids == class_id).view(np.uint8)
    box = Rect(*cv2.boundingRect(chosen))
    if box.is_empty:
        return []
    count, numbers, boxes, _ = cv2.connectedComponentsWithStats(chosen[box.slices], connectivity=4)
    support = np.full(count, math.nan)
    if said is not None and said.ids.shape == ids.shape:
        agrees = np.where(said.ids[box.slices] == class_id, said.confidence[box.slices], 0)
        sums = np.bincount(numbers.ravel(), weights=agrees.ravel(), minlength=count)
        support = sums / (255 * np.maximum(boxes[:, cv2.CC_STAT_AREA], 1))
    found = []
    for number in range(1, count):
        x, y, width, height, area = (int(value) for value in boxes[number])
        first = x + int((numbers[y, x : x + width] == number).argmax())
        rect = Rect(x + box.x, y + box.y, width, height)
        found.append(ClassRegion(key, rect, (first + box.x, y + box.y), area, float(support[number])))
    return found


def find_regions_of_class(
    project: Project, keys: Sequence[str], class_id: int, source: Source, context: JobContext
) -> int:
    """Looks for the regions of a class in masks or predictions; those of a sample come as an event.

    Samples that are known not to have the class are not read; one that cannot be read is passed over. It
    ends with the sample in which the 50,000th region is found.

    Returns:
        How many regions there are.

    Raises:
        Cancelled: between two samples.
    """
    wanted = _with_class(project, keys, class_id, source)
    total = 0
    for number, key in enumerate(wanted):
        context.check()
        context.progress(number, len(wanted), f"{number:,} of {len(wanted):,}")
        try:
            said = project.load_prediction(key)
            ids = project.queue.ids(key, source)
        except SegstudioError as error:
            LOG.info("%s is passed over: %s", key, error)
            continue
        found = regions_of(key, ids, class_id, said) if ids is not None else []
        total += len(found)
        if found:
            context.event(found)
        if total >= MOST:
            break
    return total


def _with_class(project: Project, keys: Sequence[str], class_id: int, source: Source) -> list[str]:
    """Those of some samples that have a class, or of which that is not known."""
    table = project.queue.table()
    is_mask = source == "mask"
    pixels = table.mask_pixels if is_mask else table.predicted_pixels
    known = table.has_mask if is_mask else table.has_prediction
    without = {table.keys[row] for row in np.flatnonzero(known & (pixels[:, class_id] == 0))}
    return [key for key in keys if key not in without]
