"""Makes the list of samples that is asked for, in a worker, and keeps what lists are made from up to date."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import LIST_LANE, MEASURE_LANE
from segstudio.gui.samples.sample_book import PLAIN, Listing, SampleBook
from segstudio.gui.session import Session
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import Changes, SampleStatus
from segstudio.project.sample_orders import ORDERS, Order, put_in_order
from segstudio.project.sample_query import matching_samples
from segstudio.project.sample_queue import SAMPLES
from segstudio.project.sample_table import SampleTable


@dataclass(frozen=True)
class Listed:
    """The keys of a list in order, and those of them that were drawn at random."""

    keys: tuple[str, ...]
    drawn: frozenset[str]


class TableKeeper:
    """The project's table of samples, read again when it is asked for after a change; for one worker."""

    def __init__(self) -> None:
        self._kept: tuple[tuple[object, ...], SampleTable] | None = None

    def table(self, project: Project, model: str, changes: int) -> SampleTable:
        """The table as of so many changes."""
        stamp, kept = (project, model, changes), self._kept
        if kept is None or kept[0] != stamp:
            kept = self._kept = (stamp, project.queue.table(model))
        return kept[1]

    def forget(self) -> None:
        """Lets the memory go."""
        self._kept = None


class SampleLister(QObject):
    """Answers what the sample book is asked for; a query that cannot be read leaves the last list.

    `trouble_changed` tells why, `filters_changed` that other queries are saved.
    """

    trouble_changed = Signal()
    filters_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._keeper = TableKeeper()
        self._changes = 0
        # Whose scores the list was made from.
        self._model: str | None = None
        self._waiting: list[Callable[[], None]] = []
        self._is_listing = False
        self.trouble: SegstudioError | None = None
        self.filters: dict[str, str] = {}
        book = session.book
        book.wanted_changed.connect(self._wanted)
        book.loaded.connect(self._list)
        session.project_changed.connect(self._project_changed)
        session.changed.connect(self._changed)
        session.rescanned.connect(self.measure)
        session.predictions.models_changed.connect(self._model_changed)

    @property
    def book(self) -> SampleBook:
        """Where the list goes."""
        return self._session.book

    @property
    def wanted(self) -> Listing:
        """What is asked for."""
        return self.book.wanted

    def ask(self, wanted: Listing) -> None:
        """Asks for a list; the same one again lists anew."""
        self._session.book.set_wanted(wanted)

    def when_listed(self, act: Callable[[], None]) -> None:
        """Does something once the list is that which is asked for; not if it cannot be made."""
        if self._is_listing:
            self._waiting.append(act)
        elif self.trouble is None:
            act()

    # -- listing ------------------------------------------------------------------------------------------

    def _wanted(self) -> None:
        project = self._session.project
        if project is not None:
            self._session.memory.listings[str(project.root)] = to_plain(self.wanted)
        self._list()

    def _list(self) -> None:
        session, wanted = self._session, self.wanted
        project, model, changes = session.project, session.predictions.current, self._changes
        self._model = model
        if project is None or wanted.is_plain:
            self._listed(None)
            return

        def done(listed: Listed) -> None:
            if project is session.project and wanted == self.wanted:
                session.book.show(listed.keys, listed.drawn)
                self._listed(None)

        def failed(error: SegstudioError) -> None:
            if project is session.project and wanted == self.wanted:
                self._listed(error)

        self._is_listing = True
        session.bridge.start(
            "List samples",
            lambda _: list_samples(self._keeper.table(project, model, changes), wanted),
            lane=LIST_LANE,
            replaces="list samples",
            replies=Replies(done=done, failed=failed),
        )

    def _listed(self, trouble: SegstudioError | None) -> None:
        self._is_listing = False
        if trouble != self.trouble:
            self.trouble = trouble
            self.trouble_changed.emit()
        waiting, self._waiting = self._waiting, []
        if trouble is None:
            for act in waiting:
                act()

    def _changed(self, changes: Changes) -> None:
        self._changes += 1

    def _model_changed(self) -> None:
        """Another model has other scores; that models are listed again changes nothing."""
        if not self.wanted.is_plain and self._session.predictions.current != self._model:
            self._list()

    # -- the project --------------------------------------------------------------------------------------

    def _project_changed(self) -> None:
        session, project = self._session, self._session.project
        self._keeper.forget()
        self.filters = {}
        self.filters_changed.emit()
        if project is None:
            session.book.set_wanted(PLAIN)
            return
        self.ask(from_plain(session.memory.listings.get(str(project.root), {}), len(project.palette.names)))
        self._read_filters(project)

    def measure(self) -> None:
        """Measures masks and predictions of which nothing is known yet; then the list may be another one."""
        session, project = self._session, self._session.project
        if project is None:
            return

        def done(found: frozenset[str]) -> None:
            if project is session.project and found:
                self._changes += 1
                self._list()

        session.bridge.start(
            "Measure masks and predictions",
            lambda context: project.queue.fill(context),
            lane=MEASURE_LANE,
            replaces="measure",
            replies=Replies(done=done),
        )

    # -- saved filters ------------------------------------------------------------------------------------

    def save_filter(self, name: str) -> None:
        """Keeps the present query, with its statuses, under a name in the project."""
        query = full_query(self.wanted)
        self._with_filters(lambda project: project.queue.save_filter(SAMPLES, name, query))

    def delete_filter(self, name: str) -> None:
        """Forgets a saved query."""
        self._with_filters(lambda project: project.queue.delete_filter(SAMPLES, name))

    def _with_filters(self, act: Callable[[Project], object]) -> None:
        project = self._session.project
        if project is None:
            return

        def work(_: JobContext) -> None:
            act(project)

        replies = Replies(done=lambda _: self._read_filters(project))
        self._session.bridge.start("Save filter", work, lane="project", replies=replies)

    def _read_filters(self, project: Project) -> None:
        def done(filters: dict[str, str]) -> None:
            if project is self._session.project:
                self.filters = filters
                self.filters_changed.emit()

        self._session.bridge.start(
            "List filters", lambda _: project.queue.filters(SAMPLES), replies=Replies(done=done)
        )


def list_samples(table: SampleTable, wanted: Listing) -> Listed:
    """The samples of a table that are asked for, in order.

    Raises:
        InputError: the query cannot be read.
    """
    chosen = matching_samples(table, wanted.query)
    if wanted.statuses:
        chosen &= table.has_status(*wanted.statuses)
    found = put_in_order(table, np.flatnonzero(chosen), wanted.order)
    keys = tuple(table.keys[row] for row in found.rows.tolist())
    return Listed(keys, frozenset(table.keys[row] for row in found.rows[found.drawn].tolist()))


def full_query(wanted: Listing) -> str:
    """The query with the statuses in it."""
    names = "|".join(sorted(status.value for status in wanted.statuses))
    return " ".join(part for part in (wanted.query.strip(), f"status={names}" if names else "") if part)


def to_plain(wanted: Listing) -> dict[str, Any]:
    """A listing as it is remembered."""
    order = wanted.order
    return {
        "query": wanted.query,
        "statuses": sorted(status.value for status in wanted.statuses),
        "order": order.kind,
        "class": order.class_id,
        "seed": order.seed,
    }


def from_plain(stored: dict[str, Any], classes: int) -> Listing:
    """A remembered listing; what is damaged, or names a class that there is not, is left out."""
    query, names, kind = stored.get("query"), stored.get("statuses"), stored.get("order")
    class_id, seed = stored.get("class"), stored.get("seed")
    known = {status.value: status for status in SampleStatus}
    statuses = [known[name] for name in names if name in known] if isinstance(names, list) else []
    if kind not in ORDERS or not isinstance(class_id, int) or not 0 <= class_id < classes:
        kind, class_id = Order().kind, 0
    order = Order(kind, class_id, seed if isinstance(seed, int) else 0)
    return Listing(query if isinstance(query, str) else "", frozenset(statuses), order)
