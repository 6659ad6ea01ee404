"""What a tool of the canvas is: what it does as a button goes down, moves, comes up, and what it draws."""

from dataclasses import dataclass

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPainter

from segstudio.annotation.tools import Point
from segstudio.gui.canvas.surface import Surface

# What erasing leaves.
UNLABELLED = 255
# Widget pixels around the first corner of an outline in which a click closes it.
CLOSING_REACH = 8.0
Pixel = tuple[int, int]


@dataclass(frozen=True)
class Touch:
    """Where the pointer is, and what is held with it.

    Attributes:
        point: in image coordinates; the first pixel's centre is at (0.5, 0.5).
        pixel: column and row under it; None beside the image.
        right: whether the right button began the gesture, not the left one.
        control: whether Ctrl is down.
        shift: whether Shift is down.
        alt: whether Alt is down.
    """

    point: Point
    pixel: Pixel | None
    right: bool = False
    control: bool = False
    shift: bool = False
    alt: bool = False

    @property
    def opposite(self) -> bool:
        """Whether the tool shall do the opposite of what it does."""
        return self.right or self.control


class CanvasTool:
    """A tool on one canvas; this base does nothing, and each tool says what it does instead.

    The Pointer calls `press` for the left and the right button, `drag` while that button is down, `hover`
    while none is, and `release`. What is under way between presses, a polygon's corners say, is a draft.

    Attributes:
        edits: whether a press changes the mask; without a mask that may be edited it is then not called.
        shape: the mouse cursor's.
        has_options: whether Shift+wheel turns an option instead of the brush's size.
        space_confirms: whether a tap of Space means Enter, where nothing was panned with it.
    """

    edits = True
    shape = Qt.CursorShape.CrossCursor
    has_options = False
    space_confirms = False

    def __init__(self, canvas: Surface) -> None:
        self._canvas = canvas

    @property
    def is_held(self) -> bool:
        """Whether a button holds a gesture that changes the mask: the wheel must not zoom now."""
        return False

    @property
    def is_open(self) -> bool:
        """Whether a draft is under way."""
        return False

    def press(self, touch: Touch) -> None:
        """The left or right button went down."""

    def drag(self, touch: Touch) -> None:
        """The pointer moved with that button down."""

    def hover(self, touch: Touch) -> None:
        """The pointer moved with no button down."""

    def release(self, touch: Touch) -> None:
        """That button came up."""

    def double_click(self, touch: Touch) -> bool:
        """The left button went down twice; says whether that means something else than a second press."""
        return False

    def confirm(self, *, control: bool) -> bool:
        """Enter; says whether it was of use."""
        return False

    def back(self) -> bool:
        """Backspace; says whether it was of use."""
        return False

    def cancel(self) -> bool:
        """Esc: takes back what is under way; says whether there was anything."""
        return False

    def finish(self) -> None:
        """Ends what is under way without losing it: another tool, mask or sample comes."""

    def focus_lost(self) -> None:
        """The keyboard went elsewhere; a release may not be heard of."""

    def mask_changed(self) -> None:
        """Something else changed the mask."""

    def forget(self) -> None:
        """Another mask or image: nothing that was found in the one before holds."""

    def embedded(self) -> None:
        """What the model sees of the image came, or another model does."""

    def marks(self, cursor: Point) -> QRect:
        """Screen pixels that `paint` may touch with the cursor at an image point."""
        return QRect()

    def paint(self, painter: QPainter, cursor: Point | None, screen: QRect) -> None:
        """Draws the tool's cursor and drafts in screen pixels; `cursor` is None when it is elsewhere."""


def closing_reach(canvas: Surface) -> float:
    """Image pixels around the first corner of an outline in which a click closes it."""
    return CLOSING_REACH * canvas.devicePixelRatioF() / canvas.view.scale


def may_edit(canvas: Surface) -> bool:
    """Whether the mask can be changed now; says why not."""
    if not canvas.editable:
        canvas.status_text.emit(canvas.uneditable_reason or "This mask cannot be edited")
    elif canvas.document is None:
        canvas.status_text.emit("There is no mask to edit yet")
    else:
        return True
    return False
