"""The view of what failures lie beside, and of how a class fares with and without each other class."""

import math

import numpy as np
from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.counted import CountedView, Scope
from segstudio.gui.failures.facts import percent, pixels
from segstudio.gui.failures.lines import Line, LinesTable
from segstudio.gui.panels.parts import caption
from segstudio.gui.session import Session
from segstudio.metrics.neighbours import Beside, Companion, companions, lost_beside
from segstudio.query import quoted

Found = tuple[tuple[Beside, ...], tuple[Companion, ...]]
NO_CLASS_YET = "Ask for a class, such as class=rider, to see how it fares beside others."


class NeighboursView(CountedView):
    """Above the lost pixels by what they lie beside, below the class's recall with and without each other."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__(session, book)
        self.beside = LinesTable(
            "Lost beside",
            ("Beside", "Pixels", "", "Share", "Failures"),
            2,
            ("The class along most of a failure's outline", "Wrong pixels", "", "Of all of them", "Segments"),
        )
        self.company = LinesTable(
            "With and without",
            ("Class", "Gains", "With it", "Without", "", "Images"),
            4,
            (
                "Another class in the same image; a click looks at the images without it",
                "Recall with it minus recall without it, in points",
                "Recall in images with it",
                "Recall in images without it",
                "Recall without it",
                "Images with the class but without the other",
            ),
        )
        self.company_head = caption("", "muted", wrap=True)
        for head, table in ((self.head, self.beside), (self.company_head, self.company)):
            self.column.addWidget(_titled(head, table), 1)
            table.asked.connect(self.narrowed)
            table.entered.connect(self.gallery_asked)

    def count(self) -> None:
        """Counts the chosen segments, and the samples that the query is about."""

        def count(scope: Scope) -> Found:
            confusion = scope.failures.evaluation.confusion
            found = () if scope.class_id is None else companions(confusion, scope.class_id)
            return lost_beside(scope.failures.table, scope.rows), found

        self.work(count, self._show)

    def _show(self, scope: Scope, found: Found) -> None:
        beside, company = found
        self.beside.show_lines([self._beside(scope, part) for part in beside])
        # What makes the largest difference first; classes that are always there make none.
        telling = sorted(company, key=lambda part: -np.nan_to_num(abs(part.difference), nan=-1))
        self.company.show_lines([self._company(scope, part) for part in telling])
        self.head.setText(f"What the {len(scope.rows):,} chosen failures lie beside")
        self.company_head.setText(
            NO_CLASS_YET
            if scope.class_id is None
            else f"How much of {scope.class_name} is found in images with and without other classes"
        )
        self.company.setVisible(scope.class_id is not None)

    def _beside(self, scope: Scope, part: Beside) -> Line:
        name = scope.failures.table.name(part.class_id)
        shown = name if part.class_id < len(scope.failures.table.names) else "nothing else"
        return Line(
            (shown, pixels(part.pixels), "", percent(part.share), f"{part.segments:,}"),
            (shown, float(part.pixels), part.share, part.share, float(part.segments)),
            f"beside={quoted(name)}",
            part.share,
            f"{part.segments:,} failures with {pixels(part.pixels)} lie beside {shown}",
            self.colour(part.class_id),
            True,
        )

    def _company(self, scope: Scope, part: Companion) -> Line:
        name, own = scope.failures.table.name(part.class_id), scope.class_name
        keys = [-2.0 if math.isnan(value) else value for value in (part.difference, part.recall_without)]
        gains = "–" if math.isnan(part.difference) else f"{part.difference * 100:+.1f}".replace("-", "−")
        tip = (
            f"{percent(part.recall_with)} of {own} is found in {part.images_with:,} images with {name}, "
            f"{percent(part.recall_without)} in {part.images_without:,} without"
        )
        conditions = f"gt={quoted(own)} with!={quoted(name)}"
        return Line(
            (
                name,
                gains,
                percent(part.recall_with),
                percent(part.recall_without),
                "",
                f"{part.images_without:,}",
            ),
            (name, keys[0], part.recall_with, keys[1], keys[1], float(part.images_without)),
            conditions if part.images_without else "",
            None if math.isnan(part.recall_without) else part.recall_without,
            tip,
            self.colour(part.class_id),
            True,
        )


def _titled(head: QWidget, table: QWidget) -> QWidget:
    part = QWidget()
    column = QVBoxLayout(part)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(8)
    column.addWidget(head)
    column.addWidget(table, 1)
    column.addStretch(0)
    return part
