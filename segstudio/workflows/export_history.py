"""Keeps which models were exported where, with what was measured of each format."""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from segstudio import paths
from segstudio.workflows.ledger import add_line, lines

FILE = "exports.jsonl"


@dataclass(frozen=True)
class ExportedFormat:
    """One format of an export.

    Attributes:
        format: its name.
        folder: where it was put.
        agreement: share of ids equal to the float model's, 0-1; NaN where its writer proves its own work.
        miou_before, miou_after: of the float model and of this, 0-1; NaN without masks.
        fps: images a second on the backend that runs it best; NaN where none was timed.
        choices: how it was made: batch, size, images, options; "" where that was not noted.
        files: what was written below the folder, with `/`; empty where that was not noted.
    """

    format: str
    folder: str
    agreement: float = math.nan
    miou_before: float = math.nan
    miou_after: float = math.nan
    fps: float = math.nan
    choices: str = ""
    files: tuple[str, ...] = ()

    @property
    def is_there(self) -> bool:
        """Whether the folder still is where it was put."""
        return Path(self.folder).is_dir()


@dataclass(frozen=True)
class ExportRecord:
    """One export: when (ISO 8601, UTC), of which model and weights, the page to read, the formats made."""

    when: str
    model: str
    weights_sha256: str
    page: str
    formats: tuple[ExportedFormat, ...]

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form; what was not measured is null."""
        values = asdict(self)
        values["formats"] = [
            {key: None if isinstance(one, float) and math.isnan(one) else one for key, one in row.items()}
            for row in values["formats"]
        ]
        return values


def history_file() -> Path:
    """The file that holds an export a line."""
    return paths.user_data_dir() / FILE


def note_export(model: str, weights_sha256: str, page: Path, formats: tuple[ExportedFormat, ...]) -> None:
    """Adds an export to the history.

    Raises:
        InputError: the file cannot be written.
    """
    when = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    record = ExportRecord(when, model, weights_sha256, str(page.resolve()), formats)
    add_line(history_file(), record.to_json(), "free some space or check its rights")


def read_exports() -> list[ExportRecord]:
    """All exports, newest first; lines that are no records are left out.

    Raises:
        InputError: the file cannot be read.
    """
    found = [_record(line) for line in lines(history_file())]
    return [record for record in reversed(found) if record is not None]


def _record(line: str) -> ExportRecord | None:
    try:
        values = json.loads(line)
        formats = tuple(_format(one) for one in values["formats"])
        when, model, weights, page = (str(values[key]) for key in ("when", "model", "weights_sha256", "page"))
        return ExportRecord(when, model, weights, page, formats)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def _format(values: Mapping[str, Any]) -> ExportedFormat:
    figures = ("agreement", "miou_before", "miou_after", "fps")
    agreement, before, after, fps = (
        math.nan if values.get(key) is None else float(values[key]) for key in figures
    )
    files = tuple(str(name) for name in values.get("files", ()))
    names = str(values["format"]), str(values["folder"])
    return ExportedFormat(*names, agreement, before, after, fps, str(values.get("choices", "")), files)
