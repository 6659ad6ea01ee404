"""The progress dashboard: samples by status, by day and by person, and how often each class was drawn."""

from collections.abc import Mapping, Sequence

from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout

from segstudio.gui.dashboards.balance_view import BalanceView
from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.page import DashboardPage, stacked
from segstudio.gui.dashboards.plot_colours import theme_of
from segstudio.gui.dashboards.plot_tools import Titled
from segstudio.gui.dashboards.stage_bar import Part, PartsBar
from segstudio.gui.dashboards.tiles import Placeholder, TileRow
from segstudio.gui.panels.parts import caption
from segstudio.gui.samples.sample_book import STATUS_ROLE, STATUS_TEXT
from segstudio.gui.session import Session
from segstudio.project.sample import Changes, SampleStatus
from segstudio.workflows.labelling import Labelling, duration
from segstudio.workflows.progress import Day, Progress, progress_of

TILES = {
    "done": ("Done", "submitted or accepted"),
    "open": ("Open", "samples that need work"),
    "rejected": ("Rejected", "go back to who drew them"),
    "pace": ("Pace", "done a day, last 7 days with work"),
}
DAYS = ("Day", "Done", "Changed")
PEOPLE = ("Who", "Submitted", "Accepted", "Rejected", "Active", "A sample")
# Days over which the pace is a mean.
WEEK = 7


class ProgressView(DashboardPage):
    """Follows everything that moves samples, but reads it only while on screen."""

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.tiles = TileRow(TILES)
        self.statuses = PartsBar("Samples by status")
        self.days = BarTable("Samples by the day of their last change", BarTableModel(DAYS, 1))
        self.people = BarTable("Who did what", BarTableModel(PEOPLE, 1))
        self.nobody = caption(
            "Submits, verdicts and saves of masks appear here, by person.", "small", wrap=True
        )
        self.balance = BalanceView(session)
        self._lay_out()
        self.follow()

    def _lay_out(self) -> None:
        session = self._session
        left, rows = stacked(12)
        days = Titled(session, "By the day of their last change", self.days, self.days.rows.to_csv)
        people = Titled(session, "Who did what", self.people, self.people.rows.to_csv)
        rows.addWidget(days, 3)
        rows.addWidget(people, 2)
        rows.addWidget(self.nobody)
        below = QHBoxLayout()
        below.setSpacing(16)
        below.addWidget(left, 1)
        below.addWidget(self.balance, 1)
        contents, inner = stacked(12)
        inner.addWidget(self.tiles)
        inner.addWidget(Titled(session, "Samples by status", self.statuses, self.statuses.to_csv))
        inner.addLayout(below, 1)
        placeholder = Placeholder(
            "No samples yet", "Put images into the folder and press F5: their progress appears here."
        )
        self.lay_out("Progress", [], contents, placeholder)

    def _changed(self, changes: Changes) -> None:
        if changes.samples or changes.statuses or changes.masks or changes.reviews:
            self.refresh()

    def show_contents(self) -> None:
        """Reads all samples; then counts the classes of masks that are new or another."""
        project = self._session.project
        if project is None:
            self.show_placeholder(True)
            return
        self.read(lambda _: progress_of(project.review.marks(), project.review.records()), self._show)
        self.balance.count(project)

    def _show(self, found: Progress) -> None:
        self.show_placeholder(not found.samples)
        self._show_tiles(found)
        theme = theme_of(self.palette())
        colours = {status: theme.colour(STATUS_ROLE[status]) for status in SampleStatus}
        self.statuses.show_parts(
            [
                Part(
                    STATUS_TEXT[status],
                    count,
                    f"{count} ({count / found.samples * 100:.0f} %)",
                    colours[status],
                )
                for status, count in found.by_status.items()
            ]
        )
        self.days.rows.show_bars(day_rows(found.days, colours))
        self.people.rows.show_bars(person_rows(found.people, colours))
        self.nobody.setVisible(not found.people)

    def _show_tiles(self, found: Progress) -> None:
        share = found.done / found.samples if found.samples else 0.0
        self.tiles.show_figure("done", f"{share * 100:.0f} %", f"{found.done} of {found.samples} samples")
        closed = (SampleStatus.SKIPPED, SampleStatus.REJECTED)
        rest = found.samples - found.done - sum(found.by_status.get(status, 0) for status in closed)
        self.tiles.show_figure("open", str(rest))
        self.tiles.show_figure("rejected", str(found.by_status.get(SampleStatus.REJECTED, 0)))
        worked = [day.done for day in found.days if day.done][:WEEK]
        self.tiles.show_figure("pace", f"{sum(worked) / len(worked):.1f}" if worked else "–")


Colours = Mapping[SampleStatus, QColor]


def day_rows(days: Sequence[Day], colours: Colours) -> list[BarRow]:
    """Days with a bar of their samples by status; the fullest day is a whole bar."""
    most = max((sum(day.by_status.values()) for day in days), default=1)
    return [
        BarRow(
            (day.day.isoformat(), str(day.done), str(sum(day.by_status.values()))),
            _bar(day.day.isoformat(), day.by_status, most, colours),
        )
        for day in days
    ]


def person_rows(people: Sequence[Labelling], colours: Colours) -> list[BarRow]:
    """People with what they did; who submitted most, or was judged most, has a whole bar."""
    most = max((max(one.submitted, one.accepted + one.rejected) for one in people), default=1) or 1
    rows = []
    for one in people:
        each = one.seconds_per_sample
        counts = {
            SampleStatus.ACCEPTED: one.accepted,
            SampleStatus.REJECTED: one.rejected,
            SampleStatus.SUBMITTED: max(one.submitted - one.accepted - one.rejected, 0),
        }
        texts = (
            one.person, str(one.submitted), str(one.accepted), str(one.rejected),
            duration(one.effort.seconds), "–" if each is None else duration(each),
        )  # fmt: skip
        tip = f"{one.person}: {one.reviewed} verdicts given, {one.effort.strokes:,} strokes"
        bar = _bar(one.person, counts, most, colours)
        rows.append(BarRow(texts, Bar(bar.parts), tip))
    return rows


def _bar(name: str, by_status: Mapping[SampleStatus, int], most: int, colours: Colours) -> Bar:
    parts = tuple((count / most, colours[status]) for status, count in by_status.items())
    tips = tuple(f"{name}, {STATUS_TEXT[status]}: {count}" for status, count in by_status.items())
    return Bar(parts, tips=tips)
