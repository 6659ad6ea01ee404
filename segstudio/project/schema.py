"""The tables of a project's database, their versions, and how a database is opened, migrated or replaced."""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

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
from segstudio.project.rescue import Rescued, rescue
from segstudio.project.sample import SampleStatus

FILE = "project.db"
BUSY_SECONDS = 10
SCHEMA_VERSION = 4

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
    Column("assignee", String, nullable=False, server_default=""),
    Column("reviewer", String, nullable=False, server_default=""),
    Column("reason", String, nullable=False, server_default=""),
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
# What an evaluation knows of a sample beyond its counts: `metrics.sample_evaluation`.
details = Table(
    "details",
    metadata,
    Column("model", String, primary_key=True),
    Column("palette", String, primary_key=True),
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), primary_key=True, index=True),
    Column("classes", Integer, nullable=False),
    Column("cut_offs", String, nullable=False),
    Column("segments", LargeBinary, nullable=False),
    Column("regions", LargeBinary, nullable=False),
    Column("sums", LargeBinary, nullable=False),
)
# What people said about error segments, and where they sent them; a segment is known again by its box.
verdicts = Table(
    "verdicts",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), nullable=False, index=True),
    Column("palette", String, nullable=False),
    Column("truth", Integer, nullable=False),
    Column("predicted", Integer, nullable=False),
    Column("x", Integer, nullable=False),
    Column("y", Integer, nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("verdict", String, nullable=False, server_default=""),
    Column("sent", String, nullable=False, server_default=""),
    Column("author", String, nullable=False),
    Column("at", Float, nullable=False),
)
comments = Table(
    "comments",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), nullable=False, index=True),
    # Pixels of the image; -1 is a comment on the whole sample.
    Column("x", Float, nullable=False, server_default="-1"),
    Column("y", Float, nullable=False, server_default="-1"),
    Column("class_id", Integer, nullable=False, server_default="-1"),
    Column("text", String, nullable=False),
    Column("resolved", Integer, nullable=False, server_default="0"),
    Column("author", String, nullable=False),
    Column("at", Float, nullable=False),
    # A number is never given again: the record of what was done names it.
    sqlite_autoincrement=True,
)
# Who did what to a sample, when, and how long it took; `figures` is JSON.
records = Table(
    "records",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, nullable=False, index=True),
    Column("author", String, nullable=False),
    Column("at", Float, nullable=False, index=True),
    Column("what", String, nullable=False),
    Column("figures", String, nullable=False, server_default="{}"),
)
filters = Table(
    "filters",
    metadata,
    Column("about", String, primary_key=True),
    Column("name", String, primary_key=True),
    Column("query", String, nullable=False),
)
# What orders the queue: pixels by class (int64 [K]), and how sure the model is of the sample, 0-1.
prediction_facts = Table(
    "prediction_facts",
    metadata,
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), primary_key=True),
    Column("palette", String, nullable=False),
    Column("model", String, nullable=False),
    Column("pixels", LargeBinary, nullable=False),
    Column("confidence", Float, nullable=False),
    Column("margin", Float, nullable=False, server_default="-1"),
    Column("unsure", Float, nullable=False),
    Column("quality", Float, nullable=False, server_default="-1"),
)
mask_facts = Table(
    "mask_facts",
    metadata,
    Column("key", String, ForeignKey("samples.key", ondelete="CASCADE"), primary_key=True),
    Column("palette", String, nullable=False),
    Column("pixels", LargeBinary, nullable=False),
    # Share of pixels in which mask and prediction differ, -1 without a prediction.
    Column("differing", Float, nullable=False, server_default="-1"),
    # The score of the mask's worst suspect, -1 before anybody looked.
    Column("suspect", Float, nullable=False, server_default="-1"),
)
speeds = Table(
    "speeds",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String, nullable=False),
    Column("record", String, nullable=False),
)
# Which model the project uses, since when, and why; nothing is ever taken out. A return to an earlier
# promotion names it in `back_to`; 0 is none.
promotions = Table(
    "promotions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("model", String, nullable=False),
    Column("fingerprint", String, nullable=False),
    Column("author", String, nullable=False),
    Column("at", Float, nullable=False),
    Column("reason", String, nullable=False, server_default=""),
    Column("back_to", Integer, nullable=False, server_default="0"),
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


def _to_version_3(connection: Connection) -> None:
    """Samples are assigned and reviewed; evaluations keep segments; people leave comments."""
    known = {column["name"] for column in inspect(connection).get_columns(samples.name)}
    for name, kind, value in (
        ("assignee", "VARCHAR", "''"),
        ("reviewer", "VARCHAR", "''"),
        ("reason", "VARCHAR", "''"),
    ):
        if name not in known:
            connection.exec_driver_sql(
                f"ALTER TABLE samples ADD COLUMN {name} {kind} DEFAULT {value} NOT NULL"
            )
    metadata.create_all(connection)


def _to_version_4(connection: Connection) -> None:
    """The project remembers its model in use."""
    metadata.create_all(connection)


# What people decided and said, and nothing can make again; of samples the rest is read from the files.
RESCUED: Mapping[Table, tuple[str, ...]] = {
    samples: ("key", "image", "status", "split", "note", "changed_by", "changed_at", "assignee", "reviewer",
              "reason"),
    comments: tuple(comments.c.keys()),
    verdicts: tuple(verdicts.c.keys()),
    records: tuple(records.c.keys()),
    filters: tuple(filters.c.keys()),
    promotions: tuple(promotions.c.keys()),
}  # fmt: skip

# The step from each version to the next one; every step is one transaction.
MIGRATIONS: Mapping[int, Callable[[Connection], None]] = {
    1: _to_version_2,
    2: _to_version_3,
    3: _to_version_4,
}


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
    rescued = rescue(aside, RESCUED)
    found = len(rescued[samples])
    _place(rescued)
    engine = _connect(target)
    with writing(engine) as connection:
        for table, rows in rescued.items():
            if rows:
                connection.execute(table.insert(), rows)
    warning = (
        f"the project's database was damaged and is kept as {aside.name}; the new one was made from "
        f"the files and from {found} samples whose facts could still be read"
    )
    return OpenedDatabase(engine, (warning,), rebuilt=True)


def _place(rescued: Rescued) -> None:
    """Puts rescued samples in an order; what is said of others makes rows for them.

    The scan that follows finds their images and knows them by their keys.
    """
    statuses = {status.value for status in SampleStatus}
    known = {row["key"]: row for row in rescued[samples] if row["status"] in statuses}
    for table in (comments, verdicts):
        for row in rescued[table]:
            bare = {"key": row["key"], "image": "", "status": SampleStatus.UNLABELLED.value}
            known.setdefault(row["key"], bare)
    usual: dict[str, object] = {"split": "", "note": "", "assignee": "", "reviewer": "", "reason": ""}
    usual |= {"changed_by": "", "changed_at": 0.0}
    rescued[samples] = [{**usual, **row, "place": place} for place, row in enumerate(known.values())]
