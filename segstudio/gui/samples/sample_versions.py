"""Earlier states of the open sample's mask: their list, and the one that is looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.project.versions import Version, VersionNote, Why

Mask = NDArray[np.uint8]
WHY_TEXT: dict[Why, str] = {
    Why.FOUND: "As found",
    Why.SAVED: "Saved",
    Why.PREDICTION: "Prediction accepted",
    Why.SUBMITTED: "Submitted",
    Why.ACCEPTED: "Accepted",
    Why.REJECTED: "Rejected",
    Why.RESTORED: "Restored",
    Why.BATCH: "Batch change",
    Why.RECOVERED: "Recovered",
    Why.OUTSIDE: "Another program's",
    Why.PUT_ASIDE: "Put aside",
}

VERDICTS = {
    SampleStatus.SUBMITTED: Why.SUBMITTED,
    SampleStatus.ACCEPTED: Why.ACCEPTED,
    SampleStatus.REJECTED: Why.REJECTED,
}
# Where masks are saved: what comes later finds them in their files.
LANE = "project"
# Saves must not wait while a thousand masks are kept; what many samples are judged by is saved long since.
FEW, MANY_LANE = 20, "scan"


@dataclass(frozen=True)
class ShownVersion:
    """The state that is looked at: what it is called, its pixels uint8 [H,W], and its place in the list.

    Attributes:
        restores: whether the mask may become it as a whole; what a model says is no state of a mask.
    """

    text: str
    mask: Mask
    version: Version | None = None
    restores: bool = True


class SampleVersions(QObject):
    """Reads lists and pixels in a worker; `listed` and `shown_changed` say what moved."""

    listed = Signal()
    shown_changed = Signal()
    failed = Signal(object)
    kept = Signal()

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._project: Project | None = None
        self._key: str | None = None
        self.versions: tuple[Version, ...] = ()
        self.shown: ShownVersion | None = None

    def set_project(self, project: Project | None) -> None:
        """Forgets everything and serves another project."""
        self._project = project
        self.open(None)

    def open(self, key: str | None) -> None:
        """Lists the versions of a sample; the one that was looked at is hidden."""
        if key != self._key:
            self._key, self.versions = key, ()
            self.listed.emit()
        self.hide()
        self.refresh()

    def refresh(self) -> None:
        """Lists them again, in a worker."""
        project, key = self._project, self._key
        if project is None or key is None:
            return

        def done(versions: list[Version]) -> None:
            if key == self._key and project is self._project and tuple(versions) != self.versions:
                self.versions = tuple(versions)
                self.listed.emit()

        self._bridge.start(
            f"List versions of {key}",
            lambda _: project.versions(key),
            replaces="versions",
            replies=Replies(done=done),
        )

    def moved(self) -> None:
        """Follows a save, which may have made a version."""
        self.kept.emit()
        self.refresh()

    def follow_verdict(self, keys: Sequence[str], status: SampleStatus) -> None:
        """Follows a verdict: it made versions of a few masks itself; those of many are made now."""
        if len(keys) > FEW:
            self.keep_verdict(keys, status)
        else:
            self.moved()

    def keep_verdict(self, keys: Sequence[str], status: SampleStatus) -> None:
        """Makes versions of many masks that were judged, in a worker."""
        project, why = self._project, VERDICTS.get(status)
        if project is None or why is None:
            return

        def work(context: JobContext) -> None:
            for number, key in enumerate(keys):
                context.check()
                context.progress(number, len(keys), key)
                project.keep_version(key, VersionNote(why))

        replies = Replies(done=lambda _: self.moved())
        self._bridge.start("Keep versions", work, lane=MANY_LANE, replies=replies)

    def show(self, version: Version) -> None:
        """Reads a version in a worker and shows it."""
        project, key = self._project, self._key
        if project is None or key is None:
            return

        def done(mask: Mask) -> None:
            if key == self._key and project is self._project:
                self.show_pixels(key, clock(version.when), mask, version)

        self._bridge.start(
            f"Read a version of {key}",
            lambda _: project.load_version(key, version.id),
            replaces="version",
            replies=Replies(done=done, failed=self._refused),
        )

    def _refused(self, error: SegstudioError) -> None:
        self.hide()
        self.failed.emit(error)

    def show_pixels(
        self, key: str, text: str, mask: Mask, version: Version | None = None, *, restores: bool = True
    ) -> None:
        """Shows a state of a mask uint8 [H,W], in the list or not; of the open sample alone."""
        if key != self._key:
            return
        self.shown = ShownVersion(text, mask, version, restores)
        self.shown_changed.emit()

    def hide(self) -> None:
        """Looks at none any more."""
        if self.shown is not None:
            self.shown = None
            self.shown_changed.emit()


def clock(when: float, now: datetime | None = None) -> str:
    """A time as people say it: "14:02" today, "12 Mar 14:02" this year, "12 Mar 2025 14:02" before."""
    then, now = datetime.fromtimestamp(when), now or datetime.now()
    if then.date() == now.date():
        return f"{then:%H:%M}"
    return f"{then.day} {then:%b %H:%M}" if then.year == now.year else f"{then.day} {then:%b %Y %H:%M}"
