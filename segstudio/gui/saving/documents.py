"""Open masks with their histories: journal on every edit, autosave soon after, kept across samples."""

import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from segstudio.annotation.history import Edit, History, HistoryBudget
from segstudio.annotation.journal import Journal, checksum
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect
from segstudio.errors import MaskError, SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.review.work_log import WorkLog
from segstudio.jobs import Job, JobContext, JobState
from segstudio.project.project import SAVED, Project
from segstudio.project.sample import Changes
from segstudio.project.versions import VersionNote

LOG = logging.getLogger(__name__)
KEPT = 20
# Masks of 67 MP are let go sooner, for as long as a few stay.
KEPT_BYTES, LEAST_KEPT = 600 * 2**20, 3
AUTOSAVE_MS = 1000
LONGEST_WAIT_S = 10.0
RETRY_MS = 15_000
LANE = "project"
SAVE_TITLE = "Save"
INITIATOR = "documents"


@dataclass(frozen=True)
class NotedEdit:
    """An edit after which the saved mask is kept as a version, and why."""

    edit: Edit
    note: VersionNote

    def is_in(self, document: MaskDocument) -> bool:
        """Whether the edit is in force."""
        history = document.history
        return any(edit is self.edit for edit in history.edits[: history.position])


@dataclass
class OpenDocument:
    """A mask that is or was on screen, with what is known of its file.

    `saved` are the pixels uint8 [H,W] in the file, None without one; `noted` is an edit worth a version.
    """

    key: str
    document: MaskDocument
    journal: Journal
    saved_revision: int
    saved: NDArray[np.uint8] | None = None
    noted: NotedEdit | None = None
    saving: bool = False
    failure: SegstudioError | None = None

    @property
    def dirty(self) -> bool:
        """Whether edits are not in the mask file yet."""
        return self.document.revision != self.saved_revision


@dataclass(frozen=True)
class WrittenMask:
    """What a save wrote: the pixels uint8 [H,W] with their CRC-32, and how far document and journal were."""

    pixels: NDArray[np.uint8]
    checksum: int
    revision: int
    journalled: int
    changes: Changes


class OpenDocuments(QObject):
    """The masks of the last samples; each keeps its history, and none with unsaved edits is let go."""

    edited = Signal(str, object)
    restored = Signal(str, object)
    saved = Signal(str, object, object)
    state_changed = Signal()
    save_failed = Signal(str, object)
    journal_failed = Signal(str, object)
    save_recovered = Signal(str)
    journal_recovered = Signal()
    # Carries what a folder that is no longer open could not save, and whether a journal has it.
    left_unsaved = Signal(str, object, bool)

    def __init__(self, bridge: JobBridge, work_log: WorkLog) -> None:
        super().__init__()
        self._bridge = bridge
        self._work_log = work_log
        self._project: Project | None = None
        self._open: OrderedDict[str, OpenDocument] = OrderedDict()
        self._budget = HistoryBudget()
        self._timer = QTimer(self, singleShot=True)
        self._waiting_since = 0.0
        self._timer.timeout.connect(self._autosave)
        # Apart from the autosave: what the disk refuses must not keep other masks waiting.
        self._retry = QTimer(self, singleShot=True)
        self._retry.timeout.connect(self.save_all)

    def set_project(self, project: Project | None) -> None:
        """Forgets all documents and serves another project; unsaved edits must be saved before."""
        self._timer.stop()
        self._retry.stop()
        for key in list(self._open):
            self._close(key)
        self._project = project

    def get(self, key: str) -> OpenDocument | None:
        """The open document of a sample, or None."""
        return self._open.get(key)

    def open(self, key: str, mask: NDArray[np.uint8], saved: NDArray[np.uint8] | None = None) -> OpenDocument:
        """The document of a sample: the one of before with its history, or a new one on `mask`.

        `saved` is the mask in its file, None without one.
        """
        entry = self._open.get(key)
        if entry is None:
            project = self._project
            assert project is not None
            document = MaskDocument(mask, History(self._budget))
            journal = Journal(project.recovery.path(key), document.array, project.facts_dir)
            entry = OpenDocument(key, document, journal, document.revision, saved)
            self._open[key] = entry
        self._open.move_to_end(key)
        self._let_go()
        return entry

    def _let_go(self) -> None:
        used = sum(entry.document.array.nbytes for entry in self._open.values())
        for key in list(self._open)[:-1]:
            if len(self._open) <= (KEPT if used <= KEPT_BYTES else LEAST_KEPT):
                return
            entry = self._open[key]
            if not entry.dirty and not entry.saving:
                used -= entry.document.array.nbytes
                self._close(key)

    def _close(self, key: str) -> None:
        entry = self._open.pop(key)
        entry.journal.close()
        entry.document.history.let_go()

    @property
    def dirty_keys(self) -> frozenset[str]:
        """Samples with edits that are not in their files yet."""
        return frozenset(key for key, entry in self._open.items() if entry.dirty)

    @property
    def is_saving(self) -> bool:
        """Whether a worker writes a mask now."""
        return any(entry.saving for entry in self._open.values())

    @property
    def failures(self) -> dict[str, SegstudioError]:
        """Why the last try to save a sample failed, for those that are not saved since."""
        return {key: entry.failure for key, entry in self._open.items() if entry.failure is not None}

    def is_at_rest(self, key: str) -> bool:
        """Whether a sample is open and all that was done to it is in its file."""
        entry = self._open.get(key)
        return entry is not None and not (entry.dirty or entry.saving or entry.document.in_stroke)

    def busy(self, keys: Iterable[str]) -> dict[str, SegstudioError]:
        """Those of some samples whose masks are being changed right now, with what to tell the user."""
        entries = (self._open.get(key) for key in keys)
        return {
            entry.key: SegstudioError("it is being changed", hint="wait until that has ended")
            for entry in entries
            if entry is not None and entry.document.in_stroke
        }

    @property
    def journals_hold(self) -> bool:
        """Whether what is not saved is at least in journals."""
        return not any(entry.journal.behind for entry in self._open.values() if entry.dirty)

    def committed(self, key: str, edit: Edit, note: VersionNote = SAVED) -> None:
        """Takes note of an edit that was just made: into the journal before anything else.

        With a note, what is saved next is kept as a version.
        """
        entry = self._open[key]
        self._work_log.edited(key, edit)
        if note != SAVED:
            entry.noted = NotedEdit(edit, note)
        self._write_journal(entry, edit, undo=False)
        self._save_soon()
        self.edited.emit(key, edit)
        self.state_changed.emit()

    def step(self, key: str, *, undo: bool) -> Rect | None:
        """Undoes or redoes one edit; returns where pixels moved, None when there was nothing to do."""
        entry = self._open[key]
        history = entry.document.history
        position = history.position - 1 if undo else history.position
        rect = entry.document.undo() if undo else entry.document.redo()
        if rect is None:
            return None
        self._write_journal(entry, history.edits[position], undo=undo)
        self._save_soon()
        self.restored.emit(key, rect)
        self.state_changed.emit()
        return rect

    def _save_soon(self) -> None:
        """A second after the last edit, but not much later than `LONGEST_WAIT_S` after the first."""
        now = time.monotonic()
        waits = self._timer.isActive()
        if not waits:
            self._waiting_since = now
        if not waits or now - self._waiting_since < LONGEST_WAIT_S:
            self._timer.start(AUTOSAVE_MS)

    def _autosave(self) -> None:
        for key, entry in list(self._open.items()):
            if entry.failure is None:
                self.save(key)

    def _write_journal(self, entry: OpenDocument, edit: Edit, *, undo: bool) -> None:
        was_behind = entry.journal.behind
        try:
            entry.journal.append(edit, undo=undo)
        except MaskError as error:
            self.journal_failed.emit(entry.key, error)
        else:
            self._tell_journal(was_behind)

    def _tell_journal(self, was_behind: bool) -> None:
        """Takes a journal's trouble back when it was the last one that had any."""
        if was_behind and not any(entry.journal.behind for entry in self._open.values()):
            self.journal_recovered.emit()

    def reload(self, key: str) -> None:
        """Drops a document and its unsaved edits: its file is the truth."""
        if key in self._open:
            self._close(key)
            if self._project is not None:
                self._project.recovery.discard(key)
        self.state_changed.emit()

    def save_all(self, *, last: bool = False) -> None:
        """Starts saving every document with unsaved edits; the `last` time also behind a save under way."""
        for key in list(self._open):
            (self._save if last else self.save)(key)

    def save_then(
        self, done: Callable[[dict[str, SegstudioError]], object], keys: Iterable[str] | None = None
    ) -> None:
        """Saves samples in workers, then tells what could not be saved; at once if nothing is unsaved.

        Args:
            done: gets why samples could not be saved, by key.
            keys: the samples, of which those that are not open need no saving; None are all.
        """
        chosen = self._open.keys() if keys is None else set(keys)
        if not self.dirty_keys & chosen:
            done({})
            return

        def saved(_: None) -> None:
            # Edits made meanwhile were not tried yet; a stroke under way cannot be.
            waits = [self._open[key] for key in self.dirty_keys & chosen]
            if all(one.failure is not None for one in waits if not one.document.in_stroke):
                done({key: failure for key, failure in self.failures.items() if key in chosen})
            else:
                self.save_then(done, keys)

        for key in self.dirty_keys & chosen:
            self._save(key)
        # Behind the saves on their lane, so that their replies have come before this one's.
        self._bridge.start(SAVE_TITLE, lambda _: None, lane=LANE, replies=Replies(done=saved))

    def finish(self, timeout: float) -> dict[str, SegstudioError]:
        """Saves everything before the window closes, and waits for it; returns what could not be saved."""
        jobs = {key: job for key in list(self._open) if (job := self._save(key)) is not None}
        problems: dict[str, SegstudioError] = {}
        for key, job in jobs.items():
            if not job.wait(timeout):
                problems[key] = SegstudioError("saving takes long", hint="wait for it")
            elif job.state is not JobState.DONE:
                error = job.error
                problems[key] = error if isinstance(error, SegstudioError) else SegstudioError(str(error))
            elif job.result is not None:
                # The reply may come too late for a document that is closed in a moment.
                self._take(self._open[key], job.result)
        return problems

    def save(self, key: str, *, force: bool = False) -> None:
        """Starts saving a document in a worker, on a copy of its pixels; `force` overwrites any file."""
        entry = self._open.get(key)
        # What the user decided is done even while another try is under way.
        if entry is not None and (force or not entry.saving):
            self._save(key, force=force)

    def _save(self, key: str, *, force: bool = False) -> Job[WrittenMask] | None:
        """Also while an older state is being saved: saves of one lane come one after the other."""
        entry, project = self._open[key], self._project
        if not entry.dirty or entry.document.in_stroke:
            return None
        assert project is not None
        pixels, revision = entry.document.array.copy(), entry.document.revision
        journalled, noted = entry.journal.length, entry.noted
        note = SAVED
        # An edit that was undone may be made again: its note waits.
        if noted is not None and noted.is_in(entry.document):
            note, entry.noted = noted.note, None
        entry.saving = True
        effort = self._work_log.take(key)

        def work(_: JobContext) -> WrittenMask:
            changes = project.save_mask(key, pixels, note=note, force=force, initiator=INITIATOR)
            project.review.log_save(key, effort, begun=bool(changes.statuses))
            return WrittenMask(pixels, checksum(pixels), revision, journalled, changes)

        def failed(error: SegstudioError) -> None:
            if project is self._project:
                self._work_log.give_back(key, effort)
            self._failed(entry, noted, error, project)

        replies = Replies(
            done=lambda saved: self._saved(entry, saved, project),
            failed=failed,
            cancelled=lambda: failed(SegstudioError("saving was cancelled")),
        )
        job = self._bridge.start(SAVE_TITLE, work, lane=LANE, replies=replies)
        self.state_changed.emit()
        return job

    def _is_open(self, entry: OpenDocument, project: Project) -> bool:
        """Whether a reply is still of use: another folder may have a sample of the same name."""
        return project is self._project and self._open.get(entry.key) is entry

    def _take(self, entry: OpenDocument, saved: WrittenMask) -> None:
        entry.saved, entry.saved_revision = saved.pixels, saved.revision
        was_behind = entry.journal.behind
        entry.journal.rebase(saved.checksum, saved.journalled)
        self._tell_journal(was_behind and not entry.journal.behind)

    def _saved(self, entry: OpenDocument, saved: WrittenMask, project: Project) -> None:
        entry.saving = False
        self._take(entry, saved)
        if not self._is_open(entry, project):
            return
        if entry.failure is not None:
            entry.failure = None
            self.save_recovered.emit(entry.key)
        self.saved.emit(entry.key, saved.pixels, saved.changes)
        self.state_changed.emit()
        if entry.dirty and not self._timer.isActive():
            self._timer.start(AUTOSAVE_MS)

    def _failed(
        self, entry: OpenDocument, noted: NotedEdit | None, error: SegstudioError, project: Project
    ) -> None:
        entry.saving = False
        entry.noted = entry.noted or noted
        LOG.warning("%s was not saved: %s", entry.key, error)
        if not self._is_open(entry, project):
            self.left_unsaved.emit(entry.key, error, not entry.journal.behind)
            return
        is_news = entry.failure is None or entry.failure.message != error.message
        entry.failure = error
        if is_news:
            self.save_failed.emit(entry.key, error)
        self._retry.start(RETRY_MS)
        self.state_changed.emit()
