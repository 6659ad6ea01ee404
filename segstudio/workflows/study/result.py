"""What the points of a study say together: a curve a strategy, and how many frames reach the wanted score."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segstudio.workflows.study.points import FULL, START, Point
from segstudio.workflows.svg_plots import LinePlot, Series, fixed_colours, line_plot

# Of the mIoU of a training on all frames.
WANTED_SHARE = 0.95


@dataclass(frozen=True)
class Curve:
    """What one strategy reached; a value a budget, fractions 0-1.

    Attributes:
        strategy: its name.
        frames: budgets, ascending.
        mean: mIoU, mean over the seeds.
        lowest, highest: of the seeds.
        reached: frames at which the mean reaches the wanted score, None where it never does.
        reached_by_seed: likewise of each seed and its own training on all frames.
    """

    strategy: str
    frames: tuple[int, ...]
    mean: tuple[float, ...]
    lowest: tuple[float, ...]
    highest: tuple[float, ...]
    reached: float | None
    reached_by_seed: tuple[float | None, ...]


@dataclass(frozen=True)
class StudyResult:
    """A finished study.

    Attributes:
        settings: what it was made with.
        frames: how many there are to choose from.
        full: mIoU of a training on all frames, mean over the seeds.
        full_by_seed: see above.
        curves: in the order of the strategies.
        points: all of them.
    """

    settings: Mapping[str, Any]
    frames: int
    full: float
    full_by_seed: tuple[float, ...]
    curves: tuple[Curve, ...]
    points: tuple[Point, ...]

    @property
    def wanted(self) -> float:
        """The mIoU that counts as reached."""
        return WANTED_SHARE * self.full

    def to_json(self) -> dict[str, Any]:
        """Plain values: the curves, then every point with its frames."""
        return {
            "settings": dict(self.settings),
            "frames": self.frames,
            "full_miou": self.full,
            "full_miou_by_seed": list(self.full_by_seed),
            "wanted_miou": self.wanted,
            "curves": [
                {
                    "strategy": curve.strategy,
                    "frames": list(curve.frames),
                    "miou": list(curve.mean),
                    "lowest": list(curve.lowest),
                    "highest": list(curve.highest),
                    "reached_at": curve.reached,
                    "reached_at_share": None if curve.reached is None else curve.reached / self.frames,
                    "reached_at_by_seed": list(curve.reached_by_seed),
                }
                for curve in self.curves
            ],
            "points": [point.to_json() for point in self.points],
        }

    def table(self) -> str:
        """The curves as lines of text."""
        budgets = self.curves[0].frames
        head = "".join(f"{count:>8}" for count in budgets)
        rows = [f"{'mIoU % by frames':<18}{head}{'reached at':>16}"]
        for curve in self.curves:
            values = "".join(f"{100 * value:8.1f}" for value in curve.mean)
            rows.append(f"{curve.strategy:<18}{values}{self._reached(curve):>16}")
        rows.append(
            f"all {self.frames} frames: {100 * self.full:.1f}; reached means {WANTED_SHARE:.0%} of it,"
            f" {100 * self.wanted:.1f}; mean of {len(self.full_by_seed)} seeds"
        )
        return "\n".join(rows)

    def plot(self) -> str:
        """The curves as SVG: the mean, the spread over the seeds, and what all frames reach."""
        budgets = self.curves[0].frames
        series = [
            Series(
                curve.strategy,
                tuple(100 * value for value in curve.mean),
                tuple((100 * low, 100 * high) for low, high in zip(curve.lowest, curve.highest, strict=True)),
            )
            for curve in self.curves
        ]
        flat = [
            Series(f"all {self.frames} frames", (100 * self.full,) * len(budgets), plain=True),
            Series(f"{WANTED_SHARE:.0%} of it", (100 * self.wanted,) * len(budgets), plain=True),
        ]
        title = "What labelling more frames brings"
        categories = tuple(str(count) for count in budgets)
        lines = (*series, *flat)
        plot = LinePlot(title, "frames with a true mask", "validation mIoU, %", categories, lines)
        return fixed_colours(line_plot(plot))

    def _reached(self, curve: Curve) -> str:
        if curve.reached is None:
            return "not reached"
        return f"{curve.reached:.0f} = {curve.reached / self.frames:.0%}"


def result_of(
    points: Sequence[Point], strategies: Sequence[str], frames: int, settings: Mapping[str, Any]
) -> StudyResult:
    """Draws the points of a whole plan together."""
    seeds = sorted({point.seed for point in points})
    full = {point.seed: point.miou for point in points if point.strategy == FULL}
    mean_full = statistics.fmean(full.values())
    curves = []
    for name in strategies:
        by_seed = {
            seed: {
                len(point.frames): point.miou
                for point in points
                if point.seed == seed and point.strategy in (START, name)
            }
            for seed in seeds
        }
        curves.append(_curve(name, by_seed, full, mean_full))
    values = tuple(full[seed] for seed in seeds)
    return StudyResult(settings, frames, mean_full, values, tuple(curves), tuple(points))


def _curve(
    name: str, by_seed: Mapping[int, Mapping[int, float]], full: Mapping[int, float], mean_full: float
) -> Curve:
    budgets = tuple(sorted(next(iter(by_seed.values()))))
    columns = [[by_seed[seed][count] for seed in by_seed] for count in budgets]
    mean = tuple(statistics.fmean(column) for column in columns)
    by_own = tuple(
        reached_at(budgets, [by_seed[seed][count] for count in budgets], WANTED_SHARE * full[seed])
        for seed in by_seed
    )
    return Curve(
        name, budgets, mean, tuple(map(min, columns)), tuple(map(max, columns)),
        reached_at(budgets, mean, WANTED_SHARE * mean_full), by_own,
    )  # fmt: skip


def reached_at(budgets: Sequence[int], values: Sequence[float], wanted: float) -> float | None:
    """The frames at which a curve first reaches a value; None where it never does.

    Between two budgets the curve is straight over the logarithm of the frames, as learning curves nearly are.
    """
    before: tuple[int, float] | None = None
    for count, value in zip(budgets, values, strict=True):
        if value >= wanted:
            if before is None or value == before[1]:
                return float(count)
            share = (wanted - before[1]) / (value - before[1])
            low, high = math.log(before[0]), math.log(count)
            return math.exp(low + share * (high - low))
        before = count, value
    return None
