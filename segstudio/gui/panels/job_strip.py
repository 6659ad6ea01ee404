"""What runs in the background, at the right end of the status bar: title, progress, cancel."""

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QWidget

from segstudio.gui.correcting.cell_finder import LANE as CELLS
from segstudio.gui.icons import Icons
from segstudio.gui.job_bridge import JobBridge
from segstudio.gui.lanes import DASHBOARD_LANE, LIST_LANE
from segstudio.gui.panels.parts import SteadyLabel, icon_button
from segstudio.gui.samples.pictures import LANE as THUMBNAILS
from segstudio.gui.training.training_runs import LOOK_LANE
from segstudio.jobs import Job

# Work that lasts a blink would only flicker here.
QUIET_LANES = frozenset({"io", THUMBNAILS, LIST_LANE, DASHBOARD_LANE, CELLS, LOOK_LANE})
QUIET_TITLES = frozenset({"Save"})
STEPS = 1000
TEXT_WIDTH = 320


class JobStrip(QWidget):
    """Shows the oldest running Job and how many wait behind it."""

    def __init__(self, bridge: JobBridge, icons: Icons) -> None:
        super().__init__()
        self._jobs: dict[Any, Job[Any]] = {}
        self._text = SteadyLabel(TEXT_WIDTH)
        self._text.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._text.setProperty("role", "strong")
        self._bar = QProgressBar()
        self._bar.setFixedWidth(120)
        self._bar.setTextVisible(False)
        self._bar.setAccessibleName("Progress")
        self._more = QLabel()
        self.cancel_button = icon_button(icons, "x", "Cancel this job", role="muted")
        self.cancel_button.clicked.connect(self.cancel)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self._text, self._bar, self._more, self.cancel_button):
            layout.addWidget(widget)
        self.hide()
        bridge.started.connect(self._started)
        bridge.progressed.connect(self._progressed)
        bridge.finished.connect(self._finished)

    @property
    def current(self) -> Job[Any] | None:
        """The Job that is shown."""
        return next(iter(self._jobs.values()), None)

    def cancel(self) -> None:
        """Asks the Job that is shown to stop."""
        if self.current is not None:
            self.current.cancel()
            self._text.setText(f"Stopping: {self.current.title}")

    def _started(self, job: Job[Any]) -> None:
        if job.lane not in QUIET_LANES and job.title not in QUIET_TITLES:
            self._jobs[job.id] = job
            self._show()

    def _progressed(self, job: Job[Any]) -> None:
        if job is self.current:
            self._show()

    def _finished(self, job: Job[Any]) -> None:
        if self._jobs.pop(job.id, None) is not None:
            self._show()

    def _show(self) -> None:
        job = self.current
        self.setVisible(job is not None)
        if job is None:
            return
        known = bool(job.total)
        self._bar.setRange(0, STEPS if known else 0)
        if known:
            self._bar.setValue(round(STEPS * min(job.done / job.total, 1.0)))
        self._text.setText(f"{job.title}  ·  {job.text}" if job.text else job.title)
        waiting = len(self._jobs) - 1
        self._more.setText(f"+{waiting}" if waiting else "")
