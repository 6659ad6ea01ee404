"""The errors of two models side by side: which are fixed, which are new, what that is worth to each class."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segment_changes import matched
from segstudio.metrics.segment_cost import segment_costs
from segstudio.metrics.segment_table import SegmentTable
from segstudio.project.evaluations import ModelEvaluation

# Of each kind, the costliest ones.
MOST_LISTED = 500


@dataclass(frozen=True)
class ChangedSegment:
    """An error that one of two models makes.

    Attributes:
        key: the sample.
        box: x, y, width and height in pixels.
        truth, predicted: ids; `predicted` K is "no class".
        area: pixels.
        cost: points of mIoU that it costs the model that makes it, as a fraction.
        is_fixed: whether only the first model makes it; else only the second one does.
    """

    key: str
    box: tuple[int, int, int, int]
    truth: int
    predicted: int
    area: int
    cost: float
    is_fixed: bool


@dataclass(frozen=True)
class Tally:
    """How many errors, and the points of mIoU that they cost together, as a fraction."""

    count: int = 0
    cost: float = 0.0


@dataclass(frozen=True)
class ClassChanges:
    """Errors in true regions of one class: fixed, broken, wrong in both models (the second's cost)."""

    fixed: Tally = Tally()
    broken: Tally = Tally()
    unchanged: Tally = Tally()


@dataclass(frozen=True)
class SegmentChanges:
    """What changed: K classes, and the costliest segments, each kind with the costliest first."""

    classes: tuple[ClassChanges, ...]
    fixed: tuple[ChangedSegment, ...]
    broken: tuple[ChangedSegment, ...]

    @property
    def total(self) -> ClassChanges:
        """All classes together."""
        return ClassChanges(
            _total([entry.fixed for entry in self.classes]),
            _total([entry.broken for entry in self.classes]),
            _total([entry.unchanged for entry in self.classes]),
        )


def segment_changes(first: ModelEvaluation, second: ModelEvaluation) -> SegmentChanges:
    """Compares the errors of two models on the same samples; `matched` says which ones are the same."""
    before, after = first.table, second.table
    still_before, still_after = matched(before, after)
    costs_before = segment_costs(before, first.confusion.sum(axis=0))
    costs_after = segment_costs(after, second.confusion.sum(axis=0))
    fixed = _by_class(before, costs_before, ~still_before)
    broken = _by_class(after, costs_after, ~still_after)
    unchanged = _by_class(after, costs_after, still_after)
    return SegmentChanges(
        tuple(ClassChanges(*three) for three in zip(fixed, broken, unchanged, strict=True)),
        _costliest(before, costs_before, ~still_before, is_fixed=True),
        _costliest(after, costs_after, ~still_after, is_fixed=False),
    )


def _by_class(table: SegmentTable, costs: NDArray[np.float32], chosen: NDArray[np.bool_]) -> list[Tally]:
    classes, truth = len(table.names), table.rows.truth[chosen]
    counts = np.bincount(truth, minlength=classes)
    sums = np.bincount(truth, costs[chosen], minlength=classes)
    return [Tally(int(count), float(cost)) for count, cost in zip(counts, sums, strict=True)]


def _costliest(
    table: SegmentTable, costs: NDArray[np.float32], chosen: NDArray[np.bool_], *, is_fixed: bool
) -> tuple[ChangedSegment, ...]:
    numbers = np.flatnonzero(chosen)
    numbers = numbers[np.argsort(-costs[numbers], kind="stable")][:MOST_LISTED]
    rows = table.rows
    found = []
    for number in numbers:
        x, y, width, height = (int(value) for value in rows.box[number])
        found.append(
            ChangedSegment(
                table.samples[table.sample[number]],
                (x, y, width, height),
                int(rows.truth[number]),
                int(rows.predicted[number]),
                int(rows.area[number]),
                float(costs[number]),
                is_fixed,
            )
        )
    return tuple(found)


def _total(tallies: list[Tally]) -> Tally:
    return Tally(sum(tally.count for tally in tallies), sum(tally.cost for tally in tallies))
