"""The speed dashboard: photos to masks, the model alone, and apart from them what model cards publish."""

import itertools
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QComboBox, QPushButton, QStackedWidget, QWidget

from segstudio.gui.dashboards.page import DashboardPage, fill, stacked
from segstudio.gui.dashboards.plot_tools import Titled
from segstudio.gui.dashboards.speed_table import SpeedRow, SpeedTable
from segstudio.gui.dashboards.stage_bar import StageBar
from segstudio.gui.dashboards.tiles import Placeholder, TileRow
from segstudio.gui.job_bridge import Replies
from segstudio.gui.models.predictions import LANE, Pace
from segstudio.gui.panels.parts import Segments, caption
from segstudio.gui.session import Session
from segstudio.jobs import JobContext
from segstudio.project.sample import Changes, SpeedRecord
from segstudio.workflows.reference import load_reference
from segstudio.workflows.speed import measure_project

if TYPE_CHECKING:
    from segstudio.gui.dashboards.speed_bench import BenchPanel

TILES = {
    "fps": ("Photo to mask", "images a second, stages overlapped"),
    "p50": ("p50", "milliseconds an image"),
    "p95": ("p95", "milliseconds an image"),
    "p99": ("p99", "milliseconds an image"),
    "now": ("Now", "while samples are predicted"),
}
MEASURED = ("When", "Model", "Backend", "Device", "Size", "Images", "p50 ms", "p95 ms", "p99 ms", "FPS")
PUBLISHED = ("Platform", "Network", "Batch", "FPS")


PARTS = (
    ("photos", "Photo to mask", "On the images of this project, from the file to the file"),
    ("model", "Model alone", "Pixels in memory to ids in memory, as trtexec times"),
    ("cards", "Published", "What model cards publish, on their hardware"),
)


class SpeedView(DashboardPage):
    """Three parts: this project's photos, the model alone, and apart from both what model cards publish."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._published = load_reference().speed
        self.parts = Segments("Part", PARTS)
        self.measure_button = QPushButton("Measure")
        self.tiles = TileRow(TILES)
        self.stages = StageBar()
        self.measured = SpeedTable("Measured speeds", MEASURED, left=5)
        self.time_button = QPushButton("Time this model")
        self.bench: BenchPanel | None = None
        self.card_choice = QComboBox()
        self.published = SpeedTable("Published speeds", PUBLISHED, left=2)
        self.protocol = caption("", "small", wrap=True)
        self._photos, self._stack = QStackedWidget(), QStackedWidget()
        self._model_alone, self._room = stacked(0)
        self._lay_out()
        self.follow(self.measure_button, "Measure")
        self.measure_button.clicked.connect(self._measure)
        self.parts.chosen.connect(self.show_part)
        self.card_choice.activated.connect(lambda _: self._show_card())
        fill(self.card_choice, list(dict.fromkeys(row.name for row in self._published)))
        session.predictions.paced.connect(self._show_pace)
        # However it ends: a cancelled prediction is over, too.
        session.bridge.finished.connect(lambda job: self._show_rest() if job.lane == LANE else None)
        session.project_changed.connect(self._show_rest)
        self._show_card()
        self.show_part("photos")

    def _show_pace(self, pace: Pace) -> None:
        """Says how fast the model answers while it predicts."""
        self._photos.setCurrentIndex(0)
        remark = f"last one {pace.milliseconds:.0f} ms, {pace.model} alone"
        self.tiles.show_figure("now", f"{pace.fps:.1f} FPS", remark)

    def _show_rest(self) -> None:
        self.tiles.show_figure("now", "–", TILES["now"][1])

    def _lay_out(self) -> None:
        for button in (self.measure_button, self.time_button):
            button.setProperty("role", "primary")
        self.measure_button.setToolTip("Time the chosen model on the images of this project")
        self.card_choice.setMinimumWidth(260)
        self.card_choice.setAccessibleName("Model card")
        here, inner = stacked(12)
        inner.addWidget(self.tiles)
        session, figures = self._session, self.measured.rows.to_csv
        inner.addWidget(Titled(session, "Where the time of one image goes", self.stages, self.stages.to_csv))
        inner.addWidget(Titled(session, "Measured on this machine", self.measured, figures), 1)
        self._photos.addWidget(here)
        self._photos.addWidget(
            Placeholder(
                "Nothing measured yet",
                "Press Measure to time the chosen model on this project's images: decoding, inference and "
                "writing, with percentiles.",
            )
        )
        for part in (self._photos, self._model_alone, self._cards()):
            self._stack.addWidget(part)
        controls = [self.parts, self.card_choice, self.time_button, self.measure_button]
        self.lay_out("Speed", controls, self._stack, QWidget())
        # Who comes to the page stands on what it is for.
        chain = (self.measure_button, *self.parts.buttons.values())
        for before, after in itertools.pairwise(chain):
            QWidget.setTabOrder(before, after)

    def _cards(self) -> QWidget:
        cards, inner = stacked(12)
        inner.addWidget(self.protocol)
        figures = self.published.rows.to_csv
        inner.addWidget(Titled(self._session, "Published figures", self.published, figures), 1)
        return cards

    def show_part(self, name: str) -> None:
        """Shows one part, by its key in PARTS, with the button that belongs to it."""
        keys = [key for key, _, _ in PARTS]
        controls = dict(zip(keys, (self.measure_button, self.time_button, self.card_choice), strict=True))
        self.parts.set_value(name)
        self._stack.setCurrentIndex(keys.index(name))
        shown = controls.pop(name)
        shown.setVisible(True)
        if any(control.hasFocus() for control in controls.values()):
            shown.setFocus()
        for control in controls.values():
            control.setVisible(False)
        if name == "model":
            self._show_bench()

    def _show_bench(self) -> None:
        if self.bench is None:
            # Imported here: plots load slowly, and the other parts have none.
            from segstudio.gui.dashboards.speed_bench import BenchPanel

            self.bench = BenchPanel(self._session, self.time_button)
            self._room.addWidget(self.bench)
        self.bench.load()

    def _measure(self) -> None:
        session = self._session
        project, entry = session.project, session.predictions.entry
        if project is None or entry is None:
            return
        backend = session.settings.text("backend")

        def work(context: JobContext) -> Changes:
            record = measure_project(project, entry.name, backend, context, in_window=True)
            return project.record_speed(replace(record, when=time.strftime("%Y-%m-%d %H:%M")))

        replies = Replies(done=session.note, failed=session.explain)
        session.bridge.start(f"Measure {entry.name}", work, lane=LANE, replaces="measure", replies=replies)

    def show_contents(self) -> None:
        """Shows what is stored, the newest measurement in large."""
        project = self._session.project
        records = project.speeds() if project is not None else []
        self._photos.setCurrentIndex(0 if records else 1)
        if self.bench is not None and self.parts.value == "model":
            self.bench.load()
        self.measured.rows.show_rows([measured_row(record) for record in records])
        if records:
            newest = records[0]
            self.tiles.show_figure("fps", f"{newest.fps:.1f} FPS", f"{newest.model}, {newest.backend}")
            for key, value in (("p50", newest.p50), ("p95", newest.p95), ("p99", newest.p99)):
                self.tiles.show_figure(key, f"{value:.1f} ms")
            self.stages.show_stages(newest.stages)

    def _show_card(self) -> None:
        chosen = [row for row in self._published if row.name == self.card_choice.currentText()]
        self.published.rows.show_rows(
            [SpeedRow((row.platform, row.name, str(row.batch), f"{row.fps:g}"), row.fps) for row in chosen]
        )
        if chosen:
            self.protocol.setText(
                f"{chosen[0].source}: {chosen[0].protocol}. Other hardware and another protocol than yours: "
                "for orientation, not for ranking."
            )


def measured_row(record: SpeedRecord) -> SpeedRow:
    """One measurement as a row."""
    milliseconds = (f"{value:.1f}" for value in (record.p50, record.p95, record.p99))
    size = f"{record.width}×{record.height}"
    names = (record.when, record.model, record.backend, record.device)
    texts = (*names, size, str(record.images), *milliseconds, f"{record.fps:.1f}")
    stages = ", ".join(f"{name} {value:.1f} ms" for name, value in record.stages.items())
    return SpeedRow(texts, record.fps, stages)
