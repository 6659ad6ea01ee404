"""Plans repeat, resume, share work between processes, and show every sample and rare classes."""

from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette
from segstudio.training.data.draw import Draw
from segstudio.training.data.plan import Plan, StepSampler, steps_per_epoch
from segstudio.training.data.scan import FileFacts
from segstudio.training.data.split import Split
from segstudio.training.spec.load import spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec


class Drawer:
    """Samples that exist in name only."""

    labelled = True

    def __init__(self, pixels: NDArray[np.int64], weight: float = 1.0) -> None:
        self.title, self.pixels, self.weight = "drawer", pixels, weight
        self.visits = np.ones(len(pixels), np.int64)
        self.facts: Sequence[FileFacts] = [FileFacts()] * len(pixels)

    def __len__(self) -> int:
        return len(self.pixels)

    def load(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        raise NotImplementedError

    def load_image(self, number: int) -> NDArray[np.uint8]:
        raise NotImplementedError

    def name(self, number: int) -> str:
        return f"sample {number}"

    def paths(self, number: int) -> tuple[Path | None, Path | None]:
        return None, None


def split_of(*counts: int, weights: tuple[float, ...] = (), rare: bool = False) -> Split:
    sources = []
    for place, count in enumerate(counts):
        pixels = np.zeros((count, 19), np.int64)
        pixels[:, 0] = 1000
        if rare:
            pixels[count // 2, 6] = 16
        sources.append(Drawer(pixels, weights[place] if weights else 1.0))
    return Split("train", load_palette("cityscapes"), tuple(sources))


def spec_of(batch: int = 4, seed: int = 5, **studio: Any) -> ExperimentSpec:
    return spec_from_dict(
        {
            "dataset": {"segment": {"batch_size": batch, "img_size": 64, "root_dir": "."}},
            "train": {"seed": seed},
            "studio": {"balanced_share": 0.0, **studio},
        }
    )


def all_draws(plan: Plan, steps: int) -> list[Draw]:
    return [draw for step in range(steps) for draw in plan.draws(step)]


def test_plan_is_a_function_of_seed_and_step() -> None:
    spec, split = spec_of(balanced_share=0.5), split_of(7, 5)
    whole = list(StepSampler(Plan(split, spec, 6), 0, 6))
    assert whole[3:] == list(StepSampler(Plan(split, spec, 6), 3, 6))
    backwards = Plan(split, spec, 6)
    assert [backwards.draws(step) for step in reversed(range(6))][::-1] == whole
    assert whole != list(StepSampler(Plan(split, spec_of(seed=6, balanced_share=0.5), 6), 0, 6))
    assert len({draw.seed for step in whole for draw in step}) == sum(map(len, whole))


def test_every_sample_once_an_epoch_in_another_order() -> None:
    split = split_of(10)
    plan = Plan(split, spec_of(batch=4), 10)
    numbers = [draw.number for draw in all_draws(plan, 10)]
    epochs = [numbers[start : start + 10] for start in range(0, 40, 10)]
    assert all(sorted(epoch) == list(range(10)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4


def test_sources_are_drawn_by_weight_and_each_in_turn() -> None:
    split = split_of(20, 30, weights=(3.0, 1.0))
    draws = all_draws(Plan(split, spec_of(batch=8), 250), 250)
    assert sum(draw.source == 0 for draw in draws) / 2000 == pytest.approx(0.75, abs=0.04)
    for source in (0, 1):
        counts = Counter(draw.number for draw in draws if draw.source == source)
        assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize("accumulation", [1, 3])
def test_two_processes_draw_what_one_draws(accumulation: int) -> None:
    split, steps = split_of(9, 4), 5
    one = Plan(split, spec_of(batch=8, balanced_share=0.5, optim={"accumulation": accumulation}), steps)
    spec = spec_of(batch=4, balanced_share=0.5, optim={"accumulation": accumulation})
    two = Plan(split, spec, steps, ranks=2)
    alone = list(StepSampler(one, 0, steps))
    ranks = [list(StepSampler(two, 0, steps, rank)) for rank in range(2)]
    assert len(alone) == len(ranks[0]) == len(StepSampler(two, 0, steps, 1)) == steps * accumulation
    assert [a + b for a, b in zip(*ranks, strict=True)] == alone
    assert one.steps_per_epoch == two.steps_per_epoch


def test_accumulated_batches_are_those_of_one_large_batch() -> None:
    split = split_of(9)
    parts = list(StepSampler(Plan(split, spec_of(batch=2, optim={"accumulation": 4}), 3), 0, 3))
    whole = list(StepSampler(Plan(split, spec_of(batch=8), 3), 0, 3))
    assert [list(chain(*parts[n : n + 4])) for n in range(0, 12, 4)] == whole


def test_balanced_draws_show_rare_classes() -> None:
    split = split_of(40, rare=True)
    draws = all_draws(Plan(split, spec_of(batch=10, balanced_share=1.0), 40), 40)
    rare = [draw for draw in draws if draw.focus == 6]
    assert len(rare) / len(draws) == pytest.approx(0.5, abs=0.1)
    assert {draw.number for draw in rare} == {20}
    assert all(draw.focus is None for draw in all_draws(Plan(split, spec_of(), 10), 10))


def test_samples_with_more_visits_are_shown_more_often() -> None:
    split = split_of(8)
    split.sources[0].visits[3] = 3
    draws = all_draws(Plan(split, spec_of(batch=5), 20), 20)
    assert steps_per_epoch(split, spec_of(batch=5)) == 2
    # An epoch shows ten samples: three times the one, once each of the others.
    for epoch in range(10):
        shown = Counter(draw.number for draw in draws[10 * epoch : 10 * epoch + 10])
        assert shown == {number: 3 if number == 3 else 1 for number in range(8)}
    balanced = all_draws(Plan(split, spec_of(batch=10, balanced_share=1.0), 100), 100)
    assert sum(draw.number == 3 for draw in balanced) / len(balanced) == pytest.approx(0.3, abs=0.05)


def test_crop_stages_follow_the_run_and_mix_by_share() -> None:
    crops = [
        {"start": 0.0, "height": 32, "width": 32, "batch": 6, "share": 3.0},
        {"start": 0.0, "height": 64, "width": 64, "batch": 2, "share": 1.0},
        {"start": 0.5, "height": 64, "width": 96, "batch": 2},
    ]
    spec, split = spec_of(crops=crops), split_of(30)
    plan = Plan(split, spec, 200)
    sizes = [len(plan.draws(step)) for step in range(200)]
    widths = [plan.draws(step)[0].width for step in range(200)]
    assert sizes == [plan.stage(step).batch for step in range(200)]
    assert set(widths[100:]) == {96}
    assert widths[:100].count(32) / 100 == pytest.approx(0.75, abs=0.12)
    assert set(widths[:100]) == {32, 64}
    # Half of the run at 5 samples on average, half at 2: 30 samples take 8.6 steps.
    assert plan.steps_per_epoch == steps_per_epoch(split, spec) == 9
    counts = Counter(draw.number for draw in all_draws(plan, 200))
    assert max(counts.values()) - min(counts.values()) <= 1


def test_class_pixels_are_summed() -> None:
    plan = Plan(split_of(3, 4, rare=True), spec_of(), 1)
    assert plan.class_pixels()[[0, 6, 1]].tolist() == [7000, 32, 0]
