"""Commands on models: predicting, taking over what they say, judging, importing and exporting."""

from segstudio.gui.commands.command_group import CommandGroup


class ModelCommands(CommandGroup):
    """Predictions."""

    def predict(self) -> None:
        """Predicts the open sample."""
        self.window.editing.predict()

    def predict_all(self) -> None:
        """Predicts every listed sample."""
        self.window.editing.predict_all()

    def cancel(self) -> None:
        """Cancels the Job in the status bar."""
        self.window.job_strip.cancel()

    def accept(self) -> None:
        """Takes the whole prediction."""
        self.window.editing.accept_all()

    def accept_class(self) -> None:
        """Takes what is predicted as the active class."""
        self.window.editing.accept_class(self.session.classes.active)

    def fill(self) -> None:
        """Takes the prediction where the mask is unlabelled."""
        self.window.editing.fill_unlabelled()

    def disagree(self, by: str) -> None:
        """Goes to the next or previous region where mask and model differ."""
        self.window.corrections.walk.step(int(by))

    def take_side(self) -> None:
        """The disagreement that is shown becomes what the model says."""
        self.window.corrections.walk.take_side()

    def keep_side(self) -> None:
        """The disagreement that is shown stays as it is and is not shown again."""
        self.window.corrections.walk.keep_side()

    def drop(self) -> None:
        """Throws the prediction away."""
        self.window.editing.drop_prediction()

    def evaluate(self) -> None:
        """Scores stored predictions against masks and shows the result."""
        self.window.editing.evaluate()
        self.window.show_page("classes")

    def import_model(self) -> None:
        """Asks for a model of any kind and imports it."""
        self.window.dialogs.ask_model()

    def export_model(self) -> None:
        """Asks to which formats a model goes and exports it."""
        self.window.dialogs.ask_export()

    def compare(self) -> None:
        """Compares a new model with the one in use."""
        self.window.dialogs.compare.open()

    def repredict(self) -> None:
        """Shows what the model in use would say of untouched samples."""
        self.window.dialogs.compare.repredict()

    def adapt(self) -> None:
        """Offers to adapt the model in use to what is confirmed."""
        self.window.adapting.ask()

    def confirm(self) -> None:
        """Confirms the mask in the part of the image that is on screen."""
        self.window.adapting.confirming.confirm()

    def judge(self) -> None:
        """Says how good each prediction probably is."""
        self.window.judgements.judge()

    def suspects(self) -> None:
        """Looks where masks may be wrong, and shows it."""
        self.window.judgements.look_for_suspects()
