"""A plot of curves that grow while one looks: lines are kept and given new points, never made anew."""

import html
from collections.abc import Mapping, Sequence

import pyqtgraph as pg
from PySide6.QtCore import QEvent, QPointF
from PySide6.QtGui import QColor

from segstudio.gui.dashboards.chart import LINE, Chart, swatch
from segstudio.gui.dashboards.plot_colours import needs_outline
from segstudio.gui.dashboards.plot_tools import to_csv
from segstudio.gui.session import Session

Points = Sequence[tuple[int, float]]
# More points than the plot is wide are not seen, and take long to draw.
MOST_POINTS = 400
# A curve of fewer points is marked at each of them.
MARKED = 2
FADED, THICK = 0.22, 3.0
LEAST_HEIGHT = 150
AXIS_WIDTH = 54


class CurveChart(Chart):
    """Curves over optimiser steps by name; what is under the pointer is said beside the title.

    Args:
        session: for saving the plot.
        title: of the plot.
        digits: behind the point, in what is said.
        percent: the curves are fractions 0-1 and shown as percent.
    """

    def __init__(self, session: Session, title: str, *, digits: int = 3, percent: bool = False) -> None:
        self._digits, self._factor = digits, 100.0 if percent else 1.0
        self._unit = " %" if percent else ""
        self._lines: dict[str, pg.PlotDataItem] = {}
        self._points: dict[str, Points] = {}
        self._colours: dict[str, QColor] = {}
        self._strong: frozenset[str] = frozenset()
        self._end = 0
        super().__init__(session, title, vertical_grid=True, least_height=LEAST_HEIGHT)
        self._name = title
        # Plots below each other align, and none jumps as its figures grow.
        self.graph.getAxis("left").setWidth(AXIS_WIDTH)
        self.graph.scene().sigMouseMoved.connect(self._point_at)
        self.graph.viewport().installEventFilter(self)

    def name_lines(self, colours: Mapping[str, QColor], unit: str) -> None:
        """Names the lines in the title, each with its colour; a key below it would take room."""
        named = "&nbsp; ".join(swatch(name, colour, self.theme) for name, colour in colours.items())
        self._name = f"{named}, {unit}"
        self.title.setText(self._name)

    # -- drawing ------------------------------------------------------------------------------------------

    def show_curves(self, curves: Mapping[str, Points], colours: Mapping[str, QColor], steps: int) -> None:
        """Gives the lines their points; the axis reaches to the step at which the run is to end."""
        for name in set(self._lines) - {name for name, points in curves.items() if points}:
            self.graph.removeItem(self._lines.pop(name))
            self._points.pop(name)
        for name, points in curves.items():
            if not points:
                continue
            known = self._lines.get(name)
            if (
                known is not None
                and self._points[name] is points
                and self._colours.get(name) == colours[name]
            ):
                continue
            self._colours[name] = colours[name]
            self._points[name] = points
            if known is None:
                known = self._lines[name] = pg.PlotDataItem(antialias=True)
                self.graph.addItem(known)
            self._draw(name)
        end = max([steps, *(points[-1][0] for points in self._points.values())])
        if end != self._end:
            self._end = end
            self.graph.setXRange(0, max(end, 1), padding=0.01)

    def _draw(self, name: str) -> None:
        points = thinned(self._points[name], MOST_POINTS)
        across = [step for step, _ in points]
        up = [value * self._factor for _, value in points]
        few = len(points) <= MARKED
        colour = self._colours[name]
        self._lines[name].setData(
            across, up, symbol="o" if few else None, symbolSize=7, symbolPen=None, symbolBrush=colour
        )
        self._style(name)

    def _style(self, name: str) -> None:
        line, colour = self._lines[name], QColor(self._colours[name])
        faded = bool(self._strong) and name not in self._strong
        if faded:
            colour.setAlphaF(FADED)
        edge = self.pen(self.theme.colour("muted"), width=LINE + 2)
        line.setShadowPen(edge if needs_outline(colour, self.theme) and not faded else None)
        line.setPen(self.pen(colour, width=THICK if name in self._strong else LINE))
        line.setZValue(1 if name in self._strong else 0)

    def highlight(self, names: frozenset[str]) -> None:
        """Shows these curves before the others, which are faded; none of them shows all alike."""
        if names != self._strong:
            self._strong = names
            for name in self._lines:
                self._style(name)

    def follow_theme(self) -> None:
        """See `Chart.follow_theme`; lines keep their colours and get other edges."""
        super().follow_theme()
        for name in self._lines:
            self._style(name)

    # -- reading ------------------------------------------------------------------------------------------

    def eventFilter(self, watched: object, event: QEvent) -> bool:
        """The title is itself again when the pointer leaves."""
        if event.type() == QEvent.Type.Leave:
            self.title.setText(self._name)
        return False

    def _point_at(self, place: QPointF) -> None:
        box = self.graph.getPlotItem().getViewBox()
        if not self._points or not box.sceneBoundingRect().contains(place):
            self.title.setText(self._name)
            return
        at = box.mapSceneToView(place)
        self.title.setText(html.escape(self.words_at(at.x(), at.y())))

    def words_at(self, x: float, y: float) -> str:
        """What the curve that is nearest to a point of the plot says there."""
        found: list[tuple[bool, float, str]] = []
        for name, points in self._points.items():
            step, value = min(points, key=lambda point: abs(point[0] - x))
            value *= self._factor
            words = f"{name} {value:.{self._digits}f}{self._unit}, step {step:,}"
            found.append((bool(self._strong) and name not in self._strong, abs(value - y), words))
        return min(found)[2] if found else ""

    def to_csv(self) -> str:
        """A row a step, a column a curve."""
        by_step = [dict(points) for points in self._points.values()]
        steps = sorted({step for curve in by_step for step in curve})
        rows = ([step, *(curve.get(step) for curve in by_step)] for step in steps)
        return to_csv(("step", *self._points), rows)

    def drawn(self) -> dict[str, list[tuple[float, float]]]:
        """The points of each line as they are drawn."""
        found = {}
        for name, line in self._lines.items():
            across, up = line.getData()
            found[name] = list(zip(across.tolist(), up.tolist(), strict=True))
        return found

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self.title.setText(self._name)


def thinned(points: Points, most: int) -> Points:
    """At most so many points: means of stretches that are equally long; the first and last one stay."""
    if len(points) <= most:
        return points
    inner, stretches = points[1:-1], most - 2
    found = [points[0]]
    for number in range(stretches):
        part = inner[number * len(inner) // stretches : (number + 1) * len(inner) // stretches]
        found.append((part[len(part) // 2][0], sum(value for _, value in part) / len(part)))
    return [*found, points[-1]]


def smoothed(points: Points, share: float = 0.05) -> Points:
    """An exponential mean over a share of the points, free of the pull to its first value."""
    weight = max(2.0, len(points) * share)
    keep, mean, total = 1 - 1 / weight, 0.0, 0.0
    found = []
    for step, value in points:
        mean, total = keep * mean + (1 - keep) * value, keep * total + (1 - keep)
        found.append((step, mean / total))
    return found
