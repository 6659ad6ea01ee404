"""What the counted views beside the gallery share: they count in a worker, for the query that is asked."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import Signal
from PySide6.QtGui import QColor, QShowEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.query_text import class_in
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import FAILURES_LANE
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.metrics.segment_query import samples_matching
from segstudio.workflows.failure_table import FailureTable

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Scope:
    """What is counted: the failures, the class of the query, and the samples that it is about.

    Attributes:
        failures: all of them.
        class_id: the class; None for all.
        samples: bool [N].
        rows: int64 [m], the chosen segments.
    """

    failures: FailureTable
    class_id: int | None
    samples: NDArray[np.bool_]
    rows: NDArray[np.int64]

    @property
    def regions(self) -> NDArray[np.int64]:
        """int64 [r]: the true regions of the class in these samples."""
        found = self.failures.evaluation
        flags = self.samples[found.region_sample]
        if self.class_id is not None:
            flags &= found.regions.truth == self.class_id
        return np.flatnonzero(flags)

    @property
    def class_name(self) -> str:
        """The class's name, "all classes" without one."""
        return "all classes" if self.class_id is None else self.failures.table.name(self.class_id)


class CountedView(QWidget):
    """A view that follows the book while it is on screen.

    `narrowed` asks for more conditions, `gallery_asked` also for the pictures of what they leave.
    """

    narrowed = Signal(str)
    gallery_asked = Signal(str)

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__()
        self._session = session
        self.book = book
        self._stale = True
        self.head = caption("", "muted", wrap=True)
        self.column = QVBoxLayout(self)
        self.column.setContentsMargins(0, 0, 0, 0)
        self.column.setSpacing(8)
        self.column.addWidget(self.head)
        book.chosen_changed.connect(self.refresh)

    def refresh(self) -> None:
        """Counts again; when not on screen, as soon as it is."""
        self._stale = not self.isVisible()
        if not self._stale and self.book.failures is not None:
            self.count()

    def showEvent(self, event: QShowEvent) -> None:
        """Catches up with the query."""
        super().showEvent(event)
        if self._stale:
            self.refresh()

    def count(self) -> None:
        """Counts for the present query; for the view to define.

        Raises:
            NotImplementedError: the view does not define it.
        """
        raise NotImplementedError

    def work(self, count: Callable[[Scope], T], show: Callable[[Scope, T], None]) -> None:
        """Counts in a worker and shows the result, unless the query changed since."""
        failures, chosen = self.book.failures, self.book.chosen
        if failures is None:
            return

        def work(_: object) -> tuple[Scope, T]:
            scope = Scope(
                failures,
                class_in(failures.table, chosen.query),
                samples_matching(failures.table, chosen.query),
                chosen.rows,
            )
            return scope, count(scope)

        def done(result: tuple[Scope, T]) -> None:
            if chosen is self.book.chosen and failures is self.book.failures:
                show(*result)

        self._session.bridge.start(
            "Count failures",
            work,
            lane=FAILURES_LANE,
            replaces=f"count failures {id(self)}",
            replies=Replies(done=done, failed=self._session.explain),
        )

    def colour(self, class_id: int | None) -> QColor | None:
        """A class's colour; None for none."""
        palette = self._session.classes.palette
        if palette is None or class_id is None or class_id >= palette.count:
            return None
        return QColor(*palette.classes[class_id].rgb)
