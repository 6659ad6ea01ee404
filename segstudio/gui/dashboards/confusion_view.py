"""The confusion view: a heat map of all pairs of classes, and beside it the pairs of one class by size."""

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QVBoxLayout, QWidget

from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.class_table import percent, thousands
from segstudio.gui.dashboards.heat_map import HeatMap
from segstudio.gui.dashboards.plot_colours import class_colours, theme_of
from segstudio.gui.dashboards.plot_tools import PlotMenu, Titled, to_csv
from segstudio.gui.panels.parts import Segments, caption
from segstudio.gui.session import Session
from segstudio.metrics.confusion_shares import PairShare, Whole, called, called_so, occurring
from segstudio.metrics.segment_table import NO_CLASS
from segstudio.query import quoted
from segstudio.workflows.class_scores import ClassScores

WHOLES = (
    (Whole.ROW.value, "Of masks", "Shares of each class of the masks: rows sum to 100 %"),
    (Whole.COLUMN.value, "Of predictions", "Shares of what is called each class: columns sum to 100 %"),
    (Whole.PIXELS.value, "Pixels", "Pixels, on a logarithmic scale"),
)
HEADINGS = ("Class", "Share", "Pixels")


class ConfusionView(QWidget):
    """Heat map and lists; `asked` is a query of error segments, such as gt=train pred=bus."""

    asked = Signal(str)

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._scores: ClassScores | None = None
        self.wholes = Segments("Shares", WHOLES)
        self.wholes.set_value(Whole.ROW.value)
        self.map = HeatMap()
        self.class_choice = QComboBox()
        self.class_choice.setAccessibleName("Class")
        self.class_choice.setMinimumWidth(180)
        self.row = BarTable("What the class was called", BarTableModel(HEADINGS, 1))
        self.column = BarTable("What was called the class", BarTableModel(HEADINGS, 1))
        self.row_pairs = Titled(session, "", self.row, self.row.rows.to_csv)
        self.column_pairs = Titled(session, "", self.column, self.column.rows.to_csv)
        self.note = caption("", "small", wrap=True)
        self._lay_out(session)
        self._connect()

    def _lay_out(self, session: Session) -> None:
        left = QFrame()
        left.setObjectName("tile")
        left.setAccessibleName("Confusion")
        head = QHBoxLayout()
        head.addWidget(caption("Rows: the masks · columns: the model", "strong"))
        head.addStretch(1)
        head.addWidget(self.wholes)
        head.addWidget(PlotMenu(session, left, self.to_csv))
        inner = QVBoxLayout(left)
        inner.setContentsMargins(16, 8, 12, 12)
        inner.addLayout(head)
        inner.addWidget(self.map, 1)
        inner.addWidget(self.note)
        right = QVBoxLayout()
        right.setSpacing(8)
        choice = QHBoxLayout()
        choice.addWidget(caption("Class", "muted"))
        choice.addWidget(self.class_choice, 1)
        right.addLayout(choice)
        right.addWidget(self.row_pairs, 1)
        right.addWidget(self.column_pairs, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(16)
        layout.addWidget(left, 3)
        layout.addLayout(right, 2)

    def _connect(self) -> None:
        self.wholes.chosen.connect(lambda value: self.map.cells.set_whole(Whole(value)))
        self.map.pair_chosen.connect(lambda truth, _: self.choose(truth))
        self.map.asked.connect(self._ask)
        self.class_choice.activated.connect(lambda place: self.map.choose(self.class_choice.itemData(place)))
        for table in (self.row, self.column):
            table.chosen.connect(self.asked)

    def show_scores(self, found: ClassScores) -> None:
        """Shows other counts; the chosen class stays where it still occurs."""
        if found.found is None or found.board is None:
            return
        self._scores = found
        counts, names = found.found.confusion, found.palette.names
        ids = occurring(counts)
        before = self.class_choice.currentData()
        self.map.cells.show_counts(counts, names, ids)
        self.class_choice.clear()
        for class_id in ids:
            self.class_choice.addItem(names[class_id], int(class_id))
        absent = len(names) - len(ids)
        left_out = f" Classes that do not occur are left out: {absent}." if absent else ""
        self.note.setText(f"A click on a wrong cell asks for its regions.{left_out}")
        if len(ids):
            # At first the class that costs most, for which people come here.
            costs = {row.class_id: row.cost or 0.0 for row in found.board.rows}
            worst = max((int(class_id) for class_id in ids), key=lambda class_id: costs[class_id])
            self.map.choose(before if before in ids else worst)

    def choose(self, class_id: int) -> None:
        """Shows the pairs of one class."""
        if self._scores is None or self._scores.found is None:
            return
        name, counts = self._scores.palette.names[class_id], self._scores.found.confusion
        self.class_choice.setCurrentIndex(self.class_choice.findData(class_id))
        self.row_pairs.title.setText(f"What {name} was called")
        self.column_pairs.title.setText(f"What was called {name}")
        self.row.rows.show_bars(self._bars(called(counts, class_id), class_id, of_truth=True))
        self.column.rows.show_bars(self._bars(called_so(counts, class_id), class_id, of_truth=False))

    def _bars(self, pairs: Sequence[PairShare], class_id: int, *, of_truth: bool) -> list[BarRow]:
        assert self._scores is not None
        theme, colours = theme_of(self.palette()), class_colours(self._scores.palette)
        rows = []
        for pair in pairs:
            truth, predicted = (class_id, pair.other) if of_truth else (pair.other, class_id)
            role = "accent" if pair.other == class_id else "danger"
            name = self._name(pair.other)
            rows.append(
                BarRow(
                    (name, f"{percent(pair.share)} %", thousands(pair.pixels)),
                    Bar(((pair.share, theme.colour(role)),)),
                    f"{self._name(truth)} called {self._name(predicted)}: {pair.pixels:,} pixels",
                    "" if truth == predicted else self._query(truth, predicted),
                    colours[pair.other] if pair.other < len(colours) else QColor(theme.colours["edge"]),
                )
            )
        return rows

    def _name(self, class_id: int) -> str:
        assert self._scores is not None
        names = self._scores.palette.names
        return names[class_id] if class_id < len(names) else NO_CLASS

    def _query(self, truth: int, predicted: int) -> str:
        return f"gt={quoted(self._name(truth))} pred={quoted(self._name(predicted))}"

    def _ask(self, truth: int, predicted: int) -> None:
        if truth != predicted:
            self.asked.emit(self._query(truth, predicted))

    def to_csv(self) -> str:
        """The counts of all classes, rows truth."""
        if self._scores is None or self._scores.found is None:
            return ""
        names, counts = self._scores.palette.names, self._scores.found.confusion
        rows = [(name, *map(int, row)) for name, row in zip(names, counts, strict=True)]
        return to_csv(("masks \\ model", *names, NO_CLASS), rows)
