"""How the queries of a project reach its database: transactions, and what a refusal means to the user."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from segstudio.errors import ProjectError
from segstudio.project.schema import writing

# SQLite takes 32,766 variables a statement since 3.32; PostgreSQL's driver about as many.
CHUNK = 10_000
BUGS = (IntegrityError, ProgrammingError, DataError)


class Database:
    """What all groups of queries share; safe to use from several threads and processes."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _explained(), self.engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _explained(), writing(self.engine) as connection:
            yield connection


@contextmanager
def _explained() -> Iterator[None]:
    """A database that is locked, full, gone or damaged is the user's problem, not a bug."""
    try:
        yield
    except BUGS:
        raise
    except DBAPIError as error:
        raise ProjectError(
            f"the project's database refused: {error.orig}",
            hint="check that the disk has space and no other program holds it; then open the project again",
        ) from error


def iso_time(seconds: float) -> str:
    """A time as ISO text in UTC, to the second."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    """Keys in parts that fit into one statement."""
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
