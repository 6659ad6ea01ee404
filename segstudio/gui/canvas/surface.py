"""What a Pointer needs of the widget that it works on: its content, its choices, and ways to repaint."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, Qt, SignalInstance

from segstudio.annotation.fences import EdgeFence
from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.segmenter import Embedding
from segstudio.annotation.tools import Point
from segstudio.gui.canvas.cell_tiles import TileQuestion
from segstudio.gui.canvas.changes import MaskChange
from segstudio.gui.canvas.modes import Source, ToolName, ToolOptions
from segstudio.gui.canvas.overlay import Overlay
from segstudio.gui.canvas.view import View


class Surface(Protocol):
    """The canvas as its Pointer sees it; places are image pixels unless a name says screen."""

    document: MaskDocument | None
    tool: ToolName
    active_class: int
    brush_radius: float
    options: ToolOptions
    editable: bool
    uneditable_reason: str
    view: View
    overlay: Overlay
    pan_keys: frozenset[int]
    embedding: Embedding | None

    @property
    def has_image(self) -> bool:
        """Whether an image is shown."""

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the image."""

    @property
    def rgb(self) -> NDArray[np.uint8] | None:
        """The image's pixels, uint8 [H,W,3]; None without an image."""

    @property
    def edges(self) -> EdgeFence | None:
        """The strong edges of the image; None without an image."""

    @property
    def stroke_active(self) -> SignalInstance:
        """(bool): a stroke began or ended."""

    @property
    def hovered(self) -> SignalInstance:
        """(int, int): the pixel under the cursor, (-1, -1) outside."""

    @property
    def left(self) -> SignalInstance:
        """(): the cursor went."""

    @property
    def class_picked(self) -> SignalInstance:
        """(int): the class that was pointed at."""

    @property
    def option_turned(self) -> SignalInstance:
        """(float): notches by which the wheel turns the option of a tool without a brush."""

    @property
    def status_text(self) -> SignalInstance:
        """(str): why nothing happened."""

    def pixel_at(self, point: Point) -> tuple[int, int] | None:
        """Column and row under a point; None beside the image."""

    @property
    def protection(self) -> Protection:
        """What no edit may change, wherever it begins."""
        ...

    def protection_at(self, pixel: tuple[int, int] | None) -> Protection:
        """What an edit that begins at a pixel may not change; None for one that begins beside the image."""
        ...

    def protection_over(self, class_id: int | None) -> Protection:
        """What an edit that begins on a class may not change; None for one that begins on none."""
        ...

    def restore_source(self, source: Source) -> NDArray[np.uint8] | None:
        """A mask of the image's size to restore from, uint8 [H,W], to be read only; None if there is none."""

    def ask_cells(self, question: TileQuestion) -> None:
        """Has the cells of a tile found, and the question answered, now or later."""

    def screen_size(self) -> tuple[int, int]:
        """(width, height) in screen pixels."""
        ...

    def set_brush_radius(self, radius: float) -> None:
        """Radius in image pixels."""

    def set_view(self, view: View) -> None:
        """Shows another part or scale."""

    def zoom_by(self, factor: float, anchor: tuple[float, float] | None = None) -> None:
        """Multiplies the scale about a screen pixel."""

    def update_image_rect(self, rect: Rect) -> None:
        """Repaints image pixels."""

    def update_screen_rect(self, rect: QRect) -> None:
        """Repaints screen pixels."""

    def change_mask(self, change: MaskChange) -> None:
        """Makes a change, at once or in a worker, and tells the window about it."""

    def report_edit(self, edit: Edit | None) -> None:
        """Tells the window about an edit."""

    def update(self) -> None:
        """Repaints everything."""

    def setFocus(self, reason: Qt.FocusReason) -> None:
        """Takes the keyboard."""

    def setCursor(self, cursor: Qt.CursorShape) -> None:
        """Changes the mouse cursor's shape."""

    def devicePixelRatioF(self) -> float:
        """Screen pixels a widget pixel."""
