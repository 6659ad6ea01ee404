"""Long work with a handle: progress, cancel, result, error; threads in lanes, supervised child processes."""

import contextlib
import itertools
import json
import logging
import os
import queue
import signal
import subprocess
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Generic, TypeVar

from segstudio.errors import Cancelled, SegstudioError

T = TypeVar("T")

LOG = logging.getLogger(__name__)
LANES = ("gpu", "project", "io")
CHILD_NICENESS = 10
CHILD_GRACE_SECONDS = 5.0
STDERR_LINES = 40
BAD_INPUT_EXIT = 2


class JobState(Enum):
    """The life of a Job; the last three are final."""

    PENDING = "pending"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing more will happen."""
        return self in (JobState.DONE, JobState.FAILED, JobState.CANCELLED)


class JobContext:
    """What work sees of its Job: it reports progress and asks whether it should stop. Usable on its own."""

    def __init__(
        self,
        on_progress: Callable[[float, float, str], None] | None = None,
        on_event: Callable[[object], None] | None = None,
    ) -> None:
        self._on_progress = on_progress
        self._on_event = on_event
        self._cancel = threading.Event()

    def progress(self, done: float, total: float, text: str = "") -> None:
        """Reports that `done` of `total` is finished; total 0 means unknown."""
        if self._on_progress:
            self._on_progress(done, total, text)

    def event(self, value: object) -> None:
        """Hands out an intermediate result."""
        if self._on_event:
            self._on_event(value)

    @property
    def cancelled(self) -> bool:
        """Whether the work was asked to stop."""
        return self._cancel.is_set()

    @property
    def paused(self) -> bool:
        """Whether the work was asked to wait where it is, until it is not any more; only some work can."""
        return False

    def cancel(self) -> None:
        """Asks the work to stop at its next check."""
        self._cancel.set()

    def check(self) -> None:
        """Ends the work here if it was asked to stop.

        Raises:
            Cancelled: it was.
        """
        if self._cancel.is_set():
            raise Cancelled("cancelled")

    def wait_cancelled(self, seconds: float) -> bool:
        """Waits up to `seconds` for the request to stop; says whether it came."""
        return self._cancel.wait(seconds)


class PartContext(JobContext):
    """What a part of larger work sees: whoever asks the whole to stop asks it; its progress goes to `show`.

    Args:
        whole: of the larger work.
        show: takes the part's progress; without it nobody sees that.
    """

    def __init__(self, whole: JobContext, show: Callable[[float, float, str], None] | None = None) -> None:
        super().__init__(show, whole.event)
        self._whole = whole

    @property
    def cancelled(self) -> bool:
        """Whether the whole was asked to stop."""
        return self._whole.cancelled

    def cancel(self) -> None:
        """Asks the whole to stop."""
        self._whole.cancel()

    def check(self) -> None:
        """See `JobContext.check`."""
        self._whole.check()

    def wait_cancelled(self, seconds: float) -> bool:
        """See `JobContext.wait_cancelled`."""
        return self._whole.wait_cancelled(seconds)


class Job(Generic[T]):
    """Handle of one piece of work. Attributes may be read from any thread."""

    def __init__(self, number: int, title: str, lane: str, replaces: str | None) -> None:
        self.id = number
        self.title = title
        self.lane = lane
        self.replaces = replaces
        self.state = JobState.PENDING
        self.done = 0.0
        self.total = 0.0
        self.text = ""
        self.result: T | None = None
        self.error: BaseException | None = None
        self.traceback = ""
        self.context = JobContext()
        self._finished = threading.Event()

    def cancel(self) -> None:
        """Asks it to stop; a pending job never starts."""
        self.context.cancel()

    def wait(self, timeout: float | None = None) -> bool:
        """Waits until it is finished; False when the time ran out."""
        return self._finished.wait(timeout)


Listener = Callable[[Job[Any], str, object], None]
Work = Callable[[JobContext], T]


class Jobs:
    """Starts work in lanes; each lane has one worker thread, so work of a lane never overlaps.

    Listeners are called from the worker threads with (job, kind, value); kinds are "started", "progress",
    "event" and "finished".
    """

    def __init__(self, lanes: Sequence[str] = LANES) -> None:
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._listeners: list[Listener] = []
        self._active: dict[int, Job[Any]] = {}
        self._closed = False
        self._queues: dict[str, queue.SimpleQueue[tuple[Job[Any], Work[Any]] | None]] = {
            lane: queue.SimpleQueue() for lane in lanes
        }
        self._threads = [
            threading.Thread(target=self._work, args=(lane,), name=f"segstudio-{lane}", daemon=True)
            for lane in lanes
        ]
        for thread in self._threads:
            thread.start()

    def start(self, title: str, work: Work[T], *, lane: str = "io", replaces: str | None = None) -> Job[T]:
        """Queues work on a lane; older jobs with the same `replaces` key are cancelled: the newest wins.

        Raises:
            ValueError: there is no such lane.
            RuntimeError: the jobs were closed.
        """
        if lane not in self._queues:
            raise ValueError(f"no lane {lane!r}")
        with self._lock:
            if self._closed:
                raise RuntimeError("jobs are closed")
            job: Job[T] = Job(next(self._numbers), title, lane, replaces)
            older = [other for other in self._active.values() if replaces and other.replaces == replaces]
            self._active[job.id] = job
        job.context = JobContext(
            lambda done, total, text: self._progress(job, done, total, text),
            lambda value: self._tell(job, "event", value),
        )
        for other in older:
            other.cancel()
        self._queues[lane].put((job, work))
        return job

    def start_process(
        self, title: str, argv: Sequence[str], *, lane: str = "gpu", cwd: Path | None = None
    ) -> Job[Any]:
        """Runs a child process as a Job; see `run_child` for what it prints and how it ends."""
        command = list(argv)
        return self.start(title, lambda context: run_child(command, context, cwd), lane=lane)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Adds a listener; the returned function removes it."""
        with self._lock:
            self._listeners.append(listener)

        def unsubscribe() -> None:
            with self._lock, contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return unsubscribe

    def active(self) -> list[Job[Any]]:
        """Jobs that are not finished, oldest first."""
        with self._lock:
            return list(self._active.values())

    def close(self, timeout: float = 5.0) -> bool:
        """Cancels everything and joins the threads; False when one did not end in time."""
        with self._lock:
            self._closed = True
            pending = list(self._active.values())
        for job in pending:
            job.cancel()
        for lane_queue in self._queues.values():
            lane_queue.put(None)
        for thread in self._threads:
            thread.join(timeout)
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self, lane: str) -> None:
        while (entry := self._queues[lane].get()) is not None:
            job, work = entry
            self._run(job, work)
            # Nothing of the finished work may stay alive while the lane is idle.
            del job, work, entry

    def _run(self, job: Job[Any], work: Work[Any]) -> None:
        try:
            job.context.check()
            job.state = JobState.RUNNING
            self._tell(job, "started", None)
            job.result = work(job.context)
            job.state = JobState.DONE
        except Cancelled:
            job.state = JobState.CANCELLED
        except BaseException as error:  # noqa: BLE001 - kept on the job, shown by whoever started it
            # Kept for whoever asks; the lane must go on whatever the work raised.
            job.error = error
            job.traceback = traceback.format_exc()
            job.state = JobState.FAILED
        finally:
            with self._lock:
                self._active.pop(job.id, None)
            job._finished.set()
            self._tell(job, "finished", None)

    def _progress(self, job: Job[Any], done: float, total: float, text: str) -> None:
        job.done, job.total, job.text = done, total, text or job.text
        self._tell(job, "progress", None)

    def _tell(self, job: Job[Any], kind: str, value: object) -> None:
        with self._lock:
            listeners = list(self._listeners)
        for listener in listeners:
            try:
                listener(job, kind, value)
            except Exception:
                LOG.exception("a listener failed on %r of %s", kind, job.title)


def run_child(command: Sequence[str], context: JobContext, cwd: Path | None = None) -> Any:
    """Supervises a child process that prints one JSON object a line on stdout.

    `{"progress": [done, total, text]}` is progress, `{"result": ...}` the result, any other object an event.
    Cancelling terminates the child and everything it started, and kills it when it does not end in time.

    Raises:
        SegstudioError: the child exited with 2 (its last line on stderr) or cannot be started.
        ChildFailedError: it ended in any other way; the end of its stderr is in the message.
        Cancelled: the context was cancelled.
    """
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            cwd=cwd,
            env=environment,
            start_new_session=os.name == "posix",
        )
    except OSError as error:
        raise SegstudioError(f"{command[0]} cannot be started: {error.strerror}") from error
    lower_priority(child.pid)
    stderr: deque[str] = deque(maxlen=STDERR_LINES)
    result: list[Any] = [None]
    readers = [
        threading.Thread(target=_read_stdout, args=(child, context, result), daemon=True),
        threading.Thread(target=_read_stderr, args=(child, stderr), daemon=True),
    ]
    for reader in readers:
        reader.start()
    try:
        while child.poll() is None:
            if context.wait_cancelled(0.05):
                stop_child(child)
    finally:
        stop_child(child)
        if os.name == "posix":
            # What outlives its parent holds the pipes open, and the readers would wait for it for ever.
            _signal(child, signal.SIGKILL)
        for reader in readers:
            reader.join()
        for stream in (child.stdout, child.stderr):
            if stream:
                stream.close()
    if context.cancelled:
        raise Cancelled("cancelled")
    if child.returncode == BAD_INPUT_EXIT:
        raise SegstudioError(stderr[-1].strip() if stderr else f"{command[0]} refused its input")
    if child.returncode != 0:
        raise ChildFailedError(child.returncode, "".join(stderr))
    return result[0]


class ChildFailedError(RuntimeError):
    """A child process crashed: a bug, or the system ended it (out of memory)."""

    def __init__(self, code: int, stderr: str) -> None:
        super().__init__(f"the process ended with {code}:\n{stderr}")
        self.code = code


def stop_child(child: "subprocess.Popen[str]") -> None:
    """Terminates a child and its group, then kills what is left after a while."""
    if child.poll() is not None:
        return
    _signal(child, signal.SIGTERM)
    try:
        child.wait(CHILD_GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        _signal(child, signal.SIGKILL if os.name == "posix" else signal.SIGTERM)
        child.wait()


def _signal(child: "subprocess.Popen[str]", number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if os.name == "posix":
            os.killpg(child.pid, number)
        else:
            child.terminate()


def lower_priority(process: int) -> None:
    """Lets the window and the user's other programs go first."""
    if sys.platform != "win32":
        with contextlib.suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, process, CHILD_NICENESS)


def _read_stdout(child: "subprocess.Popen[str]", context: JobContext, result: list[Any]) -> None:
    assert child.stdout is not None
    for line in child.stdout:
        try:
            value = json.loads(line)
        except ValueError:
            continue
        if not isinstance(value, dict):
            continue
        progress = value.get("progress")
        if isinstance(progress, list) and len(progress) == 3:
            context.progress(float(progress[0]), float(progress[1]), str(progress[2]))
        elif "result" in value:
            result[0] = value["result"]
        else:
            context.event(value)


def _read_stderr(child: "subprocess.Popen[str]", lines: deque[str]) -> None:
    assert child.stderr is not None
    lines.extend(child.stderr)


def cores() -> int:
    """CPU cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
