"""How the sample is shown: layer, overlay, opacity, outlines, colours; kept while samples change."""

from collections.abc import Set

from PySide6.QtCore import QObject, Signal

from segstudio.annotation.colour_sets import ORIGINAL
from segstudio.gui.canvas.adjust import NEUTRAL, Adjustment

LAYERS = ("mask", "prediction", "difference", "confidence", "version")
# What a layer can be compared with: another one, or the image without any.
OTHERS = ("prediction", "mask", "version", "difference", "confidence", "image")
OUTLINES = ("fill", "outline", "both")
COMPARISONS = ("off", "split", "beside")
DIFFERENCES = ("all", "active", "wide")
OPACITY = 0.5
BORDER, WIDEST_BORDER = 2, 32


class ViewState(QObject):
    """Choices about display; they never touch a pixel of the mask. Opacity is 0-1."""

    changed = Signal()
    # Apart, since a drag changes it often and nothing else follows it.
    split_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.layer = LAYERS[0]
        self.outline = OUTLINES[0]
        self.overlay = True
        self.opacity = OPACITY
        self.colours = ORIGINAL
        self.keep_view = False
        self.comparison = COMPARISONS[0]
        self.other = OTHERS[0]
        self.split = 0.5
        self.difference = DIFFERENCES[0]
        self.border = BORDER
        self.adjustment = NEUTRAL
        self.patterns = False
        self.names = False
        self.minimap = True
        self.available: frozenset[str] = frozenset({"mask"})
        self._proposing = False

    @property
    def shown_layer(self) -> str:
        """The chosen layer, or the mask while the sample does not have that layer."""
        return self.layer if self.layer in self.available else "mask"

    @property
    def shown_other(self) -> str:
        """What is compared with: the chosen one, or the image alone while the sample does not have it."""
        return self.other if self.other in self.available else "image"

    def ticks(self) -> frozenset[str]:
        """Ids of actions whose choice is in force here, beyond those of the layer and the outline."""
        switches = {
            "view.minimap": self.minimap,
            "view.patterns": self.patterns,
            "view.names": self.names,
        }
        on = {name for name, value in switches.items() if value}
        choices = {f"compare.{self.comparison}", f"other.{self.other}", f"differ.{self.difference}"}
        return frozenset(on | choices)

    def set_available(self, layers: Set[str]) -> None:
        """Which layers the open sample has; choices of others stay and show again when they come."""
        found = frozenset(layers) | {"mask"}
        if found != self.available:
            self._set("available", found)

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
        if self.shown_layer in ("prediction", "confidence", "version"):
            self.set_layer("mask")

    def next_layer(self) -> None:
        """Shows the layer after this one, of those that the sample has."""
        there = [layer for layer in LAYERS if layer in self.available]
        self.set_layer(there[(there.index(self.shown_layer) + 1) % len(there)])

    def set_comparison(self, comparison: str) -> None:
        """Shows another layer beside this one in one of COMPARISONS; the same one again ends it."""
        self._set("comparison", "off" if comparison == self.comparison else comparison)

    def set_other(self, other: str) -> None:
        """What comparisons and blinking show, one of OTHERS."""
        self._set("other", other)

    def set_split(self, share: float) -> None:
        """Where the split view is divided, as a share of its width, clipped to 0.02-0.98."""
        self.split = min(max(share, 0.02), 0.98)
        self.split_changed.emit()

    def set_difference(self, kind: str) -> None:
        """Which disagreements the difference layer shows, one of DIFFERENCES."""
        self._set("difference", kind)

    def set_border(self, pixels: int) -> None:
        """How wide a disagreement may be and still count as noise along a border, in image pixels."""
        self._set("border", min(max(pixels, 1), WIDEST_BORDER))

    def set_adjustment(self, adjustment: Adjustment) -> None:
        """How the image is shown, by display only."""
        self._set("adjustment", adjustment)

    def set_patterns(self, shown: bool) -> None:
        """Stripes over classes, for those to whom colours say little."""
        self._set("patterns", shown)

    def set_names(self, shown: bool) -> None:
        """Class names on large regions."""
        self._set("names", shown)

    def set_minimap(self, shown: bool) -> None:
        """Shows or hides the minimap."""
        self._set("minimap", shown)

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
