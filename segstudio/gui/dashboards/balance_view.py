"""Class balance: pixels and regions of every class in the masks, train against val, on a log scale."""

import html
import math
from collections.abc import Sequence
from typing import Any

from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui.dashboards.bar_table import BarRow, BarTable, BarTableModel
from segstudio.gui.dashboards.bars import Bar
from segstudio.gui.dashboards.chart import swatch
from segstudio.gui.dashboards.class_table import thousands
from segstudio.gui.dashboards.plot_colours import class_colours, series_colour, theme_of
from segstudio.gui.dashboards.plot_tools import Titled, to_csv
from segstudio.gui.job_bridge import Replies
from segstudio.gui.lanes import MEASURE_LANE
from segstudio.gui.panels.parts import Segments, caption
from segstudio.gui.session import Session
from segstudio.jobs import Job
from segstudio.project.project import Project
from segstudio.workflows.class_balance import RARE_MASKS, ClassBalance, count_masks

WHATS = (
    ("pixels", "Pixels", "Pixels of each class"),
    ("regions", "Regions", "Connected regions of each class"),
    ("holding", "Masks", "Masks that hold each class"),
)
HEADINGS = ("Class", "All", "Train", "Val")
TRAIN, VAL = 0, 2
# More names than these are counted, not read.
NAMED = 8


class BalanceView(QWidget):
    """A row a class with two bars; below, the classes that are rare or that training never sees."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._job: Job[Any] | None = None
        self._found: ClassBalance | None = None
        self.whats = Segments("Count", WHATS)
        self.whats.set_value("pixels")
        self.whats.chosen.connect(lambda _: self._show())
        self.table = BarTable("Class balance of the masks", BarTableModel(HEADINGS, 1))
        self.note = caption("", "small", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(
            Titled(session, "Classes in masks", self.table, self.to_csv, controls=[self.whats]), 1
        )
        layout.addWidget(self.note)
        session.closing.connect(self._stop)

    def count(self, project: Project) -> None:
        """Counts masks that are new or changed, then shows the sums; another project's answer is dropped."""

        def done(found: ClassBalance) -> None:
            if project is self._session.project:
                self._found = found
                self._show()

        if self._found is None:
            self.note.setText("Counting the masks …")
        self._job = self._session.bridge.start(
            "Count the classes of the masks",
            lambda context: count_masks(project, context),
            lane=MEASURE_LANE,
            replaces="class balance",
            replies=Replies(done=done, failed=self._session.explain),
        )

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
        self._job = self._found = None
        self.table.rows.show_bars([])

    def _show(self) -> None:
        if self._found is None:
            return
        theme = theme_of(self.palette())
        splits = (("train", TRAIN), ("val", VAL)) if self._found.has_splits else ()
        key = "".join(
            f"{swatch(name, series_colour(number), theme, '■')}&nbsp;&nbsp; " for name, number in splits
        )
        self.table.rows.show_bars(self._rows(self._found))
        self.note.setText(f"{key}Bars are logarithmic. {html.escape(told(self._found))}")

    def _rows(self, found: ClassBalance) -> list[BarRow]:
        everything, train, val = found.all, found.of("train"), found.of("val")
        name = self.whats.value
        totals, trained, checked = (getattr(one, name).tolist() for one in (everything, train, val))
        most = math.log1p(max(totals, default=0)) or 1.0
        project = self._session.project
        colours = class_colours(project.palette) if project else []
        rows = []
        for class_id in sorted(range(len(found.names)), key=lambda one: -totals[one]):
            counts = totals[class_id], trained[class_id], checked[class_id]
            bars = [
                ((math.log1p(count) / most, series_colour(colour)),)
                for count, colour in ((counts[1], TRAIN), (counts[2], VAL))
            ]
            tip = f"{found.names[class_id]}: {counts[0]:,} {name}, train {counts[1]:,}, val {counts[2]:,}"
            bar = Bar(bars[0], below=bars[1])
            if not found.has_splits:
                bar = Bar(((math.log1p(counts[0]) / most, series_colour(TRAIN)),))
            texts = (found.names[class_id], *(thousands(count) for count in counts))
            colour = colours[class_id] if class_id < len(colours) else None
            rows.append(BarRow(texts, bar, tip, "", colour))
        return rows

    def to_csv(self) -> str:
        """A row a class, with all counts."""
        if self._found is None:
            return ""
        splits = [
            ("all", self._found.all),
            *((name or "none", one) for name, one in self._found.by_split.items()),
        ]
        headings = [f"{what}_{split}" for split, _ in splits for what, _, _ in WHATS]
        columns = [getattr(one, what).tolist() for _, one in splits for what, _, _ in WHATS]
        return to_csv(("class", *headings), list(zip(self._found.names, *columns, strict=True)))


def told(found: ClassBalance) -> str:
    """What stands out, in sentences."""
    if not found.all.masks:
        return "No masks yet: draw or accept one, and its classes are counted here."
    masks = found.all.masks
    sentences = [f"{masks} mask{'' if masks == 1 else 's'}."]
    if not found.has_splits:
        sentences.append("No sample is in train or val yet: bars are all masks.")
    if found.unlearnt:
        sentences.append(f"In val, but in no mask of train: {named(found.unlearnt)}.")
    if found.rare:
        sentences.append(f"Rare, in fewer than {RARE_MASKS} masks: {named(found.rare)}.")
    if found.absent:
        sentences.append(f"In no mask: {named(found.absent)}.")
    if found.unreadable:
        sentences.append(f"Masks that cannot be read: {named(found.unreadable)}.")
    return " ".join(sentences)


def named(names: Sequence[str]) -> str:
    """Names with commas; the first ones of many."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more
