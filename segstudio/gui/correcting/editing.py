"""What can be done to the open sample from outside the canvas: undo, accept predictions, save, submit."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation import accept
from segstudio.annotation.mask import MaskDocument
from segstudio.annotation.protection import Protection
from segstudio.gui.actions.action_spec import Needs
from segstudio.gui.canvas.changes import MaskChange
from segstudio.gui.message import INFO, Message
from segstudio.gui.session import Session
from segstudio.jobs import JobContext
from segstudio.project.review_rules import counts_as
from segstudio.project.sample import Sample, SampleStatus
from segstudio.project.versions import VersionNote, Why

Mask = NDArray[np.uint8]
IGNORE = 255
# What is reopened before the work on it goes on.
CLOSED = (SampleStatus.SUBMITTED, SampleStatus.ACCEPTED, SampleStatus.SKIPPED)


class Editing:
    """Edits of the open sample; each is one step of its history and in its journal before the next."""

    def __init__(self, session: Session) -> None:
        self._session = session
        # What makes changes of large masks in a worker; without it they are made at once.
        self.large_changes: Callable[[MaskChange, VersionNote], None] | None = None

    def undo(self) -> None:
        """Takes the last edit back."""
        self._step(undo=True)

    def redo(self) -> None:
        """Makes the last undone edit again."""
        self._step(undo=False)

    def _step(self, *, undo: bool) -> bool:
        key = self._session.current
        if key is None or self._session.entry is None or self._is_locked():
            return False
        return self._session.documents.step(key, undo=undo) is not None

    def jump(self, done: int) -> None:
        """Undoes or redoes until `done` edits are in force."""
        entry = self._session.entry
        while entry is not None and entry.document.history.position != done:
            if not self._step(undo=entry.document.history.position > done):
                return

    def save(self) -> None:
        """Saves the open sample now."""
        if self._session.current is not None:
            self._session.documents.save(self._session.current)

    def accept_all(self) -> None:
        """The mask becomes the prediction, locked classes aside."""
        self._accept(
            "Accept prediction",
            lambda mask, ids, protection: accept.accept_all(mask, ids, protection=protection),
        )

    def accept_class(self, class_id: int) -> None:
        """Takes what is predicted as one class."""
        self._accept(
            f"Accept {self._session.classes.name(class_id)}",
            lambda mask, ids, protection: accept.accept_class(mask, ids, class_id, protection=protection),
        )

    def fill_unlabelled(self) -> None:
        """Takes the prediction where the mask has no class yet."""
        self._accept(
            "Fill unlabelled",
            lambda mask, ids, protection: accept.fill_unlabelled(mask, ids, protection=protection),
        )

    def _accept(self, title: str, change: Callable[[Mask, Mask, Protection], object]) -> None:
        session = self._session
        entry, prediction = session.entry, session.prediction
        if entry is None or prediction is None or self._is_locked():
            return

        def make(mask: Mask, _: JobContext) -> None:
            # A model that does not know a class says nothing there; that must not erase what a person said.
            ids = np.where(prediction.ids == IGNORE, mask, prediction.ids)
            change(mask, ids, protection)

        protection = self._protection(entry.document)
        nothing = "Nothing to take over: the mask says the same already"
        note = VersionNote(Why.PREDICTION, prediction.model)
        self._make(MaskChange(entry.document, title, entry.document.whole(), make, nothing), note)

    def restore_version(self) -> None:
        """The mask becomes the version that is looked at where it may be painted: one edit like any other."""
        session = self._session
        entry, shown = session.entry, session.versions.shown
        if entry is None or shown is None or not shown.restores:
            return
        if entry.document.in_stroke or self._is_locked():
            return

        def make(mask: Mask, _: JobContext) -> None:
            accept.accept_all(mask, shown.mask, protection=protection)

        protection = self._protection(entry.document)
        title, nothing = f"Restore as of {shown.text}", "Nothing to restore: the mask is the same already"
        change = MaskChange(entry.document, title, entry.document.whole(), make, nothing)
        session.versions.hide()
        self._make(change, VersionNote(Why.RESTORED))

    def _is_locked(self) -> bool:
        """Whether the mask takes no edits for now; says why."""
        reason = self._session.lock
        if reason:
            self._session.message.emit(Message(INFO, reason, topic="lock"))
        return bool(reason)

    def _protection(self, document: MaskDocument) -> Protection:
        session = self._session
        return session.paint_filter.protection(
            session.classes.locked, session.prediction, document.array.shape
        )

    def _make(self, change: MaskChange, note: VersionNote) -> None:
        """Makes a change of the open sample's mask as one edit; large ones are left to a worker."""
        session, entry = self._session, self._session.entry
        if entry is None or change.document.in_stroke:
            return
        if self.large_changes is not None and change.is_large:
            self.large_changes(change, note)
            return
        context = JobContext()
        edit = change.document.apply(change.title, change.rect, lambda mask: change.make(mask, context))
        if edit is None:
            session.message.emit(Message(INFO, change.nothing, topic="accept"))
            return
        session.documents.committed(entry.key, edit, note)
        session.document_changed.emit(edit.rect)

    def predict(self) -> None:
        """Predicts the open sample in a worker."""
        sample = self._session.sample
        if sample is not None and self._session.project is not None:
            self._session.predictions.predict(self._session.project, [sample])

    def predict_all(self) -> None:
        """Predicts every listed sample in a worker."""
        if self._session.project is not None:
            self._session.predictions.predict(self._session.project, self._session.book.listed)

    def evaluate(self) -> None:
        """Scores the chosen model against the masks, in a worker."""
        self._session.evaluate()

    def drop_prediction(self) -> None:
        """Throws the open sample's prediction away."""
        session = self._session
        if session.project is not None and session.current is not None:
            session.note(session.project.drop_prediction(session.current))

    def mark(self, status: SampleStatus, reason: str = "") -> None:
        """Moves the open sample to a status, after its edits are in the file."""
        if self._session.current is not None:
            self._session.set_status([self._session.current], status, reason)

    def available(self) -> frozenset[Needs]:
        """What is there now, so that actions can be enabled."""
        session = self._session
        found = set()
        if session.project is not None:
            found.add(Needs.PROJECT)
            if session.predictions.entry is not None:
                found.add(Needs.MODEL)
        if session.current is not None:
            found.add(Needs.SAMPLE)
            found |= review_needs(session.sample)
        entry = session.entry
        if entry is not None and not session.lock:
            found.add(Needs.EDITABLE)
            if entry.document.history.can_undo:
                found.add(Needs.UNDO)
            if entry.document.history.can_redo:
                found.add(Needs.REDO)
            if session.prediction is not None:
                found.add(Needs.PREDICTION)
        if session.jobs.active():
            found.add(Needs.JOB)
        return frozenset(found)


def review_needs(sample: Sample | None) -> set[Needs]:
    """What of a sample's review is there."""
    if sample is None:
        return set()
    found = {Needs.SUBMITTED} if sample.status is SampleStatus.SUBMITTED else set()
    if counts_as(sample.status, sample.reviewer) in CLOSED:
        found.add(Needs.CLOSED)
    return found
