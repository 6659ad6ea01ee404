"""All that is known of one exported format: facts, speeds, classes before and after, attempts."""

import math
from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout, QWidget

from segstudio.deploy.gate import PERCENT, Attempt, GateReport
from segstudio.errors import sentence
from segstudio.gui.dialogs.export_results import Finished, percent
from segstudio.gui.dialogs.export_table import FigureRow, ResultTable
from segstudio.gui.dialogs.import_parts import Rows, fact
from segstudio.gui.icons import Icons
from segstudio.gui.panels.parts import caption
from segstudio.gui.theme import ThemeSwitch
from segstudio.workflows.exports.formats import FORMATS

CLASSES = {
    "Class": "", "Before": "IoU of the float model", "After": "IoU of this format",
    "Points": "After minus before", "Images": "Images that show the class", "Pixels": "",
}  # fmt: skip
SPEEDS = {
    "Backend": "", "Device": "", "Before": "Images a second of the float model",
    "After": "Images a second of this format", "Speed-up": "",
}  # fmt: skip
# Too small to be a loss or a gain of the table's two digits.
NO_POINTS = 0.005


class Detail(QWidget):
    """Of one format; what was not measured has no table."""

    def __init__(self, one: Finished, themes: ThemeSwitch, icons: Icons) -> None:
        super().__init__()
        self._themes, self._icons = themes, icons
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(8)
        self._column.addWidget(caption(FORMATS[one.format].title, "large"))
        self._column.addWidget(caption(FORMATS[one.format].text, "muted", wrap=True))
        self._add_facts(one)
        if one.report:
            self._add_tables(one.report)
        self._column.addStretch(1)

    def _add_facts(self, one: Finished) -> None:
        rows = Rows()
        if one.reason:
            rows.add(one.state.value, fact(sentence(one.reason), "danger" if one.report else ""))
        if one.folder is not None:
            rows.add_fact("Folder", str(one.folder))
        for name, text in report_facts(one.report) if one.report else ():
            rows.add_fact(name, text)
        if one.all_notes:
            rows.add_fact("Notes", "\n".join(sentence(note) for note in one.all_notes))
        self._column.addLayout(rows)

    def _add_tables(self, report: GateReport) -> None:
        if report.evidence.classes:
            self._add_table("Classes", CLASSES, 1, class_rows(report))
        if report.evidence.speeds:
            self._add_table("Speed on this machine", SPEEDS, 2, speed_rows(report))
        if report.attempts:
            self._add_attempts(report.attempts)

    def _add_table(self, title: str, headings: dict[str, str], words: int, rows: Sequence[FigureRow]) -> None:
        table = ResultTable(title, headings, words, self._themes, self._icons)
        table.rows.show_rows(rows)
        self._column.addSpacing(8)
        self._column.addWidget(caption(title, "heading"))
        self._column.addWidget(table)

    def _add_attempts(self, attempts: Sequence[Attempt]) -> None:
        rows = Rows()
        for one in attempts:
            rows.add_fact(one.what, attempt_text(one))
        self._column.addSpacing(8)
        self._column.addWidget(caption("Tried on some of the images", "heading"))
        self._column.addLayout(rows)


def report_facts(report: GateReport) -> list[tuple[str, str]]:
    """What was measured beside the tables, by name."""
    evidence, limits = report.evidence, report.limits
    largest, mean = evidence.confidence_error
    facts = [
        ("Judged by", report.images),
        ("Measured on", f"{report.device}; answers by {evidence.backend}"),
        ("Ids equal", f"{evidence.agreement * PERCENT:.4f} % of {evidence.pixels:,} pixels"),
        ("Confidence", f"Off by {largest} of 255 at most, {mean:.2f} on average"),
    ]
    if not math.isnan(evidence.logit_error):
        noise = "" if math.isnan(evidence.logit_snr) else f", {evidence.logit_snr:.1f} dB above the noise"
        facts.append(("Scores", f"Off by {evidence.logit_error:.4g} at most{noise}"))
    faster = ", and it must be faster" if limits.faster else ""
    equal = f"{limits.agreement * PERCENT:g} % of the ids must stay equal{faster}"
    allowed = (
        f"mIoU may fall by {limits.miou_loss * PERCENT:g} points, any class by"
        f" {limits.class_loss * PERCENT:g}; {equal}"
    )
    facts.append(("Limits", allowed))
    if report.kept_float:
        facts.append(("Kept in float", f"{len(report.kept_float)} layers: {', '.join(report.kept_float)}"))
    return facts


def class_rows(report: GateReport) -> list[FigureRow]:
    """A row a class; the bar is the IoU after, its tick the one before; losses are coloured."""
    rows = []
    for one in report.evidence.classes:
        absent = math.isnan(one.before)
        broken = one.loss > report.limits.class_loss
        points = -one.loss * PERCENT
        role = "danger" if broken else "success" if points > NO_POINTS else "muted"
        roles = {0: "danger", 3: role} if broken else {3: role}
        texts = (
            one.name,
            "–" if absent else percent(one.before),
            "–" if math.isnan(one.after) else percent(one.after),
            "–" if absent else f"{points:+.2f}" if abs(points) > NO_POINTS else "0.00",
            str(one.images),
            f"{one.pixels:,}",
        )
        tip = f"{one.name} may fall by {report.limits.class_loss * PERCENT:g} points" if broken else ""
        bar = None if absent or math.isnan(one.after) else one.after
        sign = "arrow-down" if broken else ""
        rows.append(FigureRow(texts, roles, sign, "danger", bar, None if absent else one.before, tip))
    return rows


def speed_rows(report: GateReport) -> list[FigureRow]:
    """A row a backend; the bar is its speed after, the tick before, the fastest of all is the full width."""
    speeds = report.evidence.speeds
    fastest = max(max(one.before, one.after) for one in speeds)
    return [
        FigureRow(
            (one.backend, one.device, f"{one.before:.1f}", f"{one.after:.1f}", f"{one.ratio:.2f}×"),
            bar=one.after / fastest,
            tick=one.before / fastest,
        )
        for one in speeds
    ]


def attempt_text(one: Attempt) -> str:
    """What came of one way that was tried."""
    speed = "" if math.isnan(one.speed_up) else f", {one.speed_up:.2f}× as fast"
    verdict = sentence("; ".join(one.failures)) or "Passed."
    return f"{percent(one.agreement)} of the ids equal{speed}. {verdict}"
