"""Who labelled how much and how well: figures by person and by day from the record of a project."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from typing import Any

from segstudio.project.review_records import NO_EFFORT, Effort, Record, What
from segstudio.project.sample import SampleStatus


@dataclass(frozen=True)
class Labelling:
    """What one person did in some time.

    Attributes:
        person: whose work it is.
        day: the day as YYYY-MM-DD; "" for all days together.
        submitted: different samples that they submitted.
        accepted, rejected: verdicts of others, or their own, on samples that are theirs to label.
        reviewed: verdicts that they gave.
        effort: seconds active, strokes and pixels changed.
    """

    person: str
    day: str = ""
    submitted: int = 0
    accepted: int = 0
    rejected: int = 0
    reviewed: int = 0
    effort: Effort = NO_EFFORT

    @property
    def seconds_per_sample(self) -> float | None:
        """Seconds active for each sample that was submitted; None without any."""
        return self.effort.seconds / self.submitted if self.submitted else None

    @property
    def rejected_share(self) -> float | None:
        """Rejections among the verdicts on their samples, 0-1; None without any."""
        verdicts = self.accepted + self.rejected
        return self.rejected / verdicts if verdicts else None

    def to_json(self) -> dict[str, Any]:
        """All figures by name."""
        return {
            "person": self.person,
            "day": self.day,
            "submitted": self.submitted,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "reviewed": self.reviewed,
            "seconds": round(self.effort.seconds, 1),
            "strokes": self.effort.strokes,
            "pixels": self.effort.pixels,
            "seconds_per_sample": _rounded(self.seconds_per_sample),
            "rejected_share": _rounded(self.rejected_share),
        }


@dataclass
class _Sums:
    """What is counted of one person in some time."""

    submitted: set[str] = field(default_factory=set)
    accepted: int = 0
    rejected: int = 0
    reviewed: int = 0
    effort: Effort = NO_EFFORT

    def finished(self, person: str, day: str) -> Labelling:
        """The same, to be read."""
        counts = (len(self.submitted), self.accepted, self.rejected, self.reviewed)
        return Labelling(person, day, *counts, self.effort)


@dataclass(frozen=True)
class Statistics:
    """Figures by person (by name), and by person and day (the last day first, then by name)."""

    people: tuple[Labelling, ...]
    days: tuple[Labelling, ...]


def statistics(records: Iterable[Record], zone: tzinfo | None = None) -> Statistics:
    """The figures of some records; what was taken back does not count, the time that it took does.

    Args:
        records: in any order.
        zone: where days begin and end; None is this machine's.
    """
    people: dict[tuple[str, str], _Sums] = {}
    days: dict[tuple[str, str], _Sums] = {}
    for record in records:
        day = datetime.fromtimestamp(record.when, zone).date().isoformat()
        for sums, span in ((people, ""), (days, day)):
            _count(record, sums, span)
    return Statistics(
        tuple(one.finished(*name) for name, one in sorted(people.items())),
        tuple(
            one.finished(*name)
            for name, one in sorted(sorted(days.items()), key=lambda pair: pair[0][1], reverse=True)
        ),
    )


def _count(record: Record, sums: dict[tuple[str, str], _Sums], span: str) -> None:
    def of(person: str) -> _Sums:
        return sums.setdefault((person, span), _Sums())

    figures = record.figures
    if figures.effort != NO_EFFORT:
        of(record.author).effort += figures.effort
    after = figures.after
    if record.what is not What.STATUS or after is None or figures.undone:
        return
    labeler = of(after.assignee or record.author)
    if after.status is SampleStatus.SUBMITTED:
        of(record.author).submitted.add(record.key)
    elif after.status is SampleStatus.ACCEPTED:
        labeler.accepted += 1
        of(record.author).reviewed += 1
    elif after.status is SampleStatus.REJECTED:
        labeler.rejected += 1
        of(record.author).reviewed += 1


HEAD = ("submitted", "accepted", "rejected", "rejected share", "reviewed", "active", "a sample", "strokes")


def row_texts(one: Labelling) -> tuple[str, ...]:
    """The figures as people read them, in the order of HEAD."""
    share, each = one.rejected_share, one.seconds_per_sample
    return (
        f"{one.submitted:,}",
        f"{one.accepted:,}",
        f"{one.rejected:,}",
        "" if share is None else f"{share:.0%}",
        f"{one.reviewed:,}",
        duration(one.effort.seconds),
        "" if each is None else duration(each),
        f"{one.effort.strokes:,}",
    )


def duration(seconds: float) -> str:
    """A time as "42 s", "12 min" or "3 h 05"."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60:02d}"


def to_json(found: Statistics) -> Mapping[str, Any]:
    """Statistics as plain values."""
    return {
        "people": [one.to_json() for one in found.people],
        "days": [one.to_json() for one in found.days],
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
