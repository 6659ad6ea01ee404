"""Opens the export wizard, keeps it while a model is exported, and tells how an unseen export ended."""

from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths
from PySide6.QtWidgets import QWidget

from segstudio.gui.dialogs.export_form import Surroundings
from segstudio.gui.dialogs.model_export import TOPIC, ModelExportDialog, Stage
from segstudio.gui.icons import Icons
from segstudio.gui.message import Message
from segstudio.gui.models.model_exports import ModelExports, ProjectSamples
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch


class ExportOpener(QObject):
    """Holds at most one wizard."""

    def __init__(self, window: QWidget, session: Session, themes: ThemeSwitch, icons: Icons) -> None:
        super().__init__(window)
        self._window, self._session, self._themes, self._icons = window, session, themes, icons
        self._exports = ModelExports(session.bridge)
        self._wizard: ModelExportDialog | None = None
        self._exports.added.connect(lambda *_: session.predictions.refresh())
        session.predictions.models_changed.connect(self._show_models)
        session.project_changed.connect(self._project_changed)

    def open(self, model: str = "") -> None:
        """Shows the wizard on a model, at first the one in use; one that exports, or that was not looked at
        since, is shown again.
        """
        if self._wizard is None:
            around = self._around()
            around = replace(around, model=model) if model else around
            wizard = ModelExportDialog(self._window, self._exports, around, self._themes, self._icons)
            wizard.finished.connect(self._closed)
            wizard.ended_unseen.connect(self._ended)
            wizard.begins.connect(self._begins)
            self._wizard = wizard
            self._show_models()
            self._session.predictions.refresh()
        self._session.resolved.emit(TOPIC)
        self._wizard.show()
        self._wizard.activateWindow()

    def _begins(self) -> None:
        # What was accepted since the wizard was opened counts too.
        self._session.documents.save_all()
        if self._wizard is not None:
            self._wizard.form.pictures.renew(self._samples())

    def _samples(self) -> ProjectSamples | None:
        project = self._session.project
        return ProjectSamples(project, tuple(self._session.book.samples)) if project else None

    def _around(self) -> Surroundings:
        samples = self._samples()
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        place = samples.project.root.parent if samples else Path(documents)
        return Surroundings(place, samples, self._session.predictions.current)

    def _show_models(self) -> None:
        if self._wizard is not None:
            self._wizard.show_models(self._session.predictions.models)

    def _project_changed(self) -> None:
        # What can be chosen is of a project that is not open any more; what was exported stays to be seen.
        if self._wizard is not None and self._wizard.stage is Stage.CHOOSING:
            self._wizard.reject()
            self._drop()
        elif self._wizard is not None:
            self._wizard.begin_anew(self._around())
            self._show_models()

    def _closed(self) -> None:
        if self._wizard is not None and self._wizard.stage is not Stage.RUNNING:
            self._drop()

    def _drop(self) -> None:
        if self._wizard is not None:
            # It lives until the event loop turns, and must not answer for its successor.
            self._wizard.ended_unseen.disconnect(self._ended)
            self._wizard.deleteLater()
            self._wizard = None

    def _ended(self, message: Message | None) -> None:
        if message is None:
            self._drop()
        else:
            self._session.message.emit(replace(message, action="Show…", act=self.open))
