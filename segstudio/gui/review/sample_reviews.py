"""The review of the open sample: its comments and record, and every review action, each as a Job."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.review.work_log import WorkLog
from segstudio.gui.samples.sample_versions import FEW, LANE, VERDICTS
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.review_records import NO_EFFORT, Comment, Record, What
from segstudio.project.reviews import Reviews
from segstudio.project.sample import Changes, SampleStatus
from segstudio.project.versions import VersionNote

Act = Callable[[Reviews], Changes]


@dataclass(frozen=True)
class ReviewFacts:
    """What is known of the open sample, and of the project where one has to choose.

    Attributes:
        comments: of the sample, oldest first.
        moves: records of its status that were not taken back, oldest first.
        people: everybody of the project.
        reasons: why samples were rejected, the last reasons first.
    """

    comments: tuple[Comment, ...] = ()
    moves: tuple[Record, ...] = ()
    people: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()


def read_facts(project: Project, key: str) -> ReviewFacts:
    """Asks the project."""
    review = project.review
    records = review.records(key)
    moves = [one for one in records if one.what is What.STATUS and not one.figures.undone]
    return ReviewFacts(
        tuple(review.comments(key)), tuple(moves), tuple(review.people()), tuple(review.reasons())
    )


class SampleReviews(QObject):
    """Reads and acts in workers; `read` says that the facts are there, `moved` what an action changed.

    `marked` carries the samples whose status an action moved, and the status.
    """

    read = Signal()
    moved = Signal(object)
    marked = Signal(object, object)
    failed = Signal(object)

    def __init__(self, bridge: JobBridge, work_log: WorkLog) -> None:
        super().__init__()
        self._bridge = bridge
        self._work_log = work_log
        self._project: Project | None = None
        self._key: str | None = None
        self.facts = ReviewFacts()

    def set_project(self, project: Project | None) -> None:
        """Forgets everything and serves another project."""
        self._project = project
        self._work_log.clear()
        self.open(None)

    def open(self, key: str | None) -> None:
        """Reads what is known of a sample."""
        self._work_log.open(key)
        if key != self._key:
            self._key, self.facts = key, ReviewFacts()
            self.read.emit()
        self.refresh()

    def follow(self, changes: Changes) -> None:
        """Reads again what a change may have moved: people and reasons are those of all samples."""
        if changes.reviews or self._key in changes.statuses:
            self.refresh()

    def refresh(self) -> None:
        """Reads the facts again, in a worker."""
        project, key = self._project, self._key
        if project is None or key is None:
            return

        def done(facts: ReviewFacts) -> None:
            if key == self._key and project is self._project:
                self.facts = facts
                self.read.emit()

        self._bridge.start(
            f"Read the review of {key}",
            lambda _: read_facts(project, key),
            replaces="review",
            replies=Replies(done=done),
        )

    # -- actions ------------------------------------------------------------------------------------------

    def mark(self, keys: Collection[str], status: SampleStatus, reason: str = "") -> None:
        """Moves samples by the rules of review, behind the saves that are under way.

        The masks of a few samples become versions at once, before another save can come.
        """
        chosen, project = list(keys), self._project
        if project is None or not chosen:
            return
        effort = self._work_log.take(chosen[0]) if len(chosen) == 1 else NO_EFFORT
        why = VERDICTS.get(status) if len(chosen) <= FEW else None

        def act(review: Reviews) -> Changes:
            changes = review.mark(chosen, status, reason=reason, effort=effort)
            if why is not None:
                for key in changes.statuses:
                    project.keep_version(key, VersionNote(why))
            return changes

        def done(changes: Changes) -> None:
            if chosen[0] not in changes.statuses:
                self._work_log.give_back(chosen[0], effort)
            if not changes.is_empty:
                self.marked.emit(sorted(changes.statuses), status)

        def failed(error: SegstudioError) -> None:
            self._work_log.give_back(chosen[0], effort)
            self.failed.emit(error)

        self._act(f"Mark as {status.value.replace('_', ' ')}", act, done, failed)

    def do(self, title: str, act: Act) -> None:
        """Does something to the review."""
        self._act(title, act, lambda _: None, self.failed.emit)

    def _act(
        self,
        title: str,
        act: Act,
        then: Callable[[Changes], None],
        failed: Callable[[SegstudioError], object],
    ) -> None:
        project = self._project
        if project is None:
            return

        def done(changes: Changes) -> None:
            if project is self._project:
                self.moved.emit(changes)
                then(changes)

        def work(_: JobContext) -> Changes:
            return act(project.review)

        replies = Replies(done=done, failed=lambda error: self._failed(project, error, failed))
        self._bridge.start(title, work, lane=LANE, replies=replies)

    def _failed(
        self, project: Project, error: SegstudioError, tell: Callable[[SegstudioError], object]
    ) -> None:
        if project is self._project:
            tell(error)

    def find_comment(
        self,
        places: Mapping[str, int],
        after: tuple[str, int],
        by: int,
        then: Callable[[Comment | None], None],
    ) -> None:
        """Looks for the next open comment of the project, in a worker; see `comment_after`."""
        project = self._project
        if project is None:
            return

        def done(found: Comment | None) -> None:
            if project is self._project:
                then(found)

        self._bridge.start(
            "Look for open comments",
            lambda _: comment_after(project.review.comments(open_only=True), places, after, by),
            replaces="comments",
            replies=Replies(done=done),
        )


def comment_after(
    comments: Sequence[Comment], places: Mapping[str, int], after: tuple[str, int], by: int
) -> Comment | None:
    """The next comment in the direction of `by` (-1 or 1), around the end; None without any.

    Args:
        comments: those to choose from.
        places: where each sample stands; comments of others are left out.
        after: (key, id) of the present comment; id 0 stands before all comments of a sample.
        by: forth or back.
    """
    there = sorted((one for one in comments if one.key in places), key=lambda one: (places[one.key], one.id))
    present = (places.get(after[0], -1), after[1])
    if by > 0:
        later = [one for one in there if (places[one.key], one.id) > present]
        return next(iter(later or there), None)
    earlier = [one for one in there if (places[one.key], one.id) < present]
    return next(reversed(earlier or there), None)
