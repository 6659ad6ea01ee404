"""The one table of tool options that are chosen from short lists."""

from dataclasses import dataclass
from enum import Enum

from segstudio.gui.canvas.modes import Snap, Source, ToolName

Value = bool | int | Enum
UNLABELLED = 255


@dataclass(frozen=True)
class Choice:
    """One list: the field of ToolOptions that it sets, how it is called, and its entries.

    Attributes:
        entries: values and how they read; the text says what is chosen, without a caption beside it.
        classes: starts the text of further entries, one for each class of the palette; "" for none.
    """

    field: str
    name: str
    tip: str
    entries: tuple[tuple[Value, str], ...]
    classes: str = ""


SHAPE = Choice("square", "Shape", "The brush's shape", ((False, "Round"), (True, "Square")))
SIZE = Choice(
    "on_screen",
    "Size",
    "Whether the brush keeps its size in the image or on screen as you zoom",
    ((False, "Image size"), (True, "Screen size")),
)
SNAP = Choice(
    "snap",
    "Snap",
    "What the brush does not paint across",
    (
        (Snap.NOTHING, "No snap"),
        (Snap.EDGES, "Snap to edges"),
        (Snap.MODEL, "Snap to model"),
    ),
)
ERASE_TO = Choice(
    "erase_to",
    "Erase to",
    "What the eraser leaves behind",
    (
        (UNLABELLED, "Erase to unlabelled"),
        (Source.PREDICTION, "Erase to prediction"),
        (Source.SAVED, "Erase to last saved"),
        (Source.VERSION, "Erase to chosen version"),
    ),
    classes="Erase to",
)
RESTORE_FROM = Choice(
    "restore_from",
    "Restore",
    "What the restore brush paints back",
    (
        (Source.PREDICTION, "From prediction"),
        (Source.SAVED, "From last saved"),
        (Source.VERSION, "From chosen version"),
    ),
)
WHERE = Choice(
    "within_view",
    "Where",
    "How far the wand looks",
    ((False, "Whole image"), (True, "View only")),
)
CONNECTED = Choice(
    "connected",
    "Which",
    "Whether pixels must hang together with the one you click",
    ((True, "Connected"), (False, "All alike")),
)
CHOICES = (ERASE_TO, RESTORE_FROM, SHAPE, SIZE, SNAP, WHERE, CONNECTED)
CHOICES_OF_TOOL: dict[ToolName, tuple[Choice, ...]] = {
    ToolName.BRUSH: (SHAPE, SIZE, SNAP),
    ToolName.ERASER: (ERASE_TO, SHAPE, SIZE, SNAP),
    ToolName.RESTORE: (RESTORE_FROM, SHAPE, SIZE, SNAP),
    ToolName.WAND: (WHERE, CONNECTED),
}


def stored(value: Value) -> int | str:
    """How a value is remembered from one start to the next."""
    return str(value.value) if isinstance(value, Enum) else int(value)
