"""The rounds of a study: choose frames, hear their truth, train anew, score; with any learner."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, scores
from segstudio.metrics.pool_look import PoolLook
from segstudio.workflows.study.points import FULL, START, Choice, Point, PointStore, Table, plain_iou
from segstudio.workflows.study.strategies import Round, Strategy, by_lot

Rows = NDArray[np.int64]


class Learner(Protocol):
    """What is trained on frames whose truth is known; a fitted network is whatever its `fit` returns."""

    @property
    def names(self) -> tuple[str, ...]:
        """The classes."""
        ...

    @property
    def pixels(self) -> NDArray[np.int64]:
        """int64 [N,K]: true pixels of each class in each frame."""
        ...

    def fit(self, rows: Rows, seed: int) -> Any:
        """Trains from the start on some frames."""
        ...

    def score(self, fitted: Any) -> Counts:
        """Confusion counts int64 [K,K+1] over the validation samples."""
        ...

    def ask(self, fitted: Any, rows: Rows) -> Counts:
        """Confusion counts int64 [K,K+1] over frames."""
        ...

    def look(self, fitted: Any, rows: Rows) -> PoolLook:
        """What a fitted network says of frames, without their truth."""
        ...


@dataclass(frozen=True)
class Plan:
    """What a study goes through.

    Attributes:
        budgets: frames whose truth is known, ascending; the first ones are drawn by lot.
        strategies: by name.
        seeds: one repetition each.
    """

    budgets: tuple[int, ...]
    strategies: Mapping[str, Strategy]
    seeds: tuple[int, ...]

    @property
    def trainings(self) -> int:
        """How many points it has: of each seed one on all frames, one at the start, the rest by strategy."""
        return len(self.seeds) * (2 + len(self.strategies) * (len(self.budgets) - 1))


class Study:
    """Goes through a plan; points that the store has are not trained again."""

    def __init__(
        self, plan: Plan, keys: Sequence[str], learner: Learner, store: PointStore, context: JobContext
    ) -> None:
        self._plan, self._keys, self._learner = plan, tuple(keys), learner
        self._store, self._context = store, context
        self._rows = {key: row for row, key in enumerate(self._keys)}
        self._done = 0

    def run(self) -> list[Point]:
        """All points: seed by seed, budget by budget.

        Raises:
            Cancelled: the context was cancelled; what was finished is kept.
        """
        return [point for seed in self._plan.seeds for point in self._of_seed(seed)]

    def _of_seed(self, seed: int) -> Iterator[Point]:
        classes = len(self._learner.names)
        nothing: Table = ((0,) * (classes + 1),) * classes
        yield self._point(FULL, seed, np.arange(len(self._keys)), nothing, ())
        first = by_lot(self._keys, np.arange(len(self._keys)), seed, self._plan.budgets[0])
        start = self._point(START, seed, first, nothing, tuple(self._plan.strategies))
        yield start
        last = dict.fromkeys(self._plan.strategies, start)
        for count in self._plan.budgets[1:]:
            for name in self._plan.strategies:
                choice = last[name].choices[name]
                rows = self._numbers((*last[name].frames, *choice.frames))
                wanted = (name,) if count != self._plan.budgets[-1] else ()
                last[name] = self._point(name, seed, rows, choice.heard, wanted)
                yield last[name]

    def _point(self, strategy: str, seed: int, rows: Rows, heard: Table, wanted: tuple[str, ...]) -> Point:
        """A point from the store, or trained now; with the choices of some strategies."""
        self._context.check()
        title = f"seed {seed}, {strategy}, {len(rows)} frames"
        self._context.progress(self._done, self._plan.trainings, title)
        frames = tuple(self._keys[row] for row in rows)
        kept = self._store.get(strategy, seed, len(rows))
        if kept is None or kept.frames != frames or not self._has_choices(kept, wanted):
            former = kept.choices if kept is not None and kept.frames == frames else {}
            new = self._trained(strategy, seed, rows, heard, wanted)
            kept = replace(new, choices={**former, **new.choices})
            self._store.put(kept)
        self._done += 1
        self._context.progress(self._done, self._plan.trainings, f"{title}: mIoU {kept.miou:.3f}")
        self._context.event(
            {"kind": "point", "strategy": strategy, "seed": seed, "frames": len(rows), "miou": kept.miou}
        )
        return kept

    def _has_choices(self, kept: Point, wanted: tuple[str, ...]) -> bool:
        """Whether a kept point says what comes next, as far as this plan's next budget."""
        more = self._more(len(kept.frames)) if wanted else 0
        return all(name in kept.choices and len(kept.choices[name].frames) == more for name in wanted)

    def _more(self, count: int) -> int:
        """Frames that lie between a budget and the next one."""
        budgets = self._plan.budgets
        return budgets[budgets.index(count) + 1] - count

    def _trained(self, strategy: str, seed: int, rows: Rows, heard: Table, wanted: tuple[str, ...]) -> Point:
        began = time.monotonic()
        fitted = self._learner.fit(rows, seed)
        result = scores(self._learner.score(fitted))
        point = Point(
            strategy, seed, tuple(self._keys[row] for row in rows), result.miou, result.aacc,
            plain_iou(self._learner.names, result.iou), 0.0,
        )  # fmt: skip
        choices = self._choices(fitted, rows, heard, seed, wanted)
        return replace(point, choices=choices, seconds=round(time.monotonic() - began, 2))

    def _choices(
        self, fitted: Any, rows: Rows, heard: Table, seed: int, wanted: tuple[str, ...]
    ) -> dict[str, Choice]:
        strategies = {name: self._plan.strategies[name] for name in wanted}
        if not strategies:
            return {}
        more = self._more(len(rows))
        state = self._round(rows, heard, seed)
        if any(strategy.looks for strategy in strategies.values()):
            state = replace(state, look=self._learner.look(fitted, np.arange(len(self._keys))))
        found = {}
        for name, strategy in strategies.items():
            chosen = strategy.choose(state, more)
            total = heard
            if strategy.looks:
                counts = np.array(heard, np.int64) + self._learner.ask(fitted, chosen)
                total = tuple(tuple(map(int, row)) for row in counts)
            found[name] = Choice(tuple(self._keys[row] for row in chosen), total)
        return found

    def _round(self, rows: Rows, heard: Table, seed: int) -> Round:
        known = np.zeros(len(self._keys), bool)
        known[rows] = True
        pixels = np.where(known[:, None], self._learner.pixels, 0)
        counts = np.array(heard, np.int64)
        # A class that the frames heard so far do not have says nothing of how well it is known.
        iou = np.where(counts.sum(axis=1) > 0, scores(counts).iou, np.nan)
        return Round(self._keys, self._learner.names, rows, pixels, None, iou, seed)

    def _numbers(self, keys: Sequence[str]) -> Rows:
        return np.sort(np.array([self._rows[key] for key in keys], np.int64))
