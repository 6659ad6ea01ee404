"""The advisory lock of a project's editor: it names who has the project open."""

import contextlib
import getpass
import json
import os
import socket
import sys
import time
import uuid
from pathlib import Path

from segstudio.errors import ImageError, ProjectError
from segstudio.images import atomic_write

FILE = "editor.lock"


class ProjectLocked(ProjectError):  # noqa: N818 - it names a state that the user decides about
    """Another window edits the project."""


class EditorLock:
    """Held while a window edits a project; a lock whose process is gone counts for nothing."""

    def __init__(self, path: Path, token: str) -> None:
        self._path = path
        self._token = token

    @classmethod
    def take(cls, folder: Path) -> "EditorLock":
        """Takes the lock of a project; callers keep others from doing so at the same moment.

        A second lock of the same process takes over from the first.

        Raises:
            ProjectLocked: somebody else holds it; says who, where and since when.
            ProjectError: the file cannot be written.
        """
        path = folder / FILE
        holder = _read(path)
        if holder and not _is_ours_or_gone(holder):
            who, since = f"{holder.get('user')} on {holder.get('host')}", holder.get("since")
            raise ProjectLocked(
                f"{who} has this project open since {since}",
                hint=f"close it there; if that window is gone, delete {path}",
            )
        lock = cls(path, uuid.uuid4().hex)
        values = {
            "user": user_name(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "born": _born(os.getpid()),
            "since": time.strftime("%Y-%m-%d %H:%M"),
            "token": lock._token,
        }
        try:
            atomic_write(path, json.dumps(values).encode())
        except ImageError as error:
            raise ProjectError(error.message, hint=error.hint) from error
        return lock

    def release(self) -> None:
        """Gives the lock back, unless another one has taken over."""
        if _read(self._path).get("token") == self._token:
            with contextlib.suppress(OSError):
                self._path.unlink()


def user_name() -> str:
    """Who runs this program, as far as the system knows."""
    with contextlib.suppress(KeyError, OSError, ImportError):
        return getpass.getuser()
    return "somebody"


def _read(path: Path) -> dict[str, object]:
    with contextlib.suppress(OSError, ValueError):
        values = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(values, dict):
            return values
    return {}


def _is_ours_or_gone(holder: dict[str, object]) -> bool:
    if holder.get("host") != socket.gethostname():
        return False
    process = holder.get("pid")
    if not isinstance(process, int) or process == os.getpid():
        return True
    # A process of the same number that was born later is another one.
    return not _is_alive(process) or _born(process) != holder.get("born", "")


def _born(process: int) -> str:
    """When a process started, in the system's own words; empty where it does not tell."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    # The name of the program, in brackets, may hold spaces; the start is the 20th field after it.
    fields = text.rpartition(")")[2].split()
    return fields[19] if len(fields) > 19 else ""


def _is_alive(process: int) -> bool:
    if sys.platform == "win32":
        return _is_alive_on_windows(process)
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _is_alive_on_windows(process: int) -> bool:
    """`os.kill` would end the process there; its handle is signalled once it has ended."""
    import ctypes

    kernel = ctypes.CDLL("kernel32")
    synchronize, timed_out = 0x0010_0000, 0x102
    handle = kernel.OpenProcess(synchronize, False, process)
    if not handle:
        return False
    try:
        return bool(kernel.WaitForSingleObject(handle, 0) == timed_out)
    finally:
        kernel.CloseHandle(handle)
