"""After a crash: offers the edits that are in journals but not in mask files, sample by sample."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.panels.parts import caption

NAME_WIDTH = 400


class RecoveryDialog(QDialog):
    """Lists samples with unsaved edits; `recover_asked` and `discard_asked` carry the ticked keys."""

    recover_asked = Signal(object)
    discard_asked = Signal(object)

    def __init__(self, parent: QWidget, keys: Sequence[str]) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setWindowTitle("Recover edits")
        self.resize(520, 400)
        self.boxes = {key: QCheckBox() for key in keys}
        for key, box in self.boxes.items():
            box.setText(box.fontMetrics().elidedText(key, Qt.TextElideMode.ElideMiddle, NAME_WIDTH))
            box.setToolTip(key)
            box.setAccessibleName(key)
            box.setChecked(True)
            box.toggled.connect(self._count)
        count = "One sample has" if len(keys) == 1 else f"{len(keys)} samples have"
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(caption(f"{count} edits that were not saved", "large"))
        text = "segstudio ended before it could save them. Recover writes them to the masks."
        layout.addWidget(caption(text, "muted", wrap=True))
        layout.addWidget(self._make_list(), 1)
        layout.addLayout(self._make_buttons())
        self._count()

    def _make_list(self) -> QScrollArea:
        content = QWidget()
        rows = QVBoxLayout(content)
        rows.setContentsMargins(12, 8, 12, 8)
        rows.setSpacing(8)
        for box in self.boxes.values():
            rows.addWidget(box)
        rows.addStretch(1)
        area = QScrollArea()
        area.setObjectName("card")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(content)
        return area

    def _make_buttons(self) -> QHBoxLayout:
        self.discard_button = QPushButton("Discard")
        self.discard_button.clicked.connect(lambda: self._answer(self.discard_asked))
        self.recover_button = QPushButton("Recover")
        self.recover_button.setProperty("role", "primary")
        self.recover_button.setDefault(True)
        self.recover_button.clicked.connect(lambda: self._answer(self.recover_asked))
        later = QPushButton("Decide later")
        later.clicked.connect(self.reject)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.discard_button)
        buttons.addStretch(1)
        buttons.addWidget(later)
        buttons.addWidget(self.recover_button)
        return buttons

    @property
    def chosen(self) -> list[str]:
        """The ticked keys."""
        return [key for key, box in self.boxes.items() if box.isChecked()]

    def _count(self) -> None:
        count = len(self.chosen)
        self.recover_button.setText(f"Recover {count}" if count else "Recover")
        for button in (self.recover_button, self.discard_button):
            button.setEnabled(count > 0)

    def _answer(self, signal: object) -> None:
        keys = self.chosen
        # What was not ticked stays pending and is offered at the next start.
        self.accept()
        signal.emit(keys)  # type: ignore[attr-defined]  # a bound Signal; PySide6 gives it no public type
