"""The runs dashboard: loss, learning rate, mIoU and class curves of the trainings of a project."""

import html
from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from segstudio.gui.dashboards.page import DashboardPage, fill
from segstudio.gui.dashboards.tiles import Placeholder, TileRow
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.workflows.training import RunCurves, list_runs, read_run

TILES = {
    "state": ("State", ""),
    "miou": ("Best mIoU", "on the validation split"),
    "accuracy": ("Pixel accuracy", "last validation"),
    "loss": ("Loss", "mean of the last steps"),
}
CURVE_COLOURS = (
    "#4C8DFF", "#12A594", "#E5A000", "#E5484D", "#C355D9", "#8D8D86", "#4CC38A", "#F76B15", "#5B5BD6",
    "#D6409F", "#7CE2FE", "#BDEE63",
)  # fmt: skip
Points = Sequence[tuple[int, float]]


class RunsView(DashboardPage):
    """Reads the events of runs; the newest is shown first."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.run_choice = QComboBox()
        self.reload_button = QPushButton("Reload")
        self.tiles = TileRow(TILES)
        self.plots = {
            "loss": Plot("Loss"),
            "rate": Plot("Learning rate", digits=5),
            "miou": Plot("mIoU and pixel accuracy, %"),
            "classes": Plot("IoU by class, %"),
        }
        self._lay_out()
        self.follow()
        self.reload_button.clicked.connect(self.refresh)
        self.run_choice.activated.connect(lambda _: self._show())

    def _lay_out(self) -> None:
        self.run_choice.setMinimumWidth(220)
        self.run_choice.setAccessibleName("Run")
        curves = QWidget()
        grid = QGridLayout(curves)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        grid.addWidget(self.tiles, 0, 0, 1, 2)
        for position, plot in enumerate(self.plots.values()):
            grid.addWidget(plot, 1 + position // 2, position % 2)
        placeholder = Placeholder(
            "No runs yet",
            "Train with `segstudio train -e SPEC` and results_dir below this project's .segstudio/runs: "
            "its curves appear here.",
        )
        self.lay_out("Training runs", [self.run_choice, self.reload_button], curves, placeholder)

    def show_contents(self) -> None:
        """Looks for runs again and shows the chosen one, at first the newest."""
        project = self._session.project
        runs = list_runs(project.runs_dir) if project is not None else []
        fill(self.run_choice, [folder.name for folder in reversed(runs)])
        self._show()

    def changeEvent(self, event: object) -> None:
        """Follows the theme."""
        super().changeEvent(event)  # type: ignore[arg-type]  # Qt passes its own event
        for plot in self.plots.values():
            plot.follow_theme()

    def _show(self) -> None:
        project, name = self._session.project, self.run_choice.currentText()
        if project is None or not name:
            self.show_placeholder(True)
            return
        self.read(lambda: read_run(project.runs_dir / name), self._show_run)

    def _show_run(self, run: RunCurves) -> None:
        self.show_placeholder(False)
        self._show_tiles(run)
        self.plots["loss"].show_curves({"loss": run.loss})
        self.plots["rate"].show_curves({"learning rate": run.learning_rate})
        self.plots["miou"].show_curves({"mIoU": hundred(run.miou), "pixel accuracy": hundred(run.accuracy)})
        self.plots["classes"].show_curves({name: hundred(points) for name, points in run.class_iou.items()})

    def _show_tiles(self, run: RunCurves) -> None:
        minutes = f"{run.done} of {run.steps} steps, {run.seconds / 60:.0f} min"
        self.tiles.show_figure("state", run.state.capitalize(), minutes)
        best = run.best_miou
        self.tiles.show_figure("miou", "–" if best is None else f"{best * 100:.1f} %")
        self.tiles.show_figure("accuracy", f"{run.accuracy[-1][1] * 100:.1f} %" if run.accuracy else "–")
        self.tiles.show_figure("loss", f"{run.loss[-1][1]:.3f}" if run.loss else "–")


class Plot(QFrame):
    """A titled plot over optimiser steps, with a list of its curves and their last values beside it."""

    def __init__(self, title: str, digits: int = 1) -> None:
        super().__init__()
        self.setObjectName("tile")
        self.setAccessibleName(title)
        self._digits = digits
        self._graph = pg.PlotWidget()
        self._graph.setMinimumHeight(160)
        self._graph.getPlotItem().setMenuEnabled(False)
        self._graph.getPlotItem().hideButtons()
        self._graph.setMouseEnabled(x=False, y=False)
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setAlignment(Qt.AlignmentFlag.AlignTop)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._graph, 1)
        row.addWidget(self._legend)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(4)
        layout.addWidget(caption(title, "strong"))
        layout.addLayout(row, 1)
        self.follow_theme()

    @property
    def legend(self) -> str:
        """The list of curves as HTML; empty for a single curve."""
        return self._legend.text()

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
        self._graph.showGrid(x=True, y=True, alpha=0.12)

    def show_curves(self, curves: dict[str, Points]) -> None:
        """Replaces all curves; a list of them appears from two on, best at the top."""
        self._graph.clear()
        drawn = {name: points for name, points in curves.items() if points}
        entries = []
        for position, (name, points) in enumerate(drawn.items()):
            steps, values = zip(*points, strict=True)
            colour = CURVE_COLOURS[position % len(CURVE_COLOURS)]
            style = Qt.PenStyle.SolidLine if position < len(CURVE_COLOURS) else Qt.PenStyle.DashLine
            pen = pg.mkPen(colour, width=2, style=style)
            symbol = {"symbol": "o", "symbolSize": 5, "symbolBrush": colour, "symbolPen": None}
            self._graph.plot(steps, values, pen=pen, antialias=True, **(symbol if len(steps) < 12 else {}))
            entries.append((values[-1], name, colour))
        rows = "".join(
            f"<tr><td style='color:{colour}'>●&nbsp;</td><td>{html.escape(name)}</td>"
            f"<td align='right'>&nbsp;&nbsp;{value:.{self._digits}f}</td></tr>"
            for value, name, colour in sorted(entries, reverse=True)
        )
        self._legend.setText(f"<table cellspacing='1'>{rows}</table>" if len(entries) > 1 else "")
        self._legend.setVisible(len(entries) > 1)


def hundred(points: Points) -> Points:
    """Fractions as percent."""
    return [(step, value * 100) for step, value in points]
