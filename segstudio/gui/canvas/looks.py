"""How a canvas looks: layers, colours, adjustments, the split, and what lies on it; it edits nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QEvent, QRect, QTimer, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QWidget

from segstudio.annotation.rect import Rect
from segstudio.gui.canvas import cursors
from segstudio.gui.canvas.adjust import Adjustment
from segstudio.gui.canvas.captions import Captions, Legend
from segstudio.gui.canvas.difference import DifferenceKind
from segstudio.gui.canvas.divider import Divider
from segstudio.gui.canvas.furniture import Furniture
from segstudio.gui.canvas.minimap import Minimap
from segstudio.gui.canvas.modes import Layer, OutlineMode
from segstudio.gui.canvas.names import Crosshair, Names
from segstudio.gui.canvas.painting import Pane, Scene
from segstudio.gui.canvas.pins import Pin, Pins
from segstudio.gui.canvas.viewer import Viewer

# Minimap and names follow edits and views by at most so many milliseconds.
REST_MS = 150


class CanvasLooks(Viewer):
    """A viewer whose looks can be chosen.

    `repainted` tells whoever shows the same scene which image rectangle changed; None is everything.
    """

    repainted = Signal(object)
    split_moved = Signal(float)
    pin_pressed = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(Scene(), parent)
        self.overlay = self.scene.overlay
        self._other = Layer.IMAGE
        self._overlay_visible = True
        self._peeking = False
        self._whole = False
        self.divider = Divider(self, self.split_moved.emit)
        self.minimap = Minimap(self)
        self.minimap.enabled = False
        self.captions, self.legend = Captions(self), Legend(self)
        self.names, self.crosshair = Names(self), Crosshair(self)
        self.pins = Pins(self, self.pin_pressed.emit)
        # From top to bottom for the mouse; drawn in the same order, so names are below the minimap.
        pieces = (
            self.names,
            self.pins,
            self.crosshair,
            self.divider,
            self.captions,
            self.legend,
            self.minimap,
        )
        self.furniture = Furniture(self, pieces)
        self._rest = QTimer(self, interval=REST_MS, singleShot=True)
        self._rest.timeout.connect(self.settle)
        self.view_changed.connect(self._follow_later)

    # -- what is in sight ---------------------------------------------------------------------------------

    def shown_layers(self) -> tuple[Layer, ...]:
        """The layers in sight, from left to right; none when the bare image is shown."""
        if not self._overlay_visible or self._peeking:
            return ()
        if self.is_split:
            return self.overlay.layer, self._other
        return (self.overlay.layer,)

    @property
    def is_split(self) -> bool:
        """Whether two layers are in sight."""
        return self.divider.share is not None and not self._whole

    def panes(self) -> list[Pane]:
        """The parts of the canvas, in screen pixels."""
        width, height = self.screen_size()
        layers = self.shown_layers()
        if len(layers) < 2:
            return [Pane(QRect(0, 0, width, height), layer) for layer in layers]
        column = round(self.divider.column() * self.devicePixelRatioF())
        left, right = QRect(0, 0, column, height), QRect(column, 0, width - column, height)
        return [Pane(left, layers[0]), Pane(right, layers[1])]

    def refresh(self) -> None:
        """Repaints everything that shows this scene."""
        self.minimap.forget()
        self.update()
        self._follow_later()
        self.repainted.emit(None)

    def update_image_rect(self, rect: Rect) -> None:
        """Repaints image pixels; more around them, since outlines and wide differences look at neighbours."""
        if not rect.is_empty:
            if Layer.DIFFERENCE in self.shown_layers():
                rect = rect.grown(self.overlay.style.reach)
            self.update_screen_rect(cursors.screen_rect(self.view, rect, 3))
            self._follow_later()
            self.repainted.emit(rect)

    def _follow_later(self) -> None:
        if not self._rest.isActive():
            self._rest.start()

    def settle(self) -> None:
        """Brings minimap and names in step with mask and view; happens by itself after a moment."""
        self._rest.stop()
        self.minimap.forget()
        rect = self.minimap.rect()
        if not rect.isEmpty():
            self.update(rect)
        self.names.place()

    # -- labels -------------------------------------------------------------------------------------------

    def set_prediction(self, ids: NDArray[np.uint8] | None, confidence: NDArray[np.uint8] | None) -> None:
        """The prediction that its layers show and that regions are accepted from."""
        self.overlay.prediction, self.overlay.confidence = ids, confidence
        self.refresh()

    def set_version(self, ids: NDArray[np.uint8] | None) -> None:
        """An earlier state of the mask, uint8 [H,W], for its layer; None without one."""
        self.overlay.version = ids
        self.refresh()

    def set_layer(self, layer: Layer) -> None:
        """Shows another layer."""
        if layer is not self.overlay.layer:
            self.overlay.layer = layer
            self.refresh()

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

    def set_patterns(self, patterns: bool) -> None:
        """Stripes that tell classes apart without colour."""
        self._restyle(patterns=patterns)

    def set_difference(self, kind: DifferenceKind, border: int, active: int) -> None:
        """Which disagreements the difference layer shows; border in image pixels, active is a class."""
        self._restyle(difference=kind, border=border, active=active)

    def set_overlay_visible(self, visible: bool) -> None:
        """Shows or hides the labels."""
        if visible != self._overlay_visible:
            self._overlay_visible = visible
            self.refresh()

    def peek(self, on: bool) -> None:
        """Shows the bare image while a key is held."""
        self._peeking = on
        self.refresh()

    def _restyle(self, **changes: object) -> None:
        style = replace(self.overlay.style, **changes)  # type: ignore[arg-type]  # names and types come from above
        if style != self.overlay.style:
            self.overlay.style = style
            self.refresh()

    # -- image and comparison -----------------------------------------------------------------------------

    def set_adjustment(self, adjustment: Adjustment) -> None:
        """How the image is shown, by display only."""
        if adjustment != self.scene.adjustment:
            self.scene.adjustment = adjustment
            self.refresh()

    def set_split(self, share: float | None, other: Layer, *, named: bool = False) -> None:
        """Another layer right of a share of the width (0-1), None for none; `named` writes the names."""
        old = self.divider.rect()
        same = other is self._other and (share is None) == (self.divider.share is None)
        same = same and named == self.captions.named
        self.divider.share, self._other, self.captions.named = share, other, named
        if same:
            self.update(old.united(self.divider.rect()))
        else:
            self.refresh()

    def show_whole(self, whole: bool) -> None:
        """Shows its own layer everywhere while somebody draws: nobody shall paint what he cannot see."""
        if whole != self._whole:
            self._whole = whole
            if self.divider.share is not None:
                self.refresh()

    # -- what lies on it ----------------------------------------------------------------------------------

    def set_minimap(self, shown: bool) -> None:
        """Shows or hides the minimap."""
        if shown != self.minimap.enabled:
            self.minimap.enabled = shown
            self.update()

    def set_pins(self, pins: Sequence[Pin]) -> None:
        """Where somebody said something."""
        before = self.pins.rect()
        self.pins.pins = tuple(pins)
        self.update(before.united(self.pins.rect()))

    def set_names(self, shown: bool) -> None:
        """Class names on large regions."""
        if shown != self.names.enabled:
            self.names.enabled = shown
            self.settle()

    def set_class_names(self, names: Mapping[int, str], active: int) -> None:
        """What ids are called on the canvas, and which one is active."""
        self.names.names = names
        self.legend.class_name = names.get(active, "")
        self.update_marks()

    def event(self, event: QEvent) -> bool:
        """Pieces that lie on the canvas take the mouse before the tool does."""
        if isinstance(event, QMouseEvent) and self.furniture.takes(event):
            event.accept()
            return True
        return super().event(event)
