"""A plot of speeds whose points can be read, copied as CSV and saved as a picture."""

import html
from pathlib import Path

import pyqtgraph as pg
from PySide6.QtCore import QBuffer, QEvent, QIODevice, Qt
from PySide6.QtGui import QGuiApplication, QPalette
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QMenu,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dashboards.stage_bar import stage_colour
from segstudio.gui.job_bridge import Replies
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.images import atomic_write
from segstudio.workflows.svg_plots import LinePlot, line_plot, nice_ticks

PICTURES = ("PNG (*.png)", "SVG (*.svg)")
POINT, LINE = 8, 2


class SpeedPlot(QFrame):
    """Lines over categories, from 0 upwards; a point says its figure under the pointer."""

    def __init__(self, session: Session, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("tile")
        self.setAccessibleName(name)
        self._session = session
        self._plot: LinePlot | None = None
        self._title = caption(name, "strong")
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._graph = pg.PlotWidget()
        self._graph.setMinimumHeight(150)
        self._graph.getPlotItem().setMenuEnabled(False)
        self._graph.getPlotItem().hideButtons()
        self._graph.setMouseEnabled(x=False, y=False)
        self._graph.getAxis("left").setStyle(hideOverlappingLabels=False)
        self.menu_button = QPushButton("Save")
        self._lay_out()
        self.follow_theme()

    def _lay_out(self) -> None:
        menu = QMenu(self)
        menu.addAction("Copy as CSV", self.copy)
        menu.addAction("Save as PNG or SVG…", self.ask_file)
        self.menu_button.setMenu(menu)
        self.menu_button.setProperty("role", "quiet")
        self.menu_button.setToolTip("Copy the figures, or save the picture")
        head = QHBoxLayout()
        head.addWidget(self._title)
        head.addStretch(1)
        head.addWidget(self.menu_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 12, 8)
        layout.setSpacing(2)
        layout.addLayout(head)
        layout.addWidget(self._legend)
        layout.addWidget(self._graph, 1)

    @property
    def plot(self) -> LinePlot | None:
        """What is shown."""
        return self._plot

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
        self._graph.setBackground(palette.color(QPalette.ColorRole.AlternateBase))
        for side in ("left", "bottom"):
            axis = self._graph.getAxis(side)
            axis.setPen(pg.mkPen(muted, width=0.5))
            axis.setTextPen(muted)
        self._graph.showGrid(x=False, y=True, alpha=0.12)

    def show_plot(self, plot: LinePlot) -> None:
        """Replaces what is shown."""
        self._plot = plot
        self._title.setText(plot.title)
        self._graph.clear()
        self._graph.setLabel("left", plot.up)
        self._graph.setLabel("bottom", plot.across)
        ticks = nice_ticks(plot.most)
        self._graph.setYRange(0, ticks[-1], padding=0.05)
        self._graph.setXRange(-0.5, len(plot.categories) - 0.5, padding=0)
        self._graph.getAxis("left").setTicks([[(tick, f"{tick:g}") for tick in ticks]])
        self._graph.getAxis("bottom").setTicks([list(enumerate(plot.categories))])
        for number in range(len(plot.series)):
            self._draw(number)
        self._show_legend()

    def _draw(self, number: int) -> None:
        assert self._plot is not None
        one, colour = self._plot.series[number], stage_colour(number)
        known = [(place, value) for place, value in enumerate(one.values) if value is not None]
        places, values = [place for place, _ in known], [value for _, value in known]
        # Its widths are in pixels of the screen.
        pen = pg.mkPen(colour, width=LINE * self.devicePixelRatioF())
        self._graph.plot(places, values, pen=pen, antialias=True)
        words = [
            f"{one.name}, {self._plot.categories[place]}: {value:.4g} {self._plot.up}"
            for place, value in known
        ]
        points = pg.ScatterPlotItem(
            places, values, size=POINT, brush=colour, pen=None, data=words, hoverable=True,
            hoverSize=POINT + 4, tip=lambda x, y, data: data,
        )  # fmt: skip
        self._graph.addItem(points)

    def _show_legend(self) -> None:
        assert self._plot is not None
        entries = [
            f"<span style='color:{stage_colour(number).name()}'>●</span>&nbsp;{html.escape(one.name)}"
            for number, one in enumerate(self._plot.series)
        ]
        self._legend.setText("&nbsp;&nbsp;&nbsp; ".join(entries))
        self.setAccessibleDescription(self._plot.to_csv())

    def copy(self) -> None:
        """Puts the figures on the clipboard, as CSV."""
        if self._plot is not None:
            QGuiApplication.clipboard().setText(self._plot.to_csv())

    def ask_file(self) -> None:
        """Asks where to save the picture."""
        dialog = QFileDialog(self, "Save the plot")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setNameFilters(list(PICTURES))
        dialog.setDefaultSuffix("png")
        dialog.filterSelected.connect(lambda chosen: dialog.setDefaultSuffix(chosen[:3].lower()))
        dialog.fileSelected.connect(lambda path: self.save(Path(path)))
        dialog.open()

    def save(self, path: Path) -> None:
        """Writes the picture in a worker: SVG by that suffix, else PNG as it is on screen."""
        if self._plot is None:
            return
        content = line_plot(self._plot).encode() if path.suffix.lower() == ".svg" else self._png()
        replies = Replies(failed=self._session.explain)
        self._session.bridge.start(
            f"Save {path.name}", lambda _: atomic_write(path, content), replies=replies
        )

    def _png(self) -> bytes:
        self.menu_button.hide()
        layout = self.layout()
        if layout is not None:
            layout.activate()
        picture = self.grab()
        self.menu_button.show()
        buffer = QBuffer()
        buffer.open(QIODevice.OpenModeFlag.WriteOnly)
        picture.save(buffer, "PNG")
        return bytes(buffer.data().data())
