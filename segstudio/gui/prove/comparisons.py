"""The Jobs of a comparison: proving a model, putting it to use, and predicting untouched samples again."""

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Signal

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import Replies
from segstudio.gui.models.predictions import EVALUATION_LANE
from segstudio.gui.session import Session
from segstudio.jobs import Job, JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.workflows.prove.compare import ProofOrder, prove
from segstudio.workflows.prove.promote import promote
from segstudio.workflows.prove.proof import Proof
from segstudio.workflows.repredict.make import RepredictResult, apply_plan, plan_repredict, undo_plan
from segstudio.workflows.repredict.plan import RepredictPlan

# That of saves: predictions change where masks do.
CHANGE_LANE = "project"


class Comparisons(QObject):
    """One at a time; what ends after another project was opened is dropped."""

    progressed = Signal(object)
    proved = Signal(object)
    promoted = Signal(str)
    planned = Signal(object)
    applied = Signal(object)
    undone = Signal(object)
    failed = Signal(object)
    stopped = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._job: Job[Any] | None = None
        session.bridge.progressed.connect(self._progressed)

    @property
    def job(self) -> Job[Any] | None:
        """What runs now, or None."""
        return self._job

    def compare(self, order: ProofOrder) -> None:
        """Compares two models, once all edits are in their files."""

        def done(proof: Proof) -> None:
            self._session.note(proof.changes)
            self.proved.emit(proof)

        self._start(
            f"Compare {order.candidate} with {order.current}",
            lambda project, context: prove(project, order, context),
            done,
        )

    def promote(self, proof: Proof, why: str) -> None:
        """Makes the candidate of a comparison the model in use."""
        name = proof.candidate.model

        def done(changes: Changes) -> None:
            self._session.note(changes)
            self._session.predictions.choose(name)
            self.promoted.emit(name)

        self._start(f"Use {name}", lambda project, _: promote(project, proof, why), done, CHANGE_LANE)

    def plan(self, model: str) -> None:
        """Asks what a model would say of samples that nobody touched."""
        self._start(
            f"Predict untouched samples with {model}",
            lambda project, context: plan_repredict(project, model, context, in_window=True),
            self.planned.emit,
        )

    def drop(self, plan: RepredictPlan) -> None:
        """Throws a plan away."""
        self._session.bridge.start("Forget predictions", lambda _: plan.drop())

    def apply(self, plan: RepredictPlan) -> None:
        """Makes planned predictions those of the project."""

        def done(result: RepredictResult) -> None:
            self._session.note(result.changes)
            self.applied.emit(result)

        self._start(
            f"Use predictions of {plan.model}",
            lambda project, context: apply_plan(project, plan, context),
            done,
            CHANGE_LANE,
        )

    def undo(self, plan: RepredictPlan) -> None:
        """Takes an applied plan back."""

        def done(result: RepredictResult) -> None:
            self._session.note(result.changes)
            self.undone.emit(result)

        self._start(
            f"Take predictions of {plan.model} back",
            lambda project, context: undo_plan(project, plan, context),
            done,
            CHANGE_LANE,
        )

    def cancel(self) -> None:
        """Asks what runs to stop."""
        if self._job is not None:
            self._job.cancel()

    def _start(
        self,
        title: str,
        work: Callable[[Project, JobContext], Any],
        done: Callable[[Any], None],
        lane: str = EVALUATION_LANE,
    ) -> None:
        session, project = self._session, self._session.project
        if project is None or self._job is not None:
            return

        def ended(act: Callable[..., object]) -> Callable[..., None]:
            def reply(*values: object) -> None:
                self._job = None
                if project is session.project:
                    act(*values)

            return reply

        def begin() -> None:
            if self._job is None:
                replies = Replies(
                    done=ended(done), failed=ended(self._explain), cancelled=ended(self.stopped.emit)
                )
                self._job = session.bridge.start(
                    title, lambda context: work(project, context), lane=lane, replies=replies
                )

        session.when_saved(begin)

    def _explain(self, error: SegstudioError) -> None:
        self.failed.emit(error)

    def _progressed(self, job: Job[Any]) -> None:
        if job is self._job:
            self.progressed.emit(job)
