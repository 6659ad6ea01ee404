"""Plants errors in masks as people make them: regions of another class, painted over, borders shifted."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.run_lengths import find_runs

Mask = NDArray[np.uint8]
Cover = NDArray[np.bool_]
KINDS = ("renamed", "dropped", "shifted")
IGNORE = 255
# Sizes of what is changed, as shares of the image: 150 to 8000 pixels of 480x360.
LEAST, MOST = 150 / 172_800, 8000 / 172_800
# An error of fewer pixels than this share of the image is none.
SEEN = 60 / 172_800
# Pixels by which a border is shifted.
SHIFTS = (4, 8)
MOST_PER_FRAME = 2


class Planted(NamedTuple):
    """One error: the frame's number, what was done, and the pixels that changed, bool [H,W]."""

    frame: int
    kind: str
    changed: Cover


def plant_errors(masks: Sequence[Mask], count: int, seed: int) -> tuple[list[Mask], list[Planted]]:
    """The masks with `count` errors, a third of each kind, at most two a frame; fewer without room."""
    random = np.random.default_rng(seed)
    order = random.permutation(len(masks))
    spoilt, planted, full = [mask.copy() for mask in masks], list[Planted](), np.zeros(len(masks), np.int64)
    for turn in range(count * 10):
        if len(planted) == count:
            break
        number, kind = int(order[turn % len(order)]), KINDS[len(planted) % len(KINDS)]
        if full[number] >= MOST_PER_FRAME:
            continue
        after = _spoilt(spoilt[number], kind, random)
        if after is not None:
            planted.append(Planted(number, kind, after != spoilt[number]))
            spoilt[number] = after
            full[number] += 1
    return spoilt, planted


def _spoilt(mask: Mask, kind: str, random: np.random.Generator) -> Mask | None:
    """The mask with one region changed, drawn by lot; None where none of a fitting size can be."""
    numbers, areas, classes = _regions(mask)
    fits = (areas >= LEAST * mask.size) & (areas <= MOST * mask.size) & (classes != IGNORE)
    for number in random.permutation(np.flatnonzero(fits)).tolist():
        region = numbers == number
        if kind == "renamed":
            after = _renamed(mask, region, int(classes[number]), random)
        elif kind == "dropped":
            after = _filled(mask, region)
        else:
            after = _shifted(mask, region, int(classes[number]), random)
        if np.count_nonzero(after != mask) >= SEEN * mask.size:
            return after
    return None


def _regions(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64], Mask]:
    """The number of each pixel's region, [H,W], and the regions' areas and classes."""
    runs = find_runs(mask)
    values = mask.ravel()[runs.starts]
    _, one, region = np.unique(runs.connected(values), return_index=True, return_inverse=True)
    numbers = np.repeat(region.astype(np.int64), runs.lengths).reshape(mask.shape)
    return numbers, np.bincount(numbers.ravel()), values[one]


def _renamed(mask: Mask, region: Cover, class_id: int, random: np.random.Generator) -> Mask:
    """The region in another class of the frame."""
    others = [value for value in np.unique(mask).tolist() if value not in (IGNORE, class_id)]
    after = mask.copy()
    if others:
        after[region] = random.choice(others)
    return after


def _filled(mask: Mask, hole: Cover) -> Mask:
    """The hole painted over by what lies nearest to each of its pixels."""
    free = hole | (mask == IGNORE)
    if free.all():
        return mask
    _, nearest = cv2.distanceTransformWithLabels(
        free.view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    values = np.zeros(int(nearest.max()) + 1, np.uint8)
    values[nearest[~free]] = mask[~free]
    return np.where(hole, values[nearest], mask)


def _shifted(mask: Mask, region: Cover, class_id: int, random: np.random.Generator) -> Mask:
    """The region with one side 4 to 8 pixels too far out, or too far in."""
    angle, far = random.uniform(0, 2 * np.pi), int(random.integers(SHIFTS[0], SHIFTS[1] + 1))
    place = np.array([[1, 0, round(far * np.cos(angle))], [0, 1, round(far * np.sin(angle))]], np.float64)
    moved = cv2.warpAffine(region.view(np.uint8), place, region.shape[::-1], flags=cv2.INTER_NEAREST) > 0
    if random.random() < 0.5:
        return _filled(mask, region & ~moved)
    return np.where(moved & ~region & (mask != IGNORE), np.uint8(class_id), mask)
