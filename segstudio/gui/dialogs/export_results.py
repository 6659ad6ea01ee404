"""What an export brought, as the window keeps it: verdicts, measurements, and the figures as text."""

import csv
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any

from segstudio.deploy.gate import Attempt, ClassIou, Evidence, GateReport, Limits, Speed


class State(Enum):
    """What became of a format, by the words for it."""

    WAITING = "Waiting"
    WORKING = "Working"
    MADE = "Made"
    REFUSED = "Refused"
    MISSING = "Not made"
    STOPPED = "Cancelled"


# The theme's colours and the icons of what is final.
ROLES = {
    State.MADE: "success", State.REFUSED: "danger", State.MISSING: "warning", State.STOPPED: "muted",
    State.WORKING: "accent", State.WAITING: "muted",
}  # fmt: skip
SIGNS = {
    State.MADE: "check-circle", State.REFUSED: "x-circle", State.MISSING: "warning",
    State.STOPPED: "prohibit", State.WORKING: "spinner-gap", State.WAITING: "circle-dashed",
}  # fmt: skip


@dataclass(frozen=True)
class Finished:
    """What became of one format; the window's form of the exporter's Artefact.

    Attributes:
        format: its key in FORMATS.
        folder: where it is; None if it is not.
        reason: why it is not.
        report: what was measured, if anything was.
        notes: for the user.
        stopped: it was never begun, as the export was cancelled.
    """

    format: str
    folder: Path | None
    reason: str = ""
    report: GateReport | None = None
    notes: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def state(self) -> State:
        """Its verdict."""
        if self.stopped:
            return State.STOPPED
        if self.folder is not None:
            return State.MADE
        return State.REFUSED if self.report else State.MISSING

    @property
    def all_notes(self) -> tuple[str, ...]:
        """Notes of the report and its own, each once."""
        return tuple(dict.fromkeys((*(self.report.notes if self.report else ()), *self.notes)))


def finished_from_dict(values: Mapping[str, Any]) -> Finished:
    """The artefact that a JSON object describes; null stands for what was not measured."""
    report, folder = values["report"], values["folder"]
    return Finished(
        values["format"], Path(folder) if folder else None, values["reason"],
        _report(report) if report else None, tuple(values["notes"]),
    )  # fmt: skip


def _report(values: Mapping[str, Any]) -> GateReport:
    attempts = [
        Attempt(one["what"], _number(one["agreement"]), _number(one["speed_up"]), tuple(one["failures"]))
        for one in values["attempts"]
    ]
    return GateReport(
        **{name: values[name] for name in ("artefact", "model", "precision", "images", "device", "facts")},
        limits=Limits(**values["limits"]),
        evidence=_evidence(values["evidence"]),
        failures=tuple(values["failures"]),
        kept_float=tuple(values["kept_float"]),
        attempts=tuple(attempts),
        notes=tuple(values["notes"]),
    )


def _evidence(values: Mapping[str, Any]) -> Evidence:
    classes = [
        ClassIou(**one | {"before": _number(one["before"]), "after": _number(one["after"])})
        for one in values["classes"]
    ]
    names = ("backend", "images", "pixels", "agreement", "bytes_before", "bytes_after")
    largest, mean = values["confidence_error"]
    return Evidence(
        **{name: values[name] for name in names},
        confidence_error=(largest, mean),
        logit_error=_number(values["logit_error"]),
        logit_snr=_number(values["logit_snr"]),
        classes=tuple(classes),
        speeds=tuple(Speed(**one) for one in values["speeds"]),
    )


def _number(value: float | None) -> float:
    return math.nan if value is None else value


@dataclass(frozen=True)
class Column:
    """One column of the figures.

    Attributes:
        heading, tip: on screen.
        key: in the CSV file.
        value: of a measured report; NaN where there is none.
        text: how it is written on screen.
    """

    heading: str
    key: str
    value: Callable[[GateReport], float]
    text: Callable[[float], str]
    tip: str = field(default="")


def percent(value: float) -> str:
    """A fraction as percent with two decimals."""
    return f"{value * 100:.2f} %"


COLUMNS = (
    Column("Ids equal", "ids_equal", lambda one: one.evidence.agreement, percent,
           "Pixels that get the same class as from the float model"),
    Column("mIoU before", "miou_before", lambda one: one.evidence.miou[0], percent,
           "Mean IoU of the float model"),
    Column("after", "miou_after", lambda one: one.evidence.miou[1], percent, "Mean IoU of this format"),
    Column("Speed-up", "speed_up", lambda one: one.evidence.speed_up, lambda value: f"{value:.2f}×",
           "Best backend of this format against the best of the float model, on this machine"),
    Column("Images/s", "images_per_second",
           lambda one: one.evidence.speeds[0].after if one.evidence.speeds else math.nan,
           lambda value: f"{value:.1f}", "The median call of the best backend on this machine"),
    Column("MB", "megabytes", lambda one: one.evidence.bytes_after / 1e6, lambda value: f"{value:.1f}",
           "Files that a backend needs"),
)  # fmt: skip


def figures(one: Finished) -> tuple[str, ...]:
    """The texts of COLUMNS; a dash for what was not measured."""
    values = [column.value(one.report) if one.report else math.nan for column in COLUMNS]
    return tuple(
        "–" if math.isnan(value) else column.text(value)
        for column, value in zip(COLUMNS, values, strict=True)
    )


def to_csv(finished: Sequence[Finished]) -> str:
    """All figures, a line a format; the classes' IoU before and after follow in columns of their own."""
    names = list(dict.fromkeys(c.name for one in finished if one.report for c in one.report.evidence.classes))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    sides = [f"{name} {side}" for name in names for side in ("before", "after")]
    writer.writerow(["format", "verdict", *(column.key for column in COLUMNS), *sides, "reason"])
    for one in finished:
        cells = [_cell(column.value(one.report)) if one.report else "" for column in COLUMNS]
        classes = {c.name: c for c in one.report.evidence.classes} if one.report else {}
        for name in names:
            found = classes.get(name)
            cells += [_cell(found.before), _cell(found.after)] if found else ["", ""]
        writer.writerow([one.format, one.state.value.lower(), *cells, one.reason])
    return text.getvalue()


def _cell(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.6g}"
