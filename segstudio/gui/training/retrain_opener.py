"""Opens the retrain dialog for the open project, once what was painted is saved."""

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from segstudio.errors import SegstudioError
from segstudio.gui.icons import Icons
from segstudio.gui.job_bridge import Replies
from segstudio.gui.session import Session
from segstudio.gui.training.retrain_previews import RetrainPreviews
from segstudio.project.project import Project
from segstudio.workflows.retrain.folder import RunFolder
from segstudio.workflows.retrain.presets import Preset, presets_for, this_machine_facts

if TYPE_CHECKING:
    from segstudio.gui.training.retrain_dialog import RetrainDialog


class RetrainOpener(QObject):
    """Holds at most one dialog; it is dropped with its project."""

    def __init__(self, window: QWidget, session: Session, icons: Icons) -> None:
        super().__init__(window)
        self._window, self._session, self._icons = window, session, icons
        self.dialog: RetrainDialog | None = None
        self._previews: RetrainPreviews | None = None
        session.runs.retrain_asked.connect(self.open)
        session.runs.prepared.connect(self._prepared)
        session.runs.refused.connect(self._refused)
        session.project_changed.connect(self._drop)
        session.predictions.models_changed.connect(self._show_models)
        session.changed.connect(self._forget_samples)

    def open(self) -> None:
        """Shows the dialog."""
        if self._session.project is not None and self.dialog is None:
            # What was accepted a moment ago counts too.
            self._session.when_saved(self._make)
        elif self.dialog is not None:
            self.dialog.activateWindow()

    def _make(self) -> None:
        project = self._session.project
        if project is None or self.dialog is not None:
            return

        def look(presets: tuple[Preset, ...]) -> None:
            if project is self._session.project and self.dialog is None:
                self._show(project, presets)

        # Asking the driver takes a while.
        self._session.bridge.start(
            "Look at the machine", lambda _: presets_for(this_machine_facts()), replies=Replies(done=look)
        )

    def _show(self, project: Project, presets: tuple[Preset, ...]) -> None:
        # Imported here: what it draws with loads slowly, and most starts never show it.
        from segstudio.gui.training.retrain_dialog import RetrainDialog

        self._previews = RetrainPreviews(self._session.bridge, project, presets)
        self.dialog = RetrainDialog(self._window, self._session, self._previews, self._icons)
        self.dialog.finished.connect(lambda _: self._drop())
        self.dialog.show()

    def _show_models(self) -> None:
        if self.dialog is not None:
            self.dialog.show_models()

    def _forget_samples(self, _changes: object) -> None:
        if self._previews is not None:
            self._previews.forget()

    def _prepared(self, run: RunFolder) -> None:
        if self.dialog is not None:
            self.dialog.prepared()
            self._session.runs.show(run.path)

    def _refused(self, error: SegstudioError) -> None:
        if self.dialog is not None:
            self.dialog.refused(error)
        else:
            self._session.explain(error)

    def _drop(self) -> None:
        dialog, previews = self.dialog, self._previews
        self.dialog = self._previews = None
        if previews is not None:
            previews.stop()
        if dialog is not None:
            dialog.hide()
            dialog.deleteLater()
