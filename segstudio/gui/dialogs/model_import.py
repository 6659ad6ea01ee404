"""Asks for a model of any producer, shows what it holds, and imports it with the user's choices."""

from collections.abc import Callable
from enum import Enum
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from segstudio.errors import SegstudioError
from segstudio.gui.dialogs.import_done import DonePage
from segstudio.gui.dialogs.import_form import ImportForm
from segstudio.gui.dialogs.import_parts import DropZone, FittingArea, ProgressRow, SourceRow, file_dialog
from segstudio.gui.dialogs.import_texts import TOPIC, done_message, refusal_message
from segstudio.gui.dialogs.staged_dialog import StagedDialog
from segstudio.gui.icons import Icons
from segstudio.gui.message import INFO, Message
from segstudio.gui.models.model_imports import ModelImports, dropped_source
from segstudio.jobs import Job
from segstudio.workflows.model_source import Imported, SourceFacts

WIDTH_IN_LETTERS = 88
SCREEN_SHARE = 0.92


class Stage(Enum):
    """Where the dialog is, by the words of the button that goes on from there."""

    ASKING = "Inspect"
    READING = "Inspecting…"
    CHOOSING = "Import"
    IMPORTING = "Go on in background"
    DONE = "Done"


CANCEL_TEXTS = {Stage.IMPORTING: "Cancel import", Stage.DONE: "Import another…"}


class ModelImportDialog(StagedDialog):
    """Source, facts, choices, progress, result. It may be closed while a model is imported: that goes on.

    `ended_unseen` carries a Message, or None, when an import ends after the dialog was closed.
    """

    ended_unseen = Signal(object)

    def __init__(self, parent: QWidget, imports: ModelImports, icons: Icons) -> None:
        super().__init__(parent, icons)
        self._imports = imports
        self.stage = Stage.ASKING
        self.form: ImportForm | None = None
        self._inspected_source = ""
        self._stopping = False
        self.setWindowTitle("Import a model")
        self.setAcceptDrops(True)
        self._lay_out()
        imports.progressed.connect(self._progressed)
        imports.inspected.connect(self._inspected)
        imports.imported.connect(self._imported)
        imports.failed.connect(self._failed)
        imports.stopped.connect(self._stopped)
        self._show_stage(Stage.ASKING)
        self.source.field.setFocus()

    def _lay_out(self) -> None:
        self.source = SourceRow()
        self.source.edited.connect(self._source_edited)
        self.source.chosen.connect(self.offer)
        self.progress = ProgressRow()
        self._zone = DropZone()
        self._form_area, self._done_area = FittingArea(), FittingArea()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 24, 24, 16)
        layout.setSpacing(12)
        layout.addWidget(self.source)
        layout.addLayout(self._notices)
        layout.addWidget(self.progress)
        # One is shown at a time; a stack would be as high as its highest page.
        for page in (self._zone, self._form_area, self._done_area):
            layout.addWidget(page, 1)
        layout.addLayout(self._make_buttons())

    def _make_buttons(self) -> QHBoxLayout:
        self.cancel_button = QPushButton("Cancel")
        self.cancel_button.clicked.connect(self._cancel)
        self.go_button = QPushButton("Inspect")
        self.go_button.setProperty("role", "primary")
        self.go_button.setDefault(True)
        self.go_button.clicked.connect(self._go)
        buttons = QHBoxLayout()
        buttons.setContentsMargins(0, 4, 0, 0)
        buttons.setSpacing(8)
        buttons.addStretch(1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.go_button)
        return buttons

    # -- stages -------------------------------------------------------------------------------------------

    def _show_stage(self, stage: Stage) -> None:
        self.stage, self._stopping = stage, False
        busy = stage in (Stage.READING, Stage.IMPORTING)
        self.source.setVisible(stage is not Stage.DONE)
        self.source.setEnabled(stage is not Stage.IMPORTING)
        self.progress.setVisible(busy)
        if busy:
            self.progress.show_progress("Starting…")
        self._zone.setVisible(self.form is None and stage is not Stage.DONE)
        self._form_area.setVisible(self.form is not None and stage is not Stage.DONE)
        self._done_area.setVisible(stage is Stage.DONE)
        self._sync()
        # After the layouts have taken note of what was shown and hidden.
        QTimer.singleShot(0, self, self._fit)

    def _sync(self) -> None:
        """Brings the buttons in step."""
        stage, asks = self.stage, self._asks
        can_import = self.form is not None and self.form.is_valid
        if self.form is not None:
            self.form.setEnabled(stage is Stage.CHOOSING and not asks)
        self.go_button.setText((Stage.ASKING if asks else stage).value)
        if asks:
            self.go_button.setEnabled(bool(self.source.source))
        else:
            self.go_button.setEnabled(can_import if stage is Stage.CHOOSING else stage is not Stage.READING)
        self.cancel_button.setText("Stopping…" if self._stopping else CANCEL_TEXTS.get(stage, "Cancel"))
        self.cancel_button.setEnabled(not self._stopping)

    @property
    def _asks(self) -> bool:
        """Whether the source has to be inspected next, as it was edited or is new."""
        is_other = self.source.source != self._inspected_source
        return self.stage is Stage.ASKING or (self.stage is Stage.CHOOSING and is_other)

    def _fit(self, at_least: int = 0) -> None:
        """As high as the content wants and the screen allows."""
        room = self.screen().availableGeometry().size() * SCREEN_SHARE
        width = min(self.fontMetrics().averageCharWidth() * WIDTH_IN_LETTERS, room.width())
        self.setMinimumWidth(width)
        width = max(self.width(), width)
        for area in (self._form_area, self._done_area):
            area.updateGeometry()
        layout = self.layout()
        if layout is not None:
            layout.activate()
            wanted = max(layout.totalHeightForWidth(width), at_least)
            self.resize(width, min(wanted, room.height()))

    # -- source -------------------------------------------------------------------------------------------

    def offer(self, source: str) -> None:
        """Inspects a source that was chosen elsewhere; a running import comes first."""
        if self.stage is not Stage.IMPORTING:
            self.source.field.setText(source)
            self.inspect()

    def inspect(self) -> None:
        """Finds out what the source holds."""
        source = self.source.source
        if not source:
            return
        self.source.field.setText(source)
        self._inspected_source = source
        self._clear_banner()
        self._drop_form()
        self._imports.inspect(source)
        self._imports.find_names()
        self._show_stage(Stage.READING)

    def _source_edited(self) -> None:
        self._clear_banner()
        if self.stage is Stage.READING:
            self._imports.forget()
            self._show_stage(Stage.ASKING)
        self._sync()

    def _inspected(self, facts: SourceFacts) -> None:
        self.form = form = ImportForm(facts, self._imports.taken)
        form.changed.connect(self._choice_changed)
        form.browse_asked.connect(self._browse)
        self._imports.names_found.connect(form.set_taken)
        self._form_area.setWidget(form)
        self._show_stage(Stage.CHOOSING)
        if form.first_open is not None:
            form.first_open.setFocus()

    def _choice_changed(self) -> None:
        self._sync()
        # What became wrong is said below its field and needs room.
        QTimer.singleShot(0, self, lambda: self._fit(self.height()))

    def _drop_form(self) -> None:
        self.form = None
        form = self._form_area.takeWidget()
        if form is not None:
            form.deleteLater()

    def _browse(self) -> None:
        dialog = file_dialog(self, "A palette's file", "Palettes (*.yaml *.yml)")
        dialog.fileSelected.connect(self._read_palette)
        dialog.open()

    def _read_palette(self, path: str) -> None:
        form = self.form
        if form is None:
            return

        def unless_gone(act: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda value: act(value) if form is self.form else None

        self._imports.read_palette(
            path,
            unless_gone(lambda palette: form.add_palette(palette, path)),
            unless_gone(lambda error: form.refuse_palette(str(error))),
        )

    # -- import -------------------------------------------------------------------------------------------

    def _go(self) -> None:
        """The next thing to do, which the right button and Enter stand for."""
        if not self.go_button.isEnabled():
            return
        if self._asks:
            self.inspect()
        elif self.stage is Stage.CHOOSING and self.form is not None:
            self._clear_banner()
            self._imports.import_model(self._inspected_source, self.form.choices())
            self._show_stage(Stage.IMPORTING)
        else:
            self.reject()

    def _cancel(self) -> None:
        if self.stage is Stage.IMPORTING:
            self._imports.stop()
            self._stopping = True
            self._sync()
        elif self.stage is Stage.DONE:
            self.source.field.clear()
            self._drop_form()
            self._show_stage(Stage.ASKING)
            self.source.field.setFocus()
        else:
            self.reject()

    def reject(self) -> None:
        """Closes it; an inspection ends with it, an import does not."""
        if self.stage is Stage.READING:
            self._imports.forget()
        super().reject()

    def _progressed(self, job: Job[Any]) -> None:
        self.progress.show_progress(job.text, job.done, job.total)

    def _imported(self, model: Imported) -> None:
        self._clear_banner()
        self._done_area.setWidget(DonePage(model, self._icons))
        self._show_stage(Stage.DONE)
        self.go_button.setFocus()
        if not self.isVisible():
            self.ended_unseen.emit(done_message(model))

    def _failed(self, error: SegstudioError) -> None:
        message = refusal_message(error)
        self._show_stage(Stage.ASKING if self.form is None else Stage.CHOOSING)
        self._show_banner(message)
        self.source.field.setFocus()
        if not self.isVisible():
            self.ended_unseen.emit(message)

    def _stopped(self) -> None:
        was_import = self.stage is Stage.IMPORTING
        self._show_stage(Stage.ASKING if self.form is None else Stage.CHOOSING)
        if was_import:
            self._show_banner(Message(INFO, "Cancelled; nothing was imported.", topic=TOPIC))
        if not self.isVisible():
            self.ended_unseen.emit(None)

    def _fit_now(self) -> None:
        self._fit()

    # -- events -------------------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Takes a file, a folder or a text."""
        if self.stage is not Stage.IMPORTING and dropped_source(event.mimeData()):
            event.acceptProposedAction()
            self._zone.set_over(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """It went elsewhere."""
        self._zone.set_over(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Inspects what was dropped."""
        self._zone.set_over(False)
        source = dropped_source(event.mimeData())
        if source and self.stage is not Stage.IMPORTING:
            event.acceptProposedAction()
            self.offer(source)
