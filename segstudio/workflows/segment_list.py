"""Writes error segments as a list that other programs read: CSV or JSON, one row each."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path

from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.metrics.segment_table import SegmentTable

SUFFIXES = (".csv", ".json")


def save_segments(table: SegmentTable, numbers: Iterable[int], path: Path) -> int:
    """Writes some rows of a table, in their order, with the words of queries as columns; returns how many.

    Raises:
        InputError: the file's name ends in neither .csv nor .json.
        ImageError: the disk refuses; an older file is untouched.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(
            f"{path.name} is neither CSV nor JSON", hint=f"end the name in {' or '.join(SUFFIXES)}"
        )
    rows = [table.row(int(number)) for number in numbers]
    if path.suffix.lower() == ".json":
        content = json.dumps(rows, indent=1, ensure_ascii=False) + "\n"
    else:
        content = _csv(rows)
    atomic_write(path, content.encode())
    return len(rows)


def _csv(rows: list[dict[str, object]]) -> str:
    """Lists, such as boxes, have their numbers separated by spaces."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(rows[0] if rows else ("sample",))
    for row in rows:
        writer.writerow(
            " ".join(map(str, value)) if isinstance(value, list) else "" if value is None else value
            for value in row.values()
        )
    return text.getvalue()
