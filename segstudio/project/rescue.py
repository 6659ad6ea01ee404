"""Reads what can still be read of a damaged SQLite file, table by table and row by row until the damage."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Float, Integer, String, Table

Rescued = dict[Table, list[dict[str, Any]]]
# What each kind of column holds when it is whole.
KINDS: tuple[tuple[type, type | tuple[type, ...]], ...] = (
    (String, str),
    (Integer, int),
    (Float, (float, int)),
)


def rescue(path: Path, wanted: Mapping[Table, Sequence[str]]) -> Rescued:
    """The whole rows of some tables and columns, each key once; empty where nothing can be read.

    Columns that the file does not have, being of an older version, are left out.
    """
    return {table: list(_rows(path, table, columns)) for table, columns in wanted.items()}


def _rows(path: Path, table: Table, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    seen: set[tuple[Any, ...]] = set()
    primary = [column.name for column in table.primary_key.columns]
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.Error):
        there = {row[1] for row in connection.execute(f"PRAGMA table_info({table.name})")}
        names = [name for name in columns if name in there]
        if not set(primary) <= set(names):
            return
        chosen = ", ".join(f'"{name}"' for name in names)
        # An index may be damaged where the table is not.
        for row in connection.execute(f"SELECT {chosen} FROM {table.name} NOT INDEXED"):
            values = dict(zip(names, row, strict=True))
            key = tuple(values[name] for name in primary)
            if key not in seen and all(_is_whole(table, name, value) for name, value in values.items()):
                seen.add(key)
                yield values


def _is_whole(table: Table, name: str, value: object) -> bool:
    kind = table.c[name].type
    return any(isinstance(kind, of) and isinstance(value, holds) for of, holds in KINDS)
