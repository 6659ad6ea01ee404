"""What a click of the region tool or a key does to a region, as one edit each, without Qt."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from segstudio.annotation import islands, shape
from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.regions import Region, region_at
from segstudio.annotation.tools import Mask, Point
from segstudio.gui.canvas.modes import ShapeOp, ToolOptions

# How edits are called in the history.
TITLES = {
    ShapeOp.FILL_HOLES: "Fill holes",
    ShapeOp.GROW: "Grow",
    ShapeOp.SHRINK: "Shrink",
    ShapeOp.SMOOTH: "Smooth",
    ShapeOp.MERGE: "Merge",
    ShapeOp.SPLIT: "Split",
}
ISLANDS = "Remove islands"

Change = Callable[[Mask, Region, ToolOptions, Protection], object]
CHANGES: dict[ShapeOp, Change] = {
    ShapeOp.FILL_HOLES: lambda mask, region, _, guard: shape.fill_holes(mask, region, protection=guard),
    ShapeOp.GROW: lambda mask, region, options, guard: shape.grow(
        mask, region, options.distance, protection=guard
    ),
    ShapeOp.SHRINK: lambda mask, region, options, guard: shape.shrink(
        mask, region, options.distance, protection=guard
    ),
    ShapeOp.SMOOTH: lambda mask, region, options, guard: shape.smooth(
        mask, region, options.radius, protection=guard
    ),
    ShapeOp.MERGE: lambda mask, region, _, guard: shape.merge(mask, region, protection=guard),
}


def reshape(
    document: MaskDocument, op: ShapeOp, options: ToolOptions, x: int, y: int, protection: Protection
) -> Edit | None:
    """Changes the region under a pixel; every operation but the split, which needs a line."""
    region = region_at(document.array, x, y)
    margin = max(options.distance, options.radius)
    return document.apply(
        TITLES[op], region.rect.grown(margin), lambda mask: CHANGES[op](mask, region, options, protection)
    )


def fill_class_holes(document: MaskDocument, class_id: int, protection: Protection) -> Edit | None:
    """Gives a class what it encloses anywhere."""
    return document.apply(
        TITLES[ShapeOp.FILL_HOLES],
        document.whole(),
        lambda mask: islands.fill_class_holes(mask, class_id, protection=protection),
    )


def remove_islands(
    document: MaskDocument, class_id: int, smaller_than: int, protection: Protection
) -> Edit | None:
    """Gives small regions of a class to their surroundings, anywhere."""
    return document.apply(
        ISLANDS,
        document.whole(),
        lambda mask: islands.remove_islands(mask, class_id, smaller_than, protection=protection),
    )


def region_along(document: MaskDocument, path: Sequence[Point]) -> Region | None:
    """The region that a drawn line is meant to part: the one in the line's middle; None outside the mask."""
    x, y = (math.floor(part) for part in middle(path))
    inside = 0 <= x < document.width and 0 <= y < document.height
    return region_at(document.array, x, y) if inside else None


def split(
    document: MaskDocument, region: Region, path: Sequence[Point], value: int, protection: Protection
) -> Edit | None:
    """Cuts a region along a line; what is cut off takes another class."""
    return document.apply(
        TITLES[ShapeOp.SPLIT],
        region.rect,
        lambda mask: shape.split(mask, region, path, value, protection=protection),
    )


def middle(path: Sequence[Point]) -> Point:
    """The point half way along a line of one or more points."""
    steps = [math.dist(start, end) for start, end in pairwise(path)]
    left = sum(steps) / 2
    for ((x0, y0), (x1, y1)), step in zip(pairwise(path), steps, strict=True):
        if step >= left > 0:
            share = left / step
            return x0 + (x1 - x0) * share, y0 + (y1 - y0) * share
        left -= step
    return path[0]
