"""What the comparison dialog says at first, and what to do where there is one model only."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.panels.parts import EmptyState

INTRODUCTION = (
    "Two models are judged on the same samples, which neither learnt from: those of the splits val and test, "
    "or all that no training has seen.\nThe new one is used only if you say so."
)
# What makes a second model, by the ids of the actions.
MAKERS = {"model.adapt": "Adapt…", "train.retrain": "Retrain…", "model.import_model": "Import…"}


class Intro(QWidget):
    """A text, and below it the ways to another model; `asked` carries the id of an action."""

    asked = Signal(str)

    def __init__(self) -> None:
        super().__init__()
        self._text = EmptyState()
        self.makers: dict[str, QPushButton] = {}
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addStretch(1)
        for action_id, text in MAKERS.items():
            button = self.makers[action_id] = QPushButton(text)
            button.setAutoDefault(False)
            button.clicked.connect(lambda _, action_id=action_id: self.asked.emit(action_id))
            row.addWidget(button)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.addStretch(1)
        layout.addWidget(self._text)
        layout.addLayout(row)
        layout.addStretch(1)

    def show_text(self, text: str, *, alone: bool) -> None:
        """Says something; `alone` offers the ways to another model."""
        self._text.set_text(text)
        for button in self.makers.values():
            button.setVisible(alone)
