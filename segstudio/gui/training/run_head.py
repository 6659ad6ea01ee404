"""The head of the chosen run: its name and state, what can be done with it, and why it ended early."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.dashboards.plot_colours import theme_of
from segstudio.gui.panels.parts import ElidedLabel, caption
from segstudio.gui.training.run_words import progress_text, state_role, state_text
from segstudio.workflows.retrain.runs import RunState, RunStatus

STEPS = 1000
# What each thing to do is called, and what it does.
ACTS = {
    "pause": ("Pause", "The training waits; its memory stays taken"),
    "go_on": ("Go on", "The training goes on"),
    "resume": ("Resume", "Goes on from the last checkpoint"),
    "stop": ("Stop and save", "The training saves and ends; it can be resumed"),
    "model": ("Make model", "Puts the best weights into the models; nothing is used before you say so"),
    "compare": ("Compare…", "Class by class with the model in use"),
    "earlier": ("Earlier", "Before the run that waits in front of it"),
    "later": ("Later", "Behind the run that waits after it"),
    "cancel": ("Cancel…", "Ends the run, and nothing follows it; it can be resumed"),
    "remove": ("Remove…", "Deletes the run with its checkpoints"),
    "folder": ("Open folder", "Checkpoints, spec, frozen masks and all that was printed"),
}
# What must be confirmed: the question, what it costs, and the words of both answers.
QUESTIONS = {
    "cancel": (
        "Cancel this run?",
        "It ends now, and nothing follows it. What it saved stays: it can be resumed.",
        "Keep it",
        "Cancel the run",
    ),
    "remove": (
        "Remove this run?",
        "Its checkpoints, curves and pictures are deleted.",
        "Keep it",
        "Remove the run",
    ),
}


def acts_of(status: RunStatus, *, has_model: bool, is_ours: bool = True) -> tuple[str, ...]:
    """What can be done with a run, the most useful first; one of another program can only be removed."""
    state = status.state
    if not is_ours:
        return () if state.alive else ("remove",)
    if state is RunState.QUEUED:
        return "earlier", "later", "cancel"
    if state is RunState.PAUSED:
        return "go_on", "stop", "cancel"
    if state.alive and status.pace.trained:
        # What follows a training cannot wait.
        return "stop", "cancel"
    if state.alive:
        return "pause", "stop", "cancel"
    made = ("compare",) if has_model else ("model",)
    if state is RunState.FINISHED:
        return (*made, "remove")
    weights = made if status.pace.best_miou is not None or status.pace.saved_step or has_model else ()
    return ("resume", *weights, "remove")


class StateChip(QLabel):
    """The state in its colour, as a plate with round ends."""

    def __init__(self, around: QWidget) -> None:
        super().__init__(around)
        self._around = around
        self._shown: tuple[str, str, str] | None = None

    def show_state(self, text: str, role: str) -> None:
        """Shows a text in a role of the theme."""
        # Its own text has another colour than the theme's.
        theme = theme_of(self._around.palette())
        shown = (text, role, theme.name)
        if shown == self._shown:
            return
        self._shown = shown
        back = {"accent": "info-back"}.get(role, f"{role}-back")
        colours = theme.colours
        self.setText(text)
        self.setStyleSheet(
            f"color: {colours[role]}; background: {colours.get(back, colours['hover'])};"
            "border-radius: 9px; padding: 2px 10px; font-weight: 600;"
        )


class ConfirmRow(QWidget):
    """A question in place: `confirmed` carries what is to be done."""

    confirmed = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("messageBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("level", "warning")
        self.act = ""
        self._question, self._cost = caption("", "heading"), caption("", "muted")
        self.no_button, self.yes_button = QPushButton(), QPushButton()
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._question)
        words.addWidget(self._cost)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(12, 8, 8, 8)
        layout.setSpacing(8)
        layout.addLayout(words, 1)
        layout.addWidget(self.no_button)
        layout.addWidget(self.yes_button)
        self.no_button.clicked.connect(self.hide)
        self.yes_button.clicked.connect(self._confirm)
        self.hide()

    def ask(self, act: str) -> None:
        """Asks; the answer that changes nothing has the keyboard."""
        self.act = act
        question, cost, no, yes = QUESTIONS[act]
        self._question.setText(question)
        self._cost.setText(cost)
        self.no_button.setText(no)
        self.yes_button.setText(yes)
        self.show()
        self.no_button.setFocus()

    def _confirm(self) -> None:
        self.hide()
        self.confirmed.emit(self.act)


class RunHead(QWidget):
    """`asked` carries what is to be done with the run, confirmed where it cannot be undone."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self.name = ElidedLabel()
        self.name.setProperty("role", "large")
        self.chip = StateChip(self)
        self.progress = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.progress.setProperty("role", "muted")
        self.bar = QProgressBar()
        self.bar.setTextVisible(False)
        self.bar.setRange(0, STEPS)
        self.bar.setAccessibleName("Progress of the training")
        self.buttons: dict[str, QPushButton] = {}
        self.confirm = ConfirmRow()
        self.reason = ReasonRow()
        self._lay_out()
        self.confirm.confirmed.connect(self.asked)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.name, 1)
        for act, (text, tip) in ACTS.items():
            button = self.buttons[act] = QPushButton(text)
            button.setToolTip(tip)
            button.clicked.connect(lambda _, act=act: self._ask(act))
            row.addWidget(button)
        second = QHBoxLayout()
        second.setSpacing(12)
        second.addWidget(self.chip)
        second.addWidget(self.progress, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addLayout(second)
        for widget in (self.bar, self.confirm, self.reason):
            layout.addWidget(widget)

    def show_run(self, status: RunStatus, *, has_model: bool, is_ours: bool) -> None:
        """Shows a run as it is now; see `acts_of`."""
        if status.run.name != self.name.text():
            self.confirm.hide()
            self.name.setText(status.run.name)
        self.chip.show_state(state_text(status), state_role(status))
        words = progress_text(status)
        if words != self.progress.text():
            self.progress.setText(words)
        pace = status.pace
        self.bar.setVisible(status.state.alive)
        self.bar.setValue(round(STEPS * min(pace.step / pace.steps, 1.0)) if pace.steps else 0)
        acts = acts_of(status, has_model=has_model, is_ours=is_ours)
        begins = status.state is RunState.READY
        self.buttons["resume"].setText("Start" if begins else ACTS["resume"][0])
        self.buttons["resume"].setToolTip("Begins the training" if begins else ACTS["resume"][1])
        for act, button in self.buttons.items():
            button.setVisible(act in (*acts, "folder"))
        if self.confirm.isVisibleTo(self) and self.confirm.act not in acts:
            self.confirm.hide()
        reason = status.reason
        self.reason.show_reason(reason.message if reason else "", reason.hint if reason else "")

    def _ask(self, act: str) -> None:
        if act in QUESTIONS:
            self.confirm.ask(act)
        else:
            self.asked.emit(act)


class ReasonRow(QWidget):
    """Why a run ended early and what to do about it; hidden while there is nothing to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setObjectName("messageBar")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setProperty("level", "error")
        self.message, self.hint = caption("", "heading", wrap=True), caption("", "muted", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(12, 8, 12, 8)
        layout.setSpacing(2)
        for line in (self.message, self.hint):
            line.setTextFormat(Qt.TextFormat.PlainText)
            line.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            layout.addWidget(line)
        self.hide()

    def show_reason(self, message: str, hint: str) -> None:
        """Says it, or hides."""
        self.setVisible(bool(message))
        text = message[:1].upper() + message[1:]
        if text != self.message.text():
            self.message.setText(text)
        if hint != self.hint.text():
            self.hint.setText(hint[:1].upper() + hint[1:])
        self.hint.setVisible(bool(hint))
