"""What an evaluation found, in the same form whatever was evaluated: JSON, tables, counts an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from segstudio.corruptions.corrupt import KINDS
from segstudio.errors import InputError
from segstudio.metrics.confusion import Counts, scores
from segstudio.metrics.evaluation import Evaluation, stack_measures
from segstudio.metrics.report import Report, report
from segstudio.metrics.robustness import Robustness, retention
from segstudio.workflows.scoring import Corruption, Scorer, Share

# Resamples for the intervals, where no spec says how many.
BOOTSTRAP = 1000


@dataclass(frozen=True)
class EvaluateResult:
    """Scores of one model on one set of images.

    Attributes:
        model: its name, or the path of its weights.
        palette: name of the classes that it was scored in.
        evaluation: counts of every image.
        report: every score that follows from them.
        protocol: how images were brought to the network and masks compared; scores of another protocol are
            not comparable.
        seconds: for all images, from reading them to their scores.
        orphans: images without masks, and masks without images.
        skipped: files that could not be used, and why.
        robustness: scores on corrupted images, if they were asked for.
        notes: lines for the user.
        folder: where the report was written, "" if nowhere.
    """

    model: str
    palette: str
    evaluation: Evaluation
    report: Report
    protocol: Mapping[str, Any]
    seconds: float
    orphans: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]
    robustness: Robustness | None = None
    notes: tuple[str, ...] = ()
    folder: str = ""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by id."""
        return self.evaluation.class_names

    @property
    def images(self) -> int:
        """How many images were scored."""
        return len(self.evaluation.image_names)

    @property
    def counts(self) -> Counts:
        """Confusion counts int64 [K,K+1] of all images together."""
        total: Counts = self.evaluation.confusion.sum(axis=0)
        return total

    def to_json(self) -> dict[str, Any]:
        """Scores as fractions 0-1; null for a class that never occurs."""
        values = self.report.to_json()
        return {
            "model": self.model,
            "palette": self.palette,
            "images": self.images,
            **values,
            "protocol": dict(self.protocol),
            "robustness": self.robustness.to_json() if self.robustness else None,
            "orphans": list(self.orphans),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "notes": list(self.notes),
            "seconds": round(self.seconds, 3),
            "fps": round(self.images / self.seconds, 3) if self.seconds else 0.0,
        }

    def tables(self) -> str:
        """TAO's tables, one with support and intervals, and that of the corrupted images."""
        parts = [self.report.tables()]
        if self.robustness:
            parts.append(self.robustness.table())
        return "\n\n".join(parts)


def made_result(
    shares: Sequence[Share],
    scorer: Scorer,
    *,
    model: str,
    protocol: Mapping[str, Any],
    seconds: float,
    orphans: Sequence[str],
    skipped: Sequence[tuple[str, str]] = (),
    notes: Sequence[str] = (),
    bootstrap: int = BOOTSTRAP,
    folder: str = "",
) -> EvaluateResult:
    """What the shares of all processes say together.

    Raises:
        InputError: not a single image could be scored.
    """
    skipped = (*skipped, *(entry for share in shares for entry in share.skipped))
    rows = {position: row for share in shares for position, row in share.rows.items()}
    if not rows:
        raise InputError(f"none of the images could be scored: {skipped[0][1]}")
    ordered = [rows[position] for position in sorted(rows)]
    palette = scorer.palette
    groups = [entry.group for entry in palette.classes]
    evaluation = stack_measures(palette.name, palette.names, groups, ordered, scorer.boundary_share)
    found = report(evaluation, bootstrap=bootstrap)
    return EvaluateResult(
        model=model,
        palette=palette.name,
        evaluation=evaluation,
        report=found,
        protocol=protocol,
        seconds=seconds,
        orphans=tuple(orphans),
        skipped=skipped,
        robustness=robustness_of(shares, found.miou),
        notes=tuple(notes),
        folder=folder,
    )


def robustness_of(shares: Sequence[Share], clean: float) -> Robustness | None:
    """Scores on corrupted images, from the counts of all shares; None where there are none."""
    totals: dict[Corruption, Counts] = {}
    for share in shares:
        for corruption, counts in share.corrupted.items():
            totals[corruption] = totals.get(corruption, np.zeros_like(counts)) + counts
    if not totals:
        return None
    mious = {corruption: scores(counts).miou for corruption, counts in totals.items()}
    return retention(clean, mious, {name: kind.group for name, kind in KINDS.items()})
