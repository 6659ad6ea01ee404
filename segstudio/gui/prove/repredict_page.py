"""What another model would predict of untouched samples, before anything changes: totals, and each sample."""

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLabel, QStackedWidget, QVBoxLayout, QWidget

from segstudio.annotation.palette import Palette
from segstudio.gui.panels.parts import EmptyState, caption
from segstudio.gui.prove.pictures import GAP, HALF, make_sample_strips
from segstudio.gui.prove.strip_list import StripList, StripRow
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.workflows.repredict.make import RepredictResult
from segstudio.workflows.repredict.plan import PlannedSample, RepredictPlan
from segstudio.workflows.repredict.text import class_name, plan_words

PAIRS = 8
PAIRS_OF_SAMPLE = 2
STRIP_WIDTH = 400


class RepredictPage(QWidget):
    """Shows one plan."""

    def __init__(self, session: Session, themes: ThemeSwitch) -> None:
        super().__init__()
        self._session = session
        self.plan: RepredictPlan | None = None
        self.headline = caption("", "title", wrap=True)
        self.words = caption("", wrap=True)
        self.promise = caption("", "muted", wrap=True)
        size = QSize(STRIP_WIDTH, STRIP_WIDTH * HALF[1] // (2 * HALF[0] + GAP))
        self.list = StripList(session, themes, "Samples with other predictions", make_sample_strips, size)
        self.totals = QLabel()
        self.totals.setWordWrap(True)
        self._side = QWidget()
        self._empty = EmptyState("Nothing would change: the model says the same of every untouched sample.")
        self._lay_out()

    def _lay_out(self) -> None:
        side = QVBoxLayout(self._side)
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(8)
        side.addWidget(caption("Classes that change most", "heading"))
        side.addWidget(self.totals)
        side.addStretch(1)
        self._side.setFixedWidth(260)
        self._stack = QStackedWidget()
        self._stack.addWidget(self.list)
        self._stack.addWidget(self._empty)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(self._side)
        right = QVBoxLayout()
        right.setSpacing(8)
        self._order = caption("Before and after; what changes most comes first", "muted")
        right.addWidget(self._order)
        right.addWidget(self._stack, 1)
        body.addLayout(right, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for label in (self.headline, self.words, self.promise):
            layout.addWidget(label)
        layout.addSpacing(4)
        layout.addLayout(body, 1)

    def show_plan(self, plan: RepredictPlan) -> None:
        """Shows what would change."""
        palette = self._session.classes.palette
        if palette is None:
            return
        self.plan = plan
        self.headline.setText(f"What {plan.model} says of samples that nobody worked on")
        self.words.setText(f"{plan_words(plan)}.")
        self.promise.setText(promise_text(plan))
        self.totals.setText(totals_text(plan, palette))
        self._side.setVisible(bool(plan.totals))
        self.list.show_rows([_row(plan, one, palette) for one in plan.changing])
        self._order.setVisible(bool(plan.changing))
        self._stack.setCurrentWidget(self.list if plan.changing else self._empty)

    def show_result(self, result: RepredictResult, *, back: bool) -> None:
        """Says what was done."""
        count = f"{result.done:,} sample{'' if result.done == 1 else 's'}"
        said = "have their predictions of before again" if back else "have new predictions"
        self.headline.setText(f"{count} {said}")
        if result.left:
            key, why = result.left[0]
            more = f", and {len(result.left) - 1:,} more" if len(result.left) > 1 else ""
            self.promise.setText(f"Left as they are: {key}: {why}{more}")
        self.plan = result.plan


def promise_text(plan: RepredictPlan) -> str:
    """What stays as it is."""
    parts = ["Masks of people are never changed"]
    if plan.touched:
        stay = "1 sample that people worked on stays" if plan.touched == 1 else (
            f"{plan.touched:,} samples that people worked on stay"
        )  # fmt: skip
        parts.append(f"{stay} as they are")
    if plan.skipped:
        key, why = plan.skipped[0]
        parts.append(f"{len(plan.skipped):,} could not be predicted, the first is {key}: {why}")
    return ". ".join(parts) + "."


def totals_text(plan: RepredictPlan, palette: Palette) -> str:
    """The pairs of classes that change most, a line each."""
    pixels = sum(count for _, _, count in plan.totals)
    lines = []
    for before, after, count in plan.totals[:PAIRS]:
        pair = f"{class_name(palette.names, before)} → {class_name(palette.names, after)}"
        lines.append(f"{pair}   {100 * count / pixels:.0f} %")
    if len(plan.totals) > PAIRS:
        rest = sum(count for _, _, count in plan.totals[PAIRS:])
        lines.append(f"{len(plan.totals) - PAIRS} other pairs   {100 * rest / pixels:.0f} %")
    return "\n".join(lines)


def _row(plan: RepredictPlan, one: PlannedSample, palette: Palette) -> StripRow:
    if one.is_first:
        return StripRow((one.key, plan), one.key, "First prediction")
    pairs = ", ".join(
        f"{class_name(palette.names, before)} → {class_name(palette.names, after)}"
        for before, after, _ in one.pairs[:PAIRS_OF_SAMPLE]
    )
    return StripRow((one.key, plan), one.key, f"{100 * one.share:.1f} % changes: {pairs}")
