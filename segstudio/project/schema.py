"""The tables of a project's database, their versions, and how a database is opened, migrated or replaced."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, NoSuchModuleError, OperationalError
from sqlalchemy.schema import DropTable

from segstudio.errors import ProjectError
from segstudio.project.sample import SampleStatus

FILE = "project.db"
BUSY_SECONDS = 10
SCHEMA_VERSION = 2

metadata = MetaData()
facts = Table("facts", metadata, Column("name", String, primary_key=True), Column("value", String))
samples = Table(
    "samples",
    metadata,
    Column("key", String, primary_key=True),
    Column("place", Integer, nullable=False, index=True),
    Column("image", String, nullable=False),
    Column("status", String, nullable=False, index=True),
    Column("split", String, nullable=False, server_default=""),
    Column("note", String, nullable=False, server_default=""),
    Column("width", Integer, nullable=False, server_default="0"),
    Column("height", Integer, nullable=False, server_default="0"),
    Column("mask_size", BigInteger, nullable=False, server_default="-1"),
    Column("mask_mtime", BigInteger, nullable=False, server_default="-1"),
    Column("mask_hash", String, nullable=False, server_default=""),
    Column("changed_by", String, nullable=False, server_default=""),
    Column("changed_at", Float, nullable=False, server_default="0"),
    Column("missing", Integer, nullable=False, server_default="0"),
    Column("image_mtime", BigInteger, nullable=False, server_default="-1"),
)
predictions = Table(
    "predictions",
    metadata,
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), primary_key=True),
    Column("model", String, nullable=False),
    Column("palette", String, nullable=False),
    Column("made_at", Float, nullable=False),
)
counts = Table(
    "counts",
    metadata,
    Column("model", String, primary_key=True),
    Column("palette", String, primary_key=True),
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), primary_key=True, index=True),
    Column("classes", Integer, nullable=False),
    Column("matrix", LargeBinary, nullable=False),
    Column("made_at", Float, nullable=False),
)
speeds = Table(
    "speeds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String, nullable=False),
    Column("record", String, nullable=False),
)


def _to_version_2(connection: Connection) -> None:
    """Samples may be missing and have defaults; predictions and counts belong to a palette."""
    rows = connection.exec_driver_sql("SELECT * FROM samples").mappings().all()
    # Predictions and counts can be made again from masks and models, and carried no palette.
    for table in (predictions, counts, samples):
        connection.execute(DropTable(table))
    metadata.create_all(connection)
    if rows:
        connection.execute(samples.insert(), [dict(row) for row in rows])


# The step from each version to the next one; every step is one transaction.
MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {1: _to_version_2}


@dataclass(frozen=True)
class OpenedDatabase:
    """An open database, warnings about it, and whether it replaced a damaged or lost one."""

    engine: Engine
    warnings: tuple[str, ...] = ()
    rebuilt: bool = False


def open_database(folder: Path, url: str = "", *, expected: bool = False) -> OpenedDatabase:
    """Opens the database of a project folder, or the one of a URL, making its tables where there are none.

    A damaged SQLite file is put aside, and a new one takes over every fact that can still be read from it.
    `expected` says that the folder had a database before, so that its absence is worth a warning.

    Raises:
        ProjectError: it cannot be opened or made, or a newer segstudio made it.
    """
    path = folder / FILE
    target = url or f"sqlite:///{path.as_posix()}"
    lost = expected and not url and (not path.exists() or path.stat().st_size == 0)
    try:
        engine = _connect(target)
    except DatabaseError as error:
        if url or not _is_damaged(error):
            raise ProjectError(
                f"the database {target} cannot be used: {error.orig}",
                hint="check its rights, the free space and the address",
            ) from error
        return _replace(path, target)
    warnings = ("the project's database was gone; it was made anew from the files",) if lost else ()
    return OpenedDatabase(engine, warnings, lost)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """A short transaction that may write; other writers wait for its end instead of failing half-way."""
    with engine.execution_options(writes=True).begin() as connection:
        yield connection


def _connect(target: str) -> Engine:
    try:
        is_sqlite = target.startswith("sqlite")
        engine = create_engine(target, connect_args={"timeout": BUSY_SECONDS} if is_sqlite else {})
    except (ArgumentError, NoSuchModuleError, ImportError) as error:
        raise ProjectError(
            f"the database {target} cannot be used: {error}",
            hint="check `database` in project.toml; PostgreSQL needs a driver such as psycopg",
        ) from error
    if is_sqlite:
        event.listen(engine, "connect", _prepare_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        if is_sqlite:
            _check(engine)
        _migrate(engine, target)
    except BaseException:
        engine.dispose()
        raise
    return engine


def _check(engine: Engine) -> None:
    with engine.connect() as connection:
        found = str(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar())
    if found != "ok":
        raise OperationalError("PRAGMA quick_check", {}, sqlite3.DatabaseError(f"malformed: {found}"))


def _migrate(engine: Engine, target: str) -> None:
    while True:
        with writing(engine) as connection:
            version = _version(connection)
            if version == SCHEMA_VERSION:
                return
            if version > SCHEMA_VERSION:
                raise ProjectError(
                    f"a newer segstudio made {target} (version {version}, this one knows {SCHEMA_VERSION})",
                    hint="update segstudio",
                )
            if version == 0:
                metadata.create_all(connection)
                connection.execute(facts.insert().values(name="schema_version", value=str(SCHEMA_VERSION)))
                return
            MIGRATIONS[version](connection)
            named = facts.c.name == "schema_version"
            connection.execute(update(facts).where(named).values(value=str(version + 1)))


def _version(connection: Connection) -> int:
    """The schema's version, 0 for an empty database."""
    if not inspect(connection).has_table(facts.name):
        return 0
    value = connection.execute(select(facts.c.value).where(facts.c.name == "schema_version")).scalar()
    return int(value) if value else 0


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not open transactions of its own: `_begin_sqlite` says which kind each one is.
    connection.isolation_level = None
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    # With WAL, a crash of the program costs nothing; one of the system the last facts, not the file.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    # A reader that turns writer fails when another one wrote in between; a writer from the start waits.
    kind = "BEGIN IMMEDIATE" if connection.get_execution_options().get("writes") else "BEGIN"
    connection.exec_driver_sql(kind)


def _is_damaged(error: DBAPIError) -> bool:
    text = str(error.orig)
    return "not a database" in text or "malformed" in text


def _replace(path: Path, target: str) -> OpenedDatabase:
    aside = path.with_name(f"project.damaged-{time.strftime('%Y%m%d-%H%M%S')}.db")
    for suffix in ("", "-wal", "-shm"):
        old = path.with_name(path.name + suffix)
        if old.exists():
            os.replace(old, aside.with_name(aside.name + suffix))
    rescued = _rescue(aside)
    engine = _connect(target)
    if rescued:
        with writing(engine) as connection:
            connection.execute(samples.insert(), rescued)
    warning = (
        f"the project's database was damaged and is kept as {aside.name}; the new one was made from "
        f"the files and from {len(rescued)} samples whose facts could still be read"
    )
    return OpenedDatabase(engine, (warning,), rebuilt=True)


def _rescue(path: Path) -> list[dict[str, Any]]:
    """What people decided about samples, row by row until the damage."""
    wanted = ("key", "image", "status", "split", "note", "changed_by", "changed_at")
    statuses = {status.value for status in SampleStatus}
    rescued: dict[str, dict[str, Any]] = {}
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.Error):
        for row in connection.execute(f"SELECT {', '.join(wanted)} FROM samples NOT INDEXED"):
            values = dict(zip(wanted, row, strict=True))
            whole = all(isinstance(part, str) for part in row[:-1]) and isinstance(row[-1], float | int)
            if whole and values["status"] in statuses:
                rescued[row[0]] = {**values, "place": len(rescued)}
    return list(rescued.values())
