"""Brings what Jobs report from their worker threads to the window's thread."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, Slot

from segstudio.errors import SegstudioError
from segstudio.jobs import Job, JobContext, Jobs, JobState


@dataclass(frozen=True)
class Replies:
    """What the window does with a Job's outcome; each is called on the window's thread."""

    done: Callable[[Any], None] | None = None
    failed: Callable[[SegstudioError], None] | None = None
    event: Callable[[Any], None] | None = None
    cancelled: Callable[[], None] | None = None


NO_REPLIES = Replies()


class JobBridge(QObject):
    """Starts Jobs and turns their callbacks into signals on the thread that owns this object.

    Progress is thinned out: however fast a worker reports, the window sees the latest figure only.
    A Job that fails for a reason segstudio does not explain is a bug and goes to `crashed`.
    """

    started = Signal(object)
    progressed = Signal(object)
    finished = Signal(object)
    failed = Signal(object, object)
    crashed = Signal(str, str)
    _wake = Signal()

    def __init__(self, jobs: Jobs) -> None:
        super().__init__()
        self.jobs = jobs
        self._queue: deque[tuple[Job[Any], str, object]] = deque()
        self._lock = threading.Lock()
        self._awake = False
        self._replies: dict[Any, Replies] = {}
        self._wake.connect(self._drain, Qt.ConnectionType.QueuedConnection)
        self._unsubscribe = jobs.subscribe(self._from_worker)

    def start(
        self,
        title: str,
        work: Callable[[JobContext], Any],
        *,
        lane: str = "io",
        replaces: str | None = None,
        replies: Replies = NO_REPLIES,
    ) -> Job[Any]:
        """Starts work on a lane; see `Jobs.start`. Replies come later, never from inside this call."""
        job = self.jobs.start(title, work, lane=lane, replaces=replaces)
        self._replies[job.id] = replies
        return job

    def is_idle(self) -> bool:
        """Whether no Job is under way and every reply has been given."""
        return not self._replies and not self.jobs.active()

    def close(self) -> None:
        """Stops listening; replies of Jobs that still run are dropped."""
        self._unsubscribe()
        with self._lock:
            self._queue.clear()
        self._replies.clear()

    def _from_worker(self, job: Job[Any], kind: str, value: object) -> None:
        with self._lock:
            last = self._queue[-1] if self._queue else None
            if kind == "progress" and last and last[0] is job and last[1] == "progress":
                return
            self._queue.append((job, kind, value))
            if self._awake:
                return
            self._awake = True
        self._wake.emit()

    @Slot()
    def _drain(self) -> None:
        with self._lock:
            reports = list(self._queue)
            self._queue.clear()
            self._awake = False
        for job, kind, value in reports:
            self._deliver(job, kind, value)

    def _deliver(self, job: Job[Any], kind: str, value: object) -> None:
        if kind == "started":
            self.started.emit(job)
        elif kind == "progress":
            self.progressed.emit(job)
        elif kind == "event":
            reply = self._replies.get(job.id, NO_REPLIES).event
            if reply:
                reply(value)
        elif kind == "finished":
            self._finish(job)

    def _finish(self, job: Job[Any]) -> None:
        replies = self._replies.pop(job.id, NO_REPLIES)
        if job.state is JobState.DONE and replies.done:
            replies.done(job.result)
        elif job.state is JobState.CANCELLED and replies.cancelled:
            replies.cancelled()
        elif job.state is JobState.FAILED:
            self._explain(job, replies)
        self.finished.emit(job)

    def _explain(self, job: Job[Any], replies: Replies) -> None:
        error = job.error
        if isinstance(error, SegstudioError):
            if replies.failed:
                replies.failed(error)
            else:
                self.failed.emit(job, error)
            return
        self.crashed.emit(f"{job.title}: {error}", job.traceback or "")
        if replies.failed:
            replies.failed(SegstudioError(f"{job.title} failed: {error}", hint="this is a bug: see the log"))
