"""Regions: 4-connected components of one class, found around a pixel at the cost of their own size."""

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect

FIRST_WINDOW = 256
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Region:
    """A 4-connected component: its box, which pixels of the box belong to it (bool [h,w]), area and class."""

    class_id: int
    rect: Rect
    inside: NDArray[np.bool_]
    area: int


def region_at(mask: Mask, x: int, y: int) -> Region:
    """The region that holds a pixel.

    Raises:
        IndexError: the pixel is outside the mask.
    """
    height, width = mask.shape
    return region_around(lambda window: mask[window.slices], (width, height), x, y)


def region_around(read: Callable[[Rect], Mask], size: tuple[int, int], x: int, y: int) -> Region:
    """The region that holds a pixel, where `read` gives the values of a rectangle, uint8 [h,w].

    A window around the pixel grows until the region does not reach its border, so that a small region in a
    huge mask costs little. Size is (width, height) of all there is to read.

    Raises:
        IndexError: the pixel is outside.
    """
    width, height = size
    if not (0 <= x < width and 0 <= y < height):
        raise IndexError(f"pixel {x},{y} is outside {width}x{height}")
    side = FIRST_WINDOW
    while True:
        window = Rect(x - side // 2, y - side // 2, side, side).clip(width, height)
        region = _in_window(read(window), x, y, window)
        if not _reaches_open_border(region.rect, window, width, height):
            return region
        side *= 2


def regions_of_class(mask: Mask, class_id: int) -> list[Region]:
    """All regions of one class, in scan order."""
    chosen = (mask == class_id).view(np.uint8)
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(chosen, connectivity=4)
    found = []
    for number in range(1, count):
        x, y, width, height, area = (int(value) for value in boxes[number])
        rect = Rect(x, y, width, height)
        found.append(Region(class_id, rect, np.asarray(labels[rect.slices] == number), area))
    return found


def first_pixel(region: Region) -> tuple[int, int]:
    """A pixel (x, y) of a region: the first in scan order."""
    row, column = divmod(int(region.inside.argmax()), region.rect.width)
    return region.rect.x + column, region.rect.y + row


def outline(rect: Rect, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The border of pixels (bool [h,w] of a rectangle) as straight lines, each as long as it goes on.

    Returns:
        float64 [n,4] of x0, y0, x1, y1 in image coordinates; lines lie on the edges of pixels.
    """
    padded = np.pad(inside, 1)
    rows, starts, ends = _runs(padded[1:, 1:-1] != padded[:-1, 1:-1])
    columns, tops, bottoms = _runs((padded[1:-1, 1:] != padded[1:-1, :-1]).T)
    across = np.stack([starts, rows, ends, rows], axis=1)
    down = np.stack([columns, tops, columns, bottoms], axis=1)
    return np.concatenate([across, down]).astype(np.float64) + [rect.x, rect.y] * 2


def _runs(flags: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Row, start and end of every run of True in the rows of an array."""
    steps = np.diff(np.pad(flags, ((0, 0), (1, 1))).view(np.int8), axis=1)
    rows, starts = np.nonzero(steps == 1)
    return rows, starts, np.nonzero(steps == -1)[1]


def _in_window(crop: Mask, x: int, y: int, window: Rect) -> Region:
    class_id = int(crop[y - window.y, x - window.x])
    # floodFill marks its pixels in a frame that is one pixel wider on every side.
    marks = np.zeros((window.height + 2, window.width + 2), np.uint8)
    flags = 4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8)
    seed = (x - window.x, y - window.y)
    area, _, _, box = cv2.floodFill(np.ascontiguousarray(crop), marks, seed, 0, 0, 0, flags)
    rect = Rect(box[0], box[1], box[2], box[3])
    inside = marks[rect.y + 1 : rect.bottom + 1, rect.x + 1 : rect.right + 1].astype(bool)
    return Region(
        class_id, Rect(rect.x + window.x, rect.y + window.y, rect.width, rect.height), inside, int(area)
    )


def _reaches_open_border(rect: Rect, window: Rect, width: int, height: int) -> bool:
    return (
        (rect.x == window.x and window.x > 0)
        or (rect.y == window.y and window.y > 0)
        or (rect.right == window.right and window.right < width)
        or (rect.bottom == window.bottom and window.bottom < height)
    )
