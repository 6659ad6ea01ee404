"""The view: which image pixel lies under which screen pixel; plain numbers, no Qt."""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

SMALLEST_SCALE = 0.02
LARGEST_SCALE = 64.0


@dataclass(frozen=True)
class View:
    """Screen pixels an image pixel, and the screen position of the image's top left corner.

    Screen means device pixels, so that everything is sharp at any display scale. The corner is kept at whole
    pixels: panning then moves pixels that were drawn already.
    """

    scale: float = 1.0
    left: int = 0
    top: int = 0

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Image coordinates of a screen point; the first pixel's centre is at (0.5, 0.5)."""
        return (x - self.left) / self.scale, (y - self.top) / self.scale

    def to_screen(self, x: float, y: float) -> tuple[float, float]:
        """Screen coordinates of an image point."""
        return x * self.scale + self.left, y * self.scale + self.top

    def zoomed(self, scale: float, x: float, y: float) -> "View":
        """The view at another scale in which the image point under screen point (x, y) stays there."""
        scale = min(max(scale, SMALLEST_SCALE), LARGEST_SCALE)
        image_x, image_y = self.to_image(x, y)
        return View(scale, round(x - image_x * scale), round(y - image_y * scale))

    def moved(self, dx: int, dy: int) -> "View":
        """The view moved by whole screen pixels."""
        return replace(self, left=self.left + dx, top=self.top + dy)

    def columns(self, first: int, last: int, width: int) -> tuple[NDArray[np.intp], int]:
        """For screen columns first..last-1 the image columns under their centres, and the first column shown.

        Columns beside the image are left out: the second value is where the first array entry belongs.
        """
        return _pixels(first, last, self.left, self.scale, width)

    def rows(self, first: int, last: int, height: int) -> tuple[NDArray[np.intp], int]:
        """The same for rows."""
        return _pixels(first, last, self.top, self.scale, height)


def _pixels(first: int, last: int, origin: int, scale: float, size: int) -> tuple[NDArray[np.intp], int]:
    # Only where the image can be, and a little more: rounding decides at its ends.
    first = max(first, origin - 1)
    last = min(last, origin + math.ceil(size * scale) + 1)
    if last <= first:
        return np.zeros(0, np.intp), first
    positions = np.floor((np.arange(first, last) + 0.5 - origin) / scale).astype(np.intp)
    begin, end = np.searchsorted(positions, (0, size)).tolist()
    return positions[begin:end], first + begin


def fitted(image: tuple[int, int], screen: tuple[int, int], margin: int = 16) -> View:
    """The view that shows a whole image (width, height) in the middle of a screen area, at most at 800 %."""
    width, height = max(screen[0] - 2 * margin, 16), max(screen[1] - 2 * margin, 16)
    scale = min(width / image[0], height / image[1])
    scale = min(max(scale, SMALLEST_SCALE), 8.0)
    return centred(image, screen, scale)


def fitted_width(image: tuple[int, int], screen: tuple[int, int], margin: int = 16) -> View:
    """The view in which the image fills the width; it begins at the top when it is taller than the screen."""
    scale = min(max((screen[0] - 2 * margin) / image[0], SMALLEST_SCALE), LARGEST_SCALE)
    view = centred(image, screen, scale)
    return replace(view, top=max(view.top, margin) if view.top >= margin else margin)


def centred(image: tuple[int, int], screen: tuple[int, int], scale: float) -> View:
    """The view at a scale with the image in the middle."""
    left = round((screen[0] - image[0] * scale) / 2)
    top = round((screen[1] - image[1] * scale) / 2)
    return View(scale, left, top)
