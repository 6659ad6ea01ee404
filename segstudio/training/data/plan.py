"""Decides which samples every step of a run sees: a pure function of seed and step, so runs can resume."""

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from segstudio.training.data.draw import Draw
from segstudio.training.data.split import Split
from segstudio.training.spec.derived import batch_size
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import CropStage

# What distinguishes the streams of chance of one seed.
STAGES, SOURCES, EPOCHS, STEPS = range(4)
BALANCED = -1


class Plan:
    """The draws of every step of a run.

    A sample is drawn either balanced (a class with equal chances, then a sample by the root of its area) or
    in turn: a source's samples in a new order every epoch, each once. Which of both, and of which source, is
    decided for the whole run beforehand, so that any step can be asked for.
    """

    def __init__(self, split: Split, spec: ExperimentSpec, steps: int, ranks: int = 1) -> None:
        """Plans `steps` steps of `ranks` processes; a negative seed counts as 0."""
        self._split, self._spec, self._steps = split, spec, steps
        self.ranks, self.accumulation = ranks, spec.studio.optim.accumulation
        self._seed = max(spec.train.seed, 0)
        self._stages = crop_stages(spec)
        self._stage_of = self._choose_stages()
        sizes = np.array([self._size(stage) for stage in self._stages], np.int64)[self._stage_of]
        self._first = np.concatenate([[0], np.cumsum(sizes)])
        self._source_of, self._turn_of = self._deal(int(self._first[-1]))
        self._orders: dict[tuple[int, int], NDArray[np.int64]] = {}

    @property
    def pixels(self) -> list[NDArray[np.int64]]:
        """int64 [n,K] of each source."""
        return [source.pixels for source in self._split.sources]

    def class_pixels(self) -> NDArray[np.int64]:
        """int64 [K]: pixels of each class over all samples."""
        total: NDArray[np.int64] = np.sum([table.sum(0) for table in self.pixels], axis=0).astype(np.int64)
        return total

    @property
    def steps_per_epoch(self) -> int:
        """See the function of this name."""
        return steps_per_epoch(self._split, self._spec, self.ranks)

    def stage(self, step: int) -> CropStage:
        """The crop stage of a step; its batch is that of one process and accumulated batch."""
        return self._stages[int(self._stage_of[step])]

    def draws(self, step: int) -> list[Draw]:
        """The samples of a step: of all processes and accumulated batches."""
        generator = np.random.default_rng((self._seed, STEPS, step))
        stage = self.stage(step)
        return [
            self._draw(generator, stage, position)
            for position in range(int(self._first[step]), int(self._first[step + 1]))
        ]

    def _size(self, stage: CropStage) -> int:
        return stage.batch * self.ranks * self.accumulation

    def _choose_stages(self) -> NDArray[np.int64]:
        """int64 [steps]: the stage of each step, drawn by their shares among those of one start."""
        chances = np.random.default_rng((self._seed, STAGES)).random(self._steps)
        starts = np.array([stage.start for stage in self._stages]) * self._steps
        chosen = np.zeros(self._steps, np.int64)
        for start in np.unique(starts):
            group = np.flatnonzero(starts == start)
            shares = np.cumsum([self._stages[number].share for number in group])
            from_here = np.arange(self._steps) >= start
            picks = np.searchsorted(shares, chances * shares[-1], side="right").clip(0, len(group) - 1)
            chosen[from_here] = group[picks[from_here]]
        return chosen

    def _deal(self, count: int) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
        """For every sample of the run its source, and its turn there, BALANCED where it has none."""
        chances = np.random.default_rng((self._seed, SOURCES)).random((count, 2), np.float32)
        weights = np.cumsum([source.weight for source in self._split.sources])
        last = len(weights) - 1
        source_of = np.searchsorted(weights, chances[:, 0] * weights[-1], side="right").clip(0, last)
        turn_of = np.full(count, BALANCED, np.int32)
        in_turn = chances[:, 1] >= self._spec.studio.balanced_share
        for source in range(last + 1):
            places = np.flatnonzero((source_of == source) & in_turn)
            turn_of[places] = np.arange(len(places), dtype=np.int32)
        return source_of.astype(np.uint8), turn_of

    def _draw(self, generator: np.random.Generator, stage: CropStage, position: int) -> Draw:
        source, turn = int(self._source_of[position]), int(self._turn_of[position])
        table, visits = self._split.sources[source].pixels, self._split.sources[source].visits
        focus: int | None = None
        if turn != BALANCED:
            number = self._in_turn(source, turn, visits)
        else:
            number, focus = self._balanced(generator, table, visits)
        seed = int(generator.integers(2**62))
        return Draw(source, number, stage.height, stage.width, focus, seed, stage.scale)

    def _in_turn(self, source: int, turn: int, visits: NDArray[np.int64]) -> int:
        epoch, place = divmod(turn, int(visits.sum()))
        if (source, epoch) not in self._orders:
            # A step needs two epochs of a source at most.
            self._orders = {key: order for key, order in self._orders.items() if key[0] != source}
            numbers = np.repeat(np.arange(len(visits)), visits)
            order = np.random.default_rng((self._seed, EPOCHS, source, epoch)).permutation(numbers)
            self._orders[source, epoch] = order
        return int(self._orders[source, epoch][place])

    def _balanced(
        self, generator: np.random.Generator, table: NDArray[np.int64], visits: NDArray[np.int64]
    ) -> tuple[int, int | None]:
        present = np.flatnonzero(table.sum(0))
        if not present.size:
            return int(generator.integers(len(table))), None
        focus = int(generator.choice(present))
        # Larger areas are a little more likely, so that specks do not dominate.
        chances = np.sqrt(table[:, focus].astype(np.float64)) * visits
        return int(generator.choice(len(table), p=chances / chances.sum())), focus


class StepSampler:
    """Yields the micro-batches of one process, step by step: DataLoader's batch sampler.

    Of a step's draws the j-th micro-batch of rank r is the slice [(j * ranks + r) * b, ... + b), so that two
    processes with batch b see the samples that one with batch 2b sees, in the same order.
    """

    def __init__(self, plan: Plan, first: int, last: int, rank: int = 0) -> None:
        self._plan, self._first, self._last, self._rank = plan, first, last, rank

    def __iter__(self) -> Iterator[list[Draw]]:
        """One list of draws a micro-batch, of as many a step as batches are accumulated."""
        ranks = self._plan.ranks
        for step in range(self._first, self._last):
            draws, batch = self._plan.draws(step), self._plan.stage(step).batch
            for start in range(self._rank * batch, len(draws), ranks * batch):
                yield draws[start : start + batch]

    def __len__(self) -> int:
        """Number of micro-batches."""
        return (self._last - self._first) * self._plan.accumulation


def crop_stages(spec: ExperimentSpec) -> tuple[CropStage, ...]:
    """The crop stages of a spec: studio.crops, else one of img_size."""
    segment = spec.dataset.segment
    return spec.studio.crops or (CropStage(0.0, segment.img_size, segment.img_size, batch_size(spec)),)


def steps_per_epoch(split: Split, spec: ExperimentSpec, ranks: int = 1) -> int:
    """Steps that show each sample as often as an epoch visits it, at the mean batch of the run's stages."""
    stages = crop_stages(spec)
    starts = sorted({stage.start for stage in stages})
    batch = 0.0
    for start, end in zip(starts, [*starts[1:], 1.0], strict=True):
        group = [stage for stage in stages if stage.start == start]
        shares = sum(stage.share for stage in group)
        batch += (end - start) * sum(stage.batch * stage.share for stage in group) / shares
    visits = sum(int(source.visits.sum()) for source in split.sources)
    return max(1, math.ceil(visits / (batch * ranks * spec.studio.optim.accumulation)))
