"""Asks what to learn from, where to start and how long, shows what that comes to, and begins."""

from typing import Any

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from segstudio.errors import SegstudioError, in_sentences
from segstudio.gui.dialogs.import_parts import FittingArea, ProgressRow
from segstudio.gui.dialogs.import_texts import refusal_message
from segstudio.gui.dialogs.staged_dialog import StagedDialog
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import ElidedLabel
from segstudio.gui.session import Session
from segstudio.gui.training.preview_view import PreviewView
from segstudio.gui.training.retrain_form import RetrainForm
from segstudio.gui.training.retrain_previews import RetrainPreviews
from segstudio.gui.training.spec_editor import SpecEditor
from segstudio.jobs import Job
from segstudio.workflows.retrain.choice import RetrainChoice
from segstudio.workflows.retrain.preview import RetrainPreview

WIDTH_IN_LETTERS, ADVANCED_LETTERS = 150, 215
LEAST_LINES = 42
SCREEN_SHARE = 0.94
# Of the bar at the side of the form, where the screen is low.
SCROLL_ROOM = 16


class RetrainDialog(StagedDialog):
    """Choices at the left, what they come to beside them, the spec on demand.

    `ordered` carries the choice; the dialog then waits for `prepared` or `refused` to be called.
    """

    ordered = Signal(object)

    def __init__(self, parent: QWidget, session: Session, previews: RetrainPreviews, icons: Icons) -> None:
        super().__init__(parent, icons)
        self._session, self._previews = session, previews
        self._preparing: Job[Any] | None = None
        self._known: RetrainPreview | None = None
        self._trouble = ""
        self.setWindowTitle("Retrain")
        self.form = RetrainForm(previews.presets)
        self.preview = PreviewView(session)
        self.editor = SpecEditor()
        self._lay_out()
        self._connect()
        self.show_models()
        self.toggle_advanced(on=False)
        self._sync()
        self._ask()

    # -- making -------------------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._form_area = FittingArea()
        self._form_area.setWidget(self.form)
        self._form_area.setMinimumWidth(self.form.minimumSizeHint().width() + SCROLL_ROOM)
        self.advanced = QToolButton()
        self.advanced.setText("Advanced")
        self.advanced.setCheckable(True)
        self.advanced.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.progress = ProgressRow()
        self.progress.hide()
        columns = QHBoxLayout()
        columns.setSpacing(24)
        columns.addWidget(self._form_area, 10)
        columns.addWidget(self.preview, 11)
        columns.addWidget(self.editor, 11)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(24, 20, 24, 16)
        layout.setSpacing(12)
        layout.addLayout(self._notices)
        layout.addLayout(columns, 1)
        layout.addWidget(self.progress)
        layout.addLayout(self._make_buttons())

    def _make_buttons(self) -> QHBoxLayout:
        self.problem = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.problem.setProperty("role", "muted")
        self.cancel_button, self.go_button = QPushButton("Cancel"), QPushButton("Start")
        self.go_button.setProperty("role", "primary")
        self.go_button.setDefault(True)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.advanced)
        buttons.addWidget(self.problem, 1)
        buttons.addWidget(self.cancel_button)
        buttons.addWidget(self.go_button)
        return buttons

    def _connect(self) -> None:
        self.form.changed.connect(self._changed)
        self.editor.changed.connect(self._changed)
        self.editor.check_asked.connect(self._previews.check)
        self.advanced.toggled.connect(lambda on: self.toggle_advanced(on=on))
        self.cancel_button.clicked.connect(self.reject)
        self.go_button.clicked.connect(self._go)
        previews = self._previews
        previews.found.connect(self._found)
        previews.failed.connect(self._failed)
        previews.progressed.connect(self._progressed)
        previews.checked.connect(self._checked)
        self._session.bridge.progressed.connect(self._prepares)
        # By name: a connected lambda would outlive the dialog.
        self._session.runs.looked.connect(self._looked)

    # -- choosing -----------------------------------------------------------------------------------------

    def show_models(self) -> None:
        """The models of the catalog as they are now."""
        predictions = self._session.predictions
        self.form.show_models(predictions.models, predictions.current)

    def toggle_advanced(self, *, on: bool) -> None:
        """Shows the spec beside the rest, or not."""
        self.advanced.setChecked(on)
        self.advanced.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self.editor.setVisible(on)
        # On a small screen the spec takes the preview's place.
        self.preview.setVisible(not on or self._room().width() >= self._width_of(ADVANCED_LETTERS))
        QTimer.singleShot(0, self, self._fit_now)

    def choice(self) -> RetrainChoice:
        """All that was chosen."""
        return self.editor.into(self.form.choice())

    def _changed(self) -> None:
        self._known = None
        self._sync()
        self._ask()

    def _ask(self) -> None:
        if not self.form.problem:
            # An edited text changes neither samples nor classes, and may be wrong while it is typed.
            self._previews.ask(self.choice().with_spec(""))

    def _found(self, found: RetrainPreview) -> None:
        self._known, self._trouble = found, ""
        self.form.show_preview(found)
        self.preview.show_preview(found)
        self.editor.show_made(found.plan.text)
        self._sync()

    def _failed(self, error: SegstudioError) -> None:
        self._known, self._trouble = None, str(error)
        self.form.show_preview(None)
        self.preview.show_nothing()
        self.preview.show_waiting(in_sentences(error.message, error.hint, between="\n"))
        self._sync()

    def _progressed(self, text: str) -> None:
        self.preview.show_waiting(f"{text[:1].upper()}{text[1:]} …")

    def _checked(self, text: str, problem: str) -> None:
        if text == self.editor.text.toPlainText():
            self.editor.show_problem(problem)
            self._sync()

    def _looked(self, _look: object) -> None:
        self._sync()

    def _sync(self) -> None:
        """Brings the buttons in step."""
        busy = self._preparing is not None
        problem = self.form.problem or self._trouble or self.editor.problem
        # What is wrong with the samples or the spec is said where these are shown.
        shown = self.form.problem or ("" if self.advanced.isChecked() else self.editor.problem)
        self.problem.setText("" if busy else shown)
        queues = bool(self._session.runs.now.living or self._session.runs.now.waiting)
        self.go_button.setText("Add to queue" if queues else "Start")
        self.go_button.setEnabled(not (busy or problem) and self._known is not None)
        for widget in (self.form, self.editor, self.advanced):
            widget.setEnabled(not busy)

    # -- beginning ----------------------------------------------------------------------------------------

    def _go(self) -> None:
        """Writes the run; its samples are frozen, which takes a while."""
        if not self.go_button.isEnabled():
            return
        self._clear_banner()
        self._preparing = self._session.runs.order(self.choice())
        self.progress.setVisible(True)
        self.progress.show_progress("Freezing the samples")
        self._sync()

    def _prepares(self, job: Job[Any]) -> None:
        if job is self._preparing:
            self.progress.show_progress(job.text, job.done, job.total)

    def prepared(self) -> None:
        """The run is written, and waits for its turn or starts."""
        if self._preparing is not None:
            self._preparing = None
            self.accept()

    def refused(self, error: SegstudioError) -> None:
        """The run could not be written."""
        if self._preparing is not None:
            self._preparing = None
            self.progress.hide()
            self._show_banner(refusal_message(error))
            self._sync()

    def reject(self) -> None:
        """Closes; a run that is being written is given up."""
        if self._preparing is not None:
            self._preparing.cancel()
            self._preparing = None
        super().reject()

    def _room(self) -> QSize:
        return self.screen().availableGeometry().size() * SCREEN_SHARE

    def _width_of(self, letters: int) -> int:
        return self.fontMetrics().averageCharWidth() * letters

    def _fit_now(self) -> None:
        """As wide as what is shown, as high as the screen allows."""
        room, metrics = self._room(), self.fontMetrics()
        letters = ADVANCED_LETTERS if self.advanced.isChecked() else WIDTH_IN_LETTERS
        width = min(self._width_of(letters), room.width())
        self._form_area.updateGeometry()
        layout = self.layout()
        if layout is not None:
            layout.activate()
            wanted = max(layout.totalHeightForWidth(width), metrics.height() * LEAST_LINES)
            self.resize(width, min(wanted, room.height()))
