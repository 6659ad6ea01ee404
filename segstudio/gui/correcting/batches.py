"""Relabels regions of many samples from the window, in files and in open masks alike, and takes that back."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from segstudio.annotation.history import Edit
from segstudio.gui.dialogs.batch_progress import BatchProgress
from segstudio.gui.job_bridge import Replies
from segstudio.gui.message import INFO, SUCCESS, WARNING, Message
from segstudio.gui.session import Session
from segstudio.jobs import Job, JobContext
from segstudio.project.batches import BatchFacts, BatchState, list_batches
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.relabel_alike import (
    ACCEPTED,
    Finds,
    Left,
    Order,
    RelabelResult,
    UndoResult,
    change_of,
    newest_batch,
    relabel,
    undo_batch,
)

# That of saves: a batch and a save of one mask never overlap.
LANE = "project"
TOPIC = "batch"
NAMED = 3


class Batches(QObject):
    """One batch at a time; edits of open masks are ordinary steps of their histories."""

    def __init__(self, window: QWidget, session: Session) -> None:
        super().__init__(window)
        self._window = window
        self._session = session
        session.project_changed.connect(self._look_for_unfinished)

    def open_masks(self, keys: Sequence[str]) -> dict[str, NDArray[np.uint8]]:
        """Copies of the masks that are open among samples: they count, not their files."""
        entries = ((key, self._session.documents.get(key)) for key in keys)
        return {key: entry.document.array.copy() for key, entry in entries if entry is not None}

    def _is_busy(self, keys: Sequence[str]) -> bool:
        """Whether one of these masks is being changed now; says so."""
        entries = ((key, self._session.documents.get(key)) for key in keys)
        busy = [key for key, entry in entries if entry is not None and entry.document.in_stroke]
        if busy:
            hint = "Wait until it is done, or cancel it in the status bar"
            self._tell(Message(WARNING, f"{busy[0]} is being changed: nothing was done", hint, TOPIC))
        return bool(busy)

    def relabel(
        self, chosen: Sequence[Finds], order: Order, ended: Callable[[], None]
    ) -> Job[RelabelResult] | None:
        """Gives regions another class; the open sample alone is an ordinary edit, without a Job."""
        session = self._session
        project = session.project
        if project is None or not chosen:
            return None
        keys = [finds.key for finds in chosen]
        if self._is_busy(keys):
            ended()
            return None
        if len(chosen) == 1 and session.documents.get(keys[0]) is not None:
            self._relabel_open(chosen[0], order)
            ended()
            return None
        masks = self.open_masks(keys)

        def done(result: RelabelResult) -> None:
            self._take_over(project, result.changes.masks, result.edits, order.title, back=False)
            session.note(result.changes)
            self._tell_relabelled(result)
            ended()

        def failed(error: object) -> None:
            session.explain(error)  # type: ignore[arg-type]  # the bridge hands over what the Job raised
            ended()

        return session.bridge.start(
            order.title,
            lambda context: relabel(project, chosen, order, context, masks=masks),
            lane=LANE,
            replies=Replies(done=done, failed=failed, cancelled=ended),
        )

    def _relabel_open(self, finds: Finds, order: Order) -> None:
        sample, entry = self._session.book.get(finds.key), self._session.documents.get(finds.key)
        assert entry is not None
        if sample is not None and sample.status is SampleStatus.ACCEPTED and not order.accepted:
            self._tell(Message(WARNING, f"Nothing changed: {finds.key}: {ACCEPTED}", topic=TOPIC))
            return
        edit, count = change_of(entry.document.array, finds.regions, order)
        if edit is None:
            self._tell(Message(INFO, "Nothing to change", topic=TOPIC))
            return
        self._apply(finds.key, edit, order.title, back=False)
        self._tell(Message(SUCCESS, f"Relabelled {_count(count, 'region')}, {edit.pixels:,} px", topic=TOPIC))

    def undo_last(self) -> None:
        """Takes the newest batch back that was not taken back yet."""
        self.undo("")

    def undo(self, name: str) -> None:
        """Takes a batch back; "" is the newest. Samples that were edited since stay, and are named."""
        session = self._session
        project = session.project
        if project is None:
            return
        keys = [sample.key for sample in session.book.samples]
        if self._is_busy(keys):
            return
        masks = self.open_masks(keys)

        def work(context: JobContext) -> UndoResult | None:
            chosen = name or newest_batch(project)
            return undo_batch(project, chosen, context, masks=masks) if chosen else None

        def done(result: UndoResult | None) -> None:
            if result is None:
                self._tell(Message(INFO, "There is no batch to undo", topic=TOPIC))
                return
            self._take_over(project, result.changes.masks, result.edits, f"Undo {result.title}", back=True)
            session.note(result.changes)
            text = f"Undone: {result.title}, {_count(len(result.restored), 'sample')}"
            self._tell(Message(WARNING if result.left else SUCCESS, text, _named(result.left), TOPIC))

        replies = Replies(done=done, failed=session.explain)
        job = session.bridge.start("Undo the batch", work, lane=LANE, replies=replies)
        BatchProgress(self._window, session.bridge, job).open()

    def _take_over(
        self, project: Project, saved: frozenset[str], edits: Mapping[str, Edit], title: str, *, back: bool
    ) -> None:
        """Makes the edits of open masks; what was read ahead of saved ones is out of date."""
        session = self._session
        if project is not session.project:
            return
        session.loader.forget(saved)
        for key, edit in edits.items():
            self._apply(key, edit, title, back=back)

    def _apply(self, key: str, edit: Edit, title: str, *, back: bool) -> None:
        session = self._session
        entry = session.documents.get(key)
        if entry is None:
            return
        change = edit.put_before if back else edit.put_after
        made = entry.document.apply(title, edit.rect, change)
        if made is None:
            return
        session.documents.committed(key, made)
        if key == session.current:
            session.document_changed.emit(made.rect)

    def _tell_relabelled(self, result: RelabelResult) -> None:
        samples = _count(len(result.keys), "sample")
        text = f"Relabelled {_count(result.regions, 'region')} in {samples}, {result.pixels:,} px"
        level = WARNING if result.left else SUCCESS
        if not result.batch:
            text = "Nothing changed" + ("; locked classes stay" if self._session.classes.locked else "")
            self._tell(Message(level if result.left else INFO, text, _named(result.left), TOPIC))
            return
        name = result.batch
        undo = Message(level, text, _named(result.left), TOPIC, "Undo batch", lambda: self._undo_named(name))
        self._tell(undo)

    def _undo_named(self, name: str) -> None:
        self._session.resolved.emit(TOPIC)
        self.undo(name)

    def _look_for_unfinished(self) -> None:
        project = self._session.project
        if project is None:
            return

        def done(found: list[BatchFacts]) -> None:
            if project is self._session.project and found:
                self._tell_unfinished(found[0])

        def work(_: object) -> list[BatchFacts]:
            return [facts for facts in list_batches(project.batches_dir) if facts.state.is_unfinished]

        self._session.bridge.start("Look for batches", work, replies=Replies(done=done))

    def _tell_unfinished(self, facts: BatchFacts) -> None:
        what = "was stopped half way" if facts.state is BatchState.RUNNING else "was half undone"
        hint = "The masks that it had reached keep its changes. Undo gives all of them the pixels of before."
        text = f"{facts.title} of {facts.when.replace('T', ' ')} {what}"
        self._tell(Message(WARNING, text, hint, TOPIC, "Undo batch", lambda: self._undo_named(facts.name)))

    def _tell(self, message: Message) -> None:
        self._session.message.emit(message)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(left: Sequence[Left]) -> str:
    """The samples that were left, the first ones by name."""
    if not left:
        return ""
    first = "; ".join(f"{entry.key}: {entry.reason}" for entry in left[:NAMED])
    more = f"; and {len(left) - NAMED:,} more" if len(left) > NAMED else ""
    return f"Left as they are: {first}{more}"
