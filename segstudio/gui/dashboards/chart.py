"""The frame of every plotted chart: title, menu, legend, a graph in the theme's colours, hover values."""

import html
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import (
    QFrame,
    QGraphicsSceneHoverEvent,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dashboards.plot_colours import needs_outline, theme_of
from segstudio.gui.dashboards.plot_tools import PlotMenu
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.gui.theme import Theme

POINT, LINE = 8, 2
# More points than this on one line are seen as a line alone, until the pointer is over one.
MANY = 12
# Ticks that lie closer than this are written with powers of ten.
SMALL_STEP = 1e-3
# Shapes of points, so that classes of like colours can be told apart.
SHAPES = ("o", "s", "t", "d", "+", "star", "t1", "h")


@dataclass(frozen=True)
class UprightBar:
    """A bar from `left` to `right` and from `low` to `high`, with what it says."""

    left: float
    right: float
    low: float
    high: float
    words: str


class Bars(pg.BarGraphItem):  # type: ignore[misc]  # pyqtgraph has no types
    """Bars in one drawing; one by one they would take longer than the rest of the page."""

    def __init__(self, bars: Sequence[UprightBar], colour: QColor) -> None:
        super().__init__(
            x0=[bar.left for bar in bars],
            x1=[bar.right for bar in bars],
            y0=[bar.low for bar in bars],
            y1=[bar.high for bar in bars],
            brush=colour,
            pen=None,
        )
        self.bars = tuple(bars)
        self.setAcceptHoverEvents(True)

    def hoverMoveEvent(self, event: QGraphicsSceneHoverEvent) -> None:
        """Says what is under the pointer."""
        place = event.pos()
        self.setToolTip(self.words_at(place.x(), place.y()))

    def words_at(self, x: float, y: float) -> str:
        """What the bar at a point of the graph says; nothing beside the bars."""
        found = (bar for bar in self.bars if bar.left <= x <= bar.right and bar.low <= y <= bar.high)
        return next((bar.words for bar in found), "")


class FigureAxis(pg.AxisItem):  # type: ignore[misc]  # pyqtgraph has no types
    """An axis whose small figures are short: pyqtgraph leaves out texts for which it has no room."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        """The text of each tick; see `short_figure`."""
        if self.logMode or spacing * scale >= SMALL_STEP:
            return cast("list[str]", super().tickStrings(values, scale, spacing))
        return [short_figure(value * scale) for value in values]


def short_figure(value: float) -> str:
    """A small figure in a few letters, such as 2e-4, 1.5e-4 or 0."""
    mantissa, _, power = f"{value:.3e}".partition("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return "0" if float(mantissa) == 0 else f"{mantissa}e{int(power)}" if int(power) else mantissa


class Chart(QFrame):
    """A tile with one graph; a point, or a bar, says its figure under the pointer."""

    def __init__(
        self,
        session: Session,
        title: str,
        *,
        svg: Callable[[], str] | None = None,
        least_height: int = 150,
        vertical_grid: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("tile")
        self.setAccessibleName(title)
        self._vertical_grid = vertical_grid
        self.title = caption(title, "strong")
        self.tools = PlotMenu(session, self, self.to_csv, svg)
        self.key = QLabel()
        self.key.setTextFormat(Qt.TextFormat.RichText)
        self.key.setWordWrap(True)
        self.key.setVisible(False)
        self.graph = pg.PlotWidget(axisItems={"left": FigureAxis("left")})
        self.graph.setMinimumHeight(least_height)
        self.graph.getPlotItem().setMenuEnabled(False)
        self.graph.getPlotItem().hideButtons()
        self.graph.setMouseEnabled(x=False, y=False)
        self._lay_out()
        self.follow_theme()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.addWidget(self.title)
        head.addStretch(1)
        head.addWidget(self.tools)
        self.beside = QHBoxLayout()
        self.beside.setSpacing(12)
        self.beside.addWidget(self.graph, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 12, 8)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self.key)
        layout.addLayout(self.beside, 1)

    @property
    def theme(self) -> Theme:
        """The theme whose colours it has."""
        return theme_of(self.palette())

    def to_csv(self) -> str:
        """The figures that are drawn; for the chart to define.

        Raises:
            NotImplementedError: the chart does not define it.
        """
        raise NotImplementedError

    def changeEvent(self, event: QEvent) -> None:
        """Follows the theme."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.PaletteChange, QEvent.Type.StyleChange):
            self.follow_theme()

    def follow_theme(self) -> None:
        """Takes text and background from the widget's palette."""
        palette = self.palette()
        muted = palette.color(QPalette.ColorRole.Text)
        muted.setAlphaF(0.7)
        self.graph.setBackground(palette.color(QPalette.ColorRole.AlternateBase))
        for side in ("left", "bottom"):
            axis = self.graph.getAxis(side)
            axis.setPen(pg.mkPen(muted, width=0.5))
            axis.setTextPen(muted)
        self.graph.showGrid(x=self._vertical_grid, y=True, alpha=0.12)

    def pen(self, colour: QColor, style: Qt.PenStyle = Qt.PenStyle.SolidLine, width: float = LINE) -> object:
        """A pen in pixels of the screen, as graphs take them."""
        return pg.mkPen(colour, width=width * self.devicePixelRatioF(), style=style)

    def add_line(
        self,
        across: Sequence[float],
        up: Sequence[float],
        words: Sequence[str],
        colour: QColor,
        *,
        style: Qt.PenStyle = Qt.PenStyle.SolidLine,
        shape: str = "o",
    ) -> None:
        """Draws a line whose points say `words` under the pointer."""
        outline = needs_outline(colour, self.theme)
        edge = self.theme.colour("muted")
        shadow = self.pen(edge, style, LINE + 2) if outline else None
        pen = self.pen(colour, style)
        self.graph.plot(across, up, pen=pen, shadowPen=shadow, antialias=True)
        shown = len(across) <= MANY
        points = pg.ScatterPlotItem(
            across, up, size=POINT, symbol=shape, brush=colour if shown else None,
            pen=self.pen(edge, width=1) if outline and shown else None, data=list(words), hoverable=True,
            hoverSize=POINT + 4, hoverBrush=colour, tip=lambda x, y, data: data,
        )  # fmt: skip
        self.graph.addItem(points)

    def add_bars(self, bars: Sequence[UprightBar], colour: QColor) -> None:
        """Draws upright bars, each of which says its words under the pointer."""
        if bars:
            self.graph.addItem(Bars(bars, colour))

    def show_key(self, entries: Sequence[tuple[str, QColor]]) -> None:
        """Names what is drawn, each with its colour."""
        words = [swatch(name, colour, self.theme) for name, colour in entries]
        self.key.setText("&nbsp;&nbsp; ".join(words))
        self.key.setVisible(bool(words))


def swatch(name: str, colour: QColor, theme: Theme, sign: str = "●") -> str:
    """A coloured dot and a name as HTML; a colour that is hard to see stands on a plate of the text's."""
    plate = f"background:{theme.colours['muted']};" if needs_outline(colour, theme) else ""
    dot = f"<span style='color:{colour.name()};{plate}'>{sign}</span>"
    # One that is broken over two lines would be read as two.
    return f"{dot}&nbsp;{html.escape(name).replace(' ', '&nbsp;')}"
