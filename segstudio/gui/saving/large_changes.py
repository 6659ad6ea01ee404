"""Makes changes of large masks in a worker: one at a time, one step of the history, to be cancelled."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio.annotation.history import Edit
from segstudio.errors import SegstudioError
from segstudio.gui.canvas.changes import MaskChange
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import EDIT_LANE
from segstudio.gui.message import INFO, Message
from segstudio.gui.saving.documents import OpenDocument
from segstudio.gui.session import Session
from segstudio.jobs import Job, JobContext
from segstudio.project.project import SAVED
from segstudio.project.versions import VersionNote

TOPIC = "large change"


@dataclass(frozen=True)
class Made:
    """What a worker brings: the edit and what its rectangle then holds, uint8 [h,w]; None for no change."""

    edit: Edit | None
    pixels: NDArray[np.uint8] | None


@dataclass
class Running:
    """A change that is being made: of which open mask, by which Job, and as which version it is kept."""

    entry: OpenDocument
    change: MaskChange
    note: VersionNote = SAVED
    job: Job[Any] | None = None


class LargeChanges(QObject):
    """Changes masks in a worker.

    The mask is locked meanwhile: its document is in a stroke, so that neither undo nor a save comes between,
    and the canvas refuses edits with a word why. A result that had to be dropped because of an edit would
    have cost the user the wait, a merge of both could surprise; a lock can be cancelled at any time.
    Closing the project takes the lock away and drops the result.
    """

    locks_changed = Signal()

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self._running: Running | None = None
        session.closing.connect(self.drop)

    def reason(self, key: str | None) -> str:
        """Why a sample's mask cannot be edited now, "" if it can."""
        running = self._running
        if running is None or running.entry.key != key:
            return ""
        return f"{running.change.title} is under way; it can be cancelled in the status bar"

    def start(self, change: MaskChange, note: VersionNote = SAVED) -> None:
        """Makes a change of the open sample's mask; while another one is under way it only says so."""
        session, entry = self._session, self._session.entry
        if self._running is not None:
            text = f"{self._running.change.title} is still under way: {change.title} has to wait"
            session.message.emit(Message(INFO, text, topic=TOPIC))
            return
        if entry is None or entry.document is not change.document or change.document.in_stroke:
            return
        change.document.begin(change.title)
        running = self._running = Running(entry, change, note)
        replies = Replies(
            done=lambda made: self._done(running, made),
            failed=lambda error: self._failed(running, error),
            cancelled=lambda: self._release(running),
        )
        running.job = session.bridge.start(
            change.title, lambda context: work(change, context), lane=EDIT_LANE, replies=replies
        )
        self.locks_changed.emit()

    def drop(self) -> None:
        """Cancels what is under way and forgets it at once."""
        running = self._running
        if running is not None:
            if running.job is not None:
                running.job.cancel()
            self._release(running)

    def _release(self, running: Running) -> None:
        """Takes the lock away, and saves what had to wait."""
        if self._running is not running:
            return
        self._running = None
        running.change.document.abort()
        documents = self._session.documents
        if documents.get(running.entry.key) is running.entry:
            documents.save(running.entry.key)
        self.locks_changed.emit()

    def _failed(self, running: Running, error: SegstudioError) -> None:
        if self._running is running:
            self._release(running)
            self._session.explain(error)

    def _done(self, running: Running, made: Made) -> None:
        session, entry = self._session, running.entry
        if self._running is not running:
            return
        self._release(running)
        if session.documents.get(entry.key) is not entry:
            return
        if made.edit is None or made.pixels is None:
            if running.change.nothing:
                session.message.emit(Message(INFO, running.change.nothing, topic=TOPIC))
            return
        entry.document.take(made.edit, made.pixels)
        session.documents.committed(entry.key, made.edit, running.note)
        if session.current == entry.key:
            session.document_changed.emit(made.edit.rect)


def work(change: MaskChange, context: JobContext) -> Made:
    """Makes a change on a copy of its mask, which nobody else writes to meanwhile.

    Raises:
        Cancelled: before it was made, or while its operation asked.
    """
    context.progress(0, 1)
    before = change.document.array
    after = before.copy()
    context.check()
    change.make(after, context)
    context.check()
    rect = change.rect.clip(change.document.width, change.document.height)
    edit = Edit.of(change.title, rect, before[rect.slices], after[rect.slices])
    return Made(edit, after[edit.rect.slices].copy() if edit is not None else None)
