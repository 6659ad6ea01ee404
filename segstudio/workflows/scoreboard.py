"""Turns a pooled evaluation into the rows that the class dashboard shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.metrics.bootstrap import intervals_of_sums
from segstudio.metrics.confusion import mean, quotient, scores
from segstudio.metrics.ledger import lost_iou
from segstudio.metrics.pooled import PooledEvaluation
from segstudio.metrics.segments import Kind
from segstudio.workflows.reference import ReferenceScores

RESAMPLES = 1000
# An interval over fewer images is that of a handful of draws, and says so.
RARE_IMAGES = 5
# From what changes a thing's name to what only moves its border.
LOSSES = (
    Kind.TAKEN_OVER, Kind.MISSED, Kind.INVENTED, Kind.SPLIT, Kind.MERGED, Kind.LEAK, Kind.EDGE_SLACK,
)  # fmt: skip


@dataclass(frozen=True)
class Loss:
    """What one kind of error costs a class, as parts of its 1 - IoU: its own pixels lost, others' taken."""

    kind: str
    lost: float
    taken: float

    @property
    def total(self) -> float:
        """Both together."""
        return self.lost + self.taken


@dataclass(frozen=True)
class Comparison:
    """What a model is compared with: another one, or a published row.

    Attributes:
        name: to show.
        about: how it was measured, in a sentence.
        iou: by class name, fractions 0-1.
        miou: of all its classes, or of what else it is a mean of.
        ours: our IoU over the samples that both know, by class name; None where that is all of ours.
        our_miou: our mIoU over those samples; None where that is all of ours.
    """

    name: str
    about: str
    iou: Mapping[str, float]
    miou: float | None
    ours: Mapping[str, float] | None = None
    our_miou: float | None = None


@dataclass(frozen=True)
class ClassRow:
    """One class of a scoreboard.

    Attributes:
        class_id: its id.
        name: its name.
        iou: 0-1, as all scores; None where the class is neither in the masks nor predicted.
        interval: of IoU, 95 %; None with fewer than two samples.
        accuracy: recall; None where it is not defined, as for all scores.
        precision: of what was predicted as this class, the share that is right.
        f1: harmonic mean of both.
        boundary_iou: None also where it was not measured.
        pixels: in the masks.
        regions: in the masks; None where they were not counted.
        samples: whose mask holds this class.
        reference: IoU of what it is compared with.
        difference: IoU minus reference, over the same samples where that can be.
        cost: the share of the lost mIoU that this class costs; all classes' costs sum to 1.
        losses: 1 - IoU by kind of error, in the order of LOSSES; empty where it was not measured.
    """

    class_id: int
    name: str
    iou: float | None
    interval: tuple[float, float] | None
    accuracy: float | None
    precision: float | None
    f1: float | None
    boundary_iou: float | None
    pixels: int
    regions: int | None
    samples: int
    reference: float | None
    difference: float | None
    cost: float | None
    losses: tuple[Loss, ...]

    @property
    def is_rare(self) -> bool:
        """Whether so few images hold the class that its figures hang on single ones."""
        return 0 < self.samples < RARE_IMAGES


@dataclass(frozen=True)
class Scoreboard:
    """Scores of one model over the evaluated samples of a project: fractions, None when nothing counts.

    `is_detailed` tells whether boundaries, regions and kinds of errors were measured for all samples.
    """

    model: str
    samples: int
    miou: float | None
    miou_interval: tuple[float, float] | None
    macc: float | None
    aacc: float | None
    boundary_miou: float | None
    is_detailed: bool
    rows: tuple[ClassRow, ...]
    comparison: Comparison | None = None


def build_scoreboard(
    found: PooledEvaluation,
    palette: Palette,
    model: str,
    comparison: Comparison | None = None,
    resamples: int = RESAMPLES,
) -> Scoreboard:
    """Divides the sums once: scores, intervals (bootstrap over samples), ledger and costs by class."""
    result = scores(found.confusion)
    intervals = intervals_of_sums(found.by_sample, resamples)
    boundary, losses = _boundary(found), _losses(found)
    seen = (found.by_sample[:, 1] > 0).sum(axis=0)
    costs = lost_shares(result.iou)
    rows = []
    for index, name in enumerate(palette.names):
        iou = number(result.iou[index])
        reference = comparison.iou.get(name) if comparison else None
        same = comparison.ours.get(name) if comparison and comparison.ours is not None else iou
        rows.append(
            ClassRow(
                class_id=index,
                name=name,
                iou=iou,
                interval=_pair(intervals.iou[index]),
                accuracy=number(result.acc[index]),
                precision=number(result.precision[index]),
                f1=number(result.f1[index]),
                boundary_iou=number(boundary[index]),
                pixels=int(result.support_pixels[index]),
                regions=int(found.regions[index]) if found.is_detailed else None,
                samples=int(seen[index]),
                reference=reference,
                difference=None if same is None or reference is None else same - reference,
                cost=number(costs[index]),
                losses=losses[index] if iou is not None else (),
            )
        )
    means = (number(value) for value in (result.miou, result.macc, result.aacc, mean(boundary)))
    miou, macc, aacc, boundary_miou = means
    return Scoreboard(
        model, len(found.keys), miou, _pair(intervals.miou), macc, aacc, boundary_miou, found.is_detailed,
        tuple(rows), comparison,
    )  # fmt: skip


def lost_shares(iou: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [K]: the share of 1 - mIoU that each class costs; NaN for absent ones.

    mIoU is a mean over the classes that occur, so a class costs (1 - IoU) of the sum of all of these.
    """
    lost = 1 - iou
    whole = float(np.nansum(lost))
    return np.where(np.isnan(iou), np.nan, lost / whole if whole > 0 else 0.0)


def published(row: ReferenceScores) -> Comparison:
    """A model card's row as what to compare with."""
    about = (
        f"{row.name}: {row.source} ({row.protocol}). Its protocol differs from yours: read the difference as "
        "a hint, not as a rank."
    )
    return Comparison(row.name, about, row.iou, row.miou)


def published_scenarios(row: ReferenceScores) -> tuple[Comparison, ...]:
    """The rows of a card that gives one mean IoU a scenario, and none by class."""
    about = f"{row.source} ({row.protocol}). Its images differ from yours: a hint, not a rank."
    return tuple(
        Comparison(f"{row.name}, {name}", f"{row.name}, {name}: {about}", {}, value)
        for name, value in row.iou.items()
    )


def another_model(
    ours: PooledEvaluation, theirs: PooledEvaluation, palette: Palette, name: str
) -> Comparison:
    """Another evaluated model as what to compare with, over the samples that both were evaluated on."""
    common = set(ours.keys) & set(theirs.keys)
    mine, other = ours.ious_in(common), theirs.ious_in(common)
    if common == set(ours.keys) == set(theirs.keys):
        about = f"{name}: the same {_samples(len(common))}."
    else:
        about = (
            f"{name}: IoU and Δ over the {_samples(len(common))} that both models were evaluated on, of "
            f"{len(ours.keys)} here and {len(theirs.keys)} there."
        )
    return Comparison(
        name,
        about,
        _by_name(other, palette),
        number(mean(other)),
        _by_name(mine, palette),
        None if common == set(ours.keys) else number(mean(mine)),
    )


def _samples(count: int) -> str:
    return f"{count} sample{'' if count == 1 else 's'}"


def _by_name(values: NDArray[np.float64], palette: Palette) -> dict[str, float]:
    numbers = zip(palette.names, values, strict=True)
    return {name: float(value) for name, value in numbers if not math.isnan(value)}


def _boundary(found: PooledEvaluation) -> NDArray[np.float64]:
    """float64 [K]: boundary IoU; NaN where it was not measured for all samples."""
    both, truth, predicted = found.details.boundary.T
    values = quotient(both, truth + predicted - both)
    return values if found.is_detailed else np.full(len(values), np.nan)


def _losses(found: PooledEvaluation) -> list[tuple[Loss, ...]]:
    if not found.is_detailed:
        return [()] * len(found.confusion)
    ledger = lost_iou(found.details.ledger, found.confusion)
    return [
        tuple(Loss(kind.name.lower(), float(lost[kind]), float(taken[kind])) for kind in LOSSES)
        for lost, taken in zip(ledger.lost, ledger.taken, strict=True)
    ]


def _pair(values: NDArray[np.float64]) -> tuple[float, float] | None:
    low, high = float(values[0]), float(values[1])
    return None if math.isnan(low) or math.isnan(high) else (low, high)


def number(value: float | np.float64) -> float | None:
    """A score as JSON and tables take it: None for NaN."""
    return None if math.isnan(value) else float(value)
