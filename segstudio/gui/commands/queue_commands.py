"""Commands on the list of samples and its grid."""

from segstudio.gui.commands.command_group import CommandGroup
from segstudio.gui.pages import EDITOR, GRID


class QueueCommands(CommandGroup):
    """The queue."""

    def find(self) -> None:
        """Types into the query of the page that is shown."""
        if self.window.page == GRID:
            self.window.grid.bar.take_keyboard()
        else:
            self.window.show_page(EDITOR)
            self.window.editor.find_samples()

    def grid(self) -> None:
        """From the grid to the editor, from anywhere else to the grid."""
        self.window.show_page(EDITOR if self.window.page == GRID else GRID)

    def regions(self) -> None:
        """Shows the regions of the active class as crops."""
        self.window.show_page(GRID)
        self.window.grid.look_for(self.session.classes.active)
