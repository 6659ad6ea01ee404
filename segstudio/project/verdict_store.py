"""The queries about verdicts: what people said about error segments and where they sent them."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import ColumnElement, Connection, and_, delete, insert, select

from segstudio.project.database import Database
from segstudio.project.schema import samples, verdicts

PLACE = ("x", "y", "width", "height")


@dataclass(frozen=True)
class VerdictRow:
    """One segment that somebody said something about; `sent` lists places, with commas between them."""

    key: str
    truth: int
    predicted: int
    box: tuple[int, int, int, int]
    verdict: str
    sent: str
    author: str
    at: float


# What was known of a segment, None for nothing, and what takes its place.
Step = tuple[VerdictRow | None, VerdictRow]


class VerdictStore(Database):
    """Verdicts by sample, class pair and box, in one palette."""

    def rows(self, palette: str) -> list[VerdictRow]:
        """All of samples that are there, oldest first."""
        with self._reading() as connection:
            return _rows(connection, palette)

    def change(self, palette: str, decide: Callable[[list[VerdictRow]], list[Step]]) -> None:
        """Replaces rows by what is decided in view of all of them, in one go; those that say nothing go."""
        with self._writing() as connection:
            for before, after in decide(_rows(connection, palette)):
                for row in (before, after):
                    if row is not None:
                        connection.execute(delete(verdicts).where(_same(palette, row)))
                if after.verdict or after.sent:
                    place = dict(zip(PLACE, after.box, strict=True))
                    connection.execute(
                        insert(verdicts).values(
                            key=after.key,
                            palette=palette,
                            truth=after.truth,
                            predicted=after.predicted,
                            verdict=after.verdict,
                            sent=after.sent,
                            author=after.author,
                            at=time.time(),
                            **place,
                        )
                    )


def _rows(connection: Connection, palette: str) -> list[VerdictRow]:
    names = ("key", "truth", "predicted", *PLACE, "verdict", "sent", "author", "at")
    query = select(*(verdicts.c[name] for name in names)).join(samples).order_by(verdicts.c.id)
    found = connection.execute(query.where(verdicts.c.palette == palette, samples.c.missing == 0)).all()
    return [VerdictRow(row[0], row[1], row[2], tuple(row[3:7]), *row[7:]) for row in found]


def _same(palette: str, row: VerdictRow) -> ColumnElement[bool]:
    place = (verdicts.c[name] == value for name, value in zip(PLACE, row.box, strict=True))
    return and_(
        verdicts.c.key == row.key,
        verdicts.c.palette == palette,
        verdicts.c.truth == row.truth,
        verdicts.c.predicted == row.predicted,
        *place,
    )
