"""What the page of failures shows: the table of one model, the chosen segments, and the current one."""

from dataclasses import dataclass, replace

import numpy as np
from PySide6.QtCore import QObject, Signal

from segstudio.errors import SegstudioError
from segstudio.gui.failures.orders import SIMILAR, Chosen, Order, Rows, Sorter
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import FAILURES_LANE
from segstudio.gui.session import Session
from segstudio.metrics.segment_table import Coded
from segstudio.project.project import Project
from segstudio.project.verdicts import SegmentPlace
from segstudio.workflows.failure_table import FailureTable, failure_table


@dataclass(frozen=True, eq=False)
class Loaded:
    """The evaluated models of a project, and the failures of one; None where there is none."""

    models: tuple[str, ...]
    failures: FailureTable | None


class FailureBook(QObject):
    """Reads, filters and sorts in a worker; what was asked for last wins.

    `loaded` comes with another table (or none), `chosen_changed` with other segments or another order of
    them, `current_changed` with another current segment, `words_changed` with other verdicts on the same
    segments, `refused` with why a query cannot be read; the segments of the last good one stay.
    """

    loaded = Signal()
    chosen_changed = Signal()
    current_changed = Signal(int)
    words_changed = Signal()
    refused = Signal(object)

    def __init__(self, parent: QObject, session: Session) -> None:
        super().__init__(parent)
        self._session = session
        self.models: tuple[str, ...] = ()
        self.failures: FailureTable | None = None
        self.chosen = Chosen()
        self.current = -1
        self.hide_ignored = True
        self._query = ""
        self._order = Order()
        self._sorter: Sorter | None = None
        self._among: Rows | None = None
        # What the segments have in common where only some are looked at, such as "like train as bus".
        self.among_text = ""
        # Whose the table is.
        self.project: Project | None = None
        self._asked_last = (0, -2, -1)
        # Not one row of the project of before is shown, or decided about, while the next one is read.
        session.project_changed.connect(lambda: self._take_over(None, Loaded((), None)))

    # -- reading ------------------------------------------------------------------------------------------

    def load(self, model: str, compared: str) -> None:
        """Reads a model's failures, or those of another evaluated one where it is not evaluated."""
        project = self._session.project
        if project is None:
            self._take_over(None, Loaded((), None))
            return

        def done(found: Loaded) -> None:
            if project is self._session.project:
                self._take_over(project, found)

        self._session.bridge.start(
            "Read the failures",
            lambda _: _read(project, model, compared),
            lane=FAILURES_LANE,
            replaces="failures",
            replies=Replies(done=done, failed=self._session.explain),
        )

    def _take_over(self, project: Project | None, found: Loaded) -> None:
        place = self._place() if project is self.project else None
        self.project = project
        self.models, self.failures = found.models, found.failures
        self._sorter = Sorter(found.failures) if found.failures is not None else None
        self._forget_among()
        self.chosen = Chosen()
        self.current = self._find(place)
        self.loaded.emit()
        self._choose()

    def refresh_words(self) -> None:
        """Reads the verdicts again."""
        project, failures = self.project, self.failures
        if project is None or failures is None:
            return

        def done(words: dict[str, Coded]) -> None:
            if self.failures is not None and self.has_rows_of(failures):
                self._take_words(self.failures, words)

        self._session.bridge.start(
            "Read the verdicts",
            lambda _: project.verdicts.columns(failures.table),
            lane=FAILURES_LANE,
            replaces="failure verdicts",
            replies=Replies(done=done),
        )

    def has_rows_of(self, failures: FailureTable) -> bool:
        """Whether the rows of an earlier table are still these: other verdicts alone do not change them."""
        return self.failures is not None and self.failures.table.rows is failures.table.rows

    def _take_words(self, failures: FailureTable, words: dict[str, Coded]) -> None:
        table = replace(failures.table, by_row={**failures.table.by_row, **words})
        self.failures = replace(failures, evaluation=replace(failures.evaluation, table=table))
        self._sorter = Sorter(self.failures, self._sorter)
        self.words_changed.emit()
        self._choose()

    def _place(self) -> SegmentPlace | None:
        known = self.failures is not None and 0 <= self.current < self.failures.table.count
        return SegmentPlace.of(self.failures.table, self.current) if known and self.failures else None

    def _find(self, place: SegmentPlace | None) -> int:
        """The row of a segment in the table that there is now; -1 where it is gone."""
        failures = self.failures
        if place is None or failures is None or place.key not in failures.table.samples:
            return -1
        table = failures.table
        same = table.sample == table.samples.index(place.key)
        same &= (table.rows.truth == place.truth) & (table.rows.predicted == place.predicted)
        found = np.flatnonzero(same)
        found = found[(table.rows.box[found] == np.array(place.box)).all(axis=1)]
        return int(found[0]) if len(found) else -1

    # -- choosing -----------------------------------------------------------------------------------------

    def ask(self, query: str) -> None:
        """Chooses the segments that fulfil a query."""
        self._query = query
        self._choose()

    def sort(self, order: Order) -> None:
        """Puts the segments into another order."""
        if order != self._order:
            self._order = order
            self._choose()

    def show_among(self, rows: Rows, text: str) -> None:
        """Looks at some rows alone, in their order, until `show_all`; the query still chooses among them."""
        self._among, self.among_text = rows, text
        self._order = Order(SIMILAR)
        self._choose()

    def show_all(self) -> None:
        """Looks at all rows again."""
        self._forget_among()
        self._choose()

    def _forget_among(self) -> None:
        self._among, self.among_text = None, ""
        if self._order.key == SIMILAR:
            self._order = Order()

    def hide(self, ignored: bool) -> None:
        """Leaves segments out that were sent to be ignored, or not."""
        self.hide_ignored = ignored
        self._choose()

    @property
    def order(self) -> Order:
        """The order that is asked for."""
        return self._order

    def _choose(self) -> None:
        sorter, query, order, hide = self._sorter, self._query, self._order, self.hide_ignored
        among = self._among
        if sorter is None:
            self.chosen_changed.emit()
            return

        def is_asked() -> bool:
            asked = (self._query, self._order, self.hide_ignored)
            return sorter is self._sorter and among is self._among and (query, order, hide) == asked

        def done(chosen: Chosen) -> None:
            if is_asked():
                self._show(chosen)

        def failed(error: SegstudioError) -> None:
            if is_asked():
                self.refused.emit(error)

        self._session.bridge.start(
            "Filter failures",
            lambda _: sorter.choose(query, order, hide_ignored=hide, among=among),
            lane=FAILURES_LANE,
            replaces="failures filter",
            replies=Replies(done=done, failed=failed),
        )

    def _show(self, chosen: Chosen) -> None:
        """Takes over what was chosen; a current segment that is not in it gives way to the one behind it."""
        before = max(self.position(self.current), 0)
        self.chosen = chosen
        self._asked_last = (0, -2, -1)
        self.chosen_changed.emit()
        # A list in which several were selected may have gone on to one of those that are left.
        if self.position(self.current) < 0:
            count = len(chosen.rows)
            self.set_current(int(chosen.rows[min(before, count - 1)]) if count else -1)

    def step(self, by: int) -> None:
        """Goes on by some places among the chosen segments; stays at the ends."""
        place = self.position(self.current) + by
        if 0 <= place < len(self.chosen.rows):
            self.set_current(int(self.chosen.rows[place]))

    def set_current(self, row: int) -> None:
        """Makes a row of the table the current segment; -1 is none."""
        if row != self.current:
            self.current = row
            self.current_changed.emit(row)

    def or_current(self, rows: Rows) -> Rows:
        """Rows that are selected, int64 [m]; the current one, if there is one, in place of none."""
        return rows if len(rows) or self.current < 0 else np.array([self.current], np.int64)

    def position(self, row: int) -> int:
        """Where a row stands among the chosen ones; -1 where it does not."""
        chosen = self.chosen
        # Several views ask for the current one, and there may be millions.
        if self._asked_last[:2] != (id(chosen), row):
            found = np.flatnonzero(chosen.rows == row)
            self._asked_last = (id(chosen), row, int(found[0]) if len(found) else -1)
        return self._asked_last[2]


def _read(project: Project, model: str, compared: str) -> Loaded:
    models = tuple(evaluation.model for evaluation in project.evaluation.models())
    if not models:
        return Loaded((), None)
    shown = model if model in models else models[0]
    other = compared if compared in models and compared != shown else ""
    return Loaded(models, failure_table(project, shown, compared=other))
