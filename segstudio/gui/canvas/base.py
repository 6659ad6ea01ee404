"""The image at screen resolution: sampled once a view, moved when the view moves by whole pixels."""

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from segstudio.gui.canvas.view import View

# Above this scale pixels are squares; below it they are interpolated.
NEAREST_FROM = 2.0
SMALLEST_LEVEL = 64


class BaseImage:
    """An RGB image with its reduced copies (made when first needed), drawn into a screen-size buffer."""

    def __init__(self, rgb: NDArray[np.uint8]) -> None:
        self.height, self.width = rgb.shape[:2]
        packed = np.empty((self.height, self.width, 4), np.uint8)
        # Qt's RGB32 in memory order on little-endian machines.
        packed[:, :, 0], packed[:, :, 1], packed[:, :, 2] = rgb[:, :, 2], rgb[:, :, 1], rgb[:, :, 0]
        packed[:, :, 3] = 255
        self._levels = [packed]

    @property
    def rgb(self) -> NDArray[np.uint8]:
        """The pixels as they were given, uint8 [H,W,3]; a view that must not be written to."""
        return self._levels[0][:, :, 2::-1]

    def _level(self, scale: float) -> tuple[NDArray[np.uint8], float]:
        """The smallest reduced copy that still has the detail of a scale, and its own scale."""
        number, reduced = 0, 1.0
        while reduced * 0.5 >= scale and min(self._levels[number].shape[:2]) > SMALLEST_LEVEL:
            if number + 1 == len(self._levels):
                current = self._levels[number]
                size = (max(1, current.shape[1] // 2), max(1, current.shape[0] // 2))
                self._levels.append(
                    np.asarray(cv2.resize(current, size, interpolation=cv2.INTER_AREA), np.uint8)
                )
            number += 1
            reduced *= 0.5
        level = self._levels[number]
        return level, level.shape[1] / self.width

    def sample(self, view: View, x: int, y: int, width: int, height: int, target: NDArray[np.uint8]) -> None:
        """Draws the image into `target`, uint8 [height,width,4], the screen rectangle at (x, y)."""
        columns, first_column = view.columns(x, x + width, self.width)
        rows, first_row = view.rows(y, y + height, self.height)
        if not columns.size or not rows.size:
            return
        place = target[
            first_row - y : first_row - y + rows.size, first_column - x : first_column - x + columns.size
        ]
        if view.scale >= NEAREST_FROM or view.scale == 1.0:
            source = self._levels[0].view(np.uint32)[:, :, 0]
            place.view(np.uint32)[:, :, 0] = np.take(source[rows], columns, axis=1)
            return
        level, reduced = self._level(view.scale)
        ratio = reduced / view.scale
        matrix = np.array(
            [
                [ratio, 0.0, (first_column + 0.5 - view.left) * ratio - 0.5],
                [0.0, ratio, (first_row + 0.5 - view.top) * ratio - 0.5],
            ]
        )
        place[:] = cv2.warpAffine(
            level,
            matrix,
            (columns.size, rows.size),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )


class ScreenBuffer:
    """The drawn base image of the whole widget; scrolled instead of redrawn where that is possible."""

    def __init__(self) -> None:
        self.pixels = np.zeros((0, 0, 4), np.uint8)
        self._view: View | None = None
        self._surround = (0, 0, 0)
        self._image: BaseImage | None = None

    def forget(self) -> None:
        """Draws everything anew next time."""
        self._view = None

    def show(
        self, image: BaseImage, view: View, width: int, height: int, surround: tuple[int, int, int]
    ) -> QImage:
        """The widget's whole base at a view, as an image that shares this buffer's memory."""
        key_changed = image is not self._image or surround != self._surround
        if self.pixels.shape[:2] != (height, width) or key_changed or self._view is None:
            self._image, self._surround = image, surround
            self.pixels = np.empty((height, width, 4), np.uint8)
            self._draw(view, 0, 0, width, height)
        elif view != self._view:
            self._move(view, width, height)
        self._view = view
        return QImage(self.pixels.data, width, height, width * 4, QImage.Format.Format_RGB32)

    def _draw(self, view: View, x: int, y: int, width: int, height: int) -> None:
        assert self._image is not None
        part = np.empty((height, width, 4), np.uint8)
        part[:] = (*self._surround[::-1], 255)
        self._image.sample(view, x, y, width, height, part)
        self.pixels[y : y + height, x : x + width] = part

    def _move(self, view: View, width: int, height: int) -> None:
        assert self._view is not None
        dx, dy = view.left - self._view.left, view.top - self._view.top
        if view.scale != self._view.scale or abs(dx) >= width or abs(dy) >= height:
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
