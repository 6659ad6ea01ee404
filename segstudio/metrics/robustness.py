"""Robustness against corruptions: how much of the clean mIoU is kept."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from segstudio.metrics.tables import percent, text_table


@dataclass(frozen=True)
class Robustness:
    """mIoU on corrupted images, fractions 0-1; NaN where nothing could be scored.

    Attributes:
        clean: mIoU on the images as they are.
        scores: mIoU by (kind, severity).
        kinds: mean over the severities of every kind.
        groups: mean over the kinds of every group, such as noise or blur.
        mean: mean over the kinds.
        retention: mean / clean.
    """

    clean: float
    scores: dict[tuple[str, int], float]
    kinds: dict[str, float]
    groups: dict[str, float]
    mean: float
    retention: float

    def to_json(self) -> dict[str, Any]:
        """Plain values for json.dumps: fractions 0-1, None for what is undefined."""
        return {
            "clean": _plain(self.clean),
            "mean": _plain(self.mean),
            "retention": _plain(self.retention),
            "groups": {name: _plain(value) for name, value in self.groups.items()},
            "kinds": {
                kind: {
                    "miou": _plain(value),
                    "severities": {
                        str(severity): _plain(found)
                        for (of, severity), found in self.scores.items()
                        if of == kind
                    },
                }
                for kind, value in self.kinds.items()
            },
        }

    def table(self) -> str:
        """A row for every kind with its severities and mean, then the means, all in percent."""
        severities = sorted({severity for _, severity in self.scores})
        rows = [
            [
                kind,
                *[percent(self.scores.get((kind, severity)), "-") for severity in severities],
                percent(value, "-"),
            ]
            for kind, value in self.kinds.items()
        ]
        summary = [["clean", percent(self.clean, "-")]]
        summary += [[name, percent(value, "-")] for name, value in self.groups.items()]
        summary += [["mean", percent(self.mean, "-")], ["retention", percent(self.retention, "-")]]
        by_kind = text_table(["Corruption", *map(str, severities), "mIoU"], rows)
        return f"{by_kind}\n\n{text_table(['Scope', 'mIoU'], summary)}"


def retention(
    clean: float,
    corrupted: Mapping[tuple[str, int], float],
    groups: Mapping[str, str] | None = None,
) -> Robustness:
    """How much of the clean score is kept, as in table 5 of SegFormer (arXiv 2105.15203).

    Severities of a kind are averaged first, so that a kind with three counts as much as one with five.

    Args:
        clean: mIoU on the images as they are, a fraction.
        corrupted: mIoU by (kind, severity), fractions; NaN is left out of the means.
        groups: the group of every kind; kinds without one are in none.
    """
    kinds = {
        kind: _mean(value for (of, _), value in corrupted.items() if of == kind)
        for kind in dict.fromkeys(kind for kind, _ in corrupted)
    }
    group_of = groups or {}
    names = dict.fromkeys(group_of[kind] for kind in kinds if kind in group_of)
    overall = _mean(kinds.values())
    return Robustness(
        clean=clean,
        scores=dict(corrupted),
        kinds=kinds,
        groups={name: _mean(kinds[kind] for kind in kinds if group_of.get(kind) == name) for name in names},
        mean=overall,
        retention=overall / clean if clean > 0 else math.nan,
    )


def _mean(values: Iterable[float]) -> float:
    present = [value for value in values if not math.isnan(value)]
    return fmean(present) if present else math.nan


def _plain(value: float) -> float | None:
    return None if math.isnan(value) else value
