"""How far the work on a project has come: by status, by day, by person; pure sums over what is known."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from segstudio.project.review_records import Record
from segstudio.project.sample import SampleMark, SampleStatus
from segstudio.workflows.labelling import Labelling, statistics

# What needs no more work by the person who labels.
DONE = (SampleStatus.SUBMITTED, SampleStatus.ACCEPTED)


@dataclass(frozen=True)
class Day:
    """Samples by status whose last change was on a day."""

    day: date
    by_status: dict[SampleStatus, int]

    @property
    def done(self) -> int:
        """How many of them are submitted or accepted."""
        return sum(self.by_status.get(status, 0) for status in DONE)


@dataclass(frozen=True)
class Progress:
    """A project's samples by status, the days of their last changes, newest first, and what people did."""

    by_status: dict[SampleStatus, int]
    days: tuple[Day, ...]
    people: tuple[Labelling, ...]

    @property
    def samples(self) -> int:
        """All of them."""
        return sum(self.by_status.values())

    @property
    def done(self) -> int:
        """Submitted or accepted ones."""
        return sum(self.by_status.get(status, 0) for status in DONE)


def progress_of(
    marks: Sequence[SampleMark], records: Iterable[Record] = (), zone: tzinfo | None = None
) -> Progress:
    """Adds up samples; days are those of the zone's clock, or of this machine's.

    A sample counts once, on the day of its last change: days are about the present state, not a log of all
    that happened. Samples that nobody changed, such as those whose masks came with the images, have no day.
    """
    touched = [mark for mark in marks if mark.at > 0 and mark.author]
    by_day: dict[date, list[SampleMark]] = {}
    for mark in touched:
        by_day.setdefault(datetime.fromtimestamp(mark.at, zone).date(), []).append(mark)
    days = (Day(day, _tally(found)) for day, found in sorted(by_day.items(), reverse=True))
    return Progress(_tally(marks), tuple(days), statistics(records, zone).people)


def _tally(marks: Iterable[SampleMark]) -> dict[SampleStatus, int]:
    counted = Counter(mark.status for mark in marks)
    return {status: counted[status] for status in SampleStatus if counted[status]}
