"""The runs dashboard: loss, learning rate, mIoU and class curves of the trainings of a project."""

import html
from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QGridLayout, QLabel, QPushButton, QWidget

from segstudio.gui.dashboards.chart import Chart
from segstudio.gui.dashboards.page import DashboardPage, fill
from segstudio.gui.dashboards.plot_colours import SERIES, series_colour
from segstudio.gui.dashboards.plot_tools import to_csv
from segstudio.gui.dashboards.tiles import Placeholder, TileRow
from segstudio.gui.session import Session
from segstudio.workflows.training import RunCurves, list_runs, read_run

TILES = {
    "state": ("State", ""),
    "miou": ("Best mIoU", "on the validation split"),
    "accuracy": ("Pixel accuracy", "last validation"),
    "loss": ("Loss", "mean of the last steps"),
}
Points = Sequence[tuple[int, float]]


class RunsView(DashboardPage):
    """Reads the events of runs; the newest is shown first."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.run_choice = QComboBox()
        self.reload_button = QPushButton("Reload")
        self.tiles = TileRow(TILES)
        self.plots = {
            "loss": Plot(session, "Loss"),
            "rate": Plot(session, "Learning rate", digits=5),
            "miou": Plot(session, "mIoU and pixel accuracy, %"),
            "classes": Plot(session, "IoU by class, %"),
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

    def _show(self) -> None:
        project, name = self._session.project, self.run_choice.currentText()
        if project is None or not name:
            self.show_placeholder(True)
            return
        self.read(lambda _: read_run(project.runs_dir / name), self._show_run)

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


class Plot(Chart):
    """A plot over optimiser steps, with a list of its curves and their last values beside it."""

    def __init__(self, session: Session, title: str, digits: int = 1) -> None:
        self._digits = digits
        self._curves: dict[str, Points] = {}
        super().__init__(session, title, vertical_grid=True, least_height=160)
        self._legend = QLabel()
        self._legend.setTextFormat(Qt.TextFormat.RichText)
        self._legend.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.beside.addWidget(self._legend)

    @property
    def legend(self) -> str:
        """The list of curves as HTML; empty for a single curve."""
        return self._legend.text()

    def show_curves(self, curves: dict[str, Points]) -> None:
        """Replaces all curves; a list of them appears from two on, best at the top."""
        self.graph.clear()
        self._curves = {name: points for name, points in curves.items() if points}
        entries = []
        for position, (name, points) in enumerate(self._curves.items()):
            steps, values = zip(*points, strict=True)
            colour = series_colour(position)
            style = Qt.PenStyle.SolidLine if position < len(SERIES) else Qt.PenStyle.DashLine
            words = [f"{name}, step {step}: {value:.{self._digits}f}" for step, value in points]
            self.add_line(steps, values, words, colour, style=style)
            entries.append((values[-1], name, colour.name()))
        rows = "".join(
            f"<tr><td style='color:{colour}'>●&nbsp;</td><td>{html.escape(name)}</td>"
            f"<td align='right'>&nbsp;&nbsp;{value:.{self._digits}f}</td></tr>"
            for value, name, colour in sorted(entries, reverse=True)
        )
        self._legend.setText(f"<table cellspacing='1'>{rows}</table>" if len(entries) > 1 else "")
        self._legend.setVisible(len(entries) > 1)

    def to_csv(self) -> str:
        """A row a step, a column a curve."""
        by_step = [dict(points) for points in self._curves.values()]
        steps = sorted({step for curve in by_step for step in curve})
        rows = ([step, *(curve.get(step) for curve in by_step)] for step in steps)
        return to_csv(("step", *self._curves), rows)


def hundred(points: Points) -> Points:
    """Fractions as percent."""
    return [(step, value * 100) for step, value in points]
