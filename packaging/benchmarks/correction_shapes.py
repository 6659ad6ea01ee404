"""The shapes that a hand draws over a set of pixels: strokes along its middle and outlines around it."""

import math
from collections import deque
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.tools import Point

Cover = NDArray[np.bool_]
Room = NDArray[np.float32]
Line = tuple[Point, ...]
Cell = tuple[int, int]
# A stroke goes where at least this share of the brush's radius is free.
INSIDE = 0.8
# How closely a stroke follows the middle, as a share of its radius.
LOOSE = 0.25
# How far apart the rings are that fill an area, as a share of the radius; 2 would leave gaps at corners.
RING = 1.6
LEAST_CORNERS = 3


def thinned(cover: Cover) -> Cover:
    """The middle line of pixels bool [h,w], one pixel wide (Zhang and Suen, CACM 27(3), 1984).

    Small squares would vanish; of each such part the pixel that comes first stays.
    """
    image = np.pad(cover, 1).astype(np.uint8)
    while True:
        before = int(np.count_nonzero(image))
        for first in (True, False):
            image[1:-1, 1:-1][_removable(image, first=first)] = 0
        if int(np.count_nonzero(image)) == before:
            return image[1:-1, 1:-1].astype(bool) | _lost(cover, image[1:-1, 1:-1])


def _lost(cover: Cover, thin: NDArray[np.uint8]) -> Cover:
    """One pixel of each 8-connected part of which nothing is left."""
    _, parts = cv2.connectedComponents(cover.astype(np.uint8), connectivity=8)
    numbers, first = np.unique(parts, return_index=True)
    gone = (numbers != 0) & ~np.isin(numbers, parts[thin == 1])
    kept = np.zeros(cover.size, bool)
    kept[first[gone]] = True
    return kept.reshape(cover.shape)


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


def strokes(middle: Cover, room: Room, radius: float) -> Iterator[Line]:
    """Strokes with a brush along a middle line, in the coordinates of these arrays.

    Args:
        middle: bool [h,w], `thinned` pixels that are to be painted.
        room: float [h,w], pixels from each place to where paint would harm.
        radius: the brush's, in pixels.

    Yields:
        The longest way along the middle, and a way that goes through all its branches without lifting.
    """
    way = middle & (room >= INSIDE * radius)
    if not way.any():
        # No place is wide enough: one dab where there is most room.
        row, column = np.unravel_index(int(np.argmax(np.where(middle, room, -1))), middle.shape)
        yield ((float(column) + 0.5, float(row) + 0.5),)
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


def scrub(cover: Cover, radius: float) -> Line | None:
    """One stroke along the inner border of pixels bool [h,w] and on, ring by ring, to the middle."""
    room = room_in(cover, outside_is_free=False)
    _, parts, _, _ = cv2.connectedComponentsWithStats((room >= INSIDE * radius).astype(np.uint8))
    if not parts.any():
        return None
    room[parts != 1 + int(np.argmax(np.bincount(parts.ravel())[1:]))] = 0
    line: list[Point] = []
    depth = INSIDE * radius
    while (ring := room >= depth).any():
        rings, _ = cv2.findContours(ring.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
        for curve in rings:
            corners = cv2.approxPolyDP(curve, max(0.7, LOOSE * radius), closed=True)[:, 0]
            points = [(float(x) + 0.5, float(y) + 0.5) for x, y in corners]
            nearest = min(range(len(points)), key=lambda n: math.dist(points[n], line[-1])) if line else 0
            line += [*points[nearest:], *points[: nearest + 1]]
        depth += RING * radius
    return tuple(line)


def room_in(free: Cover, *, outside_is_free: bool) -> Room:
    """float [h,w]: from each pixel of bool [h,w] the distance to the nearest one that is not free."""
    padded = np.pad(free, 1, mode="edge") if outside_is_free else np.pad(free, 1)
    room = cv2.distanceTransform(padded.astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    return np.ascontiguousarray(room, np.float32)


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


def outline(cover: Cover, tolerance: float, *, hull: bool = False) -> Line:
    """The largest outer border of pixels bool [h,w] as a polygon, moved by at most `tolerance`.

    The corners lie within the outermost pixels, beyond their centres, so that these pixels belong to it. What
    would be flat becomes its box.
    """
    fine = np.repeat(np.repeat(cover, 2, 0), 2, 1).astype(np.uint8)
    curves, _ = cv2.findContours(fine, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    curve = max(curves, key=cv2.contourArea)
    drawn = cv2.approxPolyDP(cv2.convexHull(curve) if hull else curve, 2 * tolerance, closed=True)[:, 0]
    corners = [(float(x), float(y)) for x, y in drawn]
    if len(corners) < LEAST_CORNERS:
        left, top, width, height = cv2.boundingRect(curve)
        right, bottom = left + width - 1.0, top + height - 1.0
        corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return tuple(((x + 0.5) / 2, (y + 0.5) / 2) for x, y in corners)


def length(line: Line, *, closed: bool = False) -> float:
    """Pixels along a line of points."""
    points = np.array((*line, line[0]) if closed else line)
    return float(np.hypot(*np.diff(points, axis=0).T).sum())
