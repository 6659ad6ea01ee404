"""What the canvas can show and which tools it has."""

from enum import Enum


class Layer(Enum):
    """What the overlay shows."""

    MASK = "mask"
    PREDICTION = "prediction"
    DIFFERENCE = "difference"
    CONFIDENCE = "confidence"


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
    FILL = "fill"
    RELABEL = "relabel"
    PICK = "pick"
    PAN = "pan"
    ACCEPT_REGION = "accept_region"
