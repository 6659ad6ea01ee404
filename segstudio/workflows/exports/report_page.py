"""The report of an export as one page to read: what passed, what it costs, class by class."""

import math
from collections.abc import Sequence

from segstudio.deploy.gate import Attempt, GateReport
from segstudio.workflows.exports.formats import FORMATS
from segstudio.workflows.page import Mark, facts, page, paragraph, section, table

Entry = tuple[str, str, GateReport | None, tuple[str, ...]]
MEGABYTE = 1e6


def report_page(model: str, entries: Sequence[Entry]) -> str:
    """A page on (format, reason why not made, report, notes) of each artefact."""
    return page(f"Export of {model}", [overview(entries), *(detail(*entry) for entry in entries)])


def overview(entries: Sequence[Entry]) -> str:
    """A row a format."""
    rows, marks = [], dict[int, Mark]()
    for number, (name, reason, report, _) in enumerate(entries):
        marks[number] = "bad" if reason and report else "muted" if reason else "good"
        verdict = ("refused" if report else "not made") if reason else "made"
        rows.append([FORMATS[name].title, verdict, *_figures(report)])
    head = ("format", "verdict", "ids equal", "mIoU before", "mIoU after", "images/s", "speed-up", "MB")
    return section("Formats", table(head, rows, numbers=range(2, len(head)), marks=marks))


def _figures(report: GateReport | None) -> list[str]:
    if report is None:
        return [""] * 6
    evidence = report.evidence
    before, after = evidence.miou
    fastest = f"{evidence.speeds[0].after:.1f}" if evidence.speeds else ""
    return [
        f"{evidence.agreement:.2%}", _percent(before), _percent(after), fastest,
        _times(evidence.speed_up), f"{evidence.bytes_after / MEGABYTE:.1f}",
    ]  # fmt: skip


def detail(name: str, reason: str, report: GateReport | None, notes: Sequence[str]) -> str:
    """What is known of one format."""
    parts = [paragraph(FORMATS[name].text)]
    if reason:
        parts.append(paragraph(f"Not made: {reason}"))
    if report:
        parts += [facts(_facts(report)), *_tables(report)]
    parts += [paragraph(note) for note in dict.fromkeys((*(report.notes if report else ()), *notes))]
    return section(FORMATS[name].title, *parts)


def _facts(report: GateReport) -> list[tuple[str, object]]:
    evidence, limits = report.evidence, report.limits
    largest, mean = evidence.confidence_error
    found: list[tuple[str, object]] = [
        ("Images", report.images),
        ("Measured on", f"{report.device}, answers by {evidence.backend}"),
        ("Ids equal", f"{evidence.agreement:.4%} of {evidence.pixels:,} pixels"),
        ("Confidence", f"off by {largest} of 255 at most, {mean:.2f} on average"),
    ]
    if not math.isnan(evidence.logit_error):
        noise = (
            "no noise" if math.isinf(evidence.logit_snr) else f"{evidence.logit_snr:.1f} dB above the noise"
        )
        found.append(("Scores", f"off by {evidence.logit_error:.4g} at most, {noise}"))
    allowed = f"mIoU -{limits.miou_loss:.2%}, a class -{limits.class_loss:.2%}, ids {limits.agreement:.2%}"
    found.append(("Limits", allowed + (", and faster" if limits.faster else "")))
    if report.kept_float:
        found.append(("Kept in float", ", ".join(report.kept_float)))
    if report.facts:
        found.append(("Versions", ", ".join(f"{name} {value}" for name, value in report.facts.items())))
    return found


def _tables(report: GateReport) -> list[str]:
    evidence = report.evidence
    shown = []
    if evidence.speeds:
        rows = [
            [one.backend, one.device, f"{one.before:.2f}", f"{one.after:.2f}", _times(one.ratio)]
            for one in evidence.speeds
        ]
        head = ("backend", "device", "images/s before", "after", "speed-up")
        shown.append(table(head, rows, numbers=(2, 3, 4)))
    if evidence.classes:
        marks: dict[int, Mark] = {
            number: "bad"
            for number, one in enumerate(evidence.classes)
            if one.loss > report.limits.class_loss
        }
        rows = [
            [one.name, _percent(one.before), _percent(one.after), _points(-one.loss),
             str(one.images), f"{one.pixels:,}"]
            for one in evidence.classes
        ]  # fmt: skip
        columns = ("class", "IoU before", "IoU after", "points", "images", "pixels")
        shown.append(table(columns, rows, numbers=range(1, len(columns)), marks=marks))
    if report.attempts:
        shown.append(_attempts(report.attempts))
    return shown


def _attempts(attempts: Sequence[Attempt]) -> str:
    rows = [
        [one.what, _percent(one.agreement), _times(one.speed_up), "; ".join(one.failures) or "passed"]
        for one in attempts
    ]
    return table(("tried on some images", "ids equal", "speed-up", "verdict"), rows, numbers=(1, 2))


def _percent(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2%}"


def _points(change: float) -> str:
    """Percent points with their sign, and none for what rounds to nothing."""
    rounded = round(change * 100, 2)
    return f"{rounded:+.2f}" if rounded else "0.00"


def _times(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}×"
