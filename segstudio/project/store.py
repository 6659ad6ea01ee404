"""All SQL of a project: samples, predictions, confusion counts, speeds and runs, in one database."""

import json
import os
import sqlite3
import time
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    Column,
    Engine,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DatabaseError

from segstudio.errors import ProjectError
from segstudio.project.layout import FoundSample
from segstudio.project.sample import SampleStatus, SpeedRecord

SCHEMA_VERSION = 1
BUSY_SECONDS = 10
CHUNK = 500

metadata = MetaData()
facts = Table("facts", metadata, Column("name", String, primary_key=True), Column("value", String))
samples = Table(
    "samples",
    metadata,
    Column("key", String, primary_key=True),
    Column("place", Integer, nullable=False, index=True),
    Column("image", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("split", String, nullable=False, default=""),
    Column("note", String, nullable=False, default=""),
    Column("width", Integer, nullable=False, default=0),
    Column("height", Integer, nullable=False, default=0),
    Column("mask_size", Integer, nullable=False, default=-1),
    Column("mask_mtime", Integer, nullable=False, default=-1),
    Column("mask_hash", String, nullable=False, default=""),
    Column("changed_by", String, nullable=False, default=""),
    Column("changed_at", Float, nullable=False, default=0.0),
)
predictions = Table(
    "predictions",
    metadata,
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), primary_key=True),
    Column("model", String, nullable=False),
    Column("made_at", Float, nullable=False),
)
counts = Table(
    "counts",
    metadata,
    Column("model", String, primary_key=True),
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), primary_key=True),
    Column("classes", Integer, nullable=False),
    Column("matrix", LargeBinary, nullable=False),
)
speeds = Table(
    "speeds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String, nullable=False),
    Column("record", String, nullable=False),
)


@dataclass(frozen=True)
class SampleRow:
    """One row of the samples table."""

    key: str
    image: str
    status: SampleStatus
    split: str
    note: str
    width: int
    height: int
    mask_size: int
    mask_mtime: int
    mask_hash: str


class Store:
    """The database of a project; safe to use from several threads and processes."""

    def __init__(self, url: str) -> None:
        self._engine: Engine = create_engine(url, connect_args=_arguments(url))
        if url.startswith("sqlite"):
            event.listen(self._engine, "connect", _prepare_sqlite)
        metadata.create_all(self._engine)
        self._check_version()

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()

    def _check_version(self) -> None:
        version = self.fact("schema_version")
        if version is None:
            self.set_fact("schema_version", str(SCHEMA_VERSION))
        elif int(version) > SCHEMA_VERSION:
            self.close()
            raise ProjectError(
                f"a newer segstudio made this project (schema {version}, this one knows {SCHEMA_VERSION})",
                hint="update segstudio",
            )

    def fact(self, name: str) -> str | None:
        """A fact about the project as a whole."""
        with self._engine.connect() as connection:
            value = connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()
        return None if value is None else str(value)

    def set_fact(self, name: str, value: str) -> None:
        """Sets a fact about the project as a whole."""
        with self._engine.begin() as connection:
            connection.execute(delete(facts).where(facts.c.name == name))
            connection.execute(insert(facts).values(name=name, value=value))

    def sync(self, found: Sequence[FoundSample]) -> tuple[frozenset[str], frozenset[str]]:
        """Makes the rows match the files; returns the keys that came and that went."""
        with self._engine.begin() as connection:
            known = {
                str(row.key): (int(row.place), str(row.image)) for row in connection.execute(select(samples))
            }
            wanted = {entry.key for entry in found}
            gone = known.keys() - wanted
            new, moved = [], []
            for place, entry in enumerate(found):
                before = known.get(entry.key)
                values = {"key": entry.key, "place": place, "image": entry.image}
                if before is None:
                    status = SampleStatus.UNLABELLED.value
                    new.append({**values, "split": entry.split, "status": status})
                elif before != (place, entry.image):
                    moved.append({"b_key": entry.key, "b_place": place, "b_image": entry.image})
            for keys in _chunks(sorted(gone)):
                connection.execute(delete(samples).where(samples.c.key.in_(keys)))
            if new:
                connection.execute(insert(samples), new)
            if moved:
                statement = update(samples).where(samples.c.key == bindparam("b_key"))
                connection.execute(
                    statement.values(place=bindparam("b_place"), image=bindparam("b_image")), moved
                )
        return frozenset(row["key"] for row in new), frozenset(gone)  # type: ignore[misc]  # keys are strings

    def rows(self, keys: Iterable[str] | None = None) -> list[SampleRow]:
        """Samples in their order; all of them, or those of some keys."""
        columns = [samples.c[name] for name in SampleRow.__dataclass_fields__]
        with self._engine.connect() as connection:
            if keys is None:
                found = list(connection.execute(select(*columns).order_by(samples.c.place)))
            else:
                found = []
                for chunk in _chunks(list(keys)):
                    query = select(*columns).where(samples.c.key.in_(chunk)).order_by(samples.c.place)
                    found += list(connection.execute(query))
        states = {state.value: state for state in SampleStatus}
        return [SampleRow(row[0], row[1], states[row[2]], *row[3:]) for row in found]

    def change(self, keys: Iterable[str], values: Mapping[str, Any], by: str = "") -> None:
        """Sets columns of samples; who and when are noted."""
        stamped = {**values, "changed_by": by, "changed_at": time.time()}
        with self._engine.begin() as connection:
            for chunk in _chunks(list(keys)):
                connection.execute(update(samples).where(samples.c.key.in_(chunk)).values(**stamped))

    def set_prediction(self, key: str, model: str | None) -> None:
        """Notes which model predicted a sample; None forgets the prediction."""
        with self._engine.begin() as connection:
            connection.execute(delete(predictions).where(predictions.c.key == key))
            if model is not None:
                connection.execute(insert(predictions).values(key=key, model=model, made_at=time.time()))

    def prediction_models(self) -> dict[str, str]:
        """The predicting model of every predicted sample."""
        with self._engine.connect() as connection:
            query = select(predictions.c.key, predictions.c.model)
            return {str(row.key): str(row.model) for row in connection.execute(query)}

    def set_counts(self, key: str, model: str, matrix: NDArray[np.int64]) -> None:
        """Stores confusion counts [K,K+1] of a sample and model."""
        packed = zlib.compress(np.ascontiguousarray(matrix, np.int64).tobytes(), 1)
        with self._engine.begin() as connection:
            connection.execute(delete(counts).where(counts.c.key == key, counts.c.model == model))
            connection.execute(
                insert(counts).values(key=key, model=model, classes=matrix.shape[0], matrix=packed)
            )

    def drop_counts(self, key: str) -> None:
        """Forgets all counts of a sample, since its mask changed."""
        with self._engine.begin() as connection:
            connection.execute(delete(counts).where(counts.c.key == key))

    def counts(self, model: str) -> dict[str, NDArray[np.int64]]:
        """Confusion counts [K,K+1] of every evaluated sample of a model."""
        result = {}
        with self._engine.connect() as connection:
            for row in connection.execute(select(counts).where(counts.c.model == model)):
                flat = np.frombuffer(zlib.decompress(row.matrix), np.int64)
                result[str(row.key)] = flat.reshape(row.classes, row.classes + 1)
        return result

    def evaluated_models(self) -> list[str]:
        """Models with counts, by name."""
        with self._engine.connect() as connection:
            query = select(counts.c.model).distinct().order_by(counts.c.model)
            return [str(name) for name in connection.execute(query).scalars()]

    def add_speed(self, record: SpeedRecord) -> None:
        """Appends a measured speed."""
        with self._engine.begin() as connection:
            text = json.dumps(asdict(record))
            connection.execute(insert(speeds).values(model=record.model, record=text))

    def speeds(self) -> list[SpeedRecord]:
        """All measured speeds, newest first."""
        with self._engine.connect() as connection:
            texts = connection.execute(select(speeds.c.record).order_by(speeds.c.id.desc())).scalars()
            return [SpeedRecord(**json.loads(text)) for text in texts]

    def tally(self, column: str) -> dict[str, int]:
        """Number of samples by status or by split."""
        chosen = samples.c[column]
        with self._engine.connect() as connection:
            query = select(chosen, func.count()).group_by(chosen)
            return {str(value): int(number) for value, number in connection.execute(query)}


def open_store(folder: Path, url: str = "") -> tuple[Store, list[str]]:
    """The store of a project folder and warnings; a damaged SQLite file is put aside and begun anew.

    Raises:
        ProjectError: the database cannot be opened or made.
    """
    path = folder / "project.db"
    target = url or f"sqlite:///{path.as_posix()}"
    try:
        return Store(target), []
    except DatabaseError as error:
        if url or not isinstance(error.orig, sqlite3.DatabaseError) or not _is_damaged(error):
            raise ProjectError(f"{target} cannot be opened: {error.orig}", hint="check its rights") from error
    aside = path.with_name(f"project.damaged-{time.strftime('%Y%m%d-%H%M%S')}.db")
    os.replace(path, aside)
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    warning = f"the project database was damaged and is kept as {aside.name}; it was made anew from the files"
    return Store(target), [warning]


def _is_damaged(error: DatabaseError) -> bool:
    text = str(error.orig)
    return "not a database" in text or "malformed" in text


def _arguments(url: str) -> dict[str, Any]:
    return {"timeout": BUSY_SECONDS} if url.startswith("sqlite") else {}


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
