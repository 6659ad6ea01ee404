"""The magic wand: the connected pixels whose colour is like that of a clicked one."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region, region_around

# Rows that are compared at a time: the differences of a whole large image would take its memory fourfold.
BAND = 256


def like_region(rgb: NDArray[np.uint8], x: int, y: int, tolerance: float) -> Region:
    """The 4-connected pixels around a pixel whose colour differs from its by at most a tolerance.

    The difference is the Euclidean distance in CIELAB (CIE 1976, D65, sRGB): 2 can just be seen, 100 lies
    between black and white. Colours are taken in 8 bits a channel, so it is exact to about 1.5.

    Args:
        rgb: the image, uint8 [H,W,3].
        x: column of the clicked pixel.
        y: its row.
        tolerance: 0 or more.

    Returns:
        The pixels as a region; its `class_id` says nothing.

    Raises:
        IndexError: the pixel is outside the image.
    """
    height, width = rgb.shape[:2]
    if not (0 <= x < width and 0 <= y < height):
        raise IndexError(f"pixel {x},{y} is outside {width}x{height}")
    squares = _squares(lab(rgb[y : y + 1, x : x + 1])[0, 0])
    return region_around(lambda window: _alike(rgb, window, squares, tolerance), (width, height), x, y)


def lab(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """CIELAB of sRGB pixels uint8 [h,w,3]: uint8 [h,w,3], L * 255 / 100, a + 128 and b + 128."""
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(rgb), cv2.COLOR_RGB2LAB), np.uint8)


def _squares(wanted: NDArray[np.uint8]) -> NDArray[np.float32]:
    """float32 [1,256,3]: the squared difference of every stored value from the wanted colour's, in CIELAB."""
    scale = np.array([100 / 255, 1, 1])
    squares: NDArray[np.float64] = np.square((np.arange(256)[:, None] - wanted.astype(np.float64)) * scale)
    return squares[None].astype(np.float32)


def _alike(
    rgb: NDArray[np.uint8], window: Rect, squares: NDArray[np.float32], tolerance: float
) -> NDArray[np.uint8]:
    """1 where a window's colours are near the wanted one, else 0: uint8 [h,w]."""
    crop = rgb[window.slices]
    alike = np.empty(crop.shape[:2], np.uint8)
    for top in range(0, window.height, BAND):
        parts = cv2.LUT(lab(crop[top : top + BAND]), squares)
        alike[top : top + BAND] = cv2.transform(parts, np.ones((1, 3), np.float32)) <= tolerance**2
    return alike
