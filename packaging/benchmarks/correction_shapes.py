"""The shapes that a hand draws over a set of pixels: strokes along its middle and outlines around it."""

from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.tools import Point

Cover = NDArray[np.bool_]
Line = tuple[Point, ...]
Cell = tuple[int, int]
# A stroke is drawn where the brush reaches at most this far beyond what it may paint, as a share of its radius.
INSIDE = 0.8
# How closely a stroke follows the middle, as a share of its radius.
LOOSE = 0.25
LEAST_CORNERS = 3


def thinned(cover: Cover) -> Cover:
    """The middle line of pixels bool [h,w], one pixel wide (Zhang and Suen, CACM 27(3), 1984)."""
    image = np.pad(cover, 1).astype(np.uint8)
    while True:
        before = int(np.count_nonzero(image))
        for first in (True, False):
            image[1:-1, 1:-1][_removable(image, first=first)] = 0
        if int(np.count_nonzero(image)) == before:
            return image[1:-1, 1:-1].astype(bool)


def _removable(image: NDArray[np.uint8], *, first: bool) -> Cover:
    """Which inner pixels of a padded image one half of a round takes away."""
    up, right, down, left = image[:-2, 1:-1], image[1:-1, 2:], image[2:, 1:-1], image[1:-1, :-2]
    ring = (up, image[:-2, 2:], right, image[2:, 2:], down, image[2:, :-2], left, image[:-2, :-2])
    count = np.zeros(up.shape, np.uint8)
    rises = np.zeros(up.shape, np.uint8)
    for here, after in zip(ring, (*ring[1:], ring[0]), strict=True):
        count += here
        rises += after & (1 - here)
    corner = (right & down & (up | left)) if first else (up & left & (right | down))
    chosen: Cover = (image[1:-1, 1:-1] == 1) & (count >= 2) & (count <= 6) & (rises == 1) & (corner == 0)
    return chosen


def strokes(cover: Cover, free: Cover, radius: float, middle: Cover) -> Iterator[Line]:
    """Strokes with a brush over the pixels of `cover`, in the coordinates of these arrays.

    Args:
        cover: bool [h,w], the pixels to paint.
        free: bool [h,w], what paint does not harm.
        radius: the brush's, in pixels.
        middle: `thinned(cover)`.

    Yields:
        The longest way along the middle, and a way that goes through all its branches without lifting.
    """
    room = cv2.distanceTransform(np.pad(free, 1, mode="edge").astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    way = middle & (room >= INSIDE * radius)
    if not way.any():
        # No place is wide enough: one dab where there is most room.
        row, column = np.unravel_index(int(np.argmax(np.where(cover, room, -1))), cover.shape)
        yield (_point((int(row), int(column))),)
        return
    _, parts, boxes, _ = cv2.connectedComponentsWithStats(way.astype(np.uint8), connectivity=8)
    longest = 1 + int(np.argmax(boxes[1:, cv2.CC_STAT_AREA]))
    cells = {(int(row), int(column)) for row, column in np.argwhere(parts == longest)}
    start = _farthest(cells, min(cells))[-1]
    spine = _farthest(cells, start)
    yield _loose(spine, radius)
    whole = walk(cells, start, radius)
    if len(whole) > len(spine):
        yield _loose(whole, radius)


def _farthest(cells: set[Cell], start: Cell) -> list[Cell]:
    """The way from a cell to the one that is most steps away."""
    parents, last = _spread(cells, start)
    way = [last]
    while way[-1] != start:
        way.append(parents[way[-1]])
    return way[::-1]


def _spread(cells: set[Cell], start: Cell) -> tuple[dict[Cell, Cell], Cell]:
    """Each cell's neighbour towards the start, in the order of their distance, and the last cell."""
    parents = {start: start}
    queue, last = deque([start]), start
    while queue:
        last = queue.popleft()
        for near in _around(last):
            if near in cells and near not in parents:
                parents[near] = last
                queue.append(near)
    return parents, last


def _around(cell: Cell) -> list[Cell]:
    row, column = cell
    return [
        (row - 1, column), (row, column - 1), (row, column + 1), (row + 1, column),
        (row - 1, column - 1), (row - 1, column + 1), (row + 1, column - 1), (row + 1, column + 1),
    ]  # fmt: skip


def walk(cells: set[Cell], start: Cell, radius: float) -> list[Cell]:
    """A way through all cells and back along the branches; branches shorter than the radius are left out."""
    parents, _ = _spread(cells, start)
    height = dict.fromkeys(parents, 0)
    children: dict[Cell, list[Cell]] = {cell: [] for cell in parents}
    for cell in reversed(list(parents)):
        parent = parents[cell]
        if parent != cell:
            height[parent] = max(height[parent], height[cell] + 1)
            children[parent].append(cell)
    for branches in children.values():
        # The deepest comes last, so that the way ends there and need not come back.
        branches.sort(key=lambda cell: height[cell])
        branches[:-1] = [cell for cell in branches[:-1] if height[cell] >= radius]
    way, stack = [], [(start, iter(children[start]))]
    way.append(start)
    end = 0
    while stack:
        cell, rest = stack[-1]
        following = next(rest, None)
        if following is not None:
            way.append(following)
            stack.append((following, iter(children[following])))
            continue
        if not children[cell]:
            end = len(way)
        stack.pop()
        if stack:
            way.append(stack[-1][0])
    return way[:end]


def _loose(cells: list[Cell], radius: float) -> Line:
    """The way with few corners, as a hand moves."""
    curve = np.array([(column, row) for row, column in cells], np.int32)[:, None]
    corners = cv2.approxPolyDP(curve, max(0.7, LOOSE * radius), closed=False)[:, 0]
    return tuple((float(x) + 0.5, float(y) + 0.5) for x, y in corners)


def _point(cell: Cell) -> Point:
    return cell[1] + 0.5, cell[0] + 0.5


def outline(cover: Cover, tolerance: float, *, hull: bool = False) -> Line | None:
    """The largest outer border of pixels bool [h,w] as a polygon, moved by at most `tolerance`; None if flat.

    The corners lie half a pixel around the outermost centres, so that the pixels of the border belong to it.
    """
    fine = np.repeat(np.repeat(cover, 2, 0), 2, 1).astype(np.uint8)
    curves, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    curve = max(curves, key=cv2.contourArea)
    if hull:
        curve = cv2.convexHull(curve)
    corners = cv2.approxPolyDP(curve, 2 * tolerance, closed=True)[:, 0]
    if len(corners) < LEAST_CORNERS:
        return None
    return tuple(((float(x) + 0.5) / 2, (float(y) + 0.5) / 2) for x, y in corners)


def length(line: Line, *, closed: bool = False) -> float:
    """Pixels along a line of points."""
    points = np.array((*line, line[0]) if closed else line)
    return float(np.hypot(*np.diff(points, axis=0).T).sum())
