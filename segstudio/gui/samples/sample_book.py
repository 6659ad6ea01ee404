"""The project's samples as the window lists them: filtered, in order, with the way to the next one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from segstudio.project.sample import Sample, SampleStatus
from segstudio.project.sample_orders import Order

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


BY_NAME = Order()


@dataclass(frozen=True)
class Listing:
    """Which samples to list, and in which order.

    Attributes:
        query: see `matching_samples`; "" is all.
        statuses: a sample has one of them; none means any.
        order: what comes first.
    """

    query: str = ""
    statuses: frozenset[SampleStatus] = frozenset()
    order: Order = BY_NAME

    @property
    def is_plain(self) -> bool:
        """Whether all samples are listed by name."""
        return self == PLAIN


PLAIN = Listing()


class SampleBook(QObject):
    """Holds every sample in order and the list of those that are asked for; `listed` is what the user sees.

    Who makes the list hears `wanted_changed` and `loaded` and answers by `show`.
    """

    reset = Signal()
    refreshed = Signal(object)
    wanted_changed = Signal()
    loaded = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[Sample] = []
        self.listed: list[Sample] = []
        self.drawn: frozenset[str] = frozenset()
        self.wanted = PLAIN
        self._rows: dict[str, int] = {}
        self._places: dict[str, int] = {}

    def load(self, samples: Sequence[Sample]) -> None:
        """Replaces all samples; until another list comes, those that were listed and are still there stay."""
        before = None if self.wanted.is_plain else [sample.key for sample in self.listed]
        self.samples = list(samples)
        self._places = {sample.key: place for place, sample in enumerate(self.samples)}
        self._list(before)
        self.loaded.emit()

    def set_wanted(self, wanted: Listing) -> None:
        """Asks for another list; all samples by name are there at once."""
        self.wanted = wanted
        if wanted.is_plain:
            self.show(None, frozenset())
        self.wanted_changed.emit()

    def show(self, keys: Sequence[str] | None, drawn: frozenset[str]) -> None:
        """Lists samples in an order, None is all by name; `drawn` are those that were drawn at random."""
        self.drawn = drawn
        self._list(keys)

    def _list(self, keys: Sequence[str] | None) -> None:
        if keys is None:
            self.listed = list(self.samples)
        else:
            places = self._places
            self.listed = [self.samples[places[key]] for key in keys if key in places]
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

        A sample that no longer fits the query stays listed until a list is asked for again: rows must not
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
