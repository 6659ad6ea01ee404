"""Opens the dialog that compares models, keeps it while one is compared, and tells how that ended unseen."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from segstudio.gui.icons import Icons
from segstudio.gui.message import INFO, SUCCESS, Message
from segstudio.gui.prove.comparisons import Comparisons
from segstudio.gui.prove.dialog import CompareDialog
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.workflows.prove.proof import Proof, headline, reason

TOPIC = "compare"


class CompareOpener(QObject):
    """Holds at most one dialog; answers `Session.comparison_asked`."""

    def __init__(self, window: QWidget, session: Session, themes: ThemeSwitch, icons: Icons) -> None:
        super().__init__(window)
        self._window, self._session, self._themes, self._icons = window, session, themes, icons
        self._comparisons = Comparisons(session)
        self.dialog: CompareDialog | None = None
        # A model that was asked for, until it is listed.
        self._wanted = ""
        session.comparison_asked.connect(self.open)
        session.runs.compare_asked.connect(self.open)
        session.predictions.models_changed.connect(self._show_models)
        session.project_changed.connect(self._project_changed)
        self._comparisons.proved.connect(self._proved)

    def open(self, candidate: str = "") -> None:
        """Shows the dialog; a candidate that is named is compared with the model in use at once."""
        session = self._session
        if session.project is None:
            return
        if self.dialog is None:
            self.dialog = CompareDialog(self._window, session, self._comparisons, self._themes, self._icons)
            self.dialog.left.connect(self._offer_return)
            self._show_models()
        session.resolved.emit(TOPIC)
        self._show_splits()
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        if candidate:
            # One that was just made is not listed yet.
            self._wanted = candidate
            session.predictions.refresh()

    def _show_models(self) -> None:
        if self.dialog is not None:
            predictions = self._session.predictions
            self.dialog.form.show_models(predictions.models, predictions.current)
            self._compare_wanted(self.dialog)

    def _compare_wanted(self, dialog: CompareDialog) -> None:
        if self._wanted and dialog.form.choose(self._wanted, self._session.predictions.current):
            self._wanted = ""
            dialog.compare()

    def _show_splits(self) -> None:
        if self.dialog is not None:
            splits = {sample.split for sample in self._session.book.samples} - {""}
            self.dialog.form.show_splits(sorted(splits))

    def _project_changed(self) -> None:
        self._comparisons.cancel()
        self._wanted = ""
        if self.dialog is not None:
            self.dialog.forget()
            self.dialog.close()

    def _offer_return(self) -> None:
        told = Message(INFO, "The comparison waits for you", "", TOPIC, "Back to it", self.open)
        self._session.message.emit(told)

    def _proved(self, proof: Proof) -> None:
        if self.dialog is not None and not self.dialog.isVisible():
            told = Message(SUCCESS, headline(proof), reason(proof), TOPIC, "Show…", self.open)
            self._session.message.emit(told)
