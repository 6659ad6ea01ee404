"""The page of training runs: which there are, how the chosen one goes, and what can be done with it."""

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QColor, QDesktopServices, QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.dashboards.page import DashboardPage
from segstudio.gui.dashboards.tiles import Placeholder, TileRow
from segstudio.gui.panels.parts import Segments
from segstudio.gui.session import Session
from segstudio.gui.training.looking import Look
from segstudio.gui.training.run_head import RunHead
from segstudio.gui.training.run_list import RunList
from segstudio.gui.training.run_notes import RunNotes
from segstudio.gui.training.run_plots import RunPlots
from segstudio.gui.training.run_words import figures
from segstudio.gui.training.watch_view import WatchView
from segstudio.workflows.retrain.runs import RunStatus

TILES = {
    "step": ("Step", ""),
    "time": ("Time", ""),
    "miou": ("Best mIoU", "no validation yet"),
    "loss": ("Loss", "mean of the last steps"),
    "speed": ("Speed", ""),
}
CURVES, PREDICTIONS, NOTES = "curves", "predictions", "notes"
PARTS = (
    (CURVES, "Curves", "Loss, scores, learning rate and classes"),
    (PREDICTIONS, "Predictions", "Held-out samples after each validation"),
    (NOTES, "Notes", "What the run was made with, and what the trainer remarked"),
)
LIST_WIDTH = 280


class RunsPage(DashboardPage):
    """Follows the runs while it is on screen; nothing is read otherwise."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._runs = session.runs
        self.retrain_button = QPushButton("Retrain…")
        self.retrain_button.setProperty("role", "primary")
        self.list = RunList()
        self.list.setFixedWidth(LIST_WIDTH)
        self.head = RunHead()
        self.tiles = TileRow(TILES)
        self.parts = Segments("Part", PARTS)
        self.parts.set_value(CURVES)
        self.plots, self.watch, self.notes = RunPlots(session), WatchView(session), RunNotes()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        self._stack = QStackedWidget()
        for part in (self.plots, self.watch, self.notes):
            self._stack.addWidget(part)
        right = QVBoxLayout()
        right.setSpacing(12)
        choice = QHBoxLayout()
        choice.addWidget(self.parts)
        choice.addStretch(1)
        right.addWidget(self.head)
        right.addWidget(self.tiles)
        right.addLayout(choice)
        right.addWidget(self._stack, 1)
        contents = QWidget()
        row = QHBoxLayout(contents)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(20)
        row.addWidget(self.list)
        row.addLayout(right, 1)
        self.lay_out("Training runs", [self.retrain_button], contents, self._make_placeholder())

    def _make_placeholder(self) -> QWidget:
        self.first_button = QPushButton("Retrain…")
        self.first_button.setProperty("role", "primary")
        words = Placeholder(
            "No runs yet",
            "Retrain on the samples that you have accepted: loss, scores and predictions appear here while"
            " the model learns. Runs of segstudio train below this folder are listed too.",
        )
        # Below the text, in the middle, like everything that is the one next step.
        words.add_step(self.first_button)
        return words

    def _connect(self) -> None:
        runs = self._runs
        for button in (self.retrain_button, self.first_button):
            button.clicked.connect(runs.retrain_asked)
        runs.looked.connect(self._looked)
        self.list.chosen.connect(self._choose)
        self.head.asked.connect(self._do)
        self.parts.chosen.connect(lambda _: self._show_part())
        self._session.project_changed.connect(self.refresh)
        self._session.classes.changed.connect(self.refresh)

    # -- following ----------------------------------------------------------------------------------------

    def show_contents(self) -> None:
        """Shows what is known and looks again."""
        self._looked(self._runs.now)
        self._runs.watch(on=True)

    def showEvent(self, event: QShowEvent) -> None:
        """Follows the runs from now on."""
        super().showEvent(event)
        self._runs.watch(on=True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Reads nothing while nobody looks."""
        super().hideEvent(event)
        self._runs.watch(on=False)

    def _choose(self, path: Path | None) -> None:
        self._runs.choose(path)
        self._looked(self._runs.now)

    def _looked(self, look: Look) -> None:
        if not self.isVisible():
            self._stale = True
            return
        self.show_placeholder(not look.statuses)
        # The empty page has its own, in the middle.
        self.retrain_button.setVisible(bool(look.statuses))
        if self._runs.wanted is not None:
            self.list.choose(self._runs.wanted)
            self._runs.wanted = None
        self.list.show_runs(look.statuses)
        status = look.of(self.list.path)
        if status is None:
            return
        curves = look.curves if look.curves and look.curves.folder == status.run.path else None
        result = look.result_of(status.run.path)
        is_ours = curves is None or look.note is not None
        self.head.show_run(status, has_model=result is not None, is_ours=is_ours)
        for key, (figure, remark) in figures(status, curves).items():
            self._show_figure(key, figure, remark)
        if curves is not None:
            self._show_part()

    def _show_figure(self, key: str, figure: str, remark: str) -> None:
        tile = self.tiles.tiles[key]
        if tile.accessibleDescription() != f"{figure} {remark}":
            tile.show_figure(figure, remark)

    def _show_part(self) -> None:
        look, part = self._runs.now, self.parts.value
        self._stack.setCurrentIndex([name for name, *_ in PARTS].index(part))
        status = look.of(self.list.path)
        if look.curves is None or status is None or look.curves.folder != status.run.path:
            return
        if part == CURVES:
            self.plots.show_run(look.curves, self._colours())
        elif part == PREDICTIONS:
            self.watch.show_run(status.run, len(look.curves.watched))
        else:
            self.notes.show_run(look.curves, look.note, look.result)

    def _colours(self) -> dict[str, QColor]:
        palette = self._session.classes.palette
        return {entry.name: QColor(*entry.rgb) for entry in palette.classes} if palette else {}

    # -- doing --------------------------------------------------------------------------------------------

    @property
    def _status(self) -> RunStatus | None:
        return self._runs.now.of(self.list.path)

    def _do(self, act: str) -> None:
        status, runs = self._status, self._runs
        if status is None:
            return
        run, result = status.run, runs.now.result_of(status.run.path)
        acts: dict[str, Callable[[], object]] = {
            "pause": lambda: runs.pause(run),
            "go_on": lambda: runs.go_on(run),
            "resume": lambda: runs.resume(run),
            "stop": lambda: runs.stop(run),
            "cancel": lambda: runs.cancel(run),
            "remove": lambda: runs.remove(run),
            "earlier": lambda: runs.move(run, -1),
            "later": lambda: runs.move(run, 1),
            "model": lambda: runs.make_model(run),
            "compare": lambda: runs.compare_asked.emit(result.model) if result else None,
            "folder": lambda: QDesktopServices.openUrl(QUrl.fromLocalFile(str(run.path))),
        }
        acts[act]()
