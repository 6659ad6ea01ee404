"""A stroke from point to point painted at once, as the brush paints the pieces of its way."""

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.tip import Tip
from segstudio.annotation.tools import Point, put_values, stroke_bounds


def paint_stroke(
    mask: NDArray[np.uint8],
    start: Point,
    end: Point,
    radius: float,
    value: int,
    *,
    protection: Protection = OPEN,
) -> Rect:
    """Paints a round brush that is moved in a straight line; returns what may have changed."""
    rect = stroke_bounds(start, end, radius).clip(mask.shape[1], mask.shape[0])
    if not rect.is_empty:
        put_values(mask, rect, Tip(radius).cover(rect, start, end), value, protection)
    return rect
