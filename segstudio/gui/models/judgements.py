"""Judges a project in workers: how good its predictions probably are, and where its masks may be wrong."""

from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import SUCCESS, WARNING, Message
from segstudio.gui.models.predictions import EVALUATION_LANE
from segstudio.gui.session import Session
from segstudio.jobs import JobContext, PartContext
from segstudio.project.sample import Changes
from segstudio.workflows.evaluate_project import evaluate_project
from segstudio.workflows.project_quality import (
    ProjectQuality,
    ProjectSuspects,
    judge_project,
    project_suspects,
)

TOPIC = "judge"
NAMED = 3
SUSPECT = "suspect>0"


class Judgements:
    """Starts the Jobs for the model in use and says what came of them."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def judge(self) -> None:
        """Says how good each prediction probably is; the queue can be ordered by it."""
        project, entry = self._session.project, self._session.predictions.entry
        if project is None or entry is None:
            return

        def done(found: ProjectQuality) -> None:
            if project is self._session.project:
                self._session.note(found.changes)
                self._session.message.emit(quality_message(found))

        self._session.when_saved(
            lambda: self._session.bridge.start(
                f"Judge predictions of {entry.name}",
                lambda context: judge_project(project, entry.name, context),
                lane=EVALUATION_LANE,
                replaces="judge",
                replies=Replies(done=done, failed=self._session.explain),
            )
        )

    def look_for_suspects(self) -> None:
        """Looks where masks may be wrong, and shows these places as failures, the most suspect first."""
        project, entry = self._session.project, self._session.predictions.entry
        if project is None or entry is None:
            return

        def work(context: JobContext) -> tuple[ProjectSuspects, Changes]:
            # The places are shown as error segments, which are those of an evaluation.
            evaluated = evaluate_project(project, entry.name, PartContext(context))
            found = project_suspects(project, entry.name, context)
            return found, evaluated.changes | found.changes

        def done(outcome: tuple[ProjectSuspects, Changes]) -> None:
            if project is self._session.project:
                found, changes = outcome
                self._session.note(changes)
                self._session.message.emit(suspects_message(found))
                if found.suspects:
                    self._session.segments_asked.emit(SUSPECT, found.model)

        self._session.when_saved(
            lambda: self._session.bridge.start(
                f"Look for errors in masks with {entry.name}",
                work,
                lane=EVALUATION_LANE,
                replaces="suspects",
                replies=Replies(done=done, failed=self._session.explain),
            )
        )


def quality_message(found: ProjectQuality) -> Message:
    """How many predictions were judged, and how far to trust that."""
    text = f"Judged {found.judged} predictions by {found.learnt} reviewed samples"
    hint = "Order the samples by predicted quality"
    if found.trust is not None and found.trust.auroc is not None:
        hint += f"; regions without a right pixel are told apart with AUROC {found.trust.auroc:.2f}"
    return Message(WARNING if found.skipped else SUCCESS, text, hint + _skipped(found.skipped), TOPIC)


def suspects_message(found: ProjectSuspects) -> Message:
    """How many places there are."""
    if not found.suspects:
        return Message(SUCCESS, f"No mask of {found.samples} is suspect", _skipped(found.skipped), TOPIC)
    text = f"{len(found.suspects):,} places in {found.samples:,} masks may be wrong, the most suspect first"
    return Message(WARNING if found.skipped else SUCCESS, text, _skipped(found.skipped), TOPIC)


def _skipped(skipped: tuple[tuple[str, str], ...]) -> str:
    named = "; ".join(f"{key}: {reason}" for key, reason in skipped[:NAMED])
    more = f" and {len(skipped) - NAMED} more" if len(skipped) > NAMED else ""
    return f" Skipped {named}{more}" if skipped else ""
