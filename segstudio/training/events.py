"""The events of a training: one JSON object a line, written as they happen, read back for curves."""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self

FILE = "events.jsonl"


class EventWriter:
    """Appends events to a run's events.jsonl; every line is complete on disk when `write` returns."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._stream = open(folder / FILE, "a", encoding="utf-8")  # noqa: SIM115 - lives as long as the run

    def write(self, kind: str, **values: Any) -> Mapping[str, Any]:
        """Adds the kind and the time (seconds since 1970), writes, and returns the event."""
        event = {"kind": kind, "time": round(time.time(), 3), **values}
        self._stream.write(json.dumps(event) + "\n")
        self._stream.flush()
        return event

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()


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
