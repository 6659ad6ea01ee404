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
from segstudio.project.promotions import Promotion
from segstudio.project.sample import Changes
from segstudio.workflows.prove.compare import ProofOrder, prove
from segstudio.workflows.prove.promote import promote
from segstudio.workflows.prove.proof import Proof, Side
from segstudio.workflows.repredict.make import RepredictResult, apply_plan, plan_repredict, undo_plan
from segstudio.workflows.repredict.plan import PlanState, RepredictPlan, last_applied

# That of saves: predictions change where masks do.
CHANGE_LANE = "project"


class Comparisons(QObject):
    """One at a time; what ends after another project was opened is dropped.

    `ended` comes last, whatever the end was. `in_use` and `undoable` are what `look` found: the promotion
    that holds, and the plan that can be taken back; `looked` tells of it.
    """

    progressed = Signal(object)
    proved = Signal(object)
    promoted = Signal(str)
    planned = Signal(object)
    applied = Signal(object)
    undone = Signal(object)
    failed = Signal(object)
    stopped = Signal()
    ended = Signal()
    looked = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._job: Job[Any] | None = None
        # What waits until all edits are in their files.
        self._waiting: object | None = None
        self.in_use: Promotion | None = None
        self.undoable: RepredictPlan | None = None
        session.bridge.progressed.connect(self._progressed)
        session.changed.connect(self._changed)
        session.project_changed.connect(self._forget)

    @property
    def busy(self) -> bool:
        """Whether something runs, or waits to."""
        return self._job is not None or self._waiting is not None

    def look(self) -> None:
        """Looks which model is promoted, and which predictions can be taken back."""
        project = self._session.project
        if project is None:
            return

        def done(found: tuple[Promotion | None, RepredictPlan | None]) -> None:
            if project is self._session.project:
                self.in_use, self.undoable = found
                self.looked.emit()

        self._session.bridge.start(
            "Look for the model in use",
            lambda _: (project.promotions.current(), last_applied(project)),
            lane=CHANGE_LANE,
            replaces="promoted model",
            replies=Replies(done=done),
        )

    def is_in_use(self, side: Side) -> bool:
        """Whether a model of a comparison is the one that was promoted last, by name and weights."""
        return self.in_use is not None and (self.in_use.model, self.in_use.fingerprint) == (
            side.model, side.fingerprint
        )  # fmt: skip

    def _changed(self, changes: Changes) -> None:
        if changes.model:
            self.look()

    def _forget(self) -> None:
        self.in_use = self.undoable = None

    def compare(self, order: ProofOrder) -> None:
        """Compares two models, once all edits are in their files."""

        def work(project: Project, context: JobContext) -> tuple[Proof, Promotion | None]:
            return prove(project, order, context), project.promotions.current()

        def done(found: tuple[Proof, Promotion | None]) -> None:
            proof, self.in_use = found
            self._session.note(proof.changes)
            self.proved.emit(proof)

        self._start(f"Compare {order.candidate} with {order.current}", work, done)

    def promote(self, proof: Proof, why: str) -> None:
        """Makes the candidate of a comparison the model in use."""
        name, before = proof.candidate.model, self._session.predictions.current

        def work(project: Project, _: JobContext) -> tuple[Changes, Promotion | None]:
            return promote(project, proof, why, before=before), project.promotions.current()

        def done(found: tuple[Changes, Promotion | None]) -> None:
            changes, self.in_use = found
            self._session.note(changes)
            self._session.predictions.choose(name)
            self.promoted.emit(name)

        self._start(f"Use {name}", work, done, CHANGE_LANE)

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
            self.undoable = result.plan
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
            self.undoable = result.plan if result.plan.state is PlanState.APPLIED else None
            self.undone.emit(result)

        self._start(
            f"Take predictions of {plan.model} back",
            lambda project, context: undo_plan(project, plan, context),
            done,
            CHANGE_LANE,
        )

    def cancel(self) -> None:
        """Asks what runs to stop; what only waits never begins."""
        if self._waiting is not None:
            self._waiting = None
            self.stopped.emit()
            self.ended.emit()
        elif self._job is not None:
            self._job.cancel()

    def _start(
        self,
        title: str,
        work: Callable[[Project, JobContext], Any],
        done: Callable[[Any], None],
        lane: str = EVALUATION_LANE,
    ) -> None:
        session, project = self._session, self._session.project
        if project is None or self.busy:
            return
        waiting = self._waiting = object()

        def ended(act: Callable[..., object]) -> Callable[..., None]:
            def reply(*values: object) -> None:
                self._job = None
                if project is session.project:
                    act(*values)
                self.ended.emit()

            return reply

        def begin() -> None:
            if self._waiting is not waiting:
                return
            self._waiting = None
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
