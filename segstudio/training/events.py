"""The events of a training: one JSON object a line, written as they happen, read back for curves."""

import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

from segstudio.errors import SegstudioError

FILE = "events.jsonl"


class EventWriter:
    """Appends events to a run's events.jsonl; every line is complete on disk when `write` returns.

    Raises:
        SegstudioError: the folder or the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # Unbuffered: what a full disk refused must not be tried again when the file is closed.
            self._stream = open(self._path, "ab+", buffering=0)  # noqa: SIM115 - lives as long as the run
            self._end_cut_line()
        except OSError as error:
            raise self._refused(error) from error

    def write(self, kind: str, **values: Any) -> Mapping[str, Any]:
        """Adds the kind and the time (seconds since 1970), writes, and returns the event."""
        event = {"kind": kind, "time": round(time.time(), 3), **values}
        try:
            line = json.dumps(event) + "\n"
            self._stream.write(line.encode())
        except OSError as error:
            raise self._refused(error) from error
        # As it will be read: JSON knows no tuples.
        told: dict[str, Any] = json.loads(line)
        return told

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def _end_cut_line(self) -> None:
        """A crash may have cut the last line short: the next event must not be joined to it."""
        if self._stream.seek(0, os.SEEK_END):
            self._stream.seek(-1, os.SEEK_END)
            if self._stream.read(1) != b"\n":
                self._stream.write(b"\n")

    def _refused(self, error: OSError) -> SegstudioError:
        return SegstudioError(
            f"{self._path} cannot be written: {error.strerror or error}",
            hint="free some space or check its rights, then run the same command again",
        )


def read_events(folder: Path) -> Iterator[dict[str, Any]]:
    """The events of a run in order; a line that a crash cut short is left out."""
    path = folder / FILE
    if not path.exists():
        return
    with open(path, encoding="utf-8") as stream:
        for line in stream:
            try:
                event = json.loads(line)
            except ValueError:
                continue
            if isinstance(event, dict):
                yield event
