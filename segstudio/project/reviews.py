"""The review of a project's samples: who is to do what, verdicts, comments, and the record of all that."""

import logging
import time
import uuid
from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from segstudio.errors import InputError, ProjectError
from segstudio.project.lock import user_name
from segstudio.project.review_records import (
    NO_CLASS,
    NO_EFFORT,
    NOWHERE,
    Comment,
    Effort,
    Figures,
    Record,
    What,
)
from segstudio.project.review_rules import VERDICTS, Standing, counts_as, moved, route
from segstudio.project.review_store import ReviewStore
from segstudio.project.sample import Changes, SampleMark, SampleStatus

LOG = logging.getLogger(__name__)
REASONS_OFFERED = 5


class Reviews:
    """Moves samples by the rules of `review_rules`, and keeps comments; `Project.review` is one.

    Whoever runs the program is the author of what is done. Every action is recorded, and can be undone until
    somebody else has acted on the same sample.
    """

    def __init__(self, store: ReviewStore) -> None:
        self._store = store

    # -- where samples stand ------------------------------------------------------------------------------

    def submit(self, keys: Collection[str], effort: Effort = NO_EFFORT, *, initiator: str = "") -> Changes:
        """Says that masks are ready to be reviewed; whoever submits a sample first becomes its labeler.

        Raises:
            ProjectError: one of them does not exist or cannot be submitted; then none is.
        """
        return self.mark(keys, SampleStatus.SUBMITTED, effort=effort, initiator=initiator)

    def accept(self, keys: Collection[str], effort: Effort = NO_EFFORT, *, initiator: str = "") -> Changes:
        """Finds masks right. What was not submitted is submitted on the way: one person may do both.

        Raises:
            ProjectError: one of them does not exist or cannot be accepted; then none is.
        """
        return self.mark(keys, SampleStatus.ACCEPTED, effort=effort, initiator=initiator)

    def reject(
        self, keys: Collection[str], reason: str, effort: Effort = NO_EFFORT, *, initiator: str = ""
    ) -> Changes:
        """Gives masks back to their labelers, who correct them for the same reviewer.

        Raises:
            InputError: no reason is given.
            ProjectError: one of them does not exist or cannot be rejected; then none is.
        """
        return self.mark(keys, SampleStatus.REJECTED, reason=reason, effort=effort, initiator=initiator)

    def reopen(self, keys: Collection[str], effort: Effort = NO_EFFORT, *, initiator: str = "") -> Changes:
        """Makes masks work in progress again that were submitted, accepted, rejected or skipped.

        Raises:
            ProjectError: one of them does not exist or is open; then none is reopened.
        """
        return self.mark(keys, SampleStatus.IN_PROGRESS, effort=effort, initiator=initiator)

    def mark(
        self,
        keys: Collection[str],
        status: SampleStatus,
        *,
        reason: str = "",
        effort: Effort = NO_EFFORT,
        initiator: str = "",
    ) -> Changes:
        """Moves samples to a status by the rules; those that have it stay as they are.

        Args:
            keys: the samples.
            status: the new status.
            reason: why samples are rejected.
            effort: the work since the last record; it is that of the first sample.
            initiator: who asks.

        Raises:
            InputError: samples are rejected without a reason.
            ProjectError: a sample does not exist, or there is no way from its status; then none is moved.
        """
        if status is SampleStatus.REJECTED and not reason.strip():
            raise InputError("a rejected sample needs a reason", hint="say what is to be corrected")
        who = user_name()

        def decide(key: str, before: Standing, author: str) -> list[Standing]:
            start = counts_as(before.status, before.reviewer)
            if before.status is status and start is status:
                after = moved(before, status, who, author, reason.strip())
                # Another reason is news.
                return [after] if after.reason != before.reason else []
            way = (status,) if start is status else route(start, status)
            if not way:
                states = f"{before.status.value.replace('_', ' ')} to {status.value.replace('_', ' ')}"
                raise ProjectError(f"{key} cannot go from {states}", hint=_hint(before.status, status))
            steps = []
            for to in way:
                before = moved(before, to, who, author, reason.strip())
                steps.append(before)
            return steps

        return self._move(keys, decide, What.STATUS, effort, initiator)

    def set_status(self, keys: Collection[str], status: SampleStatus, *, initiator: str = "") -> Changes:
        """Sets the status of samples whatever the rules say; nobody becomes labeler or reviewer by it.

        Raises:
            ProjectError: one of them does not exist; then none is changed.
        """

        def decide(_key: str, before: Standing, _author: str) -> list[Standing]:
            return [replace(before, status=status)] if before.status is not status else []

        changes = self._move(keys, decide, What.STATUS, NO_EFFORT, initiator)
        return replace(changes, statuses=frozenset(keys))

    def assign(
        self,
        keys: Collection[str],
        assignee: str | None = None,
        reviewer: str | None = None,
        *,
        initiator: str = "",
    ) -> Changes:
        """Says who labels and who reviews samples; "" is nobody, None leaves it as it is.

        Who accepted a sample stays its reviewer.

        Raises:
            ProjectError: one of them does not exist; then none is changed.
        """

        def decide(_key: str, before: Standing, _author: str) -> list[Standing]:
            after = before if assignee is None else replace(before, assignee=assignee.strip())
            if reviewer is not None and before.status is not SampleStatus.ACCEPTED:
                after = replace(after, reviewer=reviewer.strip())
            return [after] if after != before else []

        return self._move(keys, decide, What.ASSIGNED, NO_EFFORT, initiator)

    def _move(
        self,
        keys: Collection[str],
        decide: Callable[[str, Standing, str], list[Standing]],
        what: What,
        effort: Effort,
        initiator: str,
    ) -> Changes:
        batch, left = _batch(), [effort]

        def steps(key: str, before: Standing, author: str) -> list[tuple[Standing, Figures]]:
            found = []
            for after in decide(key, before, author):
                spent = left.pop() if left else NO_EFFORT
                found.append((after, Figures(before, after, effort=spent, batch=batch)))
                before = after
            return found

        chosen = list(dict.fromkeys(keys))
        changed = self._store.move(chosen, steps, what, user_name(), time.time())
        statuses = changed if what is What.STATUS else frozenset[str]()
        return Changes(samples=changed - statuses, statuses=statuses, reviews=changed, initiator=initiator)

    def standing(self, key: str) -> Standing | None:
        """Where a sample stands; None for one that does not exist."""
        return self._store.standing(key)

    def marks(self) -> list[SampleMark]:
        """Who changed each sample last, and when, in the samples' order."""
        return self._store.marks()

    def people(self) -> list[str]:
        """Everybody who did something in the project or is to do something, by name, this user included."""
        return sorted(self._store.people() | {user_name()}, key=str.casefold)

    def reasons(self) -> list[str]:
        """Why samples were rejected, the last reasons first."""
        return self._store.reasons(REASONS_OFFERED)

    # -- comments -----------------------------------------------------------------------------------------

    def comments(self, key: str | None = None, *, open_only: bool = False) -> list[Comment]:
        """Comments of a sample or of all that are there, in the samples' order, oldest first in each."""
        return self._store.comments(key=key, open_only=open_only)

    def comment(
        self,
        key: str,
        text: str,
        x: float = NOWHERE,
        y: float = NOWHERE,
        class_id: int = NO_CLASS,
        *,
        initiator: str = "",
    ) -> Changes:
        """Adds a comment on a sample.

        Args:
            key: the sample.
            text: what is said.
            x, y: the place in image pixels; -1 for the whole sample.
            class_id: the class that it is about; -1 for none.
            initiator: who asks.

        Raises:
            InputError: the text is empty. ProjectError: there is no such sample.
        """
        said = Comment(0, key, _text(text), x, y, class_id, False, user_name(), time.time())
        return self._put(said, initiator)

    def edit_comment(self, comment_id: int, text: str, *, initiator: str = "") -> Changes:
        """Changes what a comment says.

        Raises:
            InputError: the text is empty. ProjectError: the comment is gone.
        """
        return self._put(replace(self._store.comment(comment_id), text=_text(text)), initiator)

    def resolve(self, comment_id: int, *, resolved: bool = True, initiator: str = "") -> Changes:
        """Says that nothing is left to do about a comment, or that something is again.

        Raises:
            ProjectError: the comment is gone.
        """
        return self._put(replace(self._store.comment(comment_id), resolved=resolved), initiator)

    def delete_comment(self, comment_id: int, *, initiator: str = "") -> Changes:
        """Deletes a comment.

        Raises:
            ProjectError: it is gone already.
        """
        gone = self._store.drop_comment(comment_id, user_name(), time.time(), _batch())
        return Changes(reviews=frozenset({gone.key}), initiator=initiator)

    def _put(self, comment: Comment, initiator: str) -> Changes:
        stored = self._store.put_comment(comment, user_name(), time.time(), _batch())
        return Changes(reviews=frozenset({stored.key}), initiator=initiator)

    # -- records ------------------------------------------------------------------------------------------

    def log_save(self, key: str, effort: Effort, *, begun: bool = False) -> None:
        """Records a save and the work behind it; `begun` when it made the sample work in progress.

        The mask is in its file by now: a database that refuses costs the record alone.
        """
        after = Standing(SampleStatus.IN_PROGRESS) if begun else None
        try:
            self._store.add_record(
                key, user_name(), time.time(), What.SAVED, Figures(after=after, effort=effort)
            )
        except ProjectError as error:
            LOG.warning("no record of the save of %s: %s", key, error)

    def records(self, key: str | None = None) -> list[Record]:
        """All records, or those of a sample, oldest first."""
        return self._store.records(key)

    def undo(self, *, initiator: str = "") -> Changes:
        """Takes this user's last action back: a status, an assignment or a comment; empty without any.

        Raises:
            ProjectError: somebody acted on one of its samples since; then nothing is changed.
        """
        undone = self._store.undo(user_name(), time.time())
        keys = frozenset(record.key for record in undone)
        statuses = _keys_of(undone, What.STATUS)
        assigned = _keys_of(undone, What.ASSIGNED)
        return Changes(samples=assigned, statuses=statuses, reviews=keys, initiator=initiator)


def _keys_of(found: Iterable[Record], what: What) -> frozenset[str]:
    return frozenset(record.key for record in found if record.what is what)


def _batch() -> str:
    return uuid.uuid4().hex[:12]


def _text(text: str) -> str:
    if not text.strip():
        raise InputError("a comment needs a text", hint="say what is to be done")
    return text.strip()


def _hint(status: SampleStatus, to: SampleStatus) -> str:
    if status is SampleStatus.ACCEPTED:
        return "reopen it first"
    if to in VERDICTS:
        return "it must be submitted first"
    return "see docs/review.md for what may follow what"
