"""Writes files that can be made again: whole or not at all for readers, without waiting for the disk."""

import contextlib
import itertools
import os
import threading
import time
from pathlib import Path

from segstudio.errors import ImageError

PART = ".part"
LEFT_OVER_SECONDS = 3600.0
_numbers = itertools.count()


def write_cache(path: Path, content: bytes, mtime_ns: int | None = None) -> None:
    """Replaces a file in one step, with the given time of change.

    A crash of the program leaves the old file or the new one. Masks are written by `images.atomic_write`,
    which also survives a crash of the system; a cache is not worth the wait for the disk.

    Raises:
        ImageError: the disk refuses; the old file is untouched.
    """
    writer = f"{os.getpid()}-{threading.get_ident()}-{next(_numbers)}"
    temporary = path.with_name(f".{writer}{PART}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_bytes(content)
        if mtime_ns is not None:
            os.utime(temporary, ns=(mtime_ns, mtime_ns))
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise ImageError(
            f"{path} cannot be written: {error.strerror or error}", hint="free some space or check its rights"
        ) from error


def sweep(folder: Path) -> int:
    """Removes what writers left behind that were killed long ago; returns how many files."""
    oldest, removed = time.time() - LEFT_OVER_SECONDS, 0
    for path in folder.rglob(f".*{PART}"):
        with contextlib.suppress(OSError):
            if path.stat().st_mtime < oldest:
                path.unlink()
                removed += 1
    return removed
