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
    RESTORE = "restore"
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
    KEEP = "keep"


class Snap(Enum):
    """What a brush does not paint across."""

    NOTHING = "nothing"
    EDGES = "edges"
    MODEL = "model"


class Source(Enum):
    """Where pixels are restored from."""

    PREDICTION = "prediction"
    SAVED = "saved"
    VERSION = "version"


@dataclass(frozen=True)
class ToolOptions:
    """What tools go by.

    Attributes:
        op: what the region tool does.
        distance: how far a region grows or shrinks, in pixels.
        radius: of the disc whose majority smooths a border, in pixels.
        island: regions with fewer pixels than this are islands.
        tolerance: how far colours may differ for the wand, in CIELAB.
        within_view: whether the wand stays in the part of the image that is on screen.
        connected: whether the wand takes only what hangs together with the pressed pixel.
        smoothing: radius of the disc whose majority smooths what the wand takes, 0 not at all.
        square: whether the brush is square, not round.
        on_screen: whether the brush keeps its size on screen, not in the image.
        snap: what a brush does not paint across.
        erase_to: what the eraser leaves: a class, 255 for unlabelled, or what a source says.
        restore_from: what the restore brush paints.
        cell: side of a superpixel, in pixels.
    """

    op: ShapeOp = ShapeOp.GROW
    distance: int = 1
    radius: int = 2
    island: int = 64
    tolerance: int = 12
    within_view: bool = False
    connected: bool = True
    smoothing: int = 0
    square: bool = False
    on_screen: bool = False
    snap: Snap = Snap.NOTHING
    erase_to: int | Source = 255
    restore_from: Source = Source.PREDICTION
    cell: int = 24
