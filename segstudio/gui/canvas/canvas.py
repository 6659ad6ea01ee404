"""Canvas: the widget that shows an image with its labels and lets tools edit the mask."""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRect, Qt, Signal
from PySide6.QtGui import QEnterEvent, QFocusEvent, QKeyEvent, QMouseEvent, QPainter, QWheelEvent
from PySide6.QtWidgets import QWidget

from segstudio.annotation.fences import EdgeFence
from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.segmenter import Embedding
from segstudio.annotation.tools import Point
from segstudio.gui.canvas.base import BaseImage
from segstudio.gui.canvas.cell_tiles import TileQuestion
from segstudio.gui.canvas.changes import MaskChange
from segstudio.gui.canvas.looks import CanvasLooks
from segstudio.gui.canvas.modes import Source, ToolName, ToolOptions
from segstudio.gui.canvas.pointer import Pointer
from segstudio.gui.canvas.stylus import Stylus
from segstudio.jobs import JobContext

SMALLEST_BRUSH, LARGEST_BRUSH = 0.5, 2000.0


class Canvas(CanvasLooks):
    """Shows one sample; edits go through the MaskDocument that the window gives it."""

    edited = Signal(object)
    stroke_active = Signal(bool)
    hovered = Signal(int, int)
    left = Signal()
    class_picked = Signal(int)
    brush_radius_changed = Signal(float)
    option_turned = Signal(float)
    status_text = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.document: MaskDocument | None = None
        self.tool = ToolName.BRUSH
        self.active_class = 0
        self.brush_radius = 10.0
        self.options = ToolOptions()
        self._protection = Protection()
        self._under_start = False
        self.large_changes: Callable[[MaskChange], None] | None = None
        self.cell_finder: Callable[[TileQuestion], None] | None = None
        self.restorable: Callable[[Source], NDArray[np.uint8] | None] | None = None
        self.editable = True
        self.uneditable_reason = ""
        self.pan_keys: frozenset[int] = frozenset({Qt.Key.Key_Space})
        self.embedding: Embedding | None = None
        self._edges: EdgeFence | None = None
        self._pointer = Pointer(self)
        Stylus(self, self)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName("Canvas")

    # -- content ------------------------------------------------------------------------------------------

    @property
    def rgb(self) -> NDArray[np.uint8] | None:
        """The image's pixels, uint8 [H,W,3], to be read only; None without an image."""
        return self.scene.image.rgb if self.scene.image else None

    @property
    def edges(self) -> EdgeFence | None:
        """The strong edges of the image, found where somebody looks; None without an image."""
        rgb = self.rgb
        if self._edges is None and rgb is not None:
            self._edges = EdgeFence(rgb)
        return self._edges

    def pixel_at(self, point: Point) -> tuple[int, int] | None:
        """Column and row under an image point; None beside the image."""
        x, y = math.floor(point[0]), math.floor(point[1])
        width, height = self.image_size
        return (x, y) if 0 <= x < width and 0 <= y < height else None

    def clear(self) -> None:
        """Shows nothing."""
        self.set_document(None)
        self.set_prediction(None, None)
        self.set_version(None)
        self.set_image(None)

    def set_image(self, rgb: NDArray[np.uint8] | None) -> None:
        """Shows an image, uint8 [H,W,3] RGB, without a copy; the view stays as it is."""
        self._pointer.finish()
        self.scene.image = None if rgb is None else BaseImage(rgb)
        self._edges = None
        self.refresh()

    def set_document(self, document: MaskDocument | None) -> None:
        """Edits another mask; a stroke that is under way is committed first."""
        self._pointer.finish()
        self._pointer.forget()
        self.document = document
        self.overlay.mask = document.array if document else None
        self.refresh()

    def finish(self) -> None:
        """Ends what is under way before the mask is let go: a stroke is committed."""
        self._pointer.finish()

    def set_embedding(self, embedding: Embedding | None) -> None:
        """What a segmenter sees of the image that is shown; None while it is not known."""
        self.embedding = embedding
        self._pointer.tool.embedded()

    def mask_changed(self, rect: Rect | None = None) -> None:
        """Repaints pixels that something else changed: undo, redo, acceptance."""
        self._pointer.mask_changed()
        if rect is None:
            self.refresh()
        else:
            self.update_image_rect(rect)

    # -- how it is edited ---------------------------------------------------------------------------------

    def set_tool(self, tool: ToolName) -> None:
        """Uses another tool; a gesture that is under way is finished first."""
        if tool is not self.tool:
            self._pointer.finish()
            self.tool = tool
            self._pointer.tool_changed()

    def set_active_class(self, class_id: int) -> None:
        """The class that tools paint."""
        self.active_class = class_id
        if self._pointer.tool.is_open:
            # A draft may show what it would paint; and Enter, after a click on a class, is meant for it.
            self.update()
            self.setFocus()

    def set_brush_radius(self, radius: float) -> None:
        """Radius of brush and eraser in image pixels."""
        radius = min(max(radius, SMALLEST_BRUSH), LARGEST_BRUSH)
        if radius != self.brush_radius:
            self._pointer.update_cursor()
            self.brush_radius = radius
            self._pointer.update_cursor()
            self.brush_radius_changed.emit(radius)

    @property
    def protection(self) -> Protection:
        """What no edit may change, wherever it begins."""
        return self._protection

    def protection_at(self, pixel: tuple[int, int] | None) -> Protection:
        """What an edit that begins at a pixel may not change; None for one that begins beside the image."""
        document = self.document
        if document is None or pixel is None:
            return self.protection_over(None)
        return self.protection_over(int(document.array[pixel[1], pixel[0]]))

    def protection_over(self, class_id: int | None) -> Protection:
        """What an edit that begins on a class may not change; None for one that begins on none."""
        protection = self._protection
        if not self._under_start:
            return protection
        # Where no class lies there is none that may be painted over.
        start = frozenset() if class_id is None else frozenset({class_id})
        return replace(protection, only=start if protection.only is None else start & protection.only)

    def set_filter(self, protection: Protection, *, under_start: bool = False) -> None:
        """What tools spare besides; with `under_start` all but the class where a stroke begins."""
        self._protection, self._under_start = protection, under_start

    def restore_source(self, source: Source) -> NDArray[np.uint8] | None:
        """A mask of the image's size to restore from, uint8 [H,W], to be read only; None if there is none."""
        if source is Source.PREDICTION:
            return self.overlay.prediction
        return self.restorable(source) if self.restorable is not None else None

    def ask_cells(self, question: TileQuestion) -> None:
        """Has the cells of a tile found by whoever serves `cell_finder`, else at once."""
        if self.cell_finder is not None:
            self.cell_finder(question)
        else:
            question.take(question.find(JobContext()))

    def set_editable(self, editable: bool, reason: str = "") -> None:
        """Allows or forbids edits; the reason is shown when somebody tries."""
        self.editable, self.uneditable_reason = editable, reason

    # -- painting and events ------------------------------------------------------------------------------

    def update_marks(self) -> None:
        """Repaints the tool's cursor and what else does not move with the image."""
        self._pointer.update_cursor()
        super().update_marks()

    def paint_tool(self, painter: QPainter, screen: QRect) -> None:
        """See `Pointer.paint`."""
        self._pointer.paint(painter, screen)

    def changeEvent(self, event: QEvent) -> None:
        """Draws anew in another theme."""
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.update()
        super().changeEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """See `Pointer.press`."""
        self._pointer.press(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """See `Pointer.move`."""
        self._pointer.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """See `Pointer.release`."""
        self._pointer.release(event)

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        """See `Pointer.double_click`."""
        self._pointer.double_click(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """See `Pointer.wheel`."""
        self._pointer.wheel(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """See `Pointer.key_press`."""
        if not self._pointer.key_press(event):
            super().keyPressEvent(event)

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """See `Pointer.key_release`."""
        if not self._pointer.key_release(event):
            super().keyReleaseEvent(event)

    def enterEvent(self, event: QEnterEvent) -> None:
        """Shows the brush."""
        self._pointer.enter(event)
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:
        """Hides the brush."""
        self._pointer.leave()
        super().leaveEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Finishes what was under way: the release may go elsewhere."""
        self._pointer.focus_lost()
        super().focusOutEvent(event)

    def change_mask(self, change: MaskChange) -> None:
        """Makes a change: a large one whoever serves `large_changes`, others at once."""
        if self.large_changes is not None and change.is_large:
            self.large_changes(change)
            return
        context = JobContext()
        edit = change.document.apply(change.title, change.rect, lambda mask: change.make(mask, context))
        self.report_edit(edit)
        if edit is None and change.nothing:
            self.status_text.emit(change.nothing)

    def report_edit(self, edit: Edit | None) -> None:
        """Tells the window about an edit that a gesture made."""
        if edit is not None:
            self._pointer.mask_changed()
            self.update_image_rect(edit.rect)
            self.edited.emit(edit)
