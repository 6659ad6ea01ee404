"""Superpixels of an image of any size, found tile by tile where somebody looks."""

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.slic import Check, go_on, slic

SMALLEST_CELL, LARGEST_CELL = 8, 64
# A tile is that long, rounded to whole cells: it takes about 50 ms.
TILE = 512
# Of half a megabyte each.
TILES_KEPT = 48
Tile = tuple[int, int]
Numbers = NDArray[np.uint16]


class Superpixels:
    """The cells of one image: every pixel belongs to exactly one, and each is 4-connected.

    Tiles are parted on their own, so the cells of a pixel never depend on where one looked before; at the
    edge of a tile, as at the edge of the image, cells end in a straight line.

    Args:
        rgb: the image, uint8 [H,W,3]; it must not change.
        side: of a cell in pixels, SMALLEST_CELL to LARGEST_CELL.
    """

    def __init__(self, rgb: NDArray[np.uint8], side: int) -> None:
        self._rgb = rgb
        self.side = min(max(side, SMALLEST_CELL), LARGEST_CELL)
        self._step = round(TILE / self.side) * self.side
        self._tiles: OrderedDict[Tile, Numbers] = OrderedDict()

    def tile_at(self, x: int, y: int) -> Tile:
        """Column and row of the tile that holds a pixel.

        Raises:
            IndexError: the pixel is outside the image.
        """
        height, width = self._rgb.shape[:2]
        if not (0 <= x < width and 0 <= y < height):
            raise IndexError(f"pixel {x},{y} is outside {width}x{height}")
        return x // self._step, y // self._step

    def knows(self, tile: Tile) -> bool:
        """Whether the cells of a tile are at hand, so that `cell_at` takes no time there."""
        return tile in self._tiles

    def find(self, tile: Tile, check: Check = go_on) -> Numbers:
        """The numbers of a tile's cells, uint16 [h,w], to be kept; other threads may look for them too."""
        height, width = self._rgb.shape[:2]
        rect = Rect(tile[0] * self._step, tile[1] * self._step, self._step, self._step).clip(width, height)
        return slic(self._rgb[rect.slices], self.side, check)

    def keep(self, tile: Tile, numbers: Numbers) -> None:
        """Keeps what `find` gave for a tile."""
        self._tiles[tile] = numbers
        self._tiles.move_to_end(tile)
        while len(self._tiles) > TILES_KEPT:
            self._tiles.popitem(last=False)

    def cell_at(self, x: int, y: int, classes: NDArray[np.uint8] | None = None) -> Region:
        """The cell that holds a pixel; its tile is found now if it is not at hand.

        Args:
            x: column of the pixel.
            y: its row.
            classes: uint8 [H,W]: where its values change the cell ends too, such as at the border of a
                predicted class; the parts of a cell are cells of their own then.

        Returns:
            The cell as a region; its `class_id` is the value of `classes` there, without them 0.

        Raises:
            IndexError: the pixel is outside the image.
        """
        tile = self.tile_at(x, y)
        if tile not in self._tiles:
            self.keep(tile, self.find(tile))
        self._tiles.move_to_end(tile)
        numbers = self._tiles[tile]
        left, top = tile[0] * self._step, tile[1] * self._step
        inside = (numbers == numbers[y - top, x - left]).view(np.uint8)
        box = Rect(*cv2.boundingRect(inside))
        rect = Rect(box.x + left, box.y + top, box.width, box.height)
        cell = inside[box.slices].astype(np.bool_)
        if classes is None:
            return Region(0, rect, cell, int(np.count_nonzero(cell)))
        return _part_of(cell, rect, classes[rect.slices], x, y)


def _part_of(cell: NDArray[np.bool_], rect: Rect, classes: NDArray[np.uint8], x: int, y: int) -> Region:
    """The 4-connected part of a cell, bool [h,w] of rect, where classes [h,w] are as at a pixel of it."""
    value = int(classes[y - rect.y, x - rect.x])
    alike = (cell & (classes == value)).view(np.uint8)
    _, parts, facts, _ = cv2.connectedComponentsWithStats(alike, connectivity=4)
    number = int(parts[y - rect.y, x - rect.x])
    left, top, width, height, area = (int(fact) for fact in facts[number])
    box = Rect(left, top, width, height)
    inside = np.asarray(parts[box.slices] == number)
    return Region(value, Rect(rect.x + left, rect.y + top, width, height), inside, area)
