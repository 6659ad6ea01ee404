"""What a canvas and its twin draw: the image, layers over it, and the grid between pixels."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np
from PySide6.QtCore import QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QRegion
from PySide6.QtWidgets import QWidget

from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.adjust import NEUTRAL, Adjustment
from segstudio.gui.canvas.base import BaseImage, ScreenBuffer
from segstudio.gui.canvas.modes import Layer
from segstudio.gui.canvas.overlay import Overlay
from segstudio.gui.canvas.view import View

SURROUND_DARK, SURROUND_LIGHT = (44, 44, 44), (189, 189, 189)
# A paint region of more rectangles than this is drawn as one.
CROWDED = 8
# So many more screen pixels cost less than the calls for further rectangles.
CHEAP = 40_000


@dataclass
class Scene:
    """What is shown, whoever shows it: one image, its labels, and how the image is adjusted for the eye."""

    image: BaseImage | None = None
    overlay: Overlay = field(default_factory=Overlay)
    adjustment: Adjustment = NEUTRAL

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the image, (0, 0) without one."""
        return (self.image.width, self.image.height) if self.image else (0, 0)


@dataclass(frozen=True)
class Frame:
    """The state of a widget for one paint: its view, size in screen pixels, and the grey around the image."""

    view: View
    size: tuple[int, int]
    surround: tuple[int, int, int]


@dataclass(frozen=True)
class Pane:
    """A part of the widget in screen pixels and the layer that it shows."""

    rect: QRect
    layer: Layer


class Painting:
    """Draws a scene into one widget: the image once a view, layers for the dirty rectangles alone."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self._buffer = ScreenBuffer()

    def forget(self) -> None:
        """Draws the image anew next time."""
        self._buffer.forget()

    def paint(self, painter: QPainter, frame: Frame, areas: Iterable[QRect], panes: Sequence[Pane]) -> None:
        """Draws screen rectangles; the painter works in screen pixels."""
        scene = self.scene
        if scene.image is None:
            return
        base = self._buffer.show(scene.image, frame.view, frame.size, frame.surround, scene.adjustment)
        for area in areas:
            painter.drawImage(area.topLeft(), base, area)
            for pane in panes:
                part = area.intersected(pane.rect)
                if not part.isEmpty():
                    # Lines reach beyond their part; in the next one they would be drawn twice.
                    painter.setClipRect(part)
                    scene.overlay.paint(painter, frame.view, part, pane.layer)
            painter.setClipRect(area)
            cursors.draw_grid(painter, frame.view, area, scene.size)
            painter.setClipping(False)


def screen_size(widget: QWidget) -> tuple[int, int]:
    """(width, height) of a widget in screen pixels; a pixel that it covers in part counts."""
    ratio = widget.devicePixelRatioF()
    return int(np.ceil(widget.width() * ratio)), int(np.ceil(widget.height() * ratio))


def surround(widget: QWidget) -> tuple[int, int, int]:
    """The neutral grey around the image, by light or dark theme."""
    window = widget.palette().color(QPalette.ColorRole.Window)
    return SURROUND_DARK if window.lightness() < 128 else SURROUND_LIGHT


def paint_empty(widget: QWidget, painter: QPainter, rect: QRect, text: str) -> None:
    """The surround with a sentence in its middle; rect and painter in widget pixels."""
    painter.fillRect(rect, QColor(*surround(widget)))
    colour = widget.palette().color(QPalette.ColorRole.WindowText)
    colour.setAlphaF(0.7)
    painter.setPen(colour)
    place = QRectF(widget.rect()).adjusted(40, 40, -40, -40)
    painter.drawText(place, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)


def rectangles(region: QRegion, ratio: float, width: int, height: int) -> list[QRect]:
    """The rectangles of a paint region in screen pixels; where one box costs about as much it is the box."""
    box = region.boundingRect()
    # PySide's stubs do not know that a region can be iterated.
    found: list[QRect] = list(cast(Iterable[QRect], region))
    area = sum(rect.width() * rect.height() for rect in found)
    wasted = (box.width() * box.height() - area) * ratio * ratio
    if len(found) > CROWDED or wasted <= CHEAP:
        found = [box]
    bounds = QRect(0, 0, width, height)
    return [to_screen(rect, ratio).intersected(bounds) for rect in found]


def to_screen(rect: QRect, ratio: float) -> QRect:
    """The screen pixels that a rectangle of widget pixels touches."""
    left, top = int(rect.left() * ratio), int(rect.top() * ratio)
    right = int(np.ceil((rect.left() + rect.width()) * ratio))
    bottom = int(np.ceil((rect.top() + rect.height()) * ratio))
    return QRect(left, top, right - left, bottom - top)
