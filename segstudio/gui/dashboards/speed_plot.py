"""A plot of speeds over sizes or batches, from 0 upwards."""

from PySide6.QtWidgets import QWidget

from segstudio.gui.dashboards.chart import Chart
from segstudio.gui.dashboards.plot_colours import series_colour
from segstudio.gui.session import Session
from segstudio.workflows.svg_plots import LinePlot, line_plot, nice_ticks


class SpeedPlot(Chart):
    """Lines over categories; saved as SVG, it is the drawing of `segstudio bench --report`."""

    def __init__(self, session: Session, name: str, parent: QWidget | None = None) -> None:
        self._plot: LinePlot | None = None
        super().__init__(session, name, svg=self._svg, parent=parent)
        self.graph.getAxis("left").setStyle(hideOverlappingLabels=False)

    @property
    def plot(self) -> LinePlot | None:
        """What is shown."""
        return self._plot

    def show_plot(self, plot: LinePlot) -> None:
        """Replaces what is shown."""
        self._plot = plot
        self.title.setText(plot.title)
        self.graph.clear()
        self.graph.setLabel("left", plot.up)
        self.graph.setLabel("bottom", plot.across)
        ticks = nice_ticks(plot.most)
        self.graph.setYRange(0, ticks[-1], padding=0.05)
        self.graph.setXRange(-0.5, len(plot.categories) - 0.5, padding=0)
        self.graph.getAxis("left").setTicks([[(tick, f"{tick:g}") for tick in ticks]])
        self.graph.getAxis("bottom").setTicks([list(enumerate(plot.categories))])
        for number in range(len(plot.series)):
            self._draw(plot, number)
        self.show_key([(one.name, series_colour(number)) for number, one in enumerate(plot.series)])
        self.setAccessibleDescription(self.to_csv())

    def _draw(self, plot: LinePlot, number: int) -> None:
        one = plot.series[number]
        known = [(place, value) for place, value in enumerate(one.values) if value is not None]
        words = [f"{one.name}, {plot.categories[place]}: {value:.4g} {plot.up}" for place, value in known]
        places, values = [place for place, _ in known], [value for _, value in known]
        self.add_line(places, values, words, series_colour(number))

    def to_csv(self) -> str:
        """A row a category."""
        return self._plot.to_csv() if self._plot is not None else ""

    def _svg(self) -> str:
        return line_plot(self._plot) if self._plot is not None else ""
