"""Says whose fault error segments are and sends them somewhere; the project keeps it."""

from collections.abc import Callable

import numpy as np

from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.orders import Rows
from segstudio.gui.job_bridge import Replies
from segstudio.gui.session import Session
from segstudio.metrics.segment_table import SegmentTable
from segstudio.project.project import Project
from segstudio.project.sample import Changes
from segstudio.project.verdicts import Destination, SegmentPlace, Verdict


class SegmentVerdicts:
    """Decisions about rows of the book's table."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        self._session = session
        self._book = book

    def say(self, rows: Rows, verdict: Verdict) -> None:
        """Says whose fault segments are (int64 [m]); said again of all of them it is taken back."""
        failures = self._book.failures
        if failures is None or not len(rows):
            return
        table = failures.table
        again = _all_named(table, "verdict", rows, lambda name: name == verdict.value)
        wanted = None if again else verdict
        self._put("Note a verdict", lambda project: project.verdicts.say(_places(table, rows), wanted))

    def send(self, rows: Rows, to: Destination) -> None:
        """Sends segments (int64 [m]) somewhere; if all of them are there already they are taken back."""
        failures = self._book.failures
        if failures is None or not len(rows):
            return
        table = failures.table
        back = _all_named(table, "sent", rows, lambda name: to.value in name.split(","))
        self._put("Send segments", lambda project: project.verdicts.send(_places(table, rows), to, back=back))

    def _put(self, title: str, change: Callable[[Project], Changes]) -> None:
        project = self._book.project
        # A row of one project means nothing in another one.
        if project is None or project is not self._session.project:
            return

        def done(changes: Changes) -> None:
            if project is self._session.project:
                self._session.note(changes)

        replies = Replies(done=done, failed=self._session.explain)
        self._session.bridge.start(title, lambda _: change(project), lane="project", replies=replies)


def _places(table: SegmentTable, rows: Rows) -> list[SegmentPlace]:
    return [SegmentPlace.of(table, int(row)) for row in rows]


def _all_named(table: SegmentTable, word: str, rows: Rows, fits: Callable[[str], bool]) -> bool:
    """Whether the texts of a word fit in all of some rows; each text is looked at once."""
    column = table.by_row[word]
    flags = np.array([fits(name) for name in column.names], bool)
    return bool(flags[column.codes[rows]].all())
