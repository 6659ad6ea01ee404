"""What people decide about error segments: whose fault they are, and where they are sent."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.metrics.segment_changes import SAME_BOX, overlaps
from segstudio.metrics.segment_table import Coded, SegmentTable
from segstudio.project.lock import user_name
from segstudio.project.sample import Changes
from segstudio.project.verdict_store import Step, VerdictRow, VerdictStore

Box = tuple[int, int, int, int]
MOST_VISITS = 5


class Verdict(Enum):
    """Whose fault an error is."""

    MODEL_WRONG = "model_wrong"
    LABEL_WRONG = "label_wrong"
    POLICY_UNCLEAR = "policy_unclear"


class Destination(Enum):
    """Where a segment can be sent."""

    QUEUE = "queue"
    WEIGHT = "weight"
    IGNORE = "ignore"
    EXPORT = "export"


@dataclass(frozen=True)
class SegmentPlace:
    """What a segment is known by: its sample, its class pair (`predicted` K is "no class") and its box.

    `others` are the boxes of the sample's other segments of that pair, as far as somebody knows them.
    """

    key: str
    truth: int
    predicted: int
    box: Box
    others: frozenset[Box] = field(default=frozenset(), compare=False)

    @classmethod
    def of(cls, table: SegmentTable, number: int) -> "SegmentPlace":
        """The place of a row."""
        rows, sample = table.rows, int(table.sample[number])
        begin, end = np.searchsorted(table.sample, (sample, sample + 1))
        truth, predicted = int(rows.truth[number]), int(rows.predicted[number])
        same = (rows.truth[begin:end] == truth) & (rows.predicted[begin:end] == predicted)
        boxes = [_box(box) for box in rows.box[begin:end][same]]
        own = _box(rows.box[number])
        return cls(table.samples[sample], truth, predicted, own, frozenset(boxes) - {own})


@dataclass(frozen=True)
class Decision:
    """What was decided about a segment, by whom and when (seconds since 1970)."""

    place: SegmentPlace
    verdict: Verdict | None
    sent: frozenset[Destination]
    author: str
    at: float


class Verdicts:
    """Keeps decisions in the project's palette; `Project.verdicts` is one."""

    def __init__(self, store: VerdictStore, palette: Palette) -> None:
        self._store = store
        self._palette = palette

    def all(self) -> list[Decision]:
        """Every decision, oldest first."""
        return [_decision(row) for row in self._store.rows(self._palette.name)]

    def say(self, places: Iterable[SegmentPlace], verdict: Verdict | None, *, initiator: str = "") -> Changes:
        """Sets whose fault segments are; None takes it back."""
        value = verdict.value if verdict else ""
        return self._change(places, lambda row: replace(row, verdict=value), initiator)

    def send(
        self, places: Iterable[SegmentPlace], to: Destination, *, back: bool = False, initiator: str = ""
    ) -> Changes:
        """Sends segments somewhere, or takes them back from there."""

        def sent(row: VerdictRow) -> VerdictRow:
            others = set(row.sent.split(",")) - {"", to.value}
            return replace(row, sent=",".join(sorted(others if back else {*others, to.value})))

        return self._change(places, sent, initiator)

    def _change(
        self, places: Iterable[SegmentPlace], change: Callable[[VerdictRow], VerdictRow], initiator: str
    ) -> Changes:
        """Changes what is known of segments, which keep the boxes that they have now."""
        wanted, author = list(places), user_name()

        def decide(rows: list[VerdictRow]) -> list[Step]:
            by_pair = _by_pair(rows)
            steps: list[Step] = []
            for place in wanted:
                before = _known(place, by_pair.get((place.key, place.truth, place.predicted), []))
                known = (before.verdict, before.sent) if before else ("", "")
                row = VerdictRow(place.key, place.truth, place.predicted, place.box, *known, author, 0.0)
                steps.append((before, change(row)))
            return steps

        self._store.change(self._palette.name, decide)
        return Changes(reviews=frozenset(place.key for place in wanted), initiator=initiator)

    def columns(self, table: SegmentTable) -> dict[str, Coded]:
        """The words `verdict` and `sent` for a table: each segment finds the decision on its region again.

        `sent` names the places of a segment joined by commas; "" is nowhere.
        """
        decided = self._store.rows(self._palette.name)
        sent = ["", *sorted({row.sent for row in decided} - {""})]
        verdicts = ["", *(verdict.value for verdict in Verdict)]
        columns = {"verdict": np.zeros(table.count, np.uint8), "sent": np.zeros(table.count, np.uint8)}
        # Rows of one sample stand together: each sample's stretch is looked at once.
        numbers = {key: number for number, key in enumerate(table.samples)}
        begins = np.searchsorted(table.sample, np.arange(len(table.samples) + 1))
        taken = set[int]()
        # Those whose boxes did not change come first: a neighbour must not take their place.
        for exact in (True, False):
            for row in decided:
                number = numbers.get(row.key)
                if number is None:
                    continue
                stretch = slice(begins[number], begins[number + 1])
                found = _same_segment(table, stretch, row, exact=exact)
                if found is None or found in taken:
                    continue
                taken.add(found)
                columns["verdict"][found] = verdicts.index(row.verdict)
                columns["sent"][found] = sent.index(row.sent)
        return {
            "verdict": Coded(tuple(verdicts), columns["verdict"]),
            "sent": Coded(tuple(sent), columns["sent"]),
        }

    def sent_to(self, to: Destination) -> list[SegmentPlace]:
        """Segments that were sent somewhere, oldest first."""
        return [decision.place for decision in self.all() if to in decision.sent]

    def visits(self, keys: Collection[str]) -> Mapping[str, int]:
        """How often an epoch of training should show each sample: once, and once more for each of its
        segments that was sent to `WEIGHT`, up to `MOST_VISITS`.
        """
        found = dict.fromkeys(keys, 1)
        for place in self.sent_to(Destination.WEIGHT):
            if place.key in found:
                found[place.key] = min(found[place.key] + 1, MOST_VISITS)
        return found


def _same_segment(table: SegmentTable, stretch: slice, row: VerdictRow, *, exact: bool) -> int | None:
    """The row of a table in which a decided segment is found again; where its box is the same, exactly."""
    rows = table.rows
    same = (rows.truth[stretch] == row.truth) & (rows.predicted[stretch] == row.predicted)
    numbers = int(stretch.start) + np.flatnonzero(same)
    is_own = (rows.box[numbers] == row.box).all(axis=1)
    if is_own.any():
        return int(numbers[int(is_own.argmax())]) if exact else None
    best = None if exact else _nearest(rows.box[numbers], row.box)
    return None if best is None else int(numbers[best])


def _known(place: SegmentPlace, near: Sequence[VerdictRow]) -> VerdictRow | None:
    """What is known of a segment: of its very box, else of one nearly the same that no other segment has."""
    for row in near:
        if row.box == place.box:
            return row
    free = [row for row in near if row.box not in place.others]
    best = _nearest(np.array([row.box for row in free], np.int32), place.box)
    return None if best is None else free[best]


def _box(values: NDArray[np.int32]) -> Box:
    x, y, width, height = (int(value) for value in values)
    return x, y, width, height


def _nearest(boxes: NDArray[np.int32], box: Box) -> int | None:
    """Which of some boxes [n,4] is the same one; None if none overlaps enough."""
    if not len(boxes):
        return None
    shared = overlaps(boxes, np.array([box], np.int32))
    best = int(shared.argmax())
    return best if shared[best] > SAME_BOX else None


def _by_pair(rows: Iterable[VerdictRow]) -> dict[tuple[str, int, int], list[VerdictRow]]:
    found: dict[tuple[str, int, int], list[VerdictRow]] = {}
    for row in rows:
        found.setdefault((row.key, row.truth, row.predicted), []).append(row)
    return found


def _decision(row: VerdictRow) -> Decision:
    verdict = Verdict(row.verdict) if row.verdict else None
    sent = frozenset(Destination(name) for name in row.sent.split(",") if name)
    place = SegmentPlace(row.key, row.truth, row.predicted, row.box)
    return Decision(place, verdict, sent, row.author, row.at)
