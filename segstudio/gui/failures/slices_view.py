"""The view of parts of the samples: their scores by folder, split, status or tag."""

import math

from segstudio.gui.failures.book import FailureBook
from segstudio.gui.failures.counted import CountedView, Scope
from segstudio.gui.failures.facts import pixels
from segstudio.gui.failures.lines import Line, LinesTable
from segstudio.gui.panels.parts import Segments
from segstudio.gui.session import Session
from segstudio.metrics.segment_query import LISTS
from segstudio.metrics.slices import Slice, groups_of, slices
from segstudio.query import quoted

WORDS = (
    ("folder", "Folder", "The folder of the image"),
    ("split", "Split", "Training, validation, test"),
    ("status", "Status", "How far the mask has come"),
    ("tag", "Tag", "Words with # in the note of a sample"),
)
TIPS = (
    "",
    "Samples",
    "Mean IoU over the classes that occur",
    "Samples with the query's class",
    "Its pixels in the truth",
    "Its IoU",
    "The score before it as a bar",
)
BAR = 6
# Columns that are about the query's class.
ABOUT_CLASS = (3, 4, 5)


class SlicesView(CountedView):
    """Scores of each part; the class's own where the query is about one."""

    def __init__(self, session: Session, book: FailureBook) -> None:
        super().__init__(session, book)
        self.by = Segments("Slices", WORDS)
        self.by.set_value("folder")
        self.by.chosen.connect(lambda _: self.refresh())
        self.table = LinesTable("Slices", ("Folder", "Images", "mIoU", "", "", "", ""), BAR, TIPS)
        self.table.asked.connect(self.narrowed)
        self.table.entered.connect(self.gallery_asked)
        self.column.insertWidget(0, self.by)
        self.column.addWidget(self.table, 1)

    def count(self) -> None:
        """Scores the groups of samples, whatever the query says of samples."""
        word = self.by.value

        def count(scope: Scope) -> tuple[Slice, ...]:
            texts = scope.failures.table.by_sample[word]
            return slices(scope.failures.evaluation.confusion, groups_of(texts, lists=word in LISTS))

        self.work(count, self._show)

    def _show(self, scope: Scope, found: tuple[Slice, ...]) -> None:
        names = {word: name for word, name, _ in WORDS}
        one = scope.class_id is not None
        about = (
            (f"with {scope.class_name}", f"{scope.class_name} pixels", f"{scope.class_name} IoU")
            if one
            else ("", "", "")
        )
        self.table.show_lines(
            [self._line(scope, part) for part in found],
            (names[self.by.value], "Images", "mIoU", *about, ""),
        )
        for column in ABOUT_CLASS:
            self.table.setColumnHidden(column, not one)
        hint = "" if one else " Ask for a class to see its IoU beside the mean."
        self.head.setText(f"A click looks at the failures of that part alone.{hint}")

    def _line(self, scope: Scope, part: Slice) -> Line:
        class_id = scope.class_id or 0
        iou, images = float(part.iou[class_id]), int(part.images_with[class_id])
        shown = iou if scope.class_id is not None else part.miou
        texts = (
            part.name.replace("_", " ") if self.by.value == "status" else part.name,
            f"{part.images:,}",
            _score(part.miou),
            f"{images:,}",
            pixels(int(part.pixels[class_id])),
            _score(iou),
            "",
        )
        figures = [-1.0 if math.isnan(value) else value for value in (part.miou, iou, shown)]
        counts = float(images), float(part.pixels[class_id])
        keys: tuple[float | str, ...] = (
            part.name, float(part.images), figures[0], *counts, *figures[1:]
        )  # fmt: skip
        tip = f"{part.name}: {part.images:,} images, mIoU {_score(part.miou)}"
        if scope.class_id is not None:
            tip += f"; {scope.class_name} IoU {_score(iou)}, in {images:,} images"
        bar = None if math.isnan(shown) else shown
        colour = self.colour(scope.class_id)
        return Line(texts, keys, f"{self.by.value}={quoted(part.name)}", bar, tip, colour)


def _score(value: float) -> str:
    return "absent" if math.isnan(value) else f"{value * 100:.1f}"
