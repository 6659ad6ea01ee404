"""The curves of a run; after each look one plot after the other is drawn, so that nothing waits for all."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence

from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QGridLayout, QWidget

from segstudio.gui.dashboards.plot_colours import series_colour
from segstudio.gui.session import Session
from segstudio.gui.training.class_curves import ClassCurves
from segstudio.gui.training.curve_chart import MOST_POINTS, CurveChart, smoothed, thinned
from segstudio.workflows.training import Points, RunCurves

# From one plot to the next: events of the mouse come in between.
APART_MS = 30
PALE = 0.3


class RunPlots(QWidget):
    """Loss, mIoU, learning rate, and IoU by class."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.loss = CurveChart(session, "Loss")
        self.miou = CurveChart(session, "mIoU and pixel accuracy, %", digits=1, percent=True)
        self.rate = CurveChart(session, "Learning rate", digits=6)
        self.classes = ClassCurves(session)
        self.miou.name_lines({"mIoU": series_colour(0), "pixel accuracy": series_colour(1)}, "%")
        self._shown: RunCurves | None = None
        self._loss: tuple[Points, dict[str, Sequence[tuple[int, float]]]] = ((), {})
        self._waiting: deque[Callable[[], None]] = deque()
        self._timer = QTimer(self, interval=APART_MS)
        self._timer.timeout.connect(self._draw_next)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setSpacing(12)
        for place, chart in enumerate((self.loss, self.miou, self.rate)):
            grid.addWidget(chart, 0, place)
            grid.setColumnStretch(place, 1)
        grid.addWidget(self.classes, 1, 0, 1, 3)
        grid.setRowStretch(0, 2)
        grid.setRowStretch(1, 3)

    def show_run(self, run: RunCurves, colours: Mapping[str, QColor]) -> None:
        """Shows the curves as they are now; `colours` are those of the palette's classes by name."""
        before, self._shown = self._shown, run
        if before is None or before.folder != run.folder:
            # Another run: its plots come at once, as the user waits for them.
            self._waiting.clear()
            for draw in self._drawings(run, colours):
                draw()
            return
        self._waiting = deque(self._drawings(run, colours))
        if not self._timer.isActive():
            self._timer.start()

    @property
    def is_drawing(self) -> bool:
        """Whether plots wait for their turn."""
        return self._timer.isActive()

    def _draw_next(self) -> None:
        if self._waiting:
            self._waiting.popleft()()
        else:
            self._timer.stop()

    def _drawings(self, run: RunCurves, colours: Mapping[str, QColor]) -> list[Callable[[], None]]:
        scores = {"mIoU": run.miou, "pixel accuracy": run.accuracy}
        shades = {"mIoU": series_colour(0), "pixel accuracy": series_colour(1)}
        rate = {"learning rate": run.learning_rate}
        return [
            lambda: self._draw_loss(run),
            lambda: self.miou.show_curves(scores, shades, run.steps),
            lambda: self.rate.show_curves(rate, {"learning rate": series_colour(2)}, run.steps),
            lambda: self.classes.show_curves(run.class_iou, colours, run.steps),
        ]

    def _draw_loss(self, run: RunCurves) -> None:
        if self._loss[0] is not run.loss:
            few = list(thinned(run.loss, MOST_POINTS))
            self._loss = run.loss, {"loss": few, "smoothed": smoothed(few) if len(few) > 1 else []}
        self.loss.show_curves(self._loss[1], {"loss": pale(), "smoothed": series_colour(0)}, run.steps)


def pale() -> QColor:
    """The colour of single values behind their mean."""
    colour = series_colour(0)
    colour.setAlphaF(PALE)
    return colour
