"""Exports a model to other formats: asks to which, shows how it goes, and what passed the gate."""

from collections.abc import Sequence
from dataclasses import replace
from enum import Enum
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.errors import SegstudioError
from segstudio.gui.dialogs.export_done import ResultButtons, ResultPage, head_text
from segstudio.gui.dialogs.export_form import FIRST_PRESET, ExportForm, Surroundings, go_text
from segstudio.gui.dialogs.export_results import Finished, State
from segstudio.gui.dialogs.export_running import RunningPage
from segstudio.gui.dialogs.import_parts import FittingArea
from segstudio.gui.dialogs.import_texts import refusal_message
from segstudio.gui.dialogs.staged_dialog import StagedDialog
from segstudio.gui.icons import Icons
from segstudio.gui.message import INFO, SUCCESS, WARNING, Message
from segstudio.gui.models.model_exports import Ended, ExportOrder, ModelExports
from segstudio.gui.panels.parts import ElidedLabel
from segstudio.gui.theme import ThemeSwitch
from segstudio.inference.catalog import ModelEntry
from segstudio.jobs import Job

TOPIC = "export"
WIDTH_IN_LETTERS = 128
SCREEN_SHARE = 0.92
# A page that could scroll is this high in lines of text where the screen allows.
RESULT_LINES = 58


class Stage(Enum):
    """Where the wizard is, by the words of the button that goes on from there."""

    CHOOSING = "Export"
    RUNNING = "Go on in background"
    DONE = "Close"


CANCEL_TEXTS = {Stage.CHOOSING: "Cancel", Stage.RUNNING: "Cancel export", Stage.DONE: "Export again…"}


class ModelExportDialog(StagedDialog):
    """Choices, progress, verdicts. It may be closed while a model is exported: that goes on.

    `begins` comes before the project's masks are chosen. `ended_unseen` carries a Message when an export
    ends after the dialog was closed.
    """

    begins = Signal()
    ended_unseen = Signal(object)

    def __init__(
        self, parent: QWidget, exports: ModelExports, around: Surroundings, themes: ThemeSwitch, icons: Icons
    ) -> None:
        super().__init__(parent, icons)
        self._exports, self._themes = exports, themes
        self.stage = Stage.CHOOSING
        self.running: RunningPage | None = None
        self.results: ResultPage | None = None
        self._order: ExportOrder | None = None
        self._stopping = False
        self.setWindowTitle("Export a model")
        self._lay_out()
        self._connect()
        self.begin_anew(around)
        self._show_stage(Stage.CHOOSING)
        self.form.cards[FIRST_PRESET].setFocus()

    def _lay_out(self) -> None:
        self._form_area, self._running_area = FittingArea(), FittingArea()
        # A result scrolls by itself, below its table.
        self._result_place = QVBoxLayout()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        layout.addLayout(self._notices)
        layout.addWidget(self._form_area, 1)
        layout.addWidget(self._running_area, 1)
        layout.addLayout(self._result_place, 1)
        layout.addLayout(self._make_buttons())

    def _make_buttons(self) -> QHBoxLayout:
        self.problem = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.problem.setProperty("role", "muted")
        self.result_buttons = ResultButtons(self._exports)
        self.cancel_button = QPushButton("Cancel")
        self.go_button = QPushButton("Export")
        self.go_button.setProperty("role", "primary")
        self.go_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 4, 0, 0)
        buttons.setSpacing(8)
        buttons.addWidget(self.result_buttons)
        buttons.addWidget(self.problem, 1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.go_button)
        return buttons

    def _connect(self) -> None:
        exports = self._exports
        exports.progressed.connect(self._progressed)
        exports.finished_one.connect(self._finished_one)
        exports.ended.connect(self._ended)
        exports.failed.connect(self._failed)
        exports.stopped.connect(self._stopped)
        # Asked of the form there is then: another project brings another one.
        exports.lacks_found.connect(lambda lacks: self.form.show_lacks(lacks))
        exports.survey_done.connect(lambda found: self.form.pictures.show_survey(found))
        exports.survey_failed.connect(lambda error: self.form.pictures.show_trouble(error))
        exports.added.connect(
            lambda _, name: self._show_banner(Message(SUCCESS, f"{name} is in the models.", topic=TOPIC))
        )
        exports.add_failed.connect(lambda error: self._show_banner(refusal_message(error)))
        self.cancel_button.clicked.connect(self._cancel)
        self.go_button.clicked.connect(self._go)

    # -- stages -------------------------------------------------------------------------------------------

    def _show_stage(self, stage: Stage) -> None:
        self.stage, self._stopping = stage, False
        self._form_area.setVisible(stage is Stage.CHOOSING)
        self._running_area.setVisible(stage is Stage.RUNNING)
        if self.results is not None:
            self.results.setVisible(stage is Stage.DONE)
        self.result_buttons.setVisible(stage is Stage.DONE)
        self._sync()
        # After the layouts have taken note of what was shown and hidden.
        QTimer.singleShot(0, self, self._fit)

    def _sync(self) -> None:
        """Brings the buttons in step."""
        stage = self.stage
        problem = self.form.problem if stage is Stage.CHOOSING else ""
        self.problem.setText(problem)
        self.go_button.setText(go_text(self.form) if stage is Stage.CHOOSING else stage.value)
        self.go_button.setEnabled(not problem)
        self.cancel_button.setText("Stopping…" if self._stopping else CANCEL_TEXTS[stage])
        self.cancel_button.setEnabled(not self._stopping)

    def _fit(self) -> None:
        """As high as the content wants and the screen allows."""
        room = self.screen().availableGeometry().size() * SCREEN_SHARE
        metrics = self.fontMetrics()
        width = min(metrics.averageCharWidth() * WIDTH_IN_LETTERS, room.width())
        self.setMinimumWidth(width)
        width = max(self.width(), width)
        for area in (self._form_area, self._running_area):
            area.updateGeometry()
        layout = self.layout()
        if layout is not None:
            layout.activate()
            wanted = layout.totalHeightForWidth(width)
            if self.stage is Stage.DONE:
                wanted = max(wanted, self.height(), metrics.height() * RESULT_LINES)
            self.resize(width, min(wanted, room.height()))

    # -- choosing -----------------------------------------------------------------------------------------

    def begin_anew(self, around: Surroundings) -> None:
        """Other surroundings, from the first choice on; what runs or is shown stays as it is."""
        self.form = ExportForm(around, self._icons)
        self.form.changed.connect(self._choice_changed)
        self._form_area.setWidget(self.form)
        self._exports.look(around.project)

    def show_models(self, models: Sequence[ModelEntry]) -> None:
        """The models of the catalog as they are now."""
        self.result_buttons.show_models(models)
        self.form.show_models(models)
        self._sync()

    def _choice_changed(self) -> None:
        self._sync()
        if self.stage is Stage.CHOOSING and self.isVisible():
            QTimer.singleShot(0, self, self._grow)

    def _grow(self) -> None:
        """Makes room for what a choice has brought up; what it hid leaves the size as it is."""
        before = self.height()
        self._fit()
        if self.height() < before:
            self.resize(self.width(), before)

    # -- exporting ----------------------------------------------------------------------------------------

    def _go(self) -> None:
        """The next thing to do, which the right button and Enter stand for."""
        if not self.go_button.isEnabled():
            return
        if self.stage is Stage.CHOOSING:
            self.begins.emit()
            self._begin(self.form.order())
        else:
            self.reject()

    def _begin(self, order: ExportOrder) -> None:
        self._clear_banner()
        self._order = order
        self.running = RunningPage(order.formats, self._icons)
        self._running_area.setWidget(self.running)
        self._exports.export(order)
        self._show_stage(Stage.RUNNING)
        self.go_button.setFocus()

    def _cancel(self) -> None:
        if self.stage is Stage.RUNNING:
            self._exports.stop()
            self._stopping = True
            self._sync()
        elif self.stage is Stage.DONE:
            self._show_stage(Stage.CHOOSING)
        else:
            self.reject()

    def _progressed(self, job: Job[Any]) -> None:
        if self.running is not None:
            self.running.show_progress(job)

    def _finished_one(self, one: Finished) -> None:
        if self.running is not None:
            self.running.show_finished(one)

    def _ended(self, ended: Ended) -> None:
        self._clear_banner()
        self._show_results(ended)
        if not self.isVisible():
            made = all(one.state is State.MADE for one in ended.finished)
            level = SUCCESS if made else WARNING
            hint = "" if made else "The report says what was refused, and why."
            self.ended_unseen.emit(Message(level, head_text(ended), hint, TOPIC))

    def _show_results(self, ended: Ended) -> None:
        if self.results is not None:
            self._result_place.removeWidget(self.results)
            self.results.hide()
            self.results.deleteLater()
        self.results = ResultPage(ended, self._themes, self._icons)
        self.result_buttons.show_results(self.results)
        self._result_place.addWidget(self.results, 1)
        self._show_stage(Stage.DONE)
        self.results.table.setFocus()

    def _failed(self, error: SegstudioError) -> None:
        was_running = self.stage is Stage.RUNNING
        if was_running:
            self._show_stage(Stage.CHOOSING)
        message = replace(refusal_message(error), topic=TOPIC)
        self._show_banner(message)
        if not self.isVisible() and was_running:
            self.ended_unseen.emit(message)

    def _stopped(self) -> None:
        order, finished = self._order, self._exports.finished
        if order is not None and any(one.folder for one in finished):
            done = {one.format for one in finished}
            rest = [
                Finished(name, None, "The export was cancelled before", stopped=True)
                for name in order.formats
                if name not in done
            ]
            self._show_results(Ended(order.model, order.out, (*finished, *rest), None))
            self._show_banner(Message(INFO, "Cancelled; what was finished stays.", topic=TOPIC))
        else:
            self._show_stage(Stage.CHOOSING)
            self._show_banner(Message(INFO, "Cancelled; nothing was exported.", topic=TOPIC))
        if not self.isVisible():
            self.ended_unseen.emit(None)

    def _fit_now(self) -> None:
        self._fit()

    def _make_room(self) -> None:
        self._grow()
