"""The views of true regions by size and by place in the image: how many are found, and which are not."""

import math
from collections.abc import Sequence

from PySide6.QtGui import QColor

from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.counted import CountedView, Scope
from segstudio.gui.failures.facts import percent, pixels
from segstudio.gui.failures.lines import Line, LinesTable
from segstudio.gui.panels.parts import Segments
from segstudio.gui.session import Session
from segstudio.metrics.strata import Stratum, by_area, by_band, by_height
from segstudio.query import quoted

FOUND, REGIONS, MISSED, PIXELS = "Found", "Regions", "Missed", "Pixels"
TIPS = (
    "",
    "The mean share of a region that was predicted right",
    "The same as a bar",
    "Regions of the truth",
    "Regions of which less than a tenth is right",
    "Pixels of these regions",
)
BAR = 2


class StrataTable(LinesTable):
    """Regions in groups, the bar is the mean share that was found."""

    def __init__(self, name: str, first: str) -> None:
        super().__init__(name, (first, FOUND, "", REGIONS, MISSED, PIXELS), BAR, TIPS)


class SizesView(CountedView):
    """By the height of their boxes or by area, the regions of the query's class."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__(session, book)
        self.by = Segments(
            "Size",
            [
                ("height", "By height", "Groups of fixed heights in pixels"),
                ("area", "By area", "Tenths of the regions, smallest first"),
            ],
        )
        self.by.set_value("height")
        self.by.chosen.connect(lambda _: self.refresh())
        self.table = StrataTable("Regions by size", "Height")
        self.table.asked.connect(self.narrowed)
        self.table.entered.connect(self.gallery_asked)
        self.column.insertWidget(0, self.by)
        self.column.addWidget(self.table, 1)

    def count(self) -> None:
        """Counts the regions in groups of their size."""
        group = by_area if self.by.value == "area" else by_height
        self.work(lambda scope: group(scope.failures.evaluation.regions, scope.regions), self._show)

    def _show(self, scope: Scope, found: tuple[Stratum, ...]) -> None:
        area = self.by.value == "area"
        word, unit = ("true_area", "px") if area else ("true_height", "px high")
        lines = [
            _line(scope, part, word, f"{_span(part)} {unit}", self.colour(scope.class_id)) for part in found
        ]
        headings = ("Area" if area else "Height", *self.table.rows.headings[1:])
        self.table.show_lines(lines, headings)
        self.head.setText(_head(scope, found))


class RowsView(CountedView):
    """By the place between the top and the bottom of the image."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__(session, book)
        self.table = StrataTable("Regions by place in the image", "Height in the image")
        self.table.asked.connect(self.narrowed)
        self.table.entered.connect(self.gallery_asked)
        self.column.addWidget(self.table, 1)

    def count(self) -> None:
        """Counts the regions in tenths of the image's height."""
        self.work(
            lambda scope: by_band(
                scope.failures.region_places, scope.failures.evaluation.regions, scope.regions
            ),
            self._show,
        )

    def _show(self, scope: Scope, found: tuple[Stratum, ...]) -> None:
        ends = {0: " (top)", len(found) - 1: " (bottom)"}
        names = [
            f"{part.low * 100:.0f}–{part.high * 100:.0f} %{ends.get(number, '')}"
            for number, part in enumerate(found)
        ]
        colour = self.colour(scope.class_id)
        pairs = zip(found, names, strict=True)
        self.table.show_lines([_line(scope, part, "row", name, colour) for part, name in pairs])
        self.head.setText(_head(scope, found))


def _span(part: Stratum) -> str:
    low, high = round(part.low), part.high
    if math.isinf(high):
        return f"{low:,} and more"
    return f"under {round(high):,}" if low == 0 else f"{low:,}–{round(high) - 1:,}"


def _line(scope: Scope, part: Stratum, word: str, name: str, colour: QColor | None) -> Line:
    conditions = [f"{word}>={part.low:.10g}"] if part.low > 0 else []
    if not math.isinf(part.high) and not (word == "row" and part.high >= 1):
        conditions.append(f"{word}<{part.high:.10g}")
    if scope.class_id is not None:
        conditions.insert(0, f"gt={quoted(scope.class_name)}")
    found, missed = percent(part.found), percent(part.missed)
    tip = f"{scope.class_name}, {name}: {part.regions:,} regions"
    if part.regions:
        tip += f", of which {found} is right on average; {missed} of them are missed"
    # Groups without a region are sorted behind all others.
    keys = [-1.0 if math.isnan(value) else value for value in (part.found, part.missed)]
    return Line(
        (name, found, "", f"{part.regions:,}", missed, pixels(part.pixels)),
        (part.low, keys[0], keys[0], float(part.regions), keys[1], float(part.pixels)),
        " ".join(conditions) if part.regions else "",
        None if math.isnan(part.found) else part.found,
        tip,
        colour,
    )


def _head(scope: Scope, found: Sequence[Stratum]) -> str:
    total = sum(part.regions for part in found)
    if not total:
        return f"No regions of {scope.class_name} in the truth of these samples."
    samples = int(scope.samples.sum())
    return (
        f"{total:,} true regions of {scope.class_name} in {samples:,} samples. "
        "A click looks at the failures in regions of that kind."
    )
