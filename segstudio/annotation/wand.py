"""The magic wand: the pixels whose colour is like that of a clicked one, connected with it or anywhere."""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, region_around

# Rows that are compared at a time: the differences of a whole large image would take its memory fourfold.
BAND = 256
# CIELAB is found in squares of this side.
TILE = 256
# Squares of differences are 32-bit floats; one that is equal to the tolerance must not be lost by rounding.
SLACK = 1 + 1e-6
# L is stored as L * 255 / 100.
WEIGHTS = np.array([[(100 / 255) ** 2, 1, 1]], np.float32)
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Reach:
    """How far the wand looks.

    Attributes:
        within: the part of the image that it may take.
        connected: whether only what is 4-connected with the clicked pixel counts.
        smoothing: radius of the disc whose majority smooths the border, in pixels; 0 not at all.
        most: pixels that may be looked at; None for any number.
    """

    within: Rect
    connected: bool = True
    smoothing: int = 0
    most: int | None = None


class TooLargeError(Exception):
    """What is looked for takes more pixels than may be looked at."""


class Colours:
    """The CIELAB colours of an image, found where they are read and then kept.

    Colours differ by their Euclidean distance in CIELAB (CIE 1976, D65, sRGB): 2 can just be seen, 100 lies
    between black and white. Channels have 8 bits, so it is exact to about 1.5. For one thread only.

    Args:
        rgb: the image, uint8 [H,W,3].
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.rgb = rgb
        height, width = rgb.shape[:2]
        self.whole = Rect(0, 0, width, height)
        self._lab = np.empty((height, width, 3), np.uint8)
        self._found = np.zeros((-(-height // TILE), -(-width // TILE)), np.bool_)

    def of(self, rect: Rect) -> NDArray[np.uint8]:
        """The colours of a rectangle inside the image as `lab` gives them."""
        for tile in _missing(rect, self._found, self.whole):
            self._lab[tile.slices] = lab(self.rgb[tile.slices])
        return self._lab[rect.slices]

    def at(self, x: int, y: int) -> Colour:
        """One pixel's.

        Raises:
            IndexError: it is outside the image.
        """
        if not (0 <= x < self.whole.width and 0 <= y < self.whole.height):
            raise IndexError(f"pixel {x},{y} is outside {self.whole.width}x{self.whole.height}")
        lightness, red, blue = self.of(Rect(x, y, 1, 1))[0, 0].tolist()
        return lightness, red, blue

    def like(self, x: int, y: int, tolerance: float, reach: Reach) -> Region:
        """The pixels whose colour differs from a pixel's by at most a tolerance.

        Args:
            x: column of the clicked pixel, inside `reach.within`.
            y: its row.
            tolerance: 0 or more.
            reach: where, and whether connected.

        Returns:
            The pixels as a region; its `class_id` says nothing. With smoothing it may be empty.

        Raises:
            IndexError: the pixel is outside the image.
            TooLargeError: more than `reach.most` pixels had to be looked at.
        """
        wanted, within = self.at(x, y), reach.within
        if not reach.connected:
            _check(within, reach.most)
            inside = alike(self.of(within), wanted, tolerance).view(np.bool_)
            found = Region(0, within, inside, int(np.count_nonzero(inside)))
        else:
            found = self._connected(x, y, tolerance, reach)
        return smoothed(found, reach.smoothing, within) if reach.smoothing else found

    def _connected(self, x: int, y: int, tolerance: float, reach: Reach) -> Region:
        wanted, within = self.at(x, y), reach.within
        near = np.empty((within.height, within.width), np.uint8)
        compared = np.zeros((-(-within.height // TILE), -(-within.width // TILE)), np.bool_)

        def read(window: Rect) -> NDArray[np.uint8]:
            _check(window, reach.most)
            for tile in _missing(window, compared, within.moved(-within.x, -within.y)):
                near[tile.slices] = alike(self.of(tile.moved(within.x, within.y)), wanted, tolerance)
            return near[window.slices]

        size = (within.width, within.height)
        found = region_around(read, size, x - within.x, y - within.y)
        return Region(0, found.rect.moved(within.x, within.y), found.inside, found.area)


def _check(rect: Rect, most: int | None) -> None:
    if most is not None and rect.width * rect.height > most:
        raise TooLargeError


def _missing(rect: Rect, found: NDArray[np.bool_], whole: Rect) -> Iterator[Rect]:
    """The tiles under a rectangle that were not found yet, bool [rows,columns]; they are then."""
    for row in range(rect.y // TILE, (rect.bottom - 1) // TILE + 1):
        for column in range(rect.x // TILE, (rect.right - 1) // TILE + 1):
            if not found[row, column]:
                found[row, column] = True
                yield Rect(column * TILE, row * TILE, TILE, TILE).clip(whole.width, whole.height)


def like_region(rgb: NDArray[np.uint8], x: int, y: int, tolerance: float) -> Region:
    """The connected pixels of a whole image uint8 [H,W,3] that are like one of them; see `Colours.like`."""
    colours = Colours(rgb)
    return colours.like(x, y, tolerance, Reach(colours.whole))


def lab(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """CIELAB of sRGB pixels uint8 [h,w,3]: uint8 [h,w,3], L * 255 / 100, a + 128 and b + 128."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB), np.uint8)


def alike(colours: NDArray[np.uint8], wanted: Colour, tolerance: float) -> NDArray[np.uint8]:
    """1 where colours uint8 [h,w,3], as `lab` gives them, are near the wanted one, else 0: uint8 [h,w]."""
    near = np.empty(colours.shape[:2], np.uint8)
    # OpenCV takes four numbers for one colour.
    colour = np.array([*wanted, 0], np.float64)
    for top in range(0, len(near), BAND):
        apart = cv2.absdiff(np.ascontiguousarray(colours[top : top + BAND]), colour)
        squares = cv2.transform(cv2.multiply(apart, apart, dtype=cv2.CV_32F), WEIGHTS)
        near[top : top + BAND] = squares <= tolerance**2 * SLACK
    return near


def smoothed(region: Region, radius: int, within: Rect) -> Region:
    """A region with its border rounded: each pixel follows the majority of the disc around it.

    What is outside `within` stays outside; its own border counts as going on beyond it.
    """
    rect = region.rect.grown(radius).intersection(within)
    inside = np.zeros((rect.height, rect.width), np.float32)
    left, top = region.rect.x - rect.x, region.rect.y - rect.y
    inside[top : top + region.rect.height, left : left + region.rect.width] = region.inside
    side = np.arange(-radius, radius + 1)
    disc = (side[:, None] ** 2 + side**2 <= radius * radius).astype(np.float32)
    votes = cv2.filter2D(inside, -1, disc, borderType=cv2.BORDER_REPLICATE)
    kept = votes > float(disc.sum()) / 2
    return Region(region.class_id, rect, np.asarray(kept), int(np.count_nonzero(kept)))
