"""What a run was made with, and what the trainer remarked."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from segstudio.gui.dialogs.import_parts import Rows, fact
from segstudio.gui.panels.parts import caption
from segstudio.workflows.labelling import duration
from segstudio.workflows.retrain.chain import ChainResult
from segstudio.workflows.retrain.folder import RunNote
from segstudio.workflows.training import RunCurves

# Of a long list of remarks the last ones are of use.
MOST_NOTES = 60


class RunNotes(QScrollArea):
    """Rows of facts; they are made anew only when they change."""

    def __init__(self) -> None:
        super().__init__()
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._shown: object = None
        self.facts: dict[str, str] = {}
        self.remarks = ""

    def show_run(self, curves: RunCurves, note: RunNote | None, result: ChainResult | None) -> None:
        """Shows these facts."""
        shown = (curves.folder, curves.notes, note, result)
        if shown == self._shown:
            return
        self._shown = shown
        self.facts = {**choice_facts(note), **result_facts(result), "Folder": str(curves.folder)}
        rows = Rows()
        for name, text in self.facts.items():
            rows.add_fact(name, text)
        contents = QWidget()
        layout = QVBoxLayout(contents)
        layout.setContentsMargins(4, 0, 12, 0)
        layout.setSpacing(16)
        layout.addLayout(rows)
        self.remarks = "\n".join(curves.notes[-MOST_NOTES:])
        if self.remarks:
            layout.addWidget(caption("The trainer's remarks", "heading"))
            layout.addWidget(fact(self.remarks))
        layout.addStretch(1)
        self.setWidget(contents)


def choice_facts(note: RunNote | None) -> dict[str, str]:
    """What the user chose, in words."""
    if note is None:
        return {"Made by": "segstudio train, outside this window"}
    choice = note.choice
    samples = ", ".join(choice.statuses) + (f", {choice.query}" if choice.query else "")
    found = {
        "Started from": note.start or "random weights",
        "Samples": samples,
        "Time": duration(choice.minutes * 60),
        "Preset": choice.preset or "what fits this machine",
        "Balance": f"{100 * choice.balanced_share:.0f} % of the crops by class, class weights"
        f" {choice.class_weight_strength:g}",
        "Backbone": "frozen: only the decode head learns" if choice.freeze_backbone else "learns too",
    }
    if choice.spec:
        found["Spec"] = "edited by hand"
    return found


def result_facts(result: ChainResult | None) -> dict[str, str]:
    """What followed the training."""
    if result is None:
        return {}
    found = {"Model": f"{result.model}: {result.said}"}
    if result.miou is not None:
        found["Held-out samples"] = f"mIoU {result.miou * 100:.1f} %"
    if result.page is not None:
        found["Exports"] = str(result.page)
    return found
