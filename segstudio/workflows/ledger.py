"""Files that only grow: a JSON object a line, written by several processes, read past damaged lines."""

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segstudio.errors import InputError


def add_line(path: Path, values: Mapping[str, Any], hint: str) -> None:
    """Adds an object to the end of a file.

    Raises:
        InputError: the file cannot be written; `hint` says what to do.
    """
    line = json.dumps(values, ensure_ascii=False) + "\n"
    try:
        # One write at the end of the file: lines of two processes do not mix.
        stream = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(stream, ("" if _is_whole(path) else "\n").encode() + line.encode())
        finally:
            os.close(stream)
    except OSError as error:
        raise InputError(f"{path} cannot be written: {error.strerror}", hint=hint) from error


def lines(path: Path) -> Iterator[str]:
    """The lines of a file that are not empty, whole or damaged; a missing file has none.

    Raises:
        InputError: the file cannot be read.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}", hint="check its rights") from error
    for line in text.splitlines():
        if line.strip():
            yield line


def _is_whole(path: Path) -> bool:
    """Whether the last line was written to its end: a crash or a full disk may have cut it."""
    with path.open("rb") as stream:
        if stream.seek(0, os.SEEK_END) == 0:
            return True
        stream.seek(-1, os.SEEK_END)
        return stream.read(1) == b"\n"
