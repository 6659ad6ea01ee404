"""The result of a comparison: the verdict, every class, the errors that changed, what running it costs."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from segstudio.annotation.palette import Palette
from segstudio.gui.panels.parts import EmptyState, Segments, caption
from segstudio.gui.prove.change_table import ChangeTable
from segstudio.gui.prove.pictures import GAP, PANE, Wanted, make_error_strips
from segstudio.gui.prove.strip_list import StripList, StripRow
from segstudio.gui.session import Session
from segstudio.gui.theme import ThemeSwitch
from segstudio.gui.view.shown_region import ShownRegion
from segstudio.workflows.prove.proof import Proof, Side, headline, reason
from segstudio.workflows.prove.segments import ChangedSegment
from segstudio.workflows.prove.verdict import Recommendation

CLASSES, FIXED, BROKEN = "classes", "fixed", "broken"
ROLES = {
    Recommendation.BETTER: "success",
    Recommendation.WORSE: "danger",
    Recommendation.MIXED: "warning",
}
EMPTY = {FIXED: "No error of the current model is gone.", BROKEN: "The candidate makes no new errors."}
STRIP_WIDTH = 420


class ResultPage(QWidget):
    """Shows one `Proof`; `region_asked` carries the error that was clicked."""

    region_asked = Signal(object)

    def __init__(self, session: Session, themes: ThemeSwitch) -> None:
        super().__init__()
        self._session, self._themes = session, themes
        self.proof: Proof | None = None
        self.headline = caption("", "title", wrap=True)
        self.reason = caption("", wrap=True)
        self.warnings = caption("", "muted", wrap=True)
        self.costs = caption("", "muted", wrap=True)
        self.tabs = Segments(
            "What changed",
            (
                (CLASSES, "Classes", "Every class with its change"),
                (FIXED, "Fixed", "Errors that only the current model makes"),
                (BROKEN, "Broken", "Errors that only the new model makes"),
            ),
        )
        self.tabs.chosen.connect(self.show_tab)
        self.table = ChangeTable(themes)
        self.lists = {name: self._strips(name) for name in (FIXED, BROKEN)}
        self._lay_out()
        themes.changed.connect(lambda _: self._colour())

    def _strips(self, name: str) -> StripList:
        size = QSize(STRIP_WIDTH, STRIP_WIDTH * PANE[1] // (4 * PANE[0] + 3 * GAP))
        found = StripList(self._session, self._themes, f"Errors that are {name}", make_error_strips, size)
        found.asked.connect(self._ask)
        return found

    def _lay_out(self) -> None:
        self._order = caption("", "muted")
        self._stack = QStackedWidget()
        self._empty = EmptyState()
        for widget in (self.table, *self.lists.values(), self._empty):
            self._stack.addWidget(widget)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self.tabs)
        row.addWidget(self._order, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for label in (self.headline, self.reason, self.costs, self.warnings):
            layout.addWidget(label)
        layout.addSpacing(4)
        layout.addLayout(row)
        layout.addWidget(self._stack, 1)

    def show_proof(self, proof: Proof) -> None:
        """Shows a comparison from its classes on."""
        palette = self._session.classes.palette
        if palette is None:
            return
        self.proof = proof
        self.headline.setText(headline(proof))
        self.reason.setText(reason(proof))
        self.costs.setText(cost_text(proof.current, proof.candidate))
        warnings = proof.warnings()
        self.warnings.setText("Note: " + "; ".join(warnings) + ".")
        self.warnings.setVisible(bool(warnings))
        self.table.show_proof(proof, [QColor(*entry.rgb) for entry in palette.classes])
        total = proof.segments.total
        for name, tally, segments in (
            (FIXED, total.fixed, proof.segments.fixed),
            (BROKEN, total.broken, proof.segments.broken),
        ):
            self.tabs.buttons[name].setText(f"{name.capitalize()} {tally.count:,}")
            self.lists[name].show_rows(strip_rows(proof, segments, palette))
        self._colour()
        self.tabs.set_value(CLASSES)
        self.show_tab(CLASSES)

    def show_tab(self, name: str) -> None:
        """Shows the classes, what is fixed, or what is broken."""
        proof = self.proof
        shown: QWidget = self.table if name == CLASSES else self.lists[name]
        text = "The largest loss first"
        if name != CLASSES and proof is not None:
            text = f"Image, mask, {proof.current.model}, {proof.candidate.model}; the costliest first"
            if not self.lists[name].strips.rowCount():
                self._empty.set_text(EMPTY[name])
                shown, text = self._empty, ""
        self._order.setText(text)
        self._stack.setCurrentWidget(shown)

    def _colour(self) -> None:
        if self.proof is not None:
            role = ROLES.get(self.proof.recommendation, "text")
            self.headline.setStyleSheet(f"color: {self._themes.current.colour(role).name()}")
            self.table.viewport().update()

    def _ask(self, row: StripRow) -> None:
        wish, palette = row.wish, self._session.classes.palette
        if isinstance(wish, Wanted) and palette is not None:
            owner = wish.current if wish.segment.is_fixed else wish.candidate
            self.region_asked.emit(
                ShownRegion(wish.spot(palette.count), owner[0], f"{row.title}. {row.detail}")
            )


def strip_rows(proof: Proof, segments: Sequence[ChangedSegment], palette: Palette) -> list[StripRow]:
    """The strips of some errors."""
    models = [(side.model, side.fingerprint) for side in (proof.current, proof.candidate)]

    def named(class_id: int) -> str:
        return palette.names[class_id] if class_id < palette.count else "no class"

    return [
        StripRow(
            Wanted(one, *models),
            f"{named(one.truth)} as {named(one.predicted)}, {one.area:,} px",
            f"{100 * one.cost:.2f} points of mIoU  ·  {one.key}",
        )
        for one in segments
    ]


def cost_text(current: Side, candidate: Side) -> str:
    """Speed and size side by side."""
    parts = []
    for side in (current, candidate):
        text = f"{side.model}: {side.cost.bytes / 2**20:.1f} MiB"
        if side.cost.milliseconds is not None:
            text += f", {side.cost.milliseconds:.0f} ms an image"
        parts.append(text)
    where = f"  ({candidate.cost.backend}, {candidate.cost.device})" if candidate.cost.backend else ""
    return "  ·  ".join(parts) + where
