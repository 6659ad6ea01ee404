"""What the canvas can show and which tools it has."""

from dataclasses import dataclass
from enum import Enum


class Layer(Enum):
    """What the overlay shows."""

    MASK = "mask"
    PREDICTION = "prediction"
    DIFFERENCE = "difference"
    CONFIDENCE = "confidence"
    VERSION = "version"
    IMAGE = "image"


class OutlineMode(Enum):
    """How regions are drawn."""

    FILL = "fill"
    OUTLINE = "outline"
    BOTH = "both"


class ToolName(Enum):
    """What the left button does."""

    BRUSH = "brush"
    ERASER = "eraser"
    POLYGON = "polygon"
    LASSO = "lasso"
    EXTEND = "extend"
    FILL = "fill"
    RELABEL = "relabel"
    WAND = "wand"
    SHAPE = "shape"
    PICK = "pick"
    PAN = "pan"
    ACCEPT_REGION = "accept_region"
    SUPERPIXEL = "superpixel"
    SCISSORS = "scissors"
    SEGMENT = "segment"


class ShapeOp(Enum):
    """What the region tool does to the region that is clicked."""

    FILL_HOLES = "fill_holes"
    GROW = "grow"
    SHRINK = "shrink"
    SMOOTH = "smooth"
    MERGE = "merge"
    SPLIT = "split"


@dataclass(frozen=True)
class ToolOptions:
    """What tools without a brush go by.

    Attributes:
        op: what the region tool does.
        distance: how far a region grows or shrinks, in pixels.
        radius: of the disc whose majority smooths a border, in pixels.
        island: regions with fewer pixels than this are islands.
        tolerance: how far colours may differ for the wand, in CIELAB.
        cell: side of a superpixel, in pixels.
    """

    op: ShapeOp = ShapeOp.GROW
    distance: int = 1
    radius: int = 2
    island: int = 64
    tolerance: int = 12
    cell: int = 24
