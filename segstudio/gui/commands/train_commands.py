"""Commands on training."""

from segstudio.gui.commands.command_group import CommandGroup
from segstudio.gui.training.training_runs import STOP_SETTING


class TrainCommands(CommandGroup):
    """Runs."""

    def retrain(self) -> None:
        """Asks what to learn from, and begins."""
        self.session.runs.retrain_asked.emit()

    def stop_on_close(self) -> None:
        """Runs end with the window, or go on without it."""
        settings = self.session.settings
        settings.set(STOP_SETTING, not settings.get(STOP_SETTING))
