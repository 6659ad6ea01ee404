"""The query with its switch, and the line below it: what it chooses and costs, or why it cannot be read."""

import math
from html import escape

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from segstudio.errors import InputError, SegstudioError
from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.facts import pixels, points
from segstudio.gui.failures.query_line import QueryLine
from segstudio.gui.failures.query_text import Completion, class_in, completion, narrowed
from segstudio.gui.failures.saved_filters import SavedFilters
from segstudio.gui.panels.parts import ElidedLabel
from segstudio.gui.session import Session
from segstudio.workflows.failure_table import BROKEN

ALL = "all"


class QueryPanel(QWidget):
    """Asks the book for what is typed."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__()
        self._book = book
        self.line = QueryLine(self._complete)
        self.hide_ignored = QCheckBox("Hide ignored")
        self.hide_ignored.setChecked(book.hide_ignored)
        self.hide_ignored.setToolTip("Leaves out what was sent to Ignore")
        self.saved = SavedFilters(session, lambda: book.chosen.query)
        self.summary = QLabel()
        self.summary.setTextFormat(Qt.TextFormat.RichText)
        self.summary.setWordWrap(True)
        # One line, however many names a hint lists; the whole of it is the tooltip.
        self.problem = ElidedLabel(mode=Qt.TextElideMode.ElideRight)
        self.problem.setProperty("role", "danger")
        self.problem.hide()
        across = QHBoxLayout()
        across.setSpacing(12)
        across.addWidget(self.line, 1)
        across.addWidget(self.saved)
        across.addWidget(self.hide_ignored)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(8)
        column.addLayout(across)
        column.addWidget(self.summary)
        column.addWidget(self.problem)
        self.line.asked.connect(book.ask)
        self.saved.chosen.connect(self.show_query)
        self.hide_ignored.toggled.connect(book.hide)
        self.summary.linkActivated.connect(self._link)
        book.chosen_changed.connect(self._chosen)
        book.refused.connect(self._refused)

    def show_query(self, text: str) -> None:
        """Writes a query and asks for it."""
        self.line.show_query(text)

    def narrow(self, conditions: str) -> None:
        """Adds conditions to the last good query, in place of those that it has on the same words."""
        failures = self._book.failures
        if failures is None:
            return
        try:
            self.line.show_query(narrowed(failures.table, self._book.chosen.query, conditions))
        except InputError as error:
            self._refused(error)

    def _link(self, target: str) -> None:
        if target == ALL:
            self._book.show_all()
        else:
            self.narrow(target)

    def _complete(self, text: str, cursor: int) -> Completion:
        failures = self._book.failures
        return completion(failures.table, text, cursor) if failures is not None else Completion(0, 0, ())

    def _chosen(self) -> None:
        self.problem.hide()
        self.summary.setText(self._text())
        self.summary.show()

    def _refused(self, error: SegstudioError) -> None:
        """What the last good query chose stays."""
        self.summary.hide()
        self.problem.setText("; ".join(part for part in (error.message, error.hint) if part))
        self.problem.show()

    def _text(self) -> str:
        failures, chosen = self._book.failures, self._book.chosen
        if failures is None:
            return ""
        parts = [
            f"<b>{len(chosen.rows):,}</b> of {failures.table.count:,} failures",
            pixels(chosen.pixels),
            f"costs <b>{points(chosen.cost)}</b> points of mIoU",
        ]
        if self._book.among_text:
            parts.insert(0, f"{escape(self._book.among_text)} (<a href='{ALL}'>look at all</a>)")
        class_id = class_in(failures.table, chosen.query)
        if class_id is not None and not math.isnan(chosen.by_class[class_id]):
            name, part = escape(failures.table.name(class_id)), float(chosen.by_class[class_id])
            parts.append(f"{points(part)} points of {name}'s IoU")
        if failures.compared:
            word = failures.table.by_row["change"]
            broken = int((word.codes == word.names.index(BROKEN)).sum())
            link = f"<a href='change={BROKEN}'>{broken:,} broken</a>"
            parts.append(f"since {escape(failures.compared)}: {link}, {failures.fixed:,} fixed")
        return " &nbsp;·&nbsp; ".join(parts)
