"""Commands on the region under the cursor, and on the active class in the whole image."""

from segstudio.gui.canvas.modes import ShapeOp
from segstudio.gui.command_group import CommandGroup


class RegionCommands(CommandGroup):
    """Shapes of regions."""

    def reshape(self, op: str) -> None:
        """Changes the region under the cursor, or lets the next click choose it."""
        self.window.link.reshape(ShapeOp(op))

    def class_holes(self) -> None:
        """Fills what the active class encloses."""
        self.window.link.fill_class_holes()

    def islands(self) -> None:
        """Gives small regions of the active class to what surrounds them."""
        self.window.link.remove_islands()
