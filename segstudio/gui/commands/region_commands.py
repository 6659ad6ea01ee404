"""Commands on the region under the cursor, and on the active class in the whole image."""

from segstudio.gui.canvas.modes import ShapeOp
from segstudio.gui.commands.command_group import CommandGroup


class RegionCommands(CommandGroup):
    """Shapes of regions."""

    def reshape(self, op: str) -> None:
        """Changes the region under the cursor, or lets the next click choose it."""
        self.window.link.reshape(ShapeOp(op))

    def reshape_class(self, op: str) -> None:
        """Changes the active class in the whole image."""
        self.window.link.reshape_class(ShapeOp(op))

    def second_choice(self) -> None:
        """The region under the cursor takes the next class that the model sees in it."""
        self.window.corrections.second_choices.take_next()

    def candidates(self) -> None:
        """Lists the classes that the model sees in the region under the cursor."""
        self.window.corrections.second_choices.ask()

    def accept(self) -> None:
        """The region under the cursor becomes what the model says; a shown disagreement goes first."""
        walk = self.window.corrections.walk
        if walk.holds(self.window.link.pointed_at):
            walk.take_side()
        else:
            self.window.corrections.second_choices.accept_here()

    def alike(self) -> None:
        """Opens the dialog on all regions like the one under the cursor."""
        self.window.corrections.ask_alike()
