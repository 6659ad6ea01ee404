"""What a click of the region tool or a key does to a region or class, as one edit each, without Qt."""

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

from segstudio.annotation import islands, shape
from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.regions import Region, region_at
from segstudio.annotation.tools import Mask, Point
from segstudio.gui.canvas.changes import MaskChange
from segstudio.gui.canvas.modes import ShapeOp, ToolOptions
from segstudio.jobs import JobContext

# How edits are called in the history.
TITLES = {
    ShapeOp.FILL_HOLES: "Fill holes",
    ShapeOp.GROW: "Grow",
    ShapeOp.SHRINK: "Shrink",
    ShapeOp.SMOOTH: "Smooth",
    ShapeOp.MERGE: "Merge",
    ShapeOp.SPLIT: "Split",
    ShapeOp.KEEP: "Keep region",
}
CLASS_TITLES = {
    ShapeOp.FILL_HOLES: "Fill holes",
    ShapeOp.GROW: "Grow class",
    ShapeOp.SHRINK: "Shrink class",
    ShapeOp.SMOOTH: "Smooth class",
    ShapeOp.MERGE: "Remove islands",
    ShapeOp.KEEP: "Keep largest",
}

Change = Callable[[Mask, Region, ToolOptions, Protection, JobContext], object]
CHANGES: dict[ShapeOp, Change] = {
    ShapeOp.FILL_HOLES: lambda mask, region, _, guard, __: shape.fill_holes(mask, region, protection=guard),
    ShapeOp.GROW: lambda mask, region, options, guard, _: shape.grow(
        mask, region, options.distance, protection=guard
    ),
    ShapeOp.SHRINK: lambda mask, region, options, guard, context: shape.shrink(
        mask, region, options.distance, protection=guard, tell=teller(context)
    ),
    ShapeOp.SMOOTH: lambda mask, region, options, guard, context: shape.smooth(
        mask, region, options.radius, protection=guard, tell=teller(context)
    ),
    ShapeOp.MERGE: lambda mask, region, _, guard, __: shape.merge(mask, region, protection=guard),
}


def teller(context: JobContext) -> shape.Tell:
    """Tells a Job how much is done, and ends the work if it shall stop."""

    def tell(share: float) -> None:
        context.check()
        context.progress(share, 1)

    return tell


def reshape(
    document: MaskDocument, op: ShapeOp, options: ToolOptions, x: int, y: int, protection: Protection
) -> MaskChange:
    """Changes the region under a pixel; every operation but the split, which needs a line."""
    if op is ShapeOp.KEEP:
        return MaskChange(
            document,
            TITLES[op],
            document.whole(),
            lambda mask, _: islands.keep_region(mask, x, y, protection=protection),
            nothing_text(TITLES[op], protection),
        )
    region = region_at(document.array, x, y)
    return MaskChange(
        document,
        TITLES[op],
        region.rect.grown(max(options.distance, options.radius)),
        lambda mask, context: CHANGES[op](mask, region, options, protection, context),
        nothing_text(TITLES[op], protection),
    )


def reshape_class(
    document: MaskDocument, op: ShapeOp, options: ToolOptions, class_id: int, protection: Protection
) -> MaskChange:
    """Changes a class in the whole image.

    Its borders move as those of a region do; its holes are filled, its islands merged, its largest region
    kept.
    """

    def make(mask: Mask, context: JobContext) -> None:
        if op is ShapeOp.FILL_HOLES:
            islands.fill_class_holes(mask, class_id, protection=protection)
        elif op is ShapeOp.MERGE:
            islands.remove_islands(mask, class_id, options.island, protection=protection)
        elif op is ShapeOp.KEEP:
            islands.keep_largest(mask, class_id, protection=protection)
        else:
            inside = mask == class_id
            whole = Region(class_id, document.whole(), inside, int(inside.sum()))
            CHANGES[op](mask, whole, options, protection, context)

    title = CLASS_TITLES[op]
    says = f"Islands below {options.island} px" if op is ShapeOp.MERGE else title
    return MaskChange(document, title, document.whole(), make, nothing_text(says, protection))


def nothing_text(title: str, protection: Protection) -> str:
    """What to say when a change came to nothing."""
    kept = "; locked classes stay" if protection.locked else ""
    if protection.only is not None or protection.where:
        kept += "; the paint filter is on"
    return f"{title}: nothing to change{kept}"


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
