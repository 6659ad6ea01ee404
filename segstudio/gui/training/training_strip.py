"""The training that runs, at the right end of the status bar on every page; a click shows it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from segstudio.gui.panels.parts import SteadyLabel
from segstudio.gui.training.looking import Look
from segstudio.gui.training.run_words import progress_text, state_text
from segstudio.workflows.retrain.runs import RunState

STEPS = 1000
TEXT_WIDTH, BAR_WIDTH = 280, 90


class TrainingStrip(QWidget):
    """Hidden while nothing trains; `asked` carries the folder of the run that is shown."""

    asked = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._path: object = None
        self.text = SteadyLabel(TEXT_WIDTH, Qt.TextElideMode.ElideRight)
        self.text.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.text.setProperty("role", "strong")
        self.bar = QProgressBar()
        self.bar.setFixedWidth(BAR_WIDTH)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress of the training")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.text)
        layout.addWidget(self.bar)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.hide()

    def show_runs(self, look: Look) -> None:
        """Shows the first run that lives, and how many wait behind it."""
        living, waiting = look.living, len(look.waiting) + len(look.living) - 1
        self.setVisible(bool(living))
        if not living:
            return
        status = living[0]
        self._path = status.run.path
        usual = status.state is RunState.RUNNING
        parts = (
            "" if usual else state_text(status), status.run.name, progress_text(status),
            f"+{waiting}" if waiting else "",
        )  # fmt: skip
        words = "  ·  ".join(part for part in parts if part)
        if words != self.text.text():
            self.text.setText(words)
            self.setAccessibleName(words)
        pace = status.pace
        # Without an end in sight it is empty: a bar that runs to and fro would be painted all the time.
        self.bar.setRange(0, STEPS)
        self.bar.setValue(round(STEPS * min(pace.step / pace.steps, 1.0)) if pace.steps else 0)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Shows the run."""
        self.asked.emit(self._path)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space and Enter do as a click."""
        if event.key() in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.asked.emit(self._path)
        else:
            super().keyPressEvent(event)
