"""Intelligent scissors: the path along edges from a knot to the cursor."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.tools import Point

# Half the side of the window in which paths are searched, in pixels of it: its map takes about 15 ms.
REACH = 128
# Farther from the knot paths are searched in smaller pictures, down to a sixteenth.
LEVELS = (1, 2, 4, 8, 16)
# Pixels around the farthest point, for paths that go round something.
MARGIN = 16
# Of a few settings these came nearest to the borders of CamVid's masks.
CANNY = (20, 60)
STEEPEST = 100.0


class Scissors:
    """Paths from one knot, found with OpenCV's intelligent scissors (Mortensen and Barrett, 1995).

    A window around the knot is mapped once for each scale; a path in it then takes well under a millisecond.
    Of points so far away that even the smallest picture does not hold them, the path goes to the nearest
    point of the window and on in a straight line.

    Args:
        rgb: the image, uint8 [H,W,3].
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._rgb = rgb
        self._knot: Point = (0.0, 0.0)
        self._maps: dict[int, _Map] = {}

    def start(self, knot: Point) -> None:
        """Searches from another point from now on, in image coordinates."""
        self._knot = knot
        self._maps.clear()

    def path(self, target: Point) -> list[Point]:
        """The points from the knot, not with it, to the target and with it; in image coordinates.

        Both may lie outside the image; what is outside is reached in a straight line.
        """
        height, width = self._rgb.shape[:2]
        pixel = _pixel(target, width, height)
        level = self._level(pixel)
        if level not in self._maps:
            self._maps[level] = _Map(self._rgb, _pixel(self._knot, width, height), level)
        return [*self._maps[level].path(pixel), target]

    def _level(self, pixel: tuple[int, int]) -> int:
        """How many times smaller the picture is in which the path is searched."""
        height, width = self._rgb.shape[:2]
        knot = _pixel(self._knot, width, height)
        away = max(abs(pixel[0] - knot[0]), abs(pixel[1] - knot[1]))
        return next((level for level in LEVELS if away <= (REACH - MARGIN) * level), LEVELS[-1])


class _Map:
    """The cheapest ways from a pixel to all of a window around it, in a picture `level` times smaller."""

    def __init__(self, rgb: NDArray[np.uint8], knot: tuple[int, int], level: int) -> None:
        height, width = rgb.shape[:2]
        reach = REACH * level
        self._level = level
        self._rect = Rect(knot[0] - reach, knot[1] - reach, 2 * reach + 1, 2 * reach + 1).clip(width, height)
        window = np.ascontiguousarray(rgb[self._rect.slices])
        size = (-(-self._rect.width // level), -(-self._rect.height // level))
        if level > 1:
            window = np.asarray(cv2.resize(window, size, interpolation=cv2.INTER_AREA), np.uint8)
        self._scale = (self._rect.width / size[0], self._rect.height / size[1])
        self._size = size
        self._found = cv2.segmentation.IntelligentScissorsMB()
        self._found.setEdgeFeatureCannyParameters(*CANNY)
        self._found.setGradientMagnitudeMaxLimit(STEEPEST)
        # Red and blue change places here: edges stay where they are.
        self._found.applyImage(window)
        self._found.buildMap(self._inner(knot))

    def _inner(self, pixel: tuple[int, int]) -> tuple[int, int]:
        """The pixel of the window that holds a pixel of the image, or the nearest one."""
        x = math.floor((pixel[0] - self._rect.x) / self._scale[0])
        y = math.floor((pixel[1] - self._rect.y) / self._scale[1])
        return min(max(x, 0), self._size[0] - 1), min(max(y, 0), self._size[1] - 1)

    def path(self, pixel: tuple[int, int]) -> list[Point]:
        """The middles of the window's pixels on the way at which it turns, without the first one."""
        steps = self._found.getContour(self._inner(pixel)).reshape(-1, 2)[1:]
        moves = np.diff(steps, axis=0)
        is_turn = np.ones(len(steps), bool)
        is_turn[1:-1] = (moves[1:] != moves[:-1]).any(axis=1)
        places = (steps[is_turn] + 0.5) * self._scale + (self._rect.x, self._rect.y)
        return [(float(x), float(y)) for x, y in places]


class Outline:
    """An outline that grows knot by knot; what lies between two knots follows edges or is straight.

    Args:
        rgb: the image, uint8 [H,W,3].
    """

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self._scissors = Scissors(rgb)
        self._parts: list[list[Point]] = []

    @property
    def knots(self) -> list[Point]:
        """Where the user clicked; empty before the first click."""
        return [part[-1] for part in self._parts]

    @property
    def points(self) -> list[Point]:
        """All points of the outline so far, the knots among them."""
        return [point for part in self._parts for point in part]

    def preview(self, target: Point, *, straight: bool = False) -> list[Point]:
        """What a knot there would add; empty before the first one."""
        if not self._parts:
            return []
        return [target] if straight else self._scissors.path(target)

    def add(self, knot: Point, *, straight: bool = False) -> None:
        """Fixes the way to a knot and goes on from there."""
        self._parts.append(self.preview(knot, straight=straight) or [knot])
        self._scissors.start(knot)

    def remove_last(self) -> None:
        """Takes the last knot and the way to it back."""
        if self._parts:
            self._parts.pop()
        if self._parts:
            self._scissors.start(self._parts[-1][-1])

    def closed(self, *, straight: bool = False) -> list[Point]:
        """The whole outline with the way back to its first knot; the outline itself does not change."""
        if len(self._parts) < 2:
            return self.points
        return [*self.points, *self.preview(self._parts[0][-1], straight=straight)[:-1]]

    def closes_at(self, point: Point, reach: float) -> bool:
        """Whether a click there is on the first knot, within `reach` image pixels, and closes the outline."""
        knots = self.knots
        return len(knots) > 1 and math.dist(point, knots[0]) <= reach


def _pixel(point: Point, width: int, height: int) -> tuple[int, int]:
    """The pixel under a point, or the nearest one inside."""
    return min(max(math.floor(point[0]), 0), width - 1), min(max(math.floor(point[1]), 0), height - 1)
