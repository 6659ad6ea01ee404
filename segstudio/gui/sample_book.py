"""The project's samples as the window lists them: filtered, in order, with the way to the next one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from segstudio.project.sample import Sample, SampleStatus

NEEDS_WORK = frozenset(
    {SampleStatus.UNLABELLED, SampleStatus.PREDICTED, SampleStatus.IN_PROGRESS, SampleStatus.REJECTED}
)

STATUS_TEXT: dict[SampleStatus, str] = {
    SampleStatus.UNLABELLED: "Unlabelled",
    SampleStatus.PREDICTED: "Predicted",
    SampleStatus.IN_PROGRESS: "In progress",
    SampleStatus.SUBMITTED: "Submitted",
    SampleStatus.ACCEPTED: "Accepted",
    SampleStatus.REJECTED: "Rejected",
    SampleStatus.SKIPPED: "Skipped",
}

# The theme's colour of each status.
STATUS_ROLE: dict[SampleStatus, str] = {
    SampleStatus.UNLABELLED: "muted",
    SampleStatus.PREDICTED: "violet",
    SampleStatus.IN_PROGRESS: "accent",
    SampleStatus.SUBMITTED: "warning",
    SampleStatus.ACCEPTED: "success",
    SampleStatus.REJECTED: "danger",
    SampleStatus.SKIPPED: "disabled",
}


@dataclass(frozen=True)
class SampleFilter:
    """Which samples to list: every word of `text` occurs in the key, and the status is one of `statuses`."""

    text: str = ""
    statuses: frozenset[SampleStatus] = frozenset()

    def select(self, samples: Sequence[Sample]) -> list[Sample]:
        """The samples that pass, in the given order; no statuses means all."""
        words = self.text.casefold().split()
        return [
            sample
            for sample in samples
            if (not self.statuses or sample.status in self.statuses)
            and all(word in sample.key.casefold() for word in words)
        ]


class SampleBook(QObject):
    """Holds every sample in order and the filtered view of them; `listed` is what the user sees."""

    reset = Signal()
    refreshed = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[Sample] = []
        self.listed: list[Sample] = []
        self.filter = SampleFilter()
        self._rows: dict[str, int] = {}
        self._places: dict[str, int] = {}

    def load(self, samples: Sequence[Sample]) -> None:
        """Replaces all samples."""
        self.samples = list(samples)
        self._places = {sample.key: place for place, sample in enumerate(self.samples)}
        self._select()

    def set_filter(self, wanted: SampleFilter) -> None:
        """Lists only the samples that pass."""
        self.filter = wanted
        self._select()

    def _select(self) -> None:
        self.listed = self.filter.select(self.samples)
        self._rows = {sample.key: row for row, sample in enumerate(self.listed)}
        self.reset.emit()

    def get(self, key: str) -> Sample | None:
        """A sample by key, whether listed or not."""
        place = self._places.get(key)
        return None if place is None else self.samples[place]

    def row(self, key: str) -> int | None:
        """The row of a sample among the listed ones."""
        return self._rows.get(key)

    def update(self, samples: Sequence[Sample]) -> None:
        """Replaces samples that changed.

        A sample that no longer passes the filter stays listed until the filter is set again: rows must not
        vanish from under the cursor while the user works through them.
        """
        rows = []
        for sample in samples:
            place = self._places.get(sample.key)
            if place is None:
                continue
            self.samples[place] = sample
            row = self._rows.get(sample.key)
            if row is not None:
                self.listed[row] = sample
                rows.append(row)
        if rows:
            self.refreshed.emit(rows)

    def neighbour(
        self, key: str | None, step: int, wanted: Callable[[Sample], bool] = lambda _: True
    ) -> Sample | None:
        """The next listed sample in the direction of `step` (-1 or 1) that is wanted, or None at the end."""
        row = self._rows.get(key) if key is not None else None
        if row is None:
            row = -1 if step > 0 else len(self.listed)
        row += step
        while 0 <= row < len(self.listed):
            if wanted(self.listed[row]):
                return self.listed[row]
            row += step
        return None

    def count(self, statuses: frozenset[SampleStatus]) -> int:
        """How many samples, listed or not, have one of the statuses."""
        return sum(sample.status in statuses for sample in self.samples)


def needs_work(sample: Sample) -> bool:
    """Whether somebody still has to do something about a sample's mask."""
    return sample.status in NEEDS_WORK
