"""Which models are compared on what: one line of choices at the head of the dialog."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLabel, QPushButton, QSizePolicy, QWidget

from segstudio.gui.panels.parts import caption
from segstudio.inference.catalog import ModelEntry
from segstudio.workflows.prove.compare import ProofOrder

ALL_HELD_OUT = "held-out samples"
LETTERS = 18


class CompareForm(QWidget):
    """Candidate, current model, samples, and the button that begins."""

    changed = Signal()
    asked = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.candidate, self.current, self.split = QComboBox(), QComboBox(), QComboBox()
        # Whether somebody chose models; else they follow the one in use.
        self._chosen = False
        names = ("New model", "Model in use", "Samples")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        words = ("Compare", "with", "on")
        for word, box, name in zip(words, (self.candidate, self.current, self.split), names, strict=True):
            box.setAccessibleName(name)
            box.setToolTip(name)
            box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
            box.setMinimumContentsLength(LETTERS)
            box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            box.currentIndexChanged.connect(lambda _: self.changed.emit())
            if box is not self.split:
                box.activated.connect(lambda _: self._choose())
            label: QLabel = caption(word, "muted")
            label.setBuddy(box)
            layout.addWidget(label)
            layout.addWidget(box, 1)
        self.go_button = QPushButton("Compare")
        self.go_button.setProperty("role", "primary")
        self.go_button.clicked.connect(self.asked)
        layout.addWidget(self.go_button)

    def _choose(self) -> None:
        self._chosen = True

    def forget(self) -> None:
        """What was chosen is chosen no more."""
        self._chosen = False
        self.split.setCurrentIndex(0)

    def show_models(self, models: Sequence[ModelEntry], in_use: str) -> None:
        """The models that there are; what is chosen stays, at first the newest against the one in use."""
        names = [entry.name for entry in models]
        current = (self.current.currentText() if self._chosen else "") or in_use
        others = [name for name in names if name != current]
        candidate = (self.candidate.currentText() if self._chosen else "") or newest(models, current)
        for box, chosen in ((self.candidate, candidate), (self.current, current)):
            _fill(box, names, chosen)
        if not others:
            self.candidate.setCurrentIndex(-1)
        self.changed.emit()

    def show_splits(self, splits: Sequence[str]) -> None:
        """The splits of the project."""
        chosen = self.split.currentText()
        _fill(self.split, [ALL_HELD_OUT, *splits], chosen if chosen in splits else ALL_HELD_OUT)

    def choose(self, candidate: str, current: str) -> bool:
        """Chooses two models by name; False, and nothing chosen, where one is not listed."""
        pairs = ((self.candidate, candidate), (self.current, current))
        if any(box.findText(name) < 0 for box, name in pairs):
            return False
        for box, name in pairs:
            box.setCurrentText(name)
        self._choose()
        return True

    @property
    def alone(self) -> bool:
        """Whether there is no second model."""
        return self.candidate.count() < 2

    def show_primary(self, primary: bool) -> None:
        """Shows whether comparing is the next step, or something else in the dialog is."""
        role = "primary" if primary else ""
        if self.go_button.property("role") != role:
            self.go_button.setProperty("role", role)
            self.go_button.style().unpolish(self.go_button)
            self.go_button.style().polish(self.go_button)

    @property
    def problem(self) -> str:
        """Why nothing can be compared yet, or ""."""
        if self.alone:
            return "There is one model only: train, adapt or import another one."
        if not self.candidate.currentText() or self.candidate.currentText() == self.current.currentText():
            return "Choose two different models."
        return ""

    def order(self) -> ProofOrder:
        """What is chosen."""
        split = self.split.currentText()
        return ProofOrder(
            self.candidate.currentText(),
            self.current.currentText(),
            "" if split == ALL_HELD_OUT else split,
            in_window=True,
        )


def newest(models: Sequence[ModelEntry], current: str) -> str:
    """The model that was made last, apart from the one in use and preferably one made from it; "" without."""
    others = [entry for entry in models if entry.name != current and entry.spec is not None]
    if not others:
        return ""

    def rank(entry: ModelEntry) -> tuple[bool, str, str]:
        spec = entry.spec
        assert spec is not None
        return spec.parent == current, spec.created, entry.name

    return max(others, key=rank).name


def _fill(box: QComboBox, names: Sequence[str], chosen: str) -> None:
    box.blockSignals(True)
    box.clear()
    box.addItems(list(names))
    box.setCurrentIndex(box.findText(chosen))
    box.blockSignals(False)
