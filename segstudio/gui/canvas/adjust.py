"""How the image is shown to the eye alone: a table of tones, and local contrast on tiles of the image."""

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect

# Pixels a side of the squares whose histograms local contrast evens out.
TILE = 256
# The clip limit of CLAHE at full strength.
STRONGEST_CLIP = 4.0
Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Adjustment:
    """What is done to the image on screen; files, masks and models never see it.

    Attributes:
        brightness: -100 to 100, added to every tone; 100 is half of the range.
        contrast: -100 to 100, steepness about the middle tone; -100 is flat grey, 100 is five times as steep.
        gamma: 20 to 300 percent; above 100 dark tones become lighter.
        local: 0 to 100 percent of the strongest local contrast; 0 is off.
    """

    brightness: int = 0
    contrast: int = 0
    gamma: int = 100
    local: int = 0

    @property
    def is_neutral(self) -> bool:
        """Whether the image is shown as it is."""
        return self == NEUTRAL

    @property
    def changes_tones(self) -> bool:
        """Whether the table of tones is of any effect."""
        return (self.brightness, self.contrast, self.gamma) != (0, 0, 100)


NEUTRAL = Adjustment()


@lru_cache(maxsize=4)
def tone_table(adjustment: Adjustment) -> Pixels:
    """uint8 [256]: the tone shown for every tone; gamma first, then contrast, then brightness."""
    tones = (np.arange(256) / 255.0) ** (100.0 / adjustment.gamma)
    share = adjustment.contrast / 100.0
    steepness = 1.0 + share if share <= 0 else 1.0 + 4.0 * share
    tones = (tones - 0.5) * steepness + 0.5 + adjustment.brightness / 200.0
    return np.rint(np.clip(tones, 0.0, 1.0) * 255.0).astype(np.uint8)


class LocalContrast:
    """CLAHE (Zuiderveld, Graphics Gems IV, 1994) on the luminance of what is visible.

    The tiles are those of the whole reduced copy of the image: what is computed for a part of it is what the
    whole would give there, so that nothing shimmers while the view moves. The last part is kept.
    """

    def __init__(self) -> None:
        self._key: tuple[int, int] | None = None
        self._window = Rect(0, 0, 0, 0)
        self._pixels: Pixels = np.zeros((0, 0, 3), np.uint8)

    def crop(self, level: Pixels, number: int, box: Rect, strength: int) -> Pixels:
        """RGB uint8 [h,w,3] of a box of a reduced copy, the copy's number telling it from others."""
        window = _on_tiles(box, level.shape[1], level.shape[0])
        kept = self._key == (number, strength) and self._window.intersection(window) == window
        if not kept:
            self._pixels = _evened(level, window, strength)
            self._key, self._window = (number, strength), window
        x, y = box.x - self._window.x, box.y - self._window.y
        return self._pixels[y : y + box.height, x : x + box.width]


def _on_tiles(box: Rect, width: int, height: int) -> Rect:
    """The box grown to whole tiles, within an image."""
    x, y = box.x // TILE * TILE, box.y // TILE * TILE
    right, bottom = -(-box.right // TILE) * TILE, -(-box.bottom // TILE) * TILE
    return Rect(x, y, right - x, bottom - y).clip(width, height)


def _evened(level: Pixels, window: Rect, strength: int) -> Pixels:
    """The window's pixels; a tile more on every side is looked at, since tones are blended between tiles."""
    around = window.grown(TILE).clip(level.shape[1], level.shape[0])
    lightness = cv2.cvtColor(level[around.slices], cv2.COLOR_RGB2YCrCb)
    columns, rows = -(-around.width // TILE), -(-around.height // TILE)
    missing = rows * TILE - around.height, columns * TILE - around.width
    padded = cv2.copyMakeBorder(lightness[..., 0], 0, missing[0], 0, missing[1], cv2.BORDER_REFLECT_101)
    clip = STRONGEST_CLIP * strength / 100.0
    even = cv2.createCLAHE(clip, (columns, rows)).apply(padded)
    lightness[..., 0] = even[: around.height, : around.width]
    x, y = window.x - around.x, window.y - around.y
    part = np.ascontiguousarray(lightness[y : y + window.height, x : x + window.width])
    return np.asarray(cv2.cvtColor(part, cv2.COLOR_YCrCb2RGB), np.uint8)
