"""Fences that a brush does not paint across: strong edges of the image, borders of a model's classes."""

from collections.abc import Iterable
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.wand import lab

Cover = NDArray[np.bool_]
Mask = NDArray[np.uint8]
Pixel = tuple[int, int]

TILE = 128
# Pixels around a tile that its edges depend on: the blur, the derivatives, and weak edges beside strong ones.
MARGIN = 12
BLUR = 1.0
# CIELAB per pixel: an edge begins where colours change as fast as `STRONG`, and goes on down to `WEAK`.
STRONG, WEAK = 7.0, 3.0
# Sobel's 3x3 kernels sum to 8 times the derivative.
SOBEL = 8.0
LIGHTNESS = np.rint(np.arange(256) * 100 / 255).astype(np.uint8)
# The three values of an edge map.
FREE, BESIDE, EDGE = 0, 1, 2
FILLED = 255
# 8 neighbours, numbered by direction from east clockwise (y grows downwards).
AROUND = np.array([(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)], np.int64)


class Fence(Protocol):
    """Says how far a brush reaches."""

    def reach(self, rect: Rect, cover: Cover, centres: Iterable[Pixel]) -> Cover:
        """The part of a cover (bool [h,w] of a rectangle inside the image) that its centres reach.

        Centres are columns and rows of the brush's middle on its way; those beside the rectangle reach none.
        """


class ClassFence:
    """The borders between a model's classes.

    Args:
        prediction: the model's ids, uint8 [H,W].
    """

    def __init__(self, prediction: Mask) -> None:
        self._prediction = prediction

    def reach(self, rect: Rect, cover: Cover, centres: Iterable[Pixel]) -> Cover:
        """See Fence."""
        classes = np.ascontiguousarray(self._prediction[rect.slices])
        marks = _frame(cover)
        for x, y in _within(rect, centres):
            if marks[y + 1, x + 1] == 0:
                cv2.floodFill(classes, marks, (x, y), 0, 0, 0, 4 | cv2.FLOODFILL_MASK_ONLY | FILLED << 8)
        return np.asarray(marks[1:-1, 1:-1] == FILLED)


class EdgeFence:
    """The strong edges of an image, found tile by tile where a brush comes.

    Edges are those of Canny (1986) on the CIELAB channel that changes fastest. Gaps of up to two pixels are
    closed: a brush spreads where no edge is beside it, then up to the edge. A pixel on an edge goes with
    the side whose colour is nearer to its own.

    Args:
        rgb: the image, uint8 [H,W,3].
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._rgb = rgb
        height, width = rgb.shape[:2]
        self._size = (width, height)
        # A map and, for pixels on edges, which neighbour they go with.
        self._edges = np.zeros((height, width), np.uint8)
        self._owners = np.zeros((height, width), np.uint8)
        self._found = np.zeros((-(-height // TILE), -(-width // TILE)), np.bool_)

    def reach(self, rect: Rect, cover: Cover, centres: Iterable[Pixel]) -> Cover:
        """See Fence."""
        self._find(rect)
        edges, owners = self._edges[rect.slices], self._owners[rect.slices]
        far = _Flood(cover & (edges == FREE))
        near: _Flood | None = None
        for x, y in _within(rect, centres):
            if edges[y, x] == EDGE:
                dy, dx = AROUND[owners[y, x]]
                x, y = min(max(x + int(dx), 0), rect.width - 1), min(max(y + int(dy), 0), rect.height - 1)
            if edges[y, x] == FREE:
                far.start(x, y)
            else:
                # Beside an edge there is no room to keep away from gaps.
                near = near or _Flood(cover & (edges != EDGE))
                near.start(x, y)
        reached = far.reached if near is None else far.reached | near.reached
        return _up_to_edges(reached, cover, edges, owners)

    def _find(self, rect: Rect) -> None:
        for row in range(rect.y // TILE, (rect.bottom - 1) // TILE + 1):
            for column in range(rect.x // TILE, (rect.right - 1) // TILE + 1):
                if not self._found[row, column]:
                    self._found[row, column] = True
                    self._find_tile(Rect(column * TILE, row * TILE, TILE, TILE).clip(*self._size))

    def _find_tile(self, tile: Rect) -> None:
        around = tile.grown(MARGIN).clip(*self._size)
        edges, owners = _edges_of(np.ascontiguousarray(self._rgb[around.slices]))
        inner = Rect(tile.x - around.x, tile.y - around.y, tile.width, tile.height).slices
        self._edges[tile.slices], self._owners[tile.slices] = edges[inner], owners[inner]


def _edges_of(rgb: NDArray[np.uint8]) -> tuple[Mask, Mask]:
    """The edge map of pixels uint8 [h,w,3], and the direction in which each edge pixel's own side lies."""
    colours = lab(rgb)
    # L as a number up to 100, like the other two; a finer one would only tell noise apart.
    colours[..., 0] = cv2.LUT(np.ascontiguousarray(colours[..., 0]), LIGHTNESS)
    smooth = cv2.GaussianBlur(colours, (0, 0), BLUR, borderType=cv2.BORDER_REPLICATE)
    dx, dy = _fastest(np.asarray(smooth, np.uint8))
    lines = cv2.Canny(dx, dy, WEAK * SOBEL, STRONG * SOBEL, L2gradient=True) != 0
    edges = cv2.dilate(lines.view(np.uint8), np.ones((3, 3), np.uint8))
    edges[lines] = EDGE
    owners = np.zeros(edges.shape, np.uint8)
    rows, columns = np.nonzero(lines)
    forward = np.rint(np.arctan2(dy[rows, columns], dx[rows, columns]) * 4 / np.pi).astype(np.int64) % 8
    backward = (forward + 4) % 8
    ahead, behind = (_unlike(colours, rows, columns, side) for side in (forward, backward))
    owners[rows, columns] = np.where(ahead < behind, forward, backward)
    return np.asarray(edges, np.uint8), owners


def _fastest(colours: Mask) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """The derivatives to the right and down, times 8, of the channel that changes fastest: int16 [h,w]."""
    across = cv2.split(cv2.Sobel(colours, cv2.CV_16S, 1, 0, borderType=cv2.BORDER_REPLICATE))
    down = cv2.split(cv2.Sobel(colours, cv2.CV_16S, 0, 1, borderType=cv2.BORDER_REPLICATE))
    dx, dy = across[0], down[0]
    speed = np.abs(dx) + np.abs(dy)
    for x, y in zip(across[1:], down[1:], strict=True):
        other = np.abs(x) + np.abs(y)
        faster = cv2.compare(other, speed, cv2.CMP_GT)
        for wins, over in ((x, dx), (y, dy), (other, speed)):
            cv2.copyTo(wins, faster, over)
    return np.asarray(dx, np.int16), np.asarray(dy, np.int16)


def _unlike(
    colours: Mask, rows: NDArray[np.intp], columns: NDArray[np.intp], side: NDArray[np.int64]
) -> NDArray[np.int64]:
    """[n]: how much pixels differ from those two steps away in given directions, squared."""
    y = np.clip(rows + 2 * AROUND[side, 0], 0, colours.shape[0] - 1)
    x = np.clip(columns + 2 * AROUND[side, 1], 0, colours.shape[1] - 1)
    step = colours[rows, columns].astype(np.int64) - colours[y, x]
    return np.asarray(np.square(step).sum(axis=1), np.int64)


def _up_to_edges(reached: Cover, cover: Cover, edges: Mask, owners: Mask) -> Cover:
    """Adds what lies beside edges, then the edges' pixels that go with it."""
    beside = (cover & (edges == BESIDE)).view(np.uint8)
    grown = reached.view(np.uint8)
    for _ in range(2):
        wider = cv2.dilate(grown, cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)))
        grown = np.asarray(cv2.bitwise_or(grown, cv2.bitwise_and(wider, beside)), np.uint8)
    # Looking at bytes of 0 and 1 is several times faster than numpy's search of flags.
    found = cv2.findNonZero((cover & (edges == EDGE)).view(np.uint8))
    if found is None:
        return np.asarray(grown).view(np.bool_)
    columns, rows = np.asarray(found).reshape(-1, 2).T.astype(np.intp)
    steps = AROUND[owners[rows, columns]]
    y = np.clip(rows + steps[:, 0], 0, cover.shape[0] - 1)
    x = np.clip(columns + steps[:, 1], 0, cover.shape[1] - 1)
    result = np.array(grown).view(np.bool_)
    result[rows, columns] = result[y, x]
    return result


class _Flood:
    """Spreads 4-connected over what is passable, bool [h,w]."""

    def __init__(self, passable: Cover) -> None:
        self._image = np.zeros(passable.shape, np.uint8)
        self._marks = _frame(passable)

    def start(self, x: int, y: int) -> None:
        """Spreads from a pixel."""
        if self._marks[y + 1, x + 1] == 0:
            flags = 4 | cv2.FLOODFILL_MASK_ONLY | FILLED << 8
            cv2.floodFill(self._image, self._marks, (x, y), 0, 0, 0, flags)

    @property
    def reached(self) -> Cover:
        """bool [h,w]."""
        return np.asarray(self._marks[1:-1, 1:-1] == FILLED)


def _frame(passable: Cover) -> Mask:
    """What cv2.floodFill takes for walls: 1 in a frame around the array and where nothing may be reached."""
    marks = np.ones((passable.shape[0] + 2, passable.shape[1] + 2), np.uint8)
    marks[1:-1, 1:-1] = ~passable
    return marks


def _within(rect: Rect, centres: Iterable[Pixel]) -> Iterable[Pixel]:
    """The centres inside a rectangle, from its corner."""
    for x, y in centres:
        if rect.x <= x < rect.right and rect.y <= y < rect.bottom:
            yield x - rect.x, y - rect.y
