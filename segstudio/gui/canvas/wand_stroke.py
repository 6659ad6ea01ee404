"""The wand that is held down, and what it would take under the cursor, without Qt."""

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.tools import Mask, Point, paint_region
from segstudio.annotation.wand import Colours, Reach, TooLargeError
from segstudio.gui.canvas.changes import MaskChange
from segstudio.jobs import JobContext

LARGEST_TOLERANCE = 100
# Pixels that a preview looks at: that many take a few milliseconds, for each move of the mouse.
PREVIEW_PIXELS = 400_000


@dataclass
class WandStroke:
    """A wand that is held down: paints what is like the pressed pixel, with a tolerance that a drag changes.

    What is too large to be painted live is left to `deferred`, once the button is up.

    Attributes:
        pixel: the pressed pixel's column and row.
        tolerance: in CIELAB, for a click without a drag.
        per_pixel: what each image pixel of a drag to the right adds to it, and one to the left takes away.
    """

    document: MaskDocument
    colours: Colours
    reach: Reach
    pixel: tuple[int, int]
    tolerance: int
    per_pixel: float
    value: int
    protection: Protection
    start: Point
    title: str
    _used: int = field(default=-1, init=False)
    _too_large: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        """Begins the stroke in the document."""
        self.document.begin(self.title)

    def move(self, point: Point) -> Rect:
        """Paints anew when the tolerance differs at this point; returns what may have changed."""
        wanted = self.tolerance + int((point[0] - self.start[0]) * self.per_pixel)
        wanted = min(max(wanted, 0), LARGEST_TOLERANCE)
        if wanted == self._used:
            return EMPTY
        self._used = wanted
        before = self.document.abort()
        self.document.begin(self.title)
        self._too_large = False
        try:
            region = self.colours.like(*self.pixel, wanted, self.reach)
        except TooLargeError:
            self._too_large = True
            return before
        self.document.touch(region.rect)
        paint_region(self.document.array, region, self.value, protection=self.protection)
        return before.union(region.rect)

    def finish(self) -> Edit | None:
        """Ends it; returns the edit, or None when no pixel changed."""
        return self.document.commit()

    def cancel(self) -> Rect:
        """Takes it back; returns what changed."""
        return self.document.abort()

    def deferred(self) -> MaskChange | None:
        """After the end: the change that was too large for this thread, or None."""
        if not self._too_large:
            return None
        reach = replace(self.reach, most=None)

        def make(mask: Mask, _: JobContext) -> None:
            # Colours are found as they are read, and the window's thread reads them too.
            region = Colours(self.colours.rgb).like(*self.pixel, self._used, reach)
            paint_region(mask, region, self.value, protection=self.protection)

        nothing = f"{self.title}: nothing to change"
        return MaskChange(self.document, self.title, self.reach.within, make, nothing)


@dataclass(frozen=True)
class Preview:
    """What a click would take.

    Attributes:
        rect: of the image, in which it lies.
        step: image pixels a pixel of `cover` in both directions.
        cover: bool [h,w].
    """

    rect: Rect
    step: int
    cover: NDArray[np.bool_]


def preview(
    rgb: NDArray[np.uint8], colours: Colours, pixel: tuple[int, int], tolerance: int, reach: Reach
) -> Preview:
    """What the wand would take in the part of the image that `reach` names.

    A large part is looked at in steps of several pixels, which cross the pixel that is pointed at: then it
    is not exact, and small gaps may be missed.
    """
    within = reach.within
    step = max(1, math.ceil(math.sqrt(within.width * within.height / PREVIEW_PIXELS)))
    if step == 1:
        region = colours.like(*pixel, tolerance, reach)
        return Preview(region.rect, 1, region.inside)
    left, top = within.x + (pixel[0] - within.x) % step, within.y + (pixel[1] - within.y) % step
    coarse = Colours(rgb[top : within.bottom : step, left : within.right : step])
    smoothing = round(reach.smoothing / step)
    region = coarse.like(
        (pixel[0] - left) // step,
        (pixel[1] - top) // step,
        tolerance,
        Reach(coarse.whole, reach.connected, smoothing),
    )
    x, y = left + region.rect.x * step - step // 2, top + region.rect.y * step - step // 2
    rect = Rect(x, y, region.rect.width * step, region.rect.height * step)
    return Preview(rect, step, region.inside)
