"""Locks of the operating system that live as long as their process: who holds one is alive."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from segstudio.errors import SegstudioError

RETRY_SECONDS = 0.02


class HeldLock:
    """A lock that this process holds until `release` or its end, however that comes."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    def release(self) -> None:
        """Lets it go; a second time does nothing."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def take(path: Path, *, patience: float = 0.0, shared_by_threads: bool = True) -> HeldLock | None:
    """Takes the lock of a file, which is made; None where another one holds it all the time.

    Args:
        path: of the file.
        patience: seconds to try again; who only looks holds it for an instant.
        shared_by_threads: the lock belongs to the process, so that forked children do not keep it alive;
            else it belongs to the caller, and keeps other threads of this process out too.

    Raises:
        SegstudioError: the folder refuses.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise SegstudioError(f"{path} cannot be opened: {error.strerror}", hint="check its rights") from error
    deadline = time.monotonic() + patience
    while not _try(descriptor, of_process=shared_by_threads):
        if time.monotonic() >= deadline:
            os.close(descriptor)
            return None
        time.sleep(RETRY_SECONDS)
    return HeldLock(descriptor)


def is_held(path: Path) -> bool:
    """Whether another process holds the lock of a file."""
    if not path.exists():
        return False
    try:
        held = take(path)
    except SegstudioError:
        # Nothing can be started in such a folder either.
        return False
    if held is not None:
        held.release()
    return held is None


@contextmanager
def alone(path: Path, patience: float) -> Iterator[bool]:
    """A block that one thread of all processes runs at a time; says whether the lock came in time."""
    held = take(path, patience=patience, shared_by_threads=False)
    try:
        yield held is not None
    finally:
        if held is not None:
            held.release()


if sys.platform == "win32":
    import msvcrt

    def _try(descriptor: int, *, of_process: bool) -> bool:
        with contextlib.suppress(OSError):
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            return True
        return False

else:
    import fcntl

    def _try(descriptor: int, *, of_process: bool) -> bool:
        lock = fcntl.lockf if of_process else fcntl.flock
        with contextlib.suppress(OSError):
            lock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False
