"""Compares two models, lets a person decide which one is used, and predicts untouched samples again."""

from enum import Enum
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from segstudio.errors import SegstudioError
from segstudio.gui.icons import Icons
from segstudio.gui.message import INFO, SUCCESS, Message, from_error
from segstudio.gui.panels.message_bar import MessageRow
from segstudio.gui.panels.parts import ElidedLabel, rule
from segstudio.gui.prove.compare_form import CompareForm
from segstudio.gui.prove.comparisons import Comparisons
from segstudio.gui.prove.intro import INTRODUCTION, Intro
from segstudio.gui.prove.repredict_page import RepredictPage
from segstudio.gui.prove.result_page import ResultPage
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.shown_region import ShownRegion
from segstudio.jobs import Job
from segstudio.workflows.prove.proof import Proof, Side
from segstudio.workflows.repredict.make import RepredictResult
from segstudio.workflows.repredict.plan import PlanState, RepredictPlan

WIDTH_IN_LETTERS, HEIGHT_IN_LINES, SCREEN_SHARE = 165, 46, 0.92
STEPS = 1000
NAME_LETTERS = 28


class Stage(Enum):
    """What the dialog shows."""

    BEGIN = "begin"
    RUNNING = "running"
    RESULT = "result"
    PLAN = "plan"


class CompareDialog(QDialog):
    """One comparison after the other; it may be closed while one runs: that goes on, and is shown then.

    `left` tells that it made way for an error in the editor, `acted` carries the id of an action to do next.
    """

    left = Signal()
    acted = Signal(str)

    def __init__(
        self, parent: QWidget, session: Session, comparisons: Comparisons, themes: ThemeSwitch, icons: Icons
    ) -> None:
        super().__init__(parent)
        self._session, self._comparisons, self._icons = session, comparisons, icons
        self.banner: MessageRow | None = None
        self.stage = Stage.BEGIN
        self._before = Stage.BEGIN
        self.setWindowTitle("Compare models")
        self.form = CompareForm()
        self.outcome = ResultPage(session, themes)
        self.repredict = RepredictPage(session, themes)
        self._lay_out()
        self._connect()
        self._show_stage(Stage.BEGIN)

    # -- making -------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self.intro = Intro()
        self._running = QWidget()
        self.bar, self.doing = QProgressBar(), ElidedLabel()
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName("Progress")
        self.doing.setProperty("role", "muted")
        self.doing.setAlignment(Qt.AlignmentFlag.AlignCenter)
        running = QVBoxLayout(self._running)
        running.setContentsMargins(120, 0, 120, 0)
        running.addStretch(1)
        running.addWidget(self.bar)
        running.addWidget(self.doing)
        running.addStretch(1)
        self._stack = QStackedWidget()
        for widget in (self.intro, self._running, self.outcome, self.repredict):
            self._stack.addWidget(widget)
        self._notices = QVBoxLayout()
        self._notices.setContentsMargins(0, 0, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(self.form)
        layout.addWidget(rule())
        layout.addLayout(self._notices)
        layout.addWidget(self._stack, 1)
        layout.addLayout(self._make_buttons())
        room = self.screen().availableGeometry().size() * SCREEN_SHARE
        letters, lines = self.fontMetrics().averageCharWidth(), self.fontMetrics().height()
        self.resize(
            min(letters * WIDTH_IN_LETTERS, room.width()), min(lines * HEIGHT_IN_LINES, room.height())
        )

    def _make_buttons(self) -> QHBoxLayout:
        self.why = QLineEdit()
        self.why.setPlaceholderText("Why, in your words: kept with the model")
        self.why.setAccessibleName("Reason")
        self.undo_button = QPushButton("Undo")
        self.plan_button = QPushButton("Re-predict untouched samples…")
        self.export_button = QPushButton("Export…")
        self.leave_button = QPushButton()
        self.go_button = QPushButton()
        self.go_button.setProperty("role", "primary")
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.why, 1)
        row.addStretch(0)
        buttons = (self.undo_button, self.plan_button, self.export_button, self.leave_button, self.go_button)
        for button in buttons:
            button.setAutoDefault(False)
            row.addWidget(button)
        self.form.go_button.setAutoDefault(False)
        return row

    def _connect(self) -> None:
        comparisons = self._comparisons
        comparisons.progressed.connect(self._progressed)
        comparisons.proved.connect(self._proved)
        comparisons.promoted.connect(self._promoted)
        comparisons.planned.connect(self._planned)
        comparisons.applied.connect(lambda result: self._changed(result, back=False))
        comparisons.undone.connect(lambda result: self._changed(result, back=True))
        comparisons.failed.connect(self._failed)
        comparisons.stopped.connect(self._stopped)
        comparisons.looked.connect(self._sync)
        self.form.changed.connect(self._sync)
        self.form.asked.connect(self.compare)
        self.outcome.region_asked.connect(self._show_region)
        self.go_button.clicked.connect(self._go)
        self.leave_button.clicked.connect(self._leave)
        self.plan_button.clicked.connect(self._plan)
        self.export_button.clicked.connect(self._export)
        self.intro.asked.connect(self._make_way)
        self.undo_button.clicked.connect(self._undo)

    # -- state --------------------------------------------------------------------------------------------

    def _show_stage(self, stage: Stage) -> None:
        self.stage = stage
        widgets: dict[Stage, QWidget] = {
            Stage.BEGIN: self.intro,
            Stage.RUNNING: self._running,
            Stage.RESULT: self.outcome,
            Stage.PLAN: self.repredict,
        }
        self._stack.setCurrentWidget(widgets[stage])
        self._sync()

    @property
    def is_promoted(self) -> bool:
        """Whether the candidate that is shown was promoted and is in use, whatever the editor looks at."""
        proof = self.outcome.proof
        return proof is not None and self._comparisons.is_in_use(proof.candidate)

    def _sync(self) -> None:
        """Brings the buttons in step."""
        stage, proof, plan = self.stage, self.outcome.proof, self.repredict.plan
        running = stage is Stage.RUNNING
        problem = self.form.problem
        self.form.setEnabled(not running)
        self.form.go_button.setEnabled(not problem)
        self.intro.show_text(problem or INTRODUCTION, alone=self.form.alone)
        undecided = stage is Stage.RESULT and not self.is_promoted
        self.why.setVisible(undecided)
        for button in (self.plan_button, self.export_button):
            button.setVisible(stage is Stage.RESULT and self.is_promoted)
        undoable = self._comparisons.undoable
        made = plan is not None and plan.state is PlanState.MADE
        self.undo_button.setVisible(not running and undoable is not None)
        self.undo_button.setText("Undo" if stage is Stage.PLAN and not made else "Undo new predictions")
        self.undo_button.setToolTip(f"Takes the predictions of {undoable.model} back" if undoable else "")
        texts = {
            Stage.BEGIN: ("Close", ""),
            Stage.RUNNING: ("Cancel", ""),
            Stage.RESULT: (f"Keep {self._short(proof.current)}" if proof and undecided else "Close", ""),
            Stage.PLAN: ("Leave as they are" if made else "Close", "Apply" if made else ""),
        }
        leave, go = texts[stage]
        if proof is not None and undecided:
            go = f"Use {self._short(proof.candidate)}"
        self.leave_button.setText(leave)
        self.leave_button.setEnabled(True)
        self.go_button.setText(go)
        self.go_button.setVisible(bool(go))
        self.form.show_primary(not go)

    def _short(self, side: Side) -> str:
        """A model's name, cut in the middle where it is too long for a button."""
        metrics = self.fontMetrics()
        room = NAME_LETTERS * metrics.averageCharWidth()
        return metrics.elidedText(side.model, Qt.TextElideMode.ElideMiddle, room)

    def _begin_running(self, text: str) -> None:
        self._clear_banner()
        self._before = self.stage
        self.bar.setRange(0, 0)
        self.doing.setText(text)
        self._show_stage(Stage.RUNNING)

    def _progressed(self, job: Job[Any]) -> None:
        self.bar.setRange(0, STEPS if job.total else 0)
        if job.total:
            self.bar.setValue(round(STEPS * min(job.done / job.total, 1.0)))
        self.doing.setText(job.text)

    def _failed(self, error: SegstudioError) -> None:
        self._back()
        self._show_banner(from_error(error))

    def _back(self) -> None:
        if self.stage is Stage.RUNNING:
            self._show_stage(self._before)

    def _stopped(self) -> None:
        self._back()
        self._show_banner(Message(INFO, "Cancelled; what was measured until then is kept."))

    # -- what is asked ------------------------------------------------------------------------------------

    def compare(self) -> None:
        """Begins to compare what is chosen."""
        if not self.form.problem and not self._comparisons.busy:
            self._begin_running("Opening the models")
            self._comparisons.compare(self.form.order())

    def _go(self) -> None:
        proof, plan = self.outcome.proof, self.repredict.plan
        if self.stage is Stage.RESULT and proof is not None:
            self._comparisons.promote(proof, self.why.text().strip())
        elif self.stage is Stage.PLAN and plan is not None:
            self._begin_running("Taking the new predictions over")
            self._comparisons.apply(plan)

    def _show_region(self, asked: ShownRegion) -> None:
        """Makes way for the editor; what is shown here stays for whoever comes back."""
        self.hide()
        self._session.region_asked.emit(asked)
        self.left.emit()

    def _leave(self) -> None:
        if self.stage is Stage.RUNNING:
            self._comparisons.cancel()
            self.leave_button.setEnabled(False)
            self.doing.setText("Stopping…")
        else:
            self.close()

    def _plan(self) -> None:
        if self.outcome.proof is not None:
            self.plan(self.outcome.proof.candidate.model)

    def plan(self, model: str) -> None:
        """Asks what a model would say of samples that nobody touched."""
        if not self._comparisons.busy:
            self._drop_plan()
            self._begin_running("Opening the model")
            self._comparisons.plan(model)

    def _export(self) -> None:
        if self.outcome.proof is not None:
            self._session.export_asked.emit(self.outcome.proof.candidate.model)

    def _make_way(self, action_id: str) -> None:
        self.close()
        self.acted.emit(action_id)

    def _undo(self) -> None:
        plan = self._comparisons.undoable
        if plan is not None and not self._comparisons.busy:
            self._begin_running("Taking the predictions of before back")
            self._comparisons.undo(plan)

    # -- what comes ---------------------------------------------------------------------------------------

    def _proved(self, proof: Proof) -> None:
        self.why.clear()
        self.outcome.show_proof(proof)
        self._show_stage(Stage.RESULT)
        self.outcome.table.setFocus()

    def _promoted(self, name: str) -> None:
        self.form.forget()
        self.form.show_models(self._session.predictions.models, name)
        self._show_stage(Stage.RESULT)
        hint = "Samples that nobody worked on can be predicted again; you see the difference first."
        self._show_banner(Message(SUCCESS, f"{name} is the model in use.", hint))

    def _planned(self, plan: RepredictPlan) -> None:
        self.repredict.show_plan(plan)
        self._show_stage(Stage.PLAN)

    def _changed(self, result: RepredictResult, *, back: bool) -> None:
        self.repredict.show_result(result, back=back)
        self._show_stage(Stage.PLAN)

    def forget(self) -> None:
        """Another project is open: nothing that is shown is about it."""
        self._clear_banner()
        self.outcome.proof = self.repredict.plan = None
        self.form.forget()
        self._show_stage(Stage.BEGIN)

    def closeEvent(self, event: QCloseEvent) -> None:
        """Leaves what was planned and not applied."""
        self._drop_plan()
        super().closeEvent(event)

    def reject(self) -> None:
        """Escape closes it too; what runs goes on."""
        self._drop_plan()
        super().reject()

    def _drop_plan(self) -> None:
        plan = self.repredict.plan
        if self.stage is Stage.PLAN and plan is not None:
            if plan.state is PlanState.MADE:
                self._comparisons.drop(plan)
            self.repredict.plan = None
            self._show_stage(Stage.RESULT if self.outcome.proof is not None else Stage.BEGIN)

    # -- notices ------------------------------------------------------------------------------------------

    def _show_banner(self, message: Message) -> None:
        self._clear_banner()
        self.banner = MessageRow(message, self._icons, self._clear_banner)
        self._notices.addWidget(self.banner)
        self.banner.show()

    def _clear_banner(self) -> None:
        if self.banner is not None:
            self._notices.removeWidget(self.banner)
            self.banner.hide()
            self.banner.deleteLater()
            self.banner = None
