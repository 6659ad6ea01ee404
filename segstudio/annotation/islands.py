"""Holes and islands of a class in the whole mask: what brushes and models leave behind."""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.shape import SIDES, enclosed
from segstudio.annotation.tools import Mask, put_values


def fill_class_holes(mask: Mask, class_id: int, *, protection: Protection = OPEN) -> Rect:
    """Gives every pixel that a class encloses that class."""
    rect, chosen = _chosen(mask, class_id)
    if rect.is_empty:
        return EMPTY
    put_values(mask, rect, enclosed(chosen), class_id, protection)
    return rect


def remove_islands(mask: Mask, class_id: int, smaller_than: int, *, protection: Protection = OPEN) -> Rect:
    """Gives every region of a class with fewer pixels than that to the class of its longest border.

    A tie goes to the lower id. A region that fills the mask has no border and stays.
    """
    return _remove(mask, class_id, lambda areas, _: areas < smaller_than, protection)


def keep_largest(mask: Mask, class_id: int, *, protection: Protection = OPEN) -> Rect:
    """Gives every region of a class but the largest to the class of its longest border.

    Of several largest ones all stay.
    """
    return _remove(mask, class_id, lambda areas, _: areas < areas[1:].max(), protection)


def keep_region(mask: Mask, x: int, y: int, *, protection: Protection = OPEN) -> Rect:
    """Gives every region of a pixel's class but the one that holds it to the class of its longest border."""

    def others(areas: NDArray[np.int32], number: Callable[[int, int], int]) -> NDArray[np.bool_]:
        return np.asarray(np.arange(len(areas)) != number(x, y))

    return _remove(mask, int(mask[y, x]), others, protection)


# Says which of a class's regions go: by their areas [n], of which the first counts for nothing, and by the
# number of the region at a column and row.
Chooser = Callable[[NDArray[np.int32], Callable[[int, int], int]], NDArray[np.bool_]]


def _remove(mask: Mask, class_id: int, choose: Chooser, protection: Protection) -> Rect:
    box, chosen = _chosen(mask, class_id)
    if box.is_empty or not bool(protection.table()[class_id]):
        return EMPTY
    _, parts, facts, _ = cv2.connectedComponentsWithStats(chosen.view(np.uint8), connectivity=4)
    areas = np.asarray(facts[:, cv2.CC_STAT_AREA], np.int32)
    gone = choose(areas, lambda x, y: int(parts[y - box.y, x - box.x]))
    gone[0] = False
    rows, columns = np.nonzero(gone[parts])
    if not rows.size:
        return EMPTY
    numbers = np.asarray(parts[rows, columns], np.int32)
    rows, columns = rows + box.y, columns + box.x
    takers = _takers(mask, class_id, rows, columns, numbers, len(facts))
    left, top = int(columns.min()), int(rows.min())
    rect = Rect(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top)
    if protection.where:
        kept = protection.open(mask, rect)[rows - top, columns - left]
        rows, columns, numbers = rows[kept], columns[kept], numbers[kept]
    mask[rows, columns] = takers[numbers]
    return rect


def _chosen(mask: Mask, class_id: int) -> tuple[Rect, NDArray[np.bool_]]:
    """The box of a class, empty where the mask lacks it, and its pixels in the box, bool [h,w]."""
    chosen = mask == class_id
    rect = Rect(*cv2.boundingRect(chosen.view(np.uint8)))
    return rect, np.ascontiguousarray(chosen[rect.slices])


def _takers(
    mask: Mask,
    class_id: int,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    numbers: NDArray[np.int32],
    count: int,
) -> NDArray[np.uint8]:
    """uint8 [count]: the class that shares most pixel edges with each numbered part; its own without any.

    Rows, columns and numbers are those of all pixels of the parts, [n] each.
    """
    pairs = []
    for dx, dy in SIDES:
        x, y = columns + dx, rows + dy
        there = (x >= 0) & (y >= 0) & (x < mask.shape[1]) & (y < mask.shape[0])
        values = mask[y[there], x[there]]
        beside = values != class_id
        pairs.append(numbers[there][beside].astype(np.int64) * 256 + values[beside])
    keys, edges = np.unique(np.concatenate(pairs), return_counts=True)
    takers = np.full(count, class_id, np.uint8)
    # In this order the last entry of a part is its longest border, and the lower id of two.
    order = np.lexsort((-(keys % 256), edges, keys // 256))
    takers[keys[order] // 256] = (keys[order] % 256).astype(np.uint8)
    return takers
