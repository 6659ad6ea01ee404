"""What a living run is asked to do: one word in a file that the training looks at between its steps."""

import time
from pathlib import Path

from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.jobs import JobContext
from segstudio.workflows.retrain.folder import RunFolder

PAUSE, GO_ON, STOP, CANCEL = "pause", "go on", "stop", "cancel"
# As "stop", and the queue waits until somebody asks for its next run.
STOP_ALL = "stop all"
WORDS = (PAUSE, GO_ON, STOP, STOP_ALL, CANCEL)
ENDS = (STOP, STOP_ALL, CANCEL)
LOOK_SECONDS = 0.25


def ask(run: RunFolder, word: str) -> None:
    """Asks a living run for one of WORDS; it answers between two steps.

    Raises:
        InputError: there is no such word.
        ImageError: the disk refuses.
    """
    if word not in WORDS:
        raise InputError(f"a run cannot be asked to {word!r}", hint=f"use one of {', '.join(WORDS)}")
    atomic_write(run.control, word.encode())


def asked(run: RunFolder) -> str:
    """What a run was asked for last; "" for nothing."""
    try:
        word = run.control.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
    return word if word in WORDS else ""


class ControlledContext(JobContext):
    """The context of a training whose wishes come through its control file.

    Args:
        run: whose file.
        pauses: whether the process can wait where it is; else a pause is a stop that remembers its cause.
    """

    def __init__(self, run: RunFolder, *, pauses: bool = True) -> None:
        super().__init__()
        self._run, self.pauses = run, pauses
        self._word, self._looked = "", 0.0
        self._stamp: tuple[int, int] | None = None

    @property
    def word(self) -> str:
        """What is asked for at present; the file is looked at a few times a second."""
        now = time.monotonic()
        if now - self._looked >= LOOK_SECONDS:
            self._looked = now
            stamp = _stamp(self._run.control)
            if stamp != self._stamp:
                self._stamp, self._word = stamp, asked(self._run)
        return self._word

    @property
    def cancelled(self) -> bool:
        """Whether it is to stop, or to be cancelled."""
        word = self.word
        return super().cancelled or word in ENDS or (word == PAUSE and not self.pauses)

    @property
    def paused(self) -> bool:
        """Whether it is to wait."""
        return self.pauses and self.word == PAUSE

    def check(self) -> None:
        """See `JobContext.check`."""
        if self.cancelled:
            self.cancel()
        super().check()


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    # Each word is a new file.
    return found.st_mtime_ns, found.st_ino
