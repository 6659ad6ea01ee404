"""The table of chosen error segments: a model over row numbers, and its view."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from PySide6.QtCore import QAbstractTableModel, QItemSelectionModel, QModelIndex, QSize, Qt
from PySide6.QtGui import QColor, QFont, QKeyEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView

from segstudio.gui.dashboards.bars import BAR_ROLE, Bar
from segstudio.gui.dashboards.figures_table import RIGHT, FiguresTable, Index
from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.facts import (
    DESTINATION_TEXT,
    KIND_TEXT,
    VERDICT_TEXT,
    decisions,
    percent,
    points,
)
from segstudio.gui.failures.kept_selection import KeptSelection
from segstudio.gui.failures.orders import Order, Rows
from segstudio.gui.keys.typed_keys import types_character
from segstudio.metrics.segments import Kind
from segstudio.workflows.failure_table import FailureTable

ROOT = QModelIndex()
# (key of the order, heading, what it means, a text as wide as its cells usually get)
COLUMNS = (
    ("cost", "Cost", "Points of mIoU that it costs", ""),
    ("gt", "Truth", "The class in the mask", "traffic light"),
    ("pred", "Model", "The class that was predicted", "traffic light"),
    ("kind", "Kind", "How it is wrong", "taken over"),
    ("area", "Area", "Pixels", "1,234,567"),
    ("share", "Share", "Of the true region that it lies in", "> 99 %"),
    ("hit", "Found", "How much of that region is right", "> 99 %"),
    ("conf", "Sure", "Mean confidence", "> 99 %"),
    ("margin", "Margin", "Mean distance to the second choice", "> 99 %"),
    ("edge", "Edge", "Mean distance to a border of the truth, pixels", "123.4"),
    ("row", "Place", "Its middle; sorted from top to bottom", "1234, 1234"),
    ("sample", "Sample", "Sorted as the samples stand in the project", "leverkusen_000012_000"),
    ("verdict", "Verdict", "Whose fault it is", "Policy unclear"),
    ("sent", "Sent to", "Where it was sent", "Correction queue"),
)
KEYS = tuple(column[0] for column in COLUMNS)
COST, TRUTH, PREDICTED = KEYS.index("cost"), KEYS.index("gt"), KEYS.index("pred")
FIGURES = frozenset({"area", "share", "hit", "conf", "margin", "edge", "row"})
PADDING, SWATCH = 26, 24


def _verdict(failures: FailureTable, row: int) -> str:
    verdict = decisions(failures, row)[0]
    return VERDICT_TEXT[verdict] if verdict is not None else ""


def _sent(failures: FailureTable, row: int) -> str:
    sent = decisions(failures, row)[1]
    return ", ".join(text for to, text in DESTINATION_TEXT.items() if to in sent)


def _place(failures: FailureTable, row: int) -> str:
    x, y = failures.table.rows.centre[row].tolist()
    return f"{x:.0f}, {y:.0f}"


# The text of each column.
TEXTS: Mapping[str, Callable[[FailureTable, int], str]] = {
    "cost": lambda failures, row: "",
    "gt": lambda failures, row: failures.table.name(int(failures.table.rows.truth[row])),
    "pred": lambda failures, row: failures.table.name(int(failures.table.rows.predicted[row])),
    "kind": lambda failures, row: KIND_TEXT[Kind(int(failures.table.rows.kind[row]))],
    "area": lambda failures, row: f"{int(failures.table.rows.area[row]):,}",
    "share": lambda failures, row: percent(float(failures.table.rows.share[row])),
    "hit": lambda failures, row: percent(float(failures.table.rows.hit[row])),
    "conf": lambda failures, row: percent(float(failures.table.rows.confidence[row])),
    "margin": lambda failures, row: percent(float(failures.table.rows.margin[row])),
    "edge": lambda failures, row: f"{float(failures.table.rows.edge_mean[row]):.1f}",
    "row": _place,
    "sample": lambda failures, row: failures.table.samples[int(failures.table.sample[row])],
    "verdict": _verdict,
    "sent": _sent,
}


class SegmentModel(QAbstractTableModel):
    """The chosen segments of a book in its order; a click on a heading asks for another one."""

    def __init__(self, book: FailureBook) -> None:
        super().__init__()
        self._book = book
        self._colours: list[QColor] = []
        self._numeric = QFont()
        self._numeric.setFeature(QFont.Tag("tnum"), 1)
        self._worst = 0.0
        self.shown = book.chosen.rows
        self._answers: dict[int, Callable[[FailureTable, int, int], Any]] = {
            int(Qt.ItemDataRole.DisplayRole): self._display,
            int(Qt.ItemDataRole.DecorationRole): self._swatch,
            int(Qt.ItemDataRole.ToolTipRole): self._tip,
            int(Qt.ItemDataRole.TextAlignmentRole): self._alignment,
            int(Qt.ItemDataRole.FontRole): self._font,
            BAR_ROLE: self._bar,
        }
        book.loaded.connect(self._renew)
        book.chosen_changed.connect(self._renew)

    def set_colours(self, colours: list[QColor]) -> None:
        """The classes' colours by id."""
        self._colours = colours

    def _renew(self) -> None:
        """The same segments in the same order keep their rows, and with them selection and place."""
        failures, rows = self._book.failures, self._book.chosen.rows
        if np.array_equal(rows, self.shown):
            return
        self.beginResetModel()
        self.shown = rows
        self._worst = float(failures.costs[rows].max(initial=0)) if failures is not None else 0.0
        self.endResetModel()

    def rowCount(self, parent: Index = ROOT) -> int:
        """One row a segment."""
        return 0 if parent.isValid() else len(self.shown)

    def columnCount(self, parent: Index = ROOT) -> int:
        """The columns of COLUMNS."""
        return 0 if parent.isValid() else len(COLUMNS)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        """Column names and what they mean."""
        if orientation != Qt.Orientation.Horizontal:
            return None
        key, heading, meaning, _ = COLUMNS[section]
        if role == Qt.ItemDataRole.DisplayRole:
            return heading
        if role == Qt.ItemDataRole.ToolTipRole:
            return meaning
        return RIGHT if role == Qt.ItemDataRole.TextAlignmentRole and key in FIGURES else None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        """Text, swatch, bar, alignment."""
        # A frame asks for thousands of these: what has no answer must cost nothing.
        answer = self._answers.get(role)
        if answer is None:
            return None
        place, column = index.row(), index.column()
        failures, rows = self._book.failures, self.shown
        if failures is None or place >= len(rows):
            return None
        return answer(failures, int(rows[place]), column)

    def _alignment(self, _: FailureTable, row: int, column: int) -> Any:
        return RIGHT if KEYS[column] in FIGURES else None

    def _font(self, _: FailureTable, row: int, column: int) -> Any:
        return self._numeric if KEYS[column] in FIGURES else None

    def _display(self, failures: FailureTable, row: int, column: int) -> Any:
        return TEXTS[KEYS[column]](failures, row)

    def _tip(self, failures: FailureTable, row: int, column: int) -> Any:
        if column == COST:
            return f"{points(float(failures.costs[row]))} points of mIoU"
        return self._display(failures, row, column)

    def _swatch(self, failures: FailureTable, row: int, column: int) -> Any:
        if column not in (TRUTH, PREDICTED):
            return None
        rows = failures.table.rows
        class_id = int((rows.truth if column == TRUTH else rows.predicted)[row])
        return self._colours[class_id] if class_id < len(self._colours) else None

    def _bar(self, failures: FailureTable, row: int, column: int) -> Any:
        if column != COST or not self._worst:
            return None
        colour = self._colours[int(failures.table.rows.truth[row])]
        return Bar(((float(failures.costs[row]) / self._worst, colour),))

    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        """Asks the book for another order; without a column for that of before."""
        if column >= 0:
            self._book.sort(Order(KEYS[column], order == Qt.SortOrder.DescendingOrder))


class SegmentTableView(FiguresTable):
    """The view: widths are set once, since two million rows cannot be measured."""

    def __init__(self, book: FailureBook) -> None:
        self.rows = SegmentModel(book)
        super().__init__("Error segments", self.rows, COST)
        self._book = book
        self._following = False
        self._kept = KeptSelection(self, book, lambda: self.rows.shown, None)
        header = self.horizontalHeader()
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.setStretchLastSection(True)
        header.setSortIndicator(COST, Qt.SortOrder.DescendingOrder)
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setSortingEnabled(True)
        self.setIconSize(QSize(12, 12))
        self._set_widths()
        book.chosen_changed.connect(self._show_order)
        book.chosen_changed.connect(self.follow)
        book.current_changed.connect(lambda _: self.follow())
        book.words_changed.connect(self.viewport().update)
        self.selectionModel().currentRowChanged.connect(self._moved)

    def _set_widths(self) -> None:
        metrics = self.fontMetrics()
        for number, (_, heading, _, usual) in enumerate(COLUMNS):
            wide = max(metrics.horizontalAdvance(text) for text in (heading, usual)) + PADDING
            wide += SWATCH if number in (TRUTH, PREDICTED) else 0
            self.setColumnWidth(number, max(wide, 96 if number == COST else 0))

    def _show_order(self) -> None:
        """Marks the heading that the book sorts by, whoever asked for it."""
        order = self._book.order
        header = self.horizontalHeader()
        header.blockSignals(True)
        direction = Qt.SortOrder.DescendingOrder if order.falling else Qt.SortOrder.AscendingOrder
        header.setSortIndicator(KEYS.index(order.key) if order.key in KEYS else -1, direction)
        header.blockSignals(False)
        header.viewport().update()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Keeps arrows and the like; what types a character goes on to the page."""
        if types_character(event):
            event.ignore()
        else:
            super().keyPressEvent(event)

    def selected_rows(self) -> Rows:
        """int64 [m], numbers of the selected segments; the current one where none is selected."""
        return self._book.or_current(self._kept.selected())

    def follow(self) -> None:
        """Selects the book's current segment."""
        place = self._book.position(self._book.current)
        # While the other view is filled first, this one still has the rows of before.
        there = place < len(self.rows.shown)
        if place < 0 or not there or place == self.currentIndex().row():
            return
        self._following = True
        flags = QItemSelectionModel.SelectionFlag
        index = self.rows.index(place, max(self.currentIndex().column(), 0))
        self.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self.scrollTo(index)
        self._following = False

    def _moved(self, index: QModelIndex) -> None:
        chosen = self.rows.shown
        if not self._following and index.isValid() and index.row() < len(chosen):
            self._book.set_current(int(chosen[index.row()]))
