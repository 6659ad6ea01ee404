"""The part of the speed dashboard on the model alone: bench runs of this machine, timed from here too."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import QModelIndex
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from segstudio.gui.dashboards.page import stacked
from segstudio.gui.dashboards.speed_plot import SpeedPlot
from segstudio.gui.dashboards.speed_table import SpeedRow, SpeedTable
from segstudio.gui.dashboards.stage_bar import StageBar
from segstudio.gui.dashboards.tiles import Placeholder
from segstudio.gui.job_bridge import Replies
from segstudio.gui.models.child_commands import command, in_window, result_of
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.jobs import Job
from segstudio.workflows.bench import BenchRow
from segstudio.workflows.bench_history import BenchRecord, History, read_history
from segstudio.workflows.bench_report import latency_plots, throughput_plots
from segstudio.workflows.machine import Machine, this_machine

TIMED = ("When", "Model", "Backend", "Precision", "Size", "Batch", "p50 ms", "p99 ms", "Varied by", "FPS")
WORDS = 5
SIZES = ("1024x512", "512x512", "1024x1024", "2048x1024", "512x512,1024x512,1024x1024")
BATCHES = ("1,2,4", "1", "1,2,4,8,16")
TIME, STOP = "Time this model", "Stop"


@dataclass(frozen=True)
class Known:
    """What is kept, and the machine that this is."""

    machine: Machine
    history: History

    @property
    def here(self) -> list[BenchRecord]:
        """Records of this machine, newest first."""
        return self.history.by_machine().get(self.machine, [])


class BenchPanel(QWidget):
    """Plots and stages of one run, and a table of all runs of this machine."""

    def __init__(self, session: Session, time_button: QPushButton) -> None:
        """The button, wherever it stands, starts the timing and stops it."""
        super().__init__()
        self._session = session
        self._job: Job[Any] | None = None
        self._known: Known | None = None
        self._shown: list[BenchRecord] = []
        self.time_button = time_button
        self.copy_button = QPushButton("Copy as CSV")
        self.size_choice, self.batch_choice = QComboBox(), QComboBox()
        self.throughput = SpeedPlot(session, "Throughput")
        self.latency = SpeedPlot(session, "Latency")
        self.stages = StageBar()
        self.stages_caption = caption("", "heading")
        self.timed = SpeedTable("Timed models", TIMED, left=WORDS)
        self.note = caption("", "small", wrap=True)
        self._body = QStackedWidget()
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        contents, inner = stacked(10)
        plots = QHBoxLayout()
        plots.setSpacing(12)
        plots.addWidget(self.throughput, 1)
        plots.addWidget(self.latency, 1)
        inner.addLayout(plots, 3)
        inner.addWidget(self.stages_caption)
        inner.addWidget(self.stages)
        inner.addWidget(caption("Runs on this machine", "heading"))
        inner.addWidget(self.timed, 2)
        inner.addWidget(self.note)
        self._body.addWidget(contents)
        self._body.addWidget(
            Placeholder(
                "Nothing timed yet",
                "Press Time this model: it times the chosen model alone on drawn scenes, as trtexec does, at "
                "the sizes and batches above, and keeps the figures of this machine.",
            )
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(12)
        layout.addLayout(self._controls())
        layout.addWidget(self._body, 1)

    def _controls(self) -> QHBoxLayout:
        self.time_button.setToolTip("Run segstudio bench on the chosen model, in a process of its own")
        controls = QHBoxLayout()
        controls.setSpacing(8)
        for box, texts, name in ((self.size_choice, SIZES, "Sizes"), (self.batch_choice, BATCHES, "Batches")):
            box.addItems([text.replace("x", "×").replace(",", ", ") for text in texts])
            box.setAccessibleName(name)
            controls.addWidget(caption(name, "muted"))
            controls.addWidget(box)
        controls.addStretch(1)
        controls.addWidget(self.copy_button)
        return controls

    def _connect(self) -> None:
        session = self._session
        self.time_button.clicked.connect(self._press)
        self.copy_button.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.to_csv()))
        self.timed.selectionModel().currentRowChanged.connect(self._choose)
        session.predictions.models_changed.connect(self._enable)
        session.project_changed.connect(self._enable)
        session.bridge.finished.connect(self._ended)
        self._enable()

    def _enable(self) -> None:
        entry = self._session.predictions.entry
        self.time_button.setEnabled(self._job is not None or entry is not None)
        self.time_button.setText(TIME if self._job is None else STOP)

    # -- timing -------------------------------------------------------------------------------------------

    def arguments(self) -> list[str]:
        """The words of the child process that times the chosen model."""
        entry = self._session.predictions.entry
        assert entry is not None
        size, batch = SIZES[self.size_choice.currentIndex()], BATCHES[self.batch_choice.currentIndex()]
        backend = self._session.settings.text("backend")
        options = ["--size", size, "--batch", batch, "--backend", backend, "--profile", "--json-events"]
        return command("bench", str(entry.folder), *options)

    def _press(self) -> None:
        if self._job is not None:
            self._job.cancel()
            return
        entry = self._session.predictions.entry
        if entry is None:
            return
        words = self.arguments()
        replies = Replies(
            done=lambda _: self.load(), failed=lambda error: self._session.explain(in_window(error))
        )
        self._job = self._session.bridge.start(
            f"Time {entry.name}", lambda context: result_of(words, context), lane="gpu", replies=replies
        )
        self._enable()

    def _ended(self, job: Job[Any]) -> None:
        if job is self._job:
            self._job = None
            self._enable()

    # -- what is shown ------------------------------------------------------------------------------------

    def load(self) -> None:
        """Reads what is kept, in a worker: it also asks which GPU there is."""
        replies = Replies(done=self._show, failed=self._session.explain)
        self._session.bridge.start(
            "Read the kept speeds",
            lambda _: Known(this_machine(), read_history()),
            replaces="speeds",
            replies=replies,
        )

    def _show(self, known: Known) -> None:
        self._known = known
        pairs = [(record, row) for record in known.here for row in record.result.rows]
        self._shown = [record for record, _ in pairs]
        self.timed.rows.show_rows([timed_row(record, row) for record, row in pairs])
        self._body.setCurrentIndex(0 if pairs else 1)
        self.copy_button.setEnabled(bool(pairs))
        elsewhere = len(known.history.records) - len(known.here)
        apart = f" Runs of other machines: {elsewhere}, see segstudio bench --history." if elsewhere else ""
        broken = f" Lines that are no records: {known.history.skipped}." if known.history.skipped else ""
        self.note.setText(f"Pixels in memory to ids in memory, on {known.machine}.{apart}{broken}")
        if pairs:
            self.show_run(self._shown[0])

    def _choose(self, current: QModelIndex, _before: QModelIndex) -> None:
        if current.isValid():
            self.show_run(self._shown[current.row()])

    def show_run(self, record: BenchRecord) -> None:
        """Draws one run: over its batches or sizes, and where its time goes."""
        rows = record.result.rows
        latency = latency_plots(rows)[0]
        swept = throughput_plots(rows)
        self.latency.show_plot(latency)
        self.throughput.setVisible(bool(swept))
        if swept:
            self.throughput.show_plot(swept[0])
        told = next((row for row in rows if row.stages), None)
        for widget in (self.stages, self.stages_caption):
            widget.setVisible(told is not None)
        if told is not None and told.stages:
            self.stages_caption.setText(
                f"Where the time of a call goes: {told.width}×{told.height}, batch {told.batch}, p50"
            )
            median = told.latency_ms["p50"]
            self.stages.show_stages(
                {name: share * median for name, share in told.stages.items() if share >= 0.005}
            )

    def to_csv(self) -> str:
        """All rows of this machine, with a heading."""
        rows = [
            (record, row)
            for record in (self._known.here if self._known else [])
            for row in record.result.rows
        ]
        lines = [",".join(TIMED), *(",".join(timed_row(record, row).texts) for record, row in rows)]
        return "\n".join(lines) + "\n"


def timed_row(record: BenchRecord, row: BenchRow) -> SpeedRow:
    """One size and batch of a run as a row."""
    result = record.result
    median, tail = (f"{row.latency_ms[name]:.1f}" for name in ("p50", "p99"))
    texts = (
        local_time(record.when), result.model, result.backend, result.precision,
        f"{row.width}×{row.height}", str(row.batch), median, tail,
        f"{100 * row.variation:.0f} %", f"{row.fps:.1f}",
    )  # fmt: skip
    calls = f"{row.runs} calls, {result.lanes} at a time, {result.threads} threads"
    return SpeedRow(texts, row.fps, f"{result.backend} {result.backend_version} on {result.device}: {calls}")


def local_time(when: str) -> str:
    """A kept time on the clock of this machine, to the minute; as it is where it is none."""
    try:
        return datetime.fromisoformat(when).astimezone().strftime("%Y-%m-%d %H:%M")
    except ValueError:
        return when
