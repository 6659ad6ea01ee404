"""SLIC superpixels of one small picture: cells of like colour and like size, each in one piece."""

from collections.abc import Callable
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.wand import lab

Floats = NDArray[np.float32]
Cells = NDArray[np.uint16]
# Asked between rounds; ends the work by what it raises.
Check = Callable[[], object]
# A pixel chooses among the cells of its own square and of the eight around it.
AROUND = tuple(product((-1, 0, 1), repeat=2))
ROUNDS = 4
# How far apart in CIELAB counts as much as one side of a cell; 10 is usual (Achanta et al., 2012).
COMPACTNESS = 10.0
# Column, row and colour of a pixel, and a 1 that counts it.
VALUES = 6
FAR = 1e9


def go_on() -> None:
    """A check that never ends the work."""


def slic(rgb: NDArray[np.uint8], side: int, check: Check = go_on) -> Cells:
    """Parts a picture into cells that follow its edges.

    Simple linear iterative clustering (Achanta et al., 2012) from a grid of squares. Every pixel keeps to the
    nine cells that began around it, in whose squares all sums run as products of small matrices. What is cut
    off from its cell goes to the neighbour that it shares most pixel edges with.

    Args:
        rgb: uint8 [H,W,3], of at most 65536 squares.
        side: of a cell in pixels, 2 or more.
        check: asked between rounds whether to go on.

    Returns:
        uint16 [H,W]: numbers from 0; the pixels of one number are 4-connected.
    """
    height, width = rgb.shape[:2]
    rows, columns = -(-height // side), -(-width // side)
    squares = _squares(rgb, rows, columns, side)
    centres: Floats = squares.mean(axis=2).reshape(rows, columns, VALUES)
    for _ in range(ROUNDS - 1):
        check()
        centres = _moved(squares, _nearest(squares, centres), centres)
    check()
    steps = np.array([down * columns + right for down, right in AROUND], np.int32)
    numbers = np.arange(rows * columns, dtype=np.int32)[:, None] + steps[_nearest(squares, centres)]
    whole = numbers.reshape(rows, columns, side, side).swapaxes(1, 2).reshape(rows * side, columns * side)
    return _in_one_piece(np.ascontiguousarray(whole[:height, :width]))


def _squares(rgb: NDArray[np.uint8], rows: int, columns: int, side: int) -> Floats:
    """float32 [rows*columns, VALUES, side*side]: the pixels of every square; its edge fills the last ones."""
    height, width = rows * side, columns * side
    down, right = height - rgb.shape[0], width - rgb.shape[1]
    colours = cv2.copyMakeBorder(lab(rgb), 0, down, 0, right, cv2.BORDER_REPLICATE)
    values = np.empty((VALUES, height, width), np.float32)
    values[:3] = colours.transpose(2, 0, 1)
    values[0] *= np.float32(100 / 255)
    share = np.float32(COMPACTNESS / side)
    values[3] = np.arange(width, dtype=np.float32) * share
    values[4] = (np.arange(height, dtype=np.float32) * share)[:, None]
    values[5] = 1
    apart = values.reshape(VALUES, rows, side, columns, side).transpose(1, 3, 0, 2, 4)
    return np.ascontiguousarray(apart).reshape(rows * columns, VALUES, side * side)


def _nearest(squares: Floats, centres: Floats) -> NDArray[np.uint8]:
    """uint8 [squares, pixels]: which of AROUND each pixel belongs to."""
    rows, columns = centres.shape[:2]
    # |p - c|² without |p|², which is the same for all nine; beyond the picture nothing is near.
    terms = np.zeros((rows + 2, columns + 2, VALUES), np.float32)
    terms[..., -1] = FAR
    terms[1:-1, 1:-1, :-1] = -2 * centres[..., :-1]
    terms[1:-1, 1:-1, -1] = np.square(centres[..., :-1]).sum(axis=2)
    nine = [terms[1 + y : rows + 1 + y, 1 + x : columns + 1 + x] for y, x in AROUND]
    distances = np.stack(nine, axis=2).reshape(rows * columns, len(AROUND), VALUES) @ squares
    least, chosen = distances[:, 0].copy(), np.zeros(distances[:, 0].shape, np.uint8)
    # Nine passes take a third of the time of argmin here.
    for number in range(1, len(AROUND)):
        np.copyto(chosen, np.uint8(number), where=distances[:, number] < least)
        np.minimum(least, distances[:, number], out=least)
    return chosen


def _moved(squares: Floats, chosen: NDArray[np.uint8], centres: Floats) -> Floats:
    """The means of the pixels that chose each cell; one that nobody chose stays."""
    rows, columns = centres.shape[:2]
    belongs = chosen[:, None] == np.arange(len(AROUND), dtype=np.uint8)[:, None]
    parts = (belongs.astype(np.float32) @ squares.transpose(0, 2, 1)).reshape(rows, columns, -1, VALUES)
    sums = np.zeros((rows + 2, columns + 2, VALUES), np.float32)
    for number, (y, x) in enumerate(AROUND):
        sums[1 + y : rows + 1 + y, 1 + x : columns + 1 + x] += parts[:, :, number]
    sums = sums[1:-1, 1:-1]
    count = sums[..., -1:]
    return np.where(count > 0, sums / np.maximum(count, 1), centres)


def _in_one_piece(numbers: NDArray[np.int32]) -> Cells:
    """Keeps the largest piece of every number and gives the others to neighbours; numbers anew from 0."""
    pieces, count = _pieces(numbers)
    areas = np.bincount(pieces.ravel(), minlength=count)
    owners = np.empty(count, np.int32)
    owners[pieces.ravel()] = numbers.ravel()
    order = np.lexsort((areas, owners))
    is_last = np.append(np.diff(owners[order]) != 0, True)
    kept = np.zeros(count, bool)
    kept[order[is_last]] = True
    takers = np.where(kept, np.cumsum(kept) - 1, -1)
    _hand_over(pieces, takers)
    return takers.astype(np.uint16)[pieces]


def _pieces(numbers: NDArray[np.int32]) -> tuple[NDArray[np.int32], int]:
    """The 4-connected pieces of equal numbers, int32 [H,W] from 0, and how many there are."""
    height, width = numbers.shape
    # Between neighbours of one number lies a passage: OpenCV finds the components of but one value.
    paths = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    paths[::2, ::2] = 1
    paths[1::2, ::2] = numbers[1:] == numbers[:-1]
    paths[::2, 1::2] = numbers[:, 1:] == numbers[:, :-1]
    count, found = cv2.connectedComponents(paths, connectivity=4, ltype=cv2.CV_32S)
    return np.asarray(found[::2, ::2] - 1, np.int32), count - 1


def _hand_over(pieces: NDArray[np.int32], takers: NDArray[np.int64]) -> None:
    """Gives every piece without a taker (-1) that of its longest border, in rounds from the outside in."""
    beside = [(pieces[:, 1:], pieces[:, :-1]), (pieces[1:], pieces[:-1])]
    first = np.concatenate([one.ravel() for one, _ in beside])
    second = np.concatenate([other.ravel() for _, other in beside])
    open_ends = (first != second) & ((takers[first] < 0) | (takers[second] < 0))
    first, second = first[open_ends], second[open_ends]
    first, second = np.concatenate([first, second]), np.concatenate([second, first])
    while bool((takers < 0).any()):
        ready = (takers[first] < 0) & (takers[second] >= 0)
        keys = first[ready].astype(np.int64) << 16 | takers[second[ready]]
        found, edges = np.unique(keys, return_counts=True)
        order = np.argsort(edges, kind="stable")
        # The last entry of a piece is its longest border.
        takers[found[order] >> 16] = found[order] & 0xFFFF
