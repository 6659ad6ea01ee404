"""Opens the dialog that compares models, keeps it while one is compared, and tells how that ended unseen."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from segstudio.errors import SegstudioError
from segstudio.gui.icons import Icons
from segstudio.gui.message import INFO, SUCCESS, Message, from_error
from segstudio.gui.prove.comparisons import Comparisons
from segstudio.gui.prove.dialog import CompareDialog
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.workflows.prove.proof import Proof, headline, reason
from segstudio.workflows.repredict.make import RepredictResult
from segstudio.workflows.repredict.plan import PlanState, RepredictPlan
from segstudio.workflows.repredict.text import plan_words

TOPIC = "compare"


class CompareOpener(QObject):
    """Holds at most one dialog; answers `Session.comparison_asked`; `acted` carries the id of an action."""

    acted = Signal(str)

    def __init__(self, window: QWidget, session: Session, themes: ThemeSwitch, icons: Icons) -> None:
        super().__init__(window)
        self._window, self._session, self._themes, self._icons = window, session, themes, icons
        self._comparisons = Comparisons(session)
        self.dialog: CompareDialog | None = None
        # A model that was asked for, until it is listed.
        self._wanted = ""
        # Whether predictions were taken over while the dialog is open.
        self._applied_here = False
        session.comparison_asked.connect(self.open)
        session.repredict_asked.connect(self.repredict)
        session.predictions.models_changed.connect(self._show_models)
        session.project_changed.connect(self._project_changed)
        comparisons = self._comparisons
        comparisons.proved.connect(self._proved)
        comparisons.failed.connect(self._failed)
        comparisons.planned.connect(self._planned)
        comparisons.applied.connect(lambda result: self._changed(result, "have new predictions"))
        comparisons.undone.connect(lambda result: self._changed(result, "have their predictions of before"))
        comparisons.ended.connect(self._compare_wanted)

    def open(self, candidate: str = "") -> None:
        """Shows the dialog; a candidate that is named is compared with the model in use at once."""
        session = self._session
        if session.project is None:
            return
        if self.dialog is None:
            self.dialog = CompareDialog(self._window, session, self._comparisons, self._themes, self._icons)
            self.dialog.left.connect(self._offer_return)
            self.dialog.acted.connect(self.acted)
            self.dialog.finished.connect(lambda _: self._closed())
            self._show_models()
        session.resolved.emit(TOPIC)
        self._show_splits()
        self._comparisons.look()
        self.dialog.show()
        self.dialog.raise_()
        self.dialog.activateWindow()
        if candidate:
            # One that was just made is not listed yet.
            self._wanted = candidate
            session.predictions.refresh()

    def repredict(self) -> None:
        """Shows what the model in use would say of samples that nobody touched."""
        self.open()
        if self.dialog is not None and self._session.predictions.current:
            self.dialog.plan(self._session.predictions.current)

    def _show_models(self) -> None:
        if self.dialog is not None:
            predictions = self._session.predictions
            self.dialog.form.show_models(predictions.models, predictions.current)
            self._compare_wanted()

    def _compare_wanted(self) -> None:
        """Begins what was asked for, once it is listed and nothing else runs."""
        dialog = self.dialog
        if dialog is None or not self._wanted or self._comparisons.busy:
            return
        if dialog.form.choose(self._wanted, self._session.predictions.current):
            self._wanted = ""
            dialog.compare()

    def _show_splits(self) -> None:
        if self.dialog is not None:
            splits = {sample.split for sample in self._session.book.samples} - {""}
            self.dialog.form.show_splits(sorted(splits))

    def _project_changed(self) -> None:
        self._wanted = ""
        self._comparisons.cancel()
        if self.dialog is not None:
            self.dialog.forget()
            self.dialog.close()

    def _offer_return(self) -> None:
        told = Message(INFO, "The comparison waits for you", "", TOPIC, "Back to it", self.open)
        self._session.message.emit(told)

    @property
    def _unseen(self) -> bool:
        return self.dialog is not None and not self.dialog.isVisible()

    def _proved(self, proof: Proof) -> None:
        if self._unseen:
            told = Message(SUCCESS, headline(proof), reason(proof), TOPIC, "Show…", self.open)
            self._session.message.emit(told)

    def _failed(self, error: SegstudioError) -> None:
        if self._unseen:
            self._session.message.emit(from_error(error, topic=TOPIC))

    def _planned(self, plan: RepredictPlan) -> None:
        if self._unseen:
            text = f"{plan_words(plan)} with {plan.model}"
            self._session.message.emit(
                Message(INFO, text, "Nothing is changed yet", TOPIC, "Show…", self.open)
            )

    def _changed(self, result: RepredictResult, said: str) -> None:
        self._applied_here = not self._unseen
        if self._unseen:
            self._tell_undo(result.plan, f"{result.done:,} samples {said}")

    def _closed(self) -> None:
        """The way back stays in sight when the dialog goes."""
        plan = self._comparisons.undoable
        if plan is not None and self._applied_here and plan.state is PlanState.APPLIED:
            self._tell_undo(plan, f"{plan.model} predicted untouched samples again")
        self._applied_here = False

    def _tell_undo(self, plan: RepredictPlan, text: str) -> None:
        def undo() -> None:
            if not self._comparisons.busy:
                self._session.resolved.emit(TOPIC)
                self._comparisons.undo(plan)

        if plan.state is PlanState.APPLIED:
            self._session.message.emit(Message(SUCCESS, text, "", TOPIC, "Undo", undo))
        else:
            self._session.message.emit(Message(INFO, text, "", TOPIC))
