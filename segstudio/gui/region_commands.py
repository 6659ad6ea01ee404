"""Commands on the region under the cursor, and on the active class in the whole image."""

from segstudio.gui.canvas.modes import ShapeOp
from segstudio.gui.command_group import CommandGroup


class RegionCommands(CommandGroup):
    """Shapes of regions."""

    def reshape(self, op: str) -> None:
        """Changes the region under the cursor, or lets the next click choose it."""
        self.window.link.reshape(ShapeOp(op))

    def reshape_class(self, op: str) -> None:
        """Changes the active class in the whole image."""
        self.window.link.reshape_class(ShapeOp(op))
