"""The rules of review: which status may follow which, and who a sample goes to next; pure functions."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from segstudio.project.sample import Sample, SampleStatus

S = SampleStatus
# Verdicts may be changed: who sees a mistake later must not have to pretend otherwise.
_ALLOWED: Mapping[SampleStatus, frozenset[SampleStatus]] = MappingProxyType(
    {
        S.UNLABELLED: frozenset({S.PREDICTED, S.IN_PROGRESS, S.SUBMITTED, S.SKIPPED}),
        S.PREDICTED: frozenset({S.UNLABELLED, S.IN_PROGRESS, S.SUBMITTED, S.SKIPPED}),
        S.IN_PROGRESS: frozenset({S.SUBMITTED, S.SKIPPED}),
        S.SUBMITTED: frozenset({S.ACCEPTED, S.REJECTED, S.IN_PROGRESS, S.SKIPPED}),
        S.ACCEPTED: frozenset({S.IN_PROGRESS, S.REJECTED}),
        S.REJECTED: frozenset({S.IN_PROGRESS, S.SUBMITTED, S.ACCEPTED, S.SKIPPED}),
        S.SKIPPED: frozenset({S.IN_PROGRESS, S.SUBMITTED}),
    }
)
VERDICTS = frozenset({S.ACCEPTED, S.REJECTED})
WITH_LABELER = frozenset({S.UNLABELLED, S.PREDICTED, S.IN_PROGRESS, S.REJECTED})


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a sample stands: its status, who labels and who reviews it ("" for nobody), why it came back.

    The reason stays while the sample is corrected, and goes when it is accepted.
    """

    status: SampleStatus
    assignee: str = ""
    reviewer: str = ""
    reason: str = ""


def allowed(status: SampleStatus) -> frozenset[SampleStatus]:
    """The statuses that may follow a status."""
    return _ALLOWED[status]


def counts_as(status: SampleStatus, reviewer: str) -> SampleStatus:
    """What the rules start from: a mask that was found accepted is open, for nobody looked at it."""
    return S.IN_PROGRESS if status is S.ACCEPTED and not reviewer else status


def route(status: SampleStatus, to: SampleStatus) -> tuple[SampleStatus, ...]:
    """The steps from one status to another; empty where there is no way.

    Whoever labels and reviews alone accepts work at once: it is submitted on the way.
    """
    if to in _ALLOWED[status]:
        return (to,)
    through_submission = to in VERDICTS and S.SUBMITTED in _ALLOWED[status]
    return (S.SUBMITTED, to) if through_submission else ()


def moved(before: Standing, to: SampleStatus, who: str, author: str, reason: str = "") -> Standing:
    """Where a sample stands after somebody moved it.

    Who submits first is its labeler, who gives a verdict its reviewer: what is rejected goes back to the one
    and its correction to the other.

    Args:
        before: where it stood.
        to: the new status.
        who: the one who moves it.
        author: who changed its mask last, "" where nobody knows; its labeler if nobody is yet.
        reason: why it is rejected.
    """
    after = replace(before, status=to)
    if to is S.SUBMITTED:
        return replace(after, assignee=before.assignee or who)
    if to is S.ACCEPTED:
        return replace(after, assignee=before.assignee or author, reviewer=who, reason="")
    if to is S.REJECTED:
        return replace(after, assignee=before.assignee or author, reviewer=who, reason=reason)
    return after


def is_locked(sample: Sample) -> bool:
    """Whether a mask must be reopened before it is changed: somebody accepted it in review.

    Masks that were found in a new folder count as accepted too, but nobody has looked at them here.
    """
    return sample.status is S.ACCEPTED and bool(sample.reviewer)


def waiting_for(person: str, samples: Iterable[Sample]) -> list[Sample]:
    """What waits for a person, the most urgent first; samples of one kind keep their order.

    First what was rejected and comes back to them, then corrections that they asked for, then what they are
    to label, then what others submitted for anybody's review; their own work last, for others see more in it.
    """
    ranked = [(rank, sample) for sample in samples if (rank := _rank(person, sample)) is not None]
    return [sample for _, sample in sorted(ranked, key=lambda pair: pair[0])]


def _rank(person: str, sample: Sample) -> int | None:
    if sample.status in WITH_LABELER:
        if sample.assignee != person:
            return None
        return 0 if sample.status is S.REJECTED else 1 if sample.reason else 3
    if sample.status is not S.SUBMITTED:
        return None
    if sample.reviewer == person:
        return 2 if sample.reason else 4
    if sample.reviewer:
        return None
    return 6 if sample.assignee == person else 5
