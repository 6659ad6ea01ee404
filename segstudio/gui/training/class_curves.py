"""IoU by class over a run: a curve a class in the palette's colours, and a list that picks some out."""

from collections.abc import Mapping

from PySide6.QtCore import QItemSelectionModel
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QAbstractItemView, QHBoxLayout, QWidget

from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.class_table import percent, points
from segstudio.gui.dashboards.plot_colours import series_colour
from segstudio.gui.session import Session
from segstudio.gui.training.curve_chart import CurveChart
from segstudio.workflows.training import Points

# More classes than this cannot be told apart in one plot.
MANY, SHOWN = 30, 6
HEADINGS = ("Class", "IoU", "Best", "Since first")


class ClassCurves(QWidget):
    """The worst class is at the top; rows that are chosen are drawn before the others."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._curves: Mapping[str, Points] = {}
        self._showing = False
        self.chart = CurveChart(session, "IoU by class, %", digits=1, percent=True)
        self.table = BarTable("Classes of the run", BarTableModel(HEADINGS, 1, "of 100 %"))
        self.table.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.table.setMaximumWidth(430)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addWidget(self.chart, 3)
        layout.addWidget(self.table, 2)
        self.table.selectionModel().selectionChanged.connect(lambda *_: self._highlight())

    @property
    def chosen(self) -> frozenset[str]:
        """Classes that are picked out."""
        rows = self.table.selectionModel().selectedRows()
        return frozenset(self.table.rows.row(index.row()).key for index in rows)

    def show_curves(self, curves: Mapping[str, Points], colours: Mapping[str, QColor], steps: int) -> None:
        """Shows IoU 0-1 by class and step; classes that never occurred are left out."""
        known = {name: drawn for name, drawn in curves.items() if drawn}
        shades = {name: colours.get(name, series_colour(place)) for place, name in enumerate(known)}
        self.chart.show_curves(known, shades, steps)
        if known != self._curves:
            self._curves = known
            self._fill(shades)

    def _fill(self, colours: Mapping[str, QColor]) -> None:
        chosen = self.chosen
        names = sorted(self._curves, key=lambda name: self._curves[name][-1][1])
        self._showing = True
        self.table.rows.show_bars([self._row(name, colours[name]) for name in names])
        selection = self.table.selectionModel()
        flags = QItemSelectionModel.SelectionFlag.Select | QItemSelectionModel.SelectionFlag.Rows
        for row, name in enumerate(names):
            if name in chosen:
                selection.select(self.table.rows.index(row, 0), flags)
        self._showing = False
        self._highlight()

    def _row(self, name: str, colour: QColor) -> BarRow:
        drawn = self._curves[name]
        first, last, best = drawn[0][1], drawn[-1][1], max(value for _, value in drawn)
        texts = (name, percent(last), percent(best), points(last - first) if len(drawn) > 1 else "")
        return BarRow(texts, Bar(((last, colour),), best), f"{name}: best {percent(best)} %", name, colour)

    def _highlight(self) -> None:
        if self._showing:
            return
        many = len(self._curves) > MANY
        # So many lines in one plot say nothing: the worst ones stand out until others are chosen.
        worst = sorted(self._curves, key=lambda name: self._curves[name][-1][1])[: SHOWN * many]
        self.chart.highlight(self.chosen or frozenset(worst))
