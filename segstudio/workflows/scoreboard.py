"""Turns stored confusion counts into the rows that the class dashboard shows."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.metrics.confusion import scores


@dataclass(frozen=True)
class ClassRow:
    """One class of a scoreboard; scores are fractions 0-1, None where the class never occurs."""

    class_id: int
    name: str
    iou: float | None
    accuracy: float | None
    precision: float | None
    f1: float | None
    pixels: int
    samples: int
    reference: float | None

    @property
    def difference(self) -> float | None:
        """IoU minus the reference's, as a fraction; None where either is unknown."""
        if self.iou is None or self.reference is None:
            return None
        return self.iou - self.reference


@dataclass(frozen=True)
class Scoreboard:
    """Scores of one model over the evaluated samples of a project: fractions, None when nothing counts."""

    model: str
    samples: int
    miou: float | None
    macc: float | None
    aacc: float | None
    rows: tuple[ClassRow, ...]


def build_scoreboard(
    counts: Mapping[str, NDArray[np.int64]],
    palette: Palette,
    model: str,
    reference: Mapping[str, float] | None = None,
) -> Scoreboard:
    """Sums per-sample confusion counts and divides once.

    Args:
        counts: int64 [K, K+1] per sample, rows truth, last column predicted as no class.
        palette: the K classes, in order of their ids.
        model: the name to show.
        reference: published IoU by class name, fractions 0-1.
    """
    total = np.zeros((palette.count, palette.count + 1), np.int64)
    seen = np.zeros(palette.count, np.int64)
    for sample_counts in counts.values():
        total += sample_counts
        seen += sample_counts.sum(axis=1) > 0
    result = scores(total)
    published = reference or {}
    rows = tuple(
        ClassRow(
            class_id=index,
            name=name,
            iou=_number(result.iou[index]),
            accuracy=_number(result.acc[index]),
            precision=_number(result.precision[index]),
            f1=_number(result.f1[index]),
            pixels=int(result.support_pixels[index]),
            samples=int(seen[index]),
            reference=published.get(name),
        )
        for index, name in enumerate(palette.names)
    )
    return Scoreboard(
        model, len(counts), _number(result.miou), _number(result.macc), _number(result.aacc), rows
    )


def _number(value: float | np.float64) -> float | None:
    return None if math.isnan(value) else float(value)
