"""The image at screen resolution: sampled once a view, moved when the view moves by whole pixels."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from segstudio.annotation.rect import Rect
from segstudio.gui.canvas.adjust import NEUTRAL, Adjustment, LocalContrast, tone_table
from segstudio.gui.canvas.view import View

# From this scale on pixels are squares; below it they are interpolated, but for 100 %.
NEAREST_FROM = 2.0
SMALLEST_LEVEL = 64
Pixels = NDArray[np.uint8]


class BaseImage:
    """An RGB image with its reduced copies (made when first needed), sampled into buffers of a screen's size.

    The pixels are those of the array that was given: nothing of the image's size is copied.
    """

    def __init__(self, rgb: Pixels) -> None:
        self.height, self.width = rgb.shape[:2]
        self._levels: dict[int, Pixels] = {0: np.ascontiguousarray(rgb)}
        self._contrast = LocalContrast()

    @property
    def rgb(self) -> Pixels:
        """The pixels as they were given, uint8 [H,W,3]; not to be written to."""
        return self._levels[0]

    def _level(self, scale: float) -> tuple[int, float]:
        """The number of the smallest reduced copy that still has the detail of a scale, and its own scale."""
        number = 0
        while 0.5 ** (number + 1) >= scale and min(self.width, self.height) >> number > SMALLEST_LEVEL:
            number += 1
        if number not in self._levels:
            # At once from what there is: copies in between would cost time and memory and show nowhere.
            largest = self._levels[max(level for level in self._levels if level < number)]
            size = (max(1, self.width >> number), max(1, self.height >> number))
            reduced = cv2.resize(largest, size, interpolation=cv2.INTER_AREA)
            self._levels[number] = np.asarray(reduced, np.uint8)
        return number, self._levels[number].shape[1] / self.width

    def _part(self, number: int, box: Rect, adjustment: Adjustment) -> Pixels:
        """RGB of a box of a reduced copy, with local contrast if it is wanted."""
        level = self._levels[number]
        if adjustment.local:
            return self._contrast.crop(level, number, box, adjustment.local)
        return level[box.slices]

    def sample(
        self, view: View, x: int, y: int, target: Pixels, adjustment: Adjustment = NEUTRAL
    ) -> tuple[slice, slice]:
        """Draws the image into `target`, uint8 [h,w,4] in Qt's RGB32, whose corner is at screen (x, y).

        Returns the rows and columns of the target that the image covers; the others are left as they are.
        """
        height, width = target.shape[:2]
        columns, first_column = view.columns(x, x + width, self.width)
        rows, first_row = view.rows(y, y + height, self.height)
        covered = (
            slice(first_row - y, first_row - y + rows.size),
            slice(first_column - x, first_column - x + columns.size),
        )
        if not columns.size or not rows.size:
            return slice(0, 0), slice(0, 0)
        if view.scale >= NEAREST_FROM or view.scale == 1.0:
            found = self._nearest(rows, columns, adjustment)
        else:
            found = self._smooth(view, (first_column, first_row), (columns.size, rows.size), adjustment)
        if adjustment.changes_tones:
            found = np.asarray(cv2.LUT(found, tone_table(adjustment)), np.uint8)
        target[covered] = found
        return covered

    def _nearest(self, rows: NDArray[np.intp], columns: NDArray[np.intp], adjustment: Adjustment) -> Pixels:
        x, y = int(columns[0]), int(rows[0])
        box = Rect(x, y, int(columns[-1]) + 1 - x, int(rows[-1]) + 1 - y)
        part = np.asarray(cv2.cvtColor(self._part(0, box, adjustment), cv2.COLOR_RGB2BGRA), np.uint8)
        if box.width == columns.size and box.height == rows.size:
            return part
        packed = np.take(part.view(np.uint32)[..., 0], columns - x, axis=1)
        return packed[rows - y].view(np.uint8).reshape(rows.size, columns.size, 4)

    def _smooth(
        self, view: View, first: tuple[int, int], size: tuple[int, int], adjustment: Adjustment
    ) -> Pixels:
        """Interpolated pixels of the screen rectangle at `first` (column, row), uint8 [h,w,4]."""
        number, reduced = self._level(view.scale)
        ratio = reduced / view.scale
        x = (first[0] + 0.5 - view.left) * ratio - 0.5
        y = (first[1] + 0.5 - view.top) * ratio - 0.5
        # Two pixels more on every side: interpolation looks at neighbours.
        left, top = math.floor(x) - 2, math.floor(y) - 2
        right, bottom = math.ceil(x + size[0] * ratio) + 2, math.ceil(y + size[1] * ratio) + 2
        level = self._levels[number]
        box = Rect(left, top, right - left, bottom - top).clip(level.shape[1], level.shape[0])
        matrix = np.array([[ratio, 0.0, x - box.x], [0.0, ratio, y - box.y]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        # OpenCV interpolates four channels four times as fast as three.
        part = cv2.cvtColor(self._part(number, box, adjustment), cv2.COLOR_RGB2BGRA)
        warped = cv2.warpAffine(part, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        return np.asarray(warped, np.uint8)


class ScreenBuffer:
    """The drawn base image of a whole widget; scrolled instead of redrawn where that is possible."""

    def __init__(self) -> None:
        self.pixels = np.zeros((0, 0, 4), np.uint8)
        self._view: View | None = None
        self._surround = (0, 0, 0)
        self._image: BaseImage | None = None
        self._adjustment = NEUTRAL

    def forget(self) -> None:
        """Draws everything anew next time."""
        self._view = None

    def show(
        self,
        image: BaseImage,
        view: View,
        size: tuple[int, int],
        surround: tuple[int, int, int],
        adjustment: Adjustment = NEUTRAL,
    ) -> QImage:
        """A widget's whole base at a view, as an image that shares this buffer's memory.

        Size is the widget's (width, height) in screen pixels.
        """
        width, height = size
        same = image is self._image and surround == self._surround and adjustment == self._adjustment
        if self.pixels.shape[:2] != (height, width):
            self.pixels = np.empty((height, width, 4), np.uint8)
            same = False
        self._image, self._surround, self._adjustment = image, surround, adjustment
        if not same or self._view is None:
            self._draw(view, 0, 0, width, height)
        elif view != self._view:
            self._move(self._view, view, width, height)
        self._view = view
        return QImage(self.pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)

    def _draw(self, view: View, x: int, y: int, width: int, height: int) -> None:
        assert self._image is not None
        part = self.pixels[y : y + height, x : x + width]
        rows, columns = self._image.sample(view, x, y, part, self._adjustment)
        red, green, blue = self._surround
        # One number a pixel: filling four channels apart takes five times as long.
        whole = part.view(np.uint32)[..., 0]
        grey = np.uint32(0xFF << 24 | red << 16 | green << 8 | blue)
        whole[: rows.start], whole[rows.stop :] = grey, grey
        whole[rows, : columns.start], whole[rows, columns.stop :] = grey, grey

    def _move(self, old: View, view: View, width: int, height: int) -> None:
        dx, dy = view.left - old.left, view.top - old.top
        if view.scale != old.scale or abs(dx) >= width or abs(dy) >= height:
            self._draw(view, 0, 0, width, height)
            return
        kept_x, kept_y = (max(dx, 0), width + min(dx, 0)), (max(dy, 0), height + min(dy, 0))
        moved = self.pixels[
            kept_y[0] - dy : kept_y[1] - dy, kept_x[0] - dx : kept_x[1] - dx
        ].copy()  # fmt: skip
        self.pixels[kept_y[0] : kept_y[1], kept_x[0] : kept_x[1]] = moved
        if dx:
            left = 0 if dx > 0 else width + dx
            self._draw(view, left, 0, abs(dx), height)
        if dy:
            top = 0 if dy > 0 else height + dy
            self._draw(view, 0, top, width, abs(dy))
