"""status.json as TAO's tasks write it: one JSON object a line, for programs that watch a task."""

import contextlib
import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from segstudio.errors import Cancelled, SegstudioError

FILE = "status.json"


class StatusWriter:
    """Appends records to the status.json of a task's folder; None writes nothing.

    A record has date, time, status (STARTED, RUNNING, SUCCESS, FAILURE), verbosity and message, and where
    it measures something kpi.
    """

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder else None
        self.ended = False

    def write(self, status: str, message: str, kpi: Mapping[str, float] | None = None, **values: Any) -> None:
        """Adds one record.

        Raises:
            SegstudioError: the folder or the disk refuses.
        """
        if self._path is None:
            return
        now = datetime.now()
        record: dict[str, Any] = {
            # TAO pads neither with zeros.
            "date": f"{now.month}/{now.day}/{now.year}",
            "time": f"{now.hour}:{now.minute}:{now.second}",
            "status": status,
            "verbosity": "ERROR" if status == "FAILURE" else "INFO",
            "message": message,
            **values,
        }
        if kpi is not None:
            # JSON has no word for NaN.
            record["kpi"] = {name: None if math.isnan(value) else value for name, value in kpi.items()}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with open(self._path, "a", encoding="utf-8") as stream:
                stream.write(json.dumps(record) + "\n")
        except OSError as error:
            raise SegstudioError(
                f"{self._path} cannot be written: {error.strerror or error}",
                hint="free some space or check its rights",
            ) from error

    def metrics(self, message: str, kpi: Mapping[str, float], **values: Any) -> None:
        """Adds a record of measurements."""
        self.write("RUNNING", message, kpi, **values)

    def interrupted(self, title: str) -> None:
        """Adds the last record of a task that was stopped; TAO counts that as a failure."""
        self.write("FAILURE", f"{last_word(title)} was interrupted.")
        self.ended = True


def last_word(title: str) -> str:
    """What TAO's last records call a task: `Train` for `SegFormer train`."""
    return title.split()[-1].capitalize()


@contextmanager
def task_status(folder: Path | None, title: str) -> Iterator[StatusWriter]:
    """The records around a task: its start, then its success or failure.

    Args:
        folder: of the task; None writes nothing.
        title: such as `SegFormer train`.
    """
    status = StatusWriter(folder)
    status.write("STARTED", f"Starting {title}.")
    try:
        yield status
    except BaseException as error:
        # The disk that refused a checkpoint may refuse this as well; the first error is the one to tell.
        with contextlib.suppress(SegstudioError):
            if isinstance(error, Cancelled | KeyboardInterrupt):
                status.interrupted(title)
            else:
                status.write("FAILURE", str(error) or type(error).__name__)
        raise
    if not status.ended:
        status.write("SUCCESS", f"{last_word(title)} finished successfully.")
