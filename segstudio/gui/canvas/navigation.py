"""Pans by a held button and zooms by the wheel, wherever on a view the mouse is; a touchpad pans too."""

from typing import Protocol

from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QWheelEvent

from segstudio.gui.canvas.view import View

CONTROL = Qt.KeyboardModifier.ControlModifier
ZOOM_STEP = 1.25
WHEEL_NOTCH = 120.0


class Moved(Protocol):
    """What is panned and zoomed; its view is in screen pixels."""

    view: View

    def set_view(self, view: View) -> None:
        """Shows another part or scale."""

    def zoom_by(self, factor: float, anchor: tuple[float, float] | None = None) -> None:
        """Multiplies the scale about a screen pixel."""

    def devicePixelRatioF(self) -> float:
        """Screen pixels a widget pixel."""
        ...


class Navigation:
    """Moves a view; places are widget pixels."""

    def __init__(self, moved: Moved) -> None:
        self._moved = moved
        self._from: QPointF | None = None

    @property
    def is_panning(self) -> bool:
        """Whether a button holds the image."""
        return self._from is not None

    def take(self, place: QPointF) -> None:
        """Holds the image at a place."""
        self._from = place

    def drag(self, place: QPointF) -> None:
        """Brings what is held to another place."""
        if self._from is None:
            return
        # Whole widget pixels, so that drawn pixels can be moved; the rest is kept for the next event.
        dx, dy = int(place.x() - self._from.x()), int(place.y() - self._from.y())
        if dx or dy:
            self._from += QPointF(dx, dy)
            self._move(dx, dy)

    def let_go(self) -> None:
        """The image stays where it is."""
        self._from = None

    def wheel(self, event: QWheelEvent) -> None:
        """Zooms about the cursor; two fingers on a touchpad pan, with Ctrl they zoom too."""
        pixels = event.pixelDelta()
        touchpad = not pixels.isNull() and event.phase() != Qt.ScrollPhase.NoScrollPhase
        if touchpad and not event.modifiers() & CONTROL:
            self._move(pixels.x(), pixels.y())
            return
        place = event.position() * self._moved.devicePixelRatioF()
        factor = ZOOM_STEP ** (event.angleDelta().y() / WHEEL_NOTCH)
        self._moved.zoom_by(factor, (place.x(), place.y()))

    def _move(self, dx: int, dy: int) -> None:
        ratio = self._moved.devicePixelRatioF()
        self._moved.set_view(self._moved.view.moved(round(dx * ratio), round(dy * ratio)))
