"""Commands on review: verdicts, comments, what waits, and the report."""

from segstudio.gui.commands.command_group import CommandGroup
from segstudio.project.sample import SampleStatus


class ReviewCommands(CommandGroup):
    """Review of the open sample, and the way to the next one."""

    def accept(self) -> None:
        """Accepts the open sample and opens the next submitted one."""
        self.window.review.judge(SampleStatus.ACCEPTED)

    def reject(self) -> None:
        """Asks why, rejects the open sample and opens the next submitted one."""
        self.window.review.ask_reason()

    def reopen(self) -> None:
        """The open sample is work in progress again."""
        self.window.editing.mark(SampleStatus.IN_PROGRESS)

    def undo(self) -> None:
        """Takes the user's last review step back."""
        self.window.review.undo()

    def comment(self) -> None:
        """Asks for a comment on what is under the cursor."""
        self.window.review.ask_comment()

    def step_comment(self, by: str) -> None:
        """Goes to the next or previous open comment of the project."""
        self.window.review.step_comment(int(by))

    def mine(self) -> None:
        """Opens what waits for the user."""
        self.window.review.open_mine()

    def report(self) -> None:
        """Asks for a file and writes the report."""
        self.window.review.ask_report()
