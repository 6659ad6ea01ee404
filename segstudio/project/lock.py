"""The advisory lock of a project's editor: it names who has the project open."""

import contextlib
import getpass
import json
import os
import socket
import time
from pathlib import Path

from segstudio.errors import ProjectError
from segstudio.images import atomic_write

FILE = "editor.lock"


class ProjectLocked(ProjectError):  # noqa: N818 - it names a state that the user decides about
    """Another window edits the project."""


class EditorLock:
    """Held while a window edits a project; a lock whose process is gone counts for nothing."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @classmethod
    def take(cls, folder: Path) -> "EditorLock":
        """Takes the lock of a project.

        Raises:
            ProjectLocked: somebody else holds it; says who, where and since when.
        """
        path = folder / FILE
        holder = _read(path)
        if holder and not _is_ours_or_gone(holder):
            who, since = f"{holder.get('user')} on {holder.get('host')}", holder.get("since")
            raise ProjectLocked(
                f"{who} has this project open since {since}",
                hint="close it there first",
            )
        values = {
            "user": _user_name(),
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": time.strftime("%Y-%m-%d %H:%M"),
        }
        atomic_write(path, json.dumps(values).encode())
        return cls(path)

    def release(self) -> None:
        """Gives the lock back."""
        self._path.unlink(missing_ok=True)


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
    if os.name != "posix":
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _user_name() -> str:
    with contextlib.suppress(KeyError, OSError):
        return getpass.getuser()
    return "somebody"
