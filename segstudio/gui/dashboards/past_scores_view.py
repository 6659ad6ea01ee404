"""IoU over time: the evaluated models one after the other, with a published row as lines to reach."""

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from segstudio.annotation.palette import Palette
from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.chart import SHAPES, Chart
from segstudio.gui.dashboards.class_table import percent, points
from segstudio.gui.dashboards.page import offer
from segstudio.gui.dashboards.plot_colours import class_colours
from segstudio.gui.dashboards.plot_tools import to_csv
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.workflows.class_scores import PastScores
from segstudio.workflows.reference import Reference, ReferenceScores

NO_LINES = "No reference"
MEAN = "mIoU"
HEADINGS = ("Class", "Last IoU", "Since first")
# Classes that are drawn before anybody chose: more lines are hard to follow.
AT_FIRST = 4


class PastChart(Chart):
    """Lines over models."""

    def __init__(self, session: Session) -> None:
        self._past: Sequence[PastScores] = ()
        self._lines: dict[str, tuple[float | None, ...]] = {}
        super().__init__(session, "IoU over time, %", least_height=240)

    def show_lines(
        self,
        past: Sequence[PastScores],
        lines: dict[str, tuple[float | None, ...]],
        colours: dict[str, QColor],
        reference: dict[str, float],
    ) -> None:
        """Draws IoU 0-1 by line's name and model; dashed lines where the reference's value of it is."""
        self._past, self._lines = past, lines
        self.graph.clear()
        self.graph.setYRange(0, 100, padding=0.03)
        self.graph.setXRange(-0.4, len(past) - 0.6, padding=0)
        self._name_models()
        for number, (name, values) in enumerate(lines.items()):
            known = [(place, value) for place, value in enumerate(values) if value is not None]
            words = [self._words(name, place, value) for place, value in known]
            shape = SHAPES[number % len(SHAPES)]
            across, up = [place for place, _ in known], [100 * value for _, value in known]
            self.add_line(across, up, words, colours[name], shape=shape)
            if name in reference:
                pen = self.pen(colours[name], Qt.PenStyle.DashLine, 1)
                line = pg.InfiniteLine(100 * reference[name], angle=0, pen=pen)
                line.setToolTip(f"{name}, reference: {percent(reference[name])} %")
                self.graph.addItem(line)
        self.show_key([(name, colours[name]) for name in lines])
        self.setAccessibleDescription(self.to_csv())

    def _name_models(self) -> None:
        """Writes the models' names below, cut to the room that each has."""
        room = int(self.graph.width() * 0.85 / max(len(self._past), 1))
        names = [
            self.fontMetrics().elidedText(one.model, Qt.TextElideMode.ElideMiddle, room) for one in self._past
        ]
        self.graph.getAxis("bottom").setTicks([list(enumerate(names))])

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Names get more room, or less."""
        super().resizeEvent(event)
        self._name_models()

    def _words(self, name: str, place: int, value: float) -> str:
        one = self._past[place]
        return f"{name}, {one.model}: {percent(value)} %, {one.samples} samples, evaluated {one.when[:10]}"

    def to_csv(self) -> str:
        """A row a model."""
        rows = [
            (one.model, one.when, one.samples, *(values[place] for values in self._lines.values()))
            for place, one in enumerate(self._past)
        ]
        return to_csv(("model", "evaluated", "samples", *self._lines), rows)


class PastScoresView(QWidget):
    """The chart, and the list in which lines are chosen."""

    def __init__(self, session: Session, reference: Reference) -> None:
        super().__init__()
        self._reference = reference
        self._past: Sequence[PastScores] = ()
        self._palette: Palette | None = None
        self._choosing = False
        self.chart = PastChart(session)
        self.reference_choice = QComboBox()
        self.reference_choice.setAccessibleName("Reference lines")
        self.classes = BarTable("Lines to draw", BarTableModel(HEADINGS, 1))
        self.classes.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.note = caption("", "small", wrap=True)
        self._lay_out()
        self.classes.selectionModel().selectionChanged.connect(lambda *_: self._draw())
        self.reference_choice.activated.connect(lambda _: self._draw())

    def _lay_out(self) -> None:
        choice = QHBoxLayout()
        choice.addWidget(caption("Dashed", "muted"))
        choice.addWidget(self.reference_choice, 1)
        side = QVBoxLayout()
        side.setSpacing(8)
        side.addLayout(choice)
        side.addWidget(self.classes, 1)
        side.addWidget(caption("Ctrl or Shift and a click choose several lines.", "small", wrap=True))
        row = QHBoxLayout()
        row.setSpacing(16)
        row.addWidget(self.chart, 3)
        row.addLayout(side, 2)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(row, 1)
        layout.addWidget(self.note)

    def show_past(self, past: Sequence[PastScores], palette: Palette) -> None:
        """Shows all evaluated models, oldest first; chosen lines stay chosen."""
        names = self.chosen() if palette == self._palette else []
        self._past, self._palette = past, palette
        cards = (row.name for row in self._cards())
        offer(self.reference_choice, (NO_LINES, *cards), self.reference_choice.currentText())
        rows = self._rows()
        self.classes.rows.show_bars(rows)
        wanted = names or [MEAN, *self._lowest()]
        self._choose([place for place, row in enumerate(rows) if row.texts[0] in wanted])
        self._draw()

    def _choose(self, places: Sequence[int]) -> None:
        """Selects rows without drawing after each."""
        mode, self._choosing = self.classes.selectionMode(), True
        self.classes.setSelectionMode(QAbstractItemView.SelectionMode.MultiSelection)
        self.classes.clearSelection()
        for place in places:
            self.classes.selectRow(place)
        self.classes.setSelectionMode(mode)
        self._choosing = False

    def chosen(self) -> list[str]:
        """Names of the lines that are chosen, in the list's order."""
        places = sorted(index.row() for index in self.classes.selectionModel().selectedRows())
        return [self.classes.rows.row(place).texts[0] for place in places]

    def _cards(self) -> list[ReferenceScores]:
        name = self._palette.name if self._palette else ""
        scenarios = [row for row in self._reference.scenarios if row.palette == name]
        return [*self._reference.for_palette(name), *scenarios]

    def _values(self) -> dict[str, tuple[float | None, ...]]:
        assert self._palette is not None
        values = {MEAN: tuple(one.miou for one in self._past)}
        for class_id, name in enumerate(self._palette.names):
            line = tuple(one.iou[class_id] for one in self._past)
            if any(value is not None for value in line):
                values[name] = line
        return values

    def _colours(self) -> dict[str, QColor]:
        assert self._palette is not None
        colours = dict(zip(self._palette.names, class_colours(self._palette), strict=True))
        return {**colours, MEAN: self.chart.theme.colour("text")}

    def _rows(self) -> list[BarRow]:
        colours, rows = self._colours(), []
        for name, values in self._values().items():
            known = [value for value in values if value is not None]
            since = known[-1] - known[0] if len(known) > 1 else None
            last = values[-1] if values else None
            bar = Bar(((last or 0.0, colours[name]),))
            rows.append(BarRow((name, percent(last), points(since)), bar, colour=colours[name]))
        return rows

    def _lowest(self) -> list[str]:
        last = {name: values[-1] for name, values in self._values().items() if values and name != MEAN}
        known = {name: value for name, value in last.items() if value is not None}
        return sorted(known, key=lambda name: known[name])[:AT_FIRST]

    def _draw(self) -> None:
        if self._palette is None or self._choosing:
            return
        values, names = self._values(), self.chosen()
        card = next((row for row in self._cards() if row.name == self.reference_choice.currentText()), None)
        reference = {} if card is None else {**card.iou, MEAN: card.miou}
        self.chart.show_lines(
            self._past, {name: values[name] for name in names if name in values}, self._colours(), reference
        )
        told = "Models stand in the order of their evaluation; they may have been evaluated on other samples."
        if card is not None:
            told += f" Dashed: {card.name}, {card.source} ({card.protocol})."
        if card is not None and card in self._reference.scenarios:
            rows = ", ".join(f"{name} {percent(value)} %" for name, value in card.iou.items())
            told += f" Its rows: {rows}; dashed is their mean."
        self.note.setText(told)
