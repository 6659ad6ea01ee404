"""Open masks with their histories: journal on every edit, autosave soon after, kept across samples."""

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, QTimer, Signal

from segstudio.annotation.history import Edit
from segstudio.annotation.journal import Journal, checksum
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.rect import Rect
from segstudio.errors import MaskError, SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Changes

LOG = logging.getLogger(__name__)
KEPT = 20
AUTOSAVE_MS = 1000
LONGEST_WAIT_S = 10.0
RETRY_MS = 15_000
LANE = "project"
SAVE_TITLE = "Save"
INITIATOR = "documents"


@dataclass
class OpenDocument:
    """A mask that is or was on screen, with what is known of its file."""

    key: str
    document: MaskDocument
    journal: Journal
    saved_revision: int
    saving: bool = False
    failure: SegstudioError | None = None

    @property
    def dirty(self) -> bool:
        """Whether edits are not in the mask file yet."""
        return self.document.revision != self.saved_revision


class OpenDocuments(QObject):
    """The masks of the last samples; each keeps its history, and none with unsaved edits is let go."""

    edited = Signal(str, object)
    restored = Signal(str, object)
    saved = Signal(str, object, object)
    state_changed = Signal()
    save_failed = Signal(str, object)
    journal_failed = Signal(str, object)
    save_recovered = Signal(str)

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._project: Project | None = None
        self._open: OrderedDict[str, OpenDocument] = OrderedDict()
        self._timer = QTimer(self, singleShot=True)
        self._waiting_since = 0.0
        self._timer.timeout.connect(self.save_all)

    def set_project(self, project: Project | None) -> None:
        """Forgets all documents and serves another project; unsaved edits must be saved before."""
        self._timer.stop()
        for entry in self._open.values():
            entry.journal.close()
        self._open.clear()
        self._project = project

    def get(self, key: str) -> OpenDocument | None:
        """The open document of a sample, or None."""
        return self._open.get(key)

    def open(self, key: str, mask: NDArray[np.uint8]) -> OpenDocument:
        """The document of a sample: the one of before with its history, or a new one on `mask`."""
        entry = self._open.get(key)
        if entry is None:
            assert self._project is not None
            document = MaskDocument(mask)
            entry = OpenDocument(
                key, document, Journal(self._project.journal_path(key), document.array), document.revision
            )
            self._open[key] = entry
        self._open.move_to_end(key)
        self._let_go()
        return entry

    def _let_go(self) -> None:
        for key in list(self._open):
            if len(self._open) <= KEPT:
                return
            entry = self._open[key]
            if not entry.dirty and not entry.saving:
                entry.journal.close()
                del self._open[key]

    @property
    def dirty_keys(self) -> frozenset[str]:
        """Samples with edits that are not in their files yet."""
        return frozenset(key for key, entry in self._open.items() if entry.dirty)

    @property
    def is_saving(self) -> bool:
        """Whether a worker writes a mask now."""
        return any(entry.saving for entry in self._open.values())

    @property
    def has_failure(self) -> bool:
        """Whether the last try to save one of them failed."""
        return any(entry.failure is not None for entry in self._open.values())

    def committed(self, key: str, edit: Edit) -> None:
        """Takes note of an edit that was just made: into the journal before anything else."""
        entry = self._open[key]
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

    def _write_journal(self, entry: OpenDocument, edit: Edit, *, undo: bool) -> None:
        try:
            entry.journal.append(edit, undo=undo)
        except MaskError as error:
            self.journal_failed.emit(entry.key, error)

    def reload(self, key: str) -> None:
        """Drops a document and its unsaved edits: its file is the truth."""
        entry = self._open.pop(key, None)
        if entry is not None:
            entry.journal.close()
            if self._project is not None:
                self._project.discard_journal(key)
        self.state_changed.emit()

    def save_all(self) -> None:
        """Starts saving every document with unsaved edits."""
        for key in list(self._open):
            self.save(key)

    def save(self, key: str, *, force: bool = False) -> None:
        """Starts saving a document in a worker, on a copy of its pixels; `force` overwrites any file."""
        entry = self._open.get(key)
        if entry is None or not entry.dirty or entry.saving or entry.document.in_stroke:
            return
        project = self._project
        assert project is not None
        pixels, revision = entry.document.array.copy(), entry.document.revision
        journalled = entry.journal.length
        entry.saving = True

        def work(_: JobContext) -> Changes:
            return project.save_mask(key, pixels, force=force, initiator=INITIATOR)

        replies = Replies(
            done=lambda changes: self._saved(entry, revision, pixels, journalled, changes),
            failed=lambda error: self._failed(entry, error),
            cancelled=lambda: self._failed(entry, SegstudioError("saving was cancelled")),
        )
        self._bridge.start(SAVE_TITLE, work, lane=LANE, replies=replies)
        self.state_changed.emit()

    def _saved(
        self,
        entry: OpenDocument,
        revision: int,
        pixels: NDArray[np.uint8],
        journalled: int,
        changes: Changes,
    ) -> None:
        entry.saving = False
        entry.saved_revision = revision
        entry.journal.rebase(checksum(pixels), journalled)
        if entry.failure is not None:
            entry.failure = None
            self.save_recovered.emit(entry.key)
        self.saved.emit(entry.key, pixels, changes)
        self.state_changed.emit()
        if entry.dirty and not self._timer.isActive():
            self._timer.start(AUTOSAVE_MS)

    def _failed(self, entry: OpenDocument, error: SegstudioError) -> None:
        entry.saving = False
        LOG.warning("%s was not saved: %s", entry.key, error)
        first = entry.failure is None
        entry.failure = error
        if first:
            self.save_failed.emit(entry.key, error)
        self._timer.start(RETRY_MS)
        self.state_changed.emit()
