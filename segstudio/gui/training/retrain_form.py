"""What a user chooses before a retraining: samples, start, machine, minutes, and what follows it."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLineEdit, QPushButton, QVBoxLayout, QWidget

from segstudio.gui.dialogs.export_parts import HidingRows
from segstudio.gui.dialogs.import_parts import CalmCombo, CalmSpin, file_dialog, say
from segstudio.inference.catalog import ModelEntry
from segstudio.project.sample import SampleStatus
from segstudio.workflows.exports.formats import PRESETS as EXPORTS
from segstudio.workflows.retrain.choice import MODEL_SIGN, SCRATCH, RetrainChoice
from segstudio.workflows.retrain.presets import Preset
from segstudio.workflows.retrain.preview import RetrainPreview

ACCEPTED, SUBMITTED = SampleStatus.ACCEPTED.value, SampleStatus.SUBMITTED.value
# Whose masks are believed; a prediction that nobody confirmed teaches nothing.
STATUSES = (
    ("Accepted samples", (ACCEPTED,)),
    ("Accepted and submitted samples", (ACCEPTED, SUBMITTED)),
    ("All samples that somebody worked on", (ACCEPTED, SUBMITTED, SampleStatus.IN_PROGRESS.value)),
)
FILE = "file"
MOST_MINUTES = 14 * 24 * 60
QUERY_EXAMPLE = "All of them; or such as  class=train  folder=night  comments=0"


class RetrainForm(QWidget):
    """All choices but the spec; `changed` follows each of them."""

    changed = Signal()

    def __init__(self, presets: Sequence[Preset]) -> None:
        super().__init__()
        self._presets = tuple(presets)
        self._models: Mapping[str, ModelEntry] = {}
        self._weights = ""
        self._make_fields()
        self._lay_out()
        self._connect()

    def _make_fields(self) -> None:
        self.statuses, self.query = CalmCombo(), QLineEdit()
        self.query.setPlaceholderText(QUERY_EXAMPLE)
        self.query.setClearButtonEnabled(True)
        for text, statuses in STATUSES:
            self.statuses.addItem(text, statuses)
        self.start, self.file_button = CalmCombo(), QPushButton("File…")
        self.file_button.setAccessibleName("Choose a file of weights")
        self.machine = CalmCombo()
        for preset in self._presets:
            self.machine.addItem(preset.title, preset.key)
        self.minutes = CalmSpin()
        self.minutes.setRange(1, MOST_MINUTES)
        self.minutes.setSuffix(" minutes")
        self.minutes.setValue(10)
        self.name = QLineEdit()
        self.name.setPlaceholderText("That of the start, with the next free number")
        self.evaluate = QCheckBox("Score it on all held-out samples")
        self.evaluate.setChecked(True)
        self.exports = CalmCombo()
        self.exports.addItem("No export", ())
        for one in EXPORTS.values():
            self.exports.addItem(f"Export: {one.title}", one.formats)

    def _lay_out(self) -> None:
        rows = HidingRows()
        rows.add("Learn from", self.statuses)
        rows.add("Of these", self.query)
        self.samples_said = rows.add_remark()
        start = QWidget()
        line = QHBoxLayout(start)
        line.setContentsMargins(0, 0, 0, 0)
        line.setSpacing(8)
        line.addWidget(self.start, 1)
        line.addWidget(self.file_button)
        start.setFocusProxy(self.start)
        rows.add("Start from", start)
        self.start_said = rows.add_remark()
        rows.add("Machine", self.machine)
        self.machine_said = rows.add_remark()
        rows.add("Time", self.minutes)
        self.time_said = rows.add_remark()
        rows.add("Name", self.name)
        rows.add("Then", self.evaluate)
        rows.add("", self.exports, "exports")
        self.exports.setAccessibleName("Formats that the model is exported to")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addLayout(rows)
        layout.addStretch(1)

    def _connect(self) -> None:
        for box in (self.statuses, self.machine, self.exports):
            box.activated.connect(lambda _: self._changed())
        for field in (self.query, self.name):
            field.textChanged.connect(lambda _: self._changed())
        self.start.activated.connect(lambda _: self._start_chosen())
        self.file_button.clicked.connect(self._ask_file)
        self.minutes.valueChanged.connect(lambda _: self._changed())
        self.evaluate.toggled.connect(lambda _: self._changed())
        self._show_reason()

    def _changed(self) -> None:
        self._show_reason()
        self.changed.emit()

    def _show_reason(self) -> None:
        preset = next((one for one in self._presets if one.key == self.machine.currentData()), None)
        say(self.machine_said, preset.reason[:1].upper() + preset.reason[1:] if preset else "")

    # -- the start ----------------------------------------------------------------------------------------

    def show_models(self, models: Sequence[ModelEntry], current: str) -> None:
        """Offers the models that have weights, the one in use first; the choice stays where it can."""
        chosen = self.start.currentData()
        self._models = {one.name: one for one in models if one.spec and "weights" in one.spec.files}
        self.start.clear()
        for name in sorted(self._models, key=lambda name: (name != current, name)):
            self.start.addItem(f"{name}   (in use)" if name == current else name, MODEL_SIGN + name)
        self.start.addItem(f"Weights: {Path(self._weights).name}" if self._weights else "Weights file…", FILE)
        self.start.addItem("Random weights: everything is learnt anew", SCRATCH)
        self.start.setCurrentIndex(max(self.start.findData(chosen), 0))
        self._start_said()

    def _start_chosen(self) -> None:
        if self.start.currentData() == FILE and not self._weights:
            self._ask_file()
        self._start_said()
        self._changed()

    def _start_said(self) -> None:
        chosen = self.start.currentData()
        self.file_button.setVisible(chosen == FILE)
        said = ""
        if chosen == SCRATCH:
            said = "Needs hours and many samples; a model that knows streets already learns in minutes."
        elif chosen == FILE:
            said = self._weights or "Choose a .safetensors file that segstudio wrote."
        say(self.start_said, said)

    def _ask_file(self) -> None:
        dialog = file_dialog(self, "Weights to start from", "Weights (*.safetensors)", "All files (*)")
        dialog.fileSelected.connect(self.take_file)
        dialog.open()

    def take_file(self, path: str) -> None:
        """Starts from a file of weights."""
        self._weights = path
        row = self.start.findData(FILE)
        self.start.setItemText(row, f"Weights: {Path(path).name}")
        self.start.setCurrentIndex(row)
        self._start_said()
        self._changed()

    # -- the answer ---------------------------------------------------------------------------------------

    @property
    def problem(self) -> str:
        """Why it cannot begin; "" if it can."""
        if self.start.currentData() == FILE and not self._weights:
            return "Choose a file of weights."
        return ""

    def choice(self) -> RetrainChoice:
        """What was chosen."""
        start = self.start.currentData() or SCRATCH
        return RetrainChoice(
            start=self._weights if start == FILE else start,
            query=self.query.text().strip(),
            statuses=tuple(self.statuses.currentData()),
            preset=self.machine.currentData() or "",
            minutes=float(self.minutes.value()),
            name=self.name.text().strip(),
            evaluate=self.evaluate.isChecked(),
            formats=tuple(self.exports.currentData()),
        )

    def show_preview(self, found: RetrainPreview | None) -> None:
        """Says what the choice comes to; None while that is not known."""
        if found is None:
            for line in (self.samples_said, self.time_said):
                say(line, "")
            return
        chosen, estimate = found.chosen, found.estimate
        scored = f"{len(chosen.validation):,} held out to score"
        drawn = ", drawn by whole sequences as no sample is in val" if chosen.drawn else ""
        say(self.samples_said, f"{len(chosen.train):,} samples to learn from, {scored}{drawn}")
        known = "as measured here before" if estimate.measured else "a guess, which the run measures first"
        say(
            self.time_said,
            f"About {estimate.steps:,} steps of {estimate.seconds_per_step:.2g} s and"
            f" {estimate.memory_bytes / 1e9:.1f} GB of memory: {known}",
        )
