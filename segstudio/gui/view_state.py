"""How the sample is shown: layer, overlay, opacity, outlines, colours; kept while samples change."""

from PySide6.QtCore import QObject, Signal

from segstudio.annotation.colour_sets import ORIGINAL

LAYERS = ("mask", "prediction", "difference", "confidence")
OUTLINES = ("fill", "outline", "both")
OPACITY = 0.5


class ViewState(QObject):
    """Choices about display; they never touch a pixel of the mask. Opacity is 0-1."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.layer = LAYERS[0]
        self.outline = OUTLINES[0]
        self.overlay = True
        self.opacity = OPACITY
        self.colours = ORIGINAL
        self.keep_view = False
        self._proposing = False

    def set_layer(self, layer: str) -> None:
        """Shows one of LAYERS."""
        self._proposing = False
        self._set("layer", layer)

    def propose(self, wanted: bool) -> None:
        """Shows the prediction in place of a mask that is still empty, and the mask again afterwards.

        Any other layer is the user's choice and stays.
        """
        if wanted and self.layer == "mask":
            self._set("layer", "prediction")
            self._proposing = True
        elif not wanted and self._proposing:
            self.set_layer("mask")

    def show_edits(self) -> None:
        """Shows the mask if the present layer would hide what is being painted."""
        if self.layer in ("prediction", "confidence"):
            self.set_layer("mask")

    def next_layer(self) -> None:
        """Shows the layer after this one."""
        self.set_layer(LAYERS[(LAYERS.index(self.layer) + 1) % len(LAYERS)])

    def set_outline(self, outline: str) -> None:
        """Draws regions in one of OUTLINES."""
        self._set("outline", outline)

    def next_outline(self) -> None:
        """Draws regions in the style after this one."""
        self.set_outline(OUTLINES[(OUTLINES.index(self.outline) + 1) % len(OUTLINES)])

    def set_opacity(self, opacity: float) -> None:
        """Sets the overlay's opacity, clipped to 0-1; a hidden overlay comes back with it."""
        self.overlay = True
        self._set("opacity", min(max(round(opacity, 3), 0.0), 1.0))

    def set_overlay(self, shown: bool) -> None:
        """Shows or hides the overlay."""
        self._set("overlay", shown)

    def set_colours(self, colours: str) -> None:
        """Uses one of COLOUR_SETS on screen; files keep the palette's own."""
        self._set("colours", colours)

    def set_keep_view(self, keep: bool) -> None:
        """Carries zoom and place to the next sample, or lets each sample have its own."""
        self._set("keep_view", keep)

    def _set(self, name: str, value: object) -> None:
        setattr(self, name, value)
        self.changed.emit()
