"""Canvas: the widget that shows an image with its labels and lets tools edit the mask."""

import math
from collections.abc import Iterable
from dataclasses import replace
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QPoint, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
    QRegion,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from segstudio.annotation.history import Edit
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.annotation.rect import Rect
from segstudio.annotation.segmenter import Embedding
from segstudio.annotation.tools import Point
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.base import BaseImage, ScreenBuffer
from segstudio.gui.canvas.modes import Layer, OutlineMode, ToolName, ToolOptions
from segstudio.gui.canvas.overlay import Overlay
from segstudio.gui.canvas.pointer import Pointer
from segstudio.gui.canvas.view import View, fitted, fitted_width

SMALLEST_BRUSH, LARGEST_BRUSH = 0.5, 2000.0
HINT = "Open a folder of images to begin"
SURROUND_DARK, SURROUND_LIGHT = (44, 44, 44), (189, 189, 189)


class Canvas(QWidget):
    """Shows one sample; edits go through the MaskDocument that the window gives it.

    Painting costs what it touches: the image is drawn once a view into a buffer of the screen's size, labels
    are sampled from the document's own array for the dirty rectangle alone.
    """

    edited = Signal(object)
    stroke_active = Signal(bool)
    hovered = Signal(int, int)
    left = Signal()
    zoom_changed = Signal(float)
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
        self.editable = True
        self.uneditable_reason = ""
        self.view = View()
        self.overlay = Overlay()
        self.embedding: Embedding | None = None
        self._image: BaseImage | None = None
        self._buffer = ScreenBuffer()
        self._overlay_visible = True
        self._peeking = False
        self._fitting = True
        self._pointer = Pointer(self)
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(160, 120)
        self.setAccessibleName("Canvas")

    # -- content ------------------------------------------------------------------------------------------

    @property
    def has_image(self) -> bool:
        """Whether an image is shown."""
        return self._image is not None

    @property
    def image_size(self) -> tuple[int, int]:
        """(width, height) of the image, (0, 0) without one."""
        return (self._image.width, self._image.height) if self._image else (0, 0)

    @property
    def rgb(self) -> NDArray[np.uint8] | None:
        """The image's pixels, uint8 [H,W,3], to be read only; None without an image."""
        return self._image.rgb if self._image else None

    def pixel_at(self, point: Point) -> tuple[int, int] | None:
        """Column and row under an image point; None beside the image."""
        x, y = math.floor(point[0]), math.floor(point[1])
        width, height = self.image_size
        return (x, y) if 0 <= x < width and 0 <= y < height else None

    def clear(self) -> None:
        """Shows nothing."""
        self.set_document(None)
        self.set_prediction(None, None)
        self.set_image(None)

    def set_image(self, rgb: NDArray[np.uint8] | None) -> None:
        """Shows an image, uint8 [H,W,3] RGB; the view stays as it is."""
        self._pointer.finish()
        self._image = None if rgb is None else BaseImage(rgb)
        self._buffer.forget()
        self.update()

    def set_document(self, document: MaskDocument | None) -> None:
        """Edits another mask; a stroke that is under way is committed first."""
        self._pointer.finish()
        self._pointer.forget()
        self.document = document
        self.overlay.mask = document.array if document else None
        self.update()

    def set_prediction(self, ids: NDArray[np.uint8] | None, confidence: NDArray[np.uint8] | None) -> None:
        """The prediction that its layers show and that regions are accepted from."""
        self.overlay.prediction, self.overlay.confidence = ids, confidence
        self.update()

    def set_embedding(self, embedding: Embedding | None) -> None:
        """What a segmenter sees of the image that is shown; None while it is not known."""
        self.embedding = embedding
        self._pointer.tool.embedded()

    def mask_changed(self, rect: Rect | None = None) -> None:
        """Repaints pixels that something else changed: undo, redo, acceptance."""
        self._pointer.mask_changed()
        if rect is None:
            self.update()
        else:
            self.update_image_rect(rect)

    # -- how it is shown ----------------------------------------------------------------------------------

    def set_layer(self, layer: Layer) -> None:
        """Shows another layer."""
        self.overlay.layer = layer
        self.update()

    def set_colours(self, colours: NDArray[np.uint8]) -> None:
        """Colours of all ids, uint8 [256,3]."""
        self._restyle(colours=np.ascontiguousarray(colours, np.uint8).tobytes())

    def set_opacity(self, opacity: float) -> None:
        """Opacity of the labels, 0-1."""
        self._restyle(opacity=min(max(opacity, 0.0), 1.0))

    def set_outline(self, outline: OutlineMode) -> None:
        """Areas, outlines or both."""
        self._restyle(outline=outline)

    def set_hidden(self, hidden: frozenset[int]) -> None:
        """Classes that are not shown; they stay in the mask."""
        self._restyle(hidden=hidden)

    def set_solo(self, solo: int | None) -> None:
        """The only class in colour; None shows all."""
        self._restyle(solo=solo)

    def set_overlay_visible(self, visible: bool) -> None:
        """Shows or hides the labels."""
        self._overlay_visible = visible
        self.update()

    def peek(self, on: bool) -> None:
        """Shows the bare image while a key is held."""
        self._peeking = on
        self.update()

    def _restyle(self, **changes: object) -> None:
        style = replace(self.overlay.style, **changes)  # type: ignore[arg-type]  # names and types come from above
        if style != self.overlay.style:
            self.overlay.style = style
            self.update()

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

    def set_locked(self, locked: frozenset[int]) -> None:
        """Classes that no tool changes."""
        self._protection = replace(self._protection, locked=locked)

    def protection_at(self, pixel: tuple[int, int] | None) -> Protection:
        """What an edit that begins at a pixel may not change; None for edits that begin nowhere."""
        protection, document = self._protection, self.document
        if not self._under_start or pixel is None or document is None:
            return protection
        start = frozenset({int(document.array[pixel[1], pixel[0]])})
        return replace(protection, only=start if protection.only is None else start & protection.only)

    def set_filter(self, protection: Protection, *, under_start: bool) -> None:
        """What tools spare besides; with `under_start` all but the class where a stroke begins."""
        self._protection, self._under_start = protection, under_start

    def set_editable(self, editable: bool, reason: str = "") -> None:
        """Allows or forbids edits; the reason is shown when somebody tries."""
        self.editable, self.uneditable_reason = editable, reason

    # -- view ---------------------------------------------------------------------------------------------

    def set_view(self, view: View, *, fitting: bool = False) -> None:
        """Shows another part or scale; moves drawn pixels where it can."""
        old, self.view, self._fitting = self.view, view, fitting
        if view == old:
            return
        ratio = self.devicePixelRatioF()
        dx, dy = view.left - old.left, view.top - old.top
        if view.scale == old.scale and ratio == int(ratio) and dx % int(ratio) == dy % int(ratio) == 0:
            self._pointer.update_cursor()
            self.scroll(dx // int(ratio), dy // int(ratio))
            self._pointer.update_cursor()
        else:
            self.update()
        if view.scale != old.scale:
            self.zoom_changed.emit(view.scale)

    def view_state(self) -> View:
        """What `set_view_state` brings back."""
        return self.view

    def set_view_state(self, state: View) -> None:
        """Shows the part and scale of before."""
        self.set_view(state)

    def fit(self) -> None:
        """Shows the whole image."""
        if self._image:
            self.set_view(fitted(self.image_size, self.screen_size()), fitting=True)

    def fit_width(self) -> None:
        """Shows the whole width of the image."""
        if self._image:
            self.set_view(fitted_width(self.image_size, self.screen_size()))

    def zoom_to(self, scale: float) -> None:
        """Shows the image at a scale (1 is one screen pixel an image pixel), about the middle."""
        width, height = self.screen_size()
        self.set_view(self.view.zoomed(scale, width / 2, height / 2))

    def zoom_by(self, factor: float, anchor: tuple[float, float] | None = None) -> None:
        """Multiplies the scale; the image point under `anchor` (screen pixels) stays there."""
        width, height = self.screen_size()
        x, y = anchor or (width / 2, height / 2)
        self.set_view(self.view.zoomed(self.view.scale * factor, x, y))

    def screen_size(self) -> tuple[int, int]:
        """(width, height) in screen pixels."""
        ratio = self.devicePixelRatioF()
        return round(self.width() * ratio), round(self.height() * ratio)

    # -- painting -----------------------------------------------------------------------------------------

    def update_image_rect(self, rect: Rect) -> None:
        """Repaints image pixels; one more around them, since outlines look at neighbours."""
        if not rect.is_empty:
            self.update_screen_rect(cursors.screen_rect(self.view, rect, 2))

    def update_screen_rect(self, rect: QRect) -> None:
        """Repaints screen pixels."""
        ratio = self.devicePixelRatioF()
        left, top = int(rect.left() // ratio) - 1, int(rect.top() // ratio) - 1
        right, bottom = int(rect.right() // ratio) + 2, int(rect.bottom() // ratio) + 2
        self.update(QRect(QPoint(left, top), QPoint(right, bottom)))

    def surround(self) -> tuple[int, int, int]:
        """The neutral grey around the image, by light or dark theme."""
        window = self.palette().color(QPalette.ColorRole.Window)
        return SURROUND_DARK if window.lightness() < 128 else SURROUND_LIGHT

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draws what the event's region needs, in screen pixels."""
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        painter.scale(1 / ratio, 1 / ratio)
        if self._image is None:
            self._paint_empty(painter, event.rect(), ratio)
            return
        width, height = self.screen_size()
        base = self._buffer.show(self._image, self.view, width, height, self.surround())
        shown = self._overlay_visible and not self._peeking
        for area in rectangles(event.region(), ratio, width, height):
            painter.drawImage(area.topLeft(), base, area)
            # Grid lines reach beyond the area; in the region's next rectangle they would be drawn twice.
            painter.setClipRect(area)
            if shown:
                self.overlay.paint(painter, self.view, area.x(), area.y(), area.width(), area.height())
            cursors.draw_grid(painter, self.view, area, self.image_size)
            painter.setClipping(False)
        self._pointer.paint(painter, QRect(0, 0, width, height))

    def _paint_empty(self, painter: QPainter, rect: QRect, ratio: float) -> None:
        red, green, blue = self.surround()
        painter.scale(ratio, ratio)
        brush = painter.background()
        brush.setStyle(Qt.BrushStyle.SolidPattern)
        colour = brush.color()
        colour.setRgb(red, green, blue)
        painter.fillRect(rect, colour)
        text = self.palette().color(QPalette.ColorRole.WindowText)
        text.setAlphaF(0.7)
        cursors.draw_hint(painter, QRectF(self.rect()).adjusted(40, 40, -40, -40), HINT, text)

    # -- events -------------------------------------------------------------------------------------------

    def sizeHint(self) -> QSize:
        """Large enough to work in."""
        return QSize(960, 640)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps a fitted image fitted."""
        self._buffer.forget()
        if self._fitting:
            self.fit()
        super().resizeEvent(event)

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

    def report_edit(self, edit: Edit | None) -> None:
        """Tells the window about an edit that a gesture made."""
        if edit is not None:
            self._pointer.mask_changed()
            self.update_image_rect(edit.rect)
            self.edited.emit(edit)


def rectangles(region: QRegion, ratio: float, width: int, height: int) -> list[QRect]:
    """The rectangles of a paint region in screen pixels; a crowded region becomes its box."""
    crowded = region.rectCount() > 8
    # PySide's stubs do not know that a region can be iterated.
    found: list[QRect] = [region.boundingRect()] if crowded else list(cast(Iterable[QRect], region))
    bounds = QRect(0, 0, width, height)
    result = []
    for rect in found:
        left, top = int(rect.left() * ratio), int(rect.top() * ratio)
        right = int(np.ceil((rect.left() + rect.width()) * ratio))
        bottom = int(np.ceil((rect.top() + rect.height()) * ratio))
        result.append(QRect(left, top, right - left, bottom - top).intersected(bounds))
    return result
