"""Commands on how the image is shown and compared."""

from segstudio.gui.canvas.adjust import NEUTRAL
from segstudio.gui.commands.command_group import CommandGroup
from segstudio.gui.view.view_state import OTHERS


class LooksCommands(CommandGroup):
    """Comparison, differences, adjustments of the image, and what lies on the canvas."""

    def compare(self, comparison: str) -> None:
        """Compares in a way; the same way again ends it."""
        self.window.view.set_comparison(comparison)

    def other(self, layer: str) -> None:
        """Compares with a layer."""
        self.window.view.set_other(layer)

    def next_other(self) -> None:
        """Compares with the next layer of those that the sample has."""
        view = self.window.view
        there = [other for other in OTHERS if other in view.available or other == "image"]
        view.set_other(there[(there.index(view.shown_other) + 1) % len(there)])

    def divide(self, by: str) -> None:
        """Moves the divider of the split view by a share of the width."""
        self.window.view.set_split(self.window.view.split + float(by))

    def difference(self, kind: str) -> None:
        """Chooses which disagreements the difference layer shows."""
        self.window.view.set_difference(kind)

    def adjust(self) -> None:
        """Opens or closes brightness, contrast, gamma and local contrast."""
        self.window.editor.view_bar.show_adjustments()

    def neutral(self) -> None:
        """Shows the image as it is."""
        self.window.view.set_adjustment(NEUTRAL)

    def minimap(self) -> None:
        """Shows or hides the minimap."""
        self.window.view.set_minimap(not self.window.view.minimap)

    def patterns(self) -> None:
        """Stripes over classes, or not."""
        self.window.view.set_patterns(not self.window.view.patterns)

    def names(self) -> None:
        """Class names on the image, or not."""
        self.window.view.set_names(not self.window.view.names)
