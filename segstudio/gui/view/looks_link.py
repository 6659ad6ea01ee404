"""Ties the choices about display to the canvas: which layers there are, which are shown, and how."""

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject

from segstudio.gui.canvas.difference import DifferenceKind
from segstudio.gui.canvas.looks import CanvasLooks
from segstudio.gui.canvas.modes import Layer, OutlineMode
from segstudio.gui.class_state import ClassState
from segstudio.gui.view.view_state import ViewState

OF_PREDICTION = frozenset({"prediction", "difference", "confidence"})


class LooksLink(QObject):
    """Everything about looks that flows from ViewState and ClassState to a canvas."""

    def __init__(self, view: ViewState, classes: ClassState, canvas: CanvasLooks) -> None:
        super().__init__(canvas)
        self._view, self._classes, self._canvas = view, classes, canvas
        view.split_changed.connect(self._show_split)
        canvas.split_moved.connect(view.set_split)
        classes.active_changed.connect(lambda _: self._show_active())

    def show(self) -> None:
        """Brings the canvas in step with all choices."""
        view, canvas = self._view, self._canvas
        canvas.set_layer(Layer[view.shown_layer.upper()])
        canvas.set_outline(OutlineMode[view.outline.upper()])
        canvas.set_opacity(view.opacity)
        canvas.set_overlay_visible(view.overlay)
        canvas.set_patterns(view.patterns)
        canvas.set_names(view.names)
        canvas.set_minimap(view.minimap)
        canvas.set_adjustment(view.adjustment)
        self._show_active()
        self._show_split()

    def _show_active(self) -> None:
        view, classes = self._view, self._classes
        self._canvas.set_difference(DifferenceKind(view.difference), view.border, classes.active)
        self._canvas.set_class_names({entry.id: entry.name for entry in classes.classes}, classes.active)

    def _show_split(self) -> None:
        view = self._view
        share = view.split if view.comparison == "split" else None
        self._canvas.set_split(share, Layer[view.shown_other.upper()], named=view.comparison != "off")

    def show_version(self, ids: NDArray[np.uint8] | None) -> None:
        """Offers an earlier state of the open sample's mask, uint8 [H,W], as a layer; None takes it away.

        What is not of the image's size is not offered.
        """
        width, height = self._canvas.image_size
        fits = ids is not None and ids.shape == (height, width)
        self._canvas.set_version(ids if fits else None)
        self.offer()

    def offer(self) -> None:
        """Tells the choices which layers the open sample has."""
        overlay = self._canvas.overlay
        there = {"mask"}
        if overlay.prediction is not None:
            there |= OF_PREDICTION
        if overlay.version is not None:
            there.add("version")
        self._view.set_available(there)

    def blink(self, on: bool) -> None:
        """Shows what is compared with in place of the present layer; off goes back."""
        other = self._view.shown_other
        if on and other == self._view.shown_layer:
            other = "mask"
        self._canvas.set_layer(Layer[(other if on else self._view.shown_layer).upper()])
