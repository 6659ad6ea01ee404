"""Tells the user about masks that cannot be saved, and lets them decide where another program was faster."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio.errors import MaskError, SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.gui.message import ERROR, WARNING, Message, from_error
from segstudio.gui.samples.sample_versions import SampleVersions
from segstudio.gui.saving.documents import OpenDocuments
from segstudio.images import read_mask
from segstudio.jobs import JobContext
from segstudio.project.project import OutsideChange, Project
from segstudio.project.versions import VersionNote, Why

Mask = NDArray[np.uint8]
TOPIC = "save"
JOURNAL_TOPIC = "journal"
VERSIONS_TOPIC = "versions"
NAMED = 3
THEIRS = "another program's file"


@dataclass(frozen=True)
class OutsideReview:
    """What the user decides about: the mask in hand, and the file that another program wrote.

    `theirs` is uint8 [H,W], or None when it cannot be read (see `problem`) or is gone.
    """

    key: str
    change: OutsideChange
    mine: Mask
    theirs: Mask | None
    problem: str = ""

    @property
    def differs(self) -> NDArray[np.bool_] | None:
        """bool [H,W]: where both say something else; None when they cannot be compared."""
        return None if self.theirs is None else self.mine != self.theirs


class SaveTrouble(QObject):
    """One strip for all masks that are not saved, one for each that changed outside, until it is solved."""

    message = Signal(object)
    resolved = Signal(str)
    review = Signal(object)
    taken = Signal(str)
    # Carries why samples cannot be saved, and what to do if the user goes on all the same, or stays.
    leaving = Signal(object, object, object)

    def __init__(self, documents: OpenDocuments, bridge: JobBridge) -> None:
        super().__init__()
        self._documents = documents
        self._bridge = bridge
        self._failed: dict[str, SegstudioError] = {}
        self._outside: set[str] = set()
        self._project: Project | None = None
        self._versions_told = False
        documents.save_failed.connect(self._save_failed)
        documents.save_recovered.connect(self._recovered)
        documents.left_unsaved.connect(self._left_unsaved)
        documents.journal_failed.connect(
            lambda _, error: self.message.emit(from_error(error, topic=JOURNAL_TOPIC))
        )
        documents.journal_recovered.connect(lambda: self.resolved.emit(JOURNAL_TOPIC))

    def set_project(self, project: Project | None) -> None:
        """Forgets the troubles of another project."""
        for key in [*self._failed, *self._outside]:
            self._recovered(key)
        for topic in (VERSIONS_TOPIC, JOURNAL_TOPIC):
            self.resolved.emit(topic)
        self._project = project
        self._versions_told = False

    def leave(self, then: Callable[[], object], stay: Callable[[], object] = lambda: None) -> None:
        """Saves all, then does what lets the project go; what cannot be saved is shown to the user first."""

        def saved(failures: dict[str, SegstudioError]) -> None:
            if failures:
                self.leaving.emit(failures, then, stay)
            else:
                then()

        self._documents.save_then(saved)

    def check_versions(self) -> None:
        """Says once that versions cannot be kept, and takes it back when they can."""
        trouble = self._project.version_trouble if self._project is not None else None
        if trouble is not None and not self._versions_told:
            self.message.emit(from_error(trouble, level=WARNING, topic=VERSIONS_TOPIC))
        elif trouble is None and self._versions_told:
            self.resolved.emit(VERSIONS_TOPIC)
        self._versions_told = trouble is not None

    # -- a disk that refuses ------------------------------------------------------------------------------

    def _save_failed(self, key: str, error: SegstudioError) -> None:
        if isinstance(error, OutsideChange):
            self._failed.pop(key, None)
            self._outside.add(key)
            hint = "Your edits are kept here and nothing is overwritten until you decide"
            act = self._asking(key, error)
            self.message.emit(
                Message(WARNING, error.message, hint, f"{TOPIC} {key}", "Decide…", act, lasting=True)
            )
        else:
            self._outside.discard(key)
            self.resolved.emit(f"{TOPIC} {key}")
            self._failed[key] = error
        self._show()

    def _asking(self, key: str, change: OutsideChange) -> Callable[[], None]:
        return lambda: self.ask(key, change)

    def _recovered(self, key: str) -> None:
        self._failed.pop(key, None)
        self._outside.discard(key)
        self.resolved.emit(f"{TOPIC} {key}")
        self._show()

    def _left_unsaved(self, key: str, error: SegstudioError, kept: bool) -> None:
        text = f"{key} of the folder that was closed is not saved: {error.message}"
        offered = "Open that folder again: its journal has the edits and offers them"
        hint = offered if kept else "The disk refused its journal too: the last edits are lost"
        self.message.emit(Message(ERROR, text, hint, f"left {key}"))

    def _show(self) -> None:
        if not self._failed:
            self.resolved.emit(TOPIC)
            return
        key, error = list(self._failed.items())[-1]
        keys = list(self._failed)
        text = f"{key} is not saved: {error.message}"
        if len(keys) > 1:
            named = ", ".join(keys[:NAMED]) + (" …" if len(keys) > NAMED else "")
            text = f"{len(keys)} samples are not saved ({named}): {error.message}"
        hint = f"{error.hint}. The edits are kept here and saving is tried again.".lstrip(". ")
        act = self._documents.save_all
        self.message.emit(Message(ERROR, text, hint, TOPIC, "Try now", act, lasting=True))

    # -- another program ----------------------------------------------------------------------------------

    def ask(self, key: str, change: OutsideChange) -> None:
        """Reads the other program's file in a worker, then `review` carries both."""
        entry = self._documents.get(key)
        if entry is None:
            return
        mine = entry.document.array.copy()
        replies = Replies(done=self.review.emit)
        self._bridge.start(f"Compare {key}", lambda _: review_of(key, change, mine), replies=replies)

    def keep_mine(self, key: str) -> None:
        """The mask in hand replaces the file, of which a copy and a version stay."""
        self._documents.save(key, force=True)

    def look_at(self, review: OutsideReview, versions: SampleVersions) -> None:
        """Shows the other program's file as an earlier state would be shown; parts of it can be restored."""
        if review.theirs is not None:
            versions.show_pixels(review.key, THEIRS, review.theirs)

    def take_theirs(self, review: OutsideReview) -> None:
        """The file replaces the mask in hand, which becomes a version first; `taken` follows."""
        project, key = self._project, review.key
        entry = self._documents.get(key)
        if project is None or entry is None:
            return
        mine, revision = entry.document.array.copy(), entry.document.revision

        def work(_: JobContext) -> None:
            if project.keep_pixels(key, mine, VersionNote(Why.PUT_ASIDE)) is None:
                raise project.version_trouble or MaskError(f"no version of {key} can be kept")

        def done(_: None) -> None:
            if project is not self._project or self._documents.get(key) is not entry:
                return
            if entry.document.revision != revision or entry.document.in_stroke:
                failed(SegstudioError("they went on meanwhile", hint="decide again"))
                return
            self._recovered(key)
            self.taken.emit(key)

        def failed(error: SegstudioError) -> None:
            text = f"Your edits of {key} stay: {error.message}"
            self.message.emit(Message(ERROR, text, error.hint, f"put aside {key}"))

        replies = Replies(done=done, failed=failed)
        self._bridge.start(f"Put edits of {key} aside", work, lane="project", replies=replies)


def review_of(key: str, change: OutsideChange, mine: Mask) -> OutsideReview:
    """Both states of a mask; a file that cannot be read, or of another size, is told in `problem`."""
    try:
        theirs = read_mask(change.path)
    except MaskError as error:
        return OutsideReview(key, change, mine, None, error.message)
    if theirs.shape != mine.shape:
        sizes = f"{theirs.shape[1]}×{theirs.shape[0]}, not {mine.shape[1]}×{mine.shape[0]}"
        return OutsideReview(key, change, mine, None, f"it is {sizes}")
    return OutsideReview(key, change, mine, theirs)
