"""The result of a comparison of two models, and how it is told."""

import math
from dataclasses import dataclass
from typing import Any

from segstudio.project.sample import Changes
from segstudio.workflows.prove.contender import Cost
from segstudio.workflows.prove.held_out import HeldOut
from segstudio.workflows.prove.segments import ClassChanges, SegmentChanges, Tally
from segstudio.workflows.prove.verdict import ClassVerdict, Recommendation

Interval = tuple[float, float]
NAMED = 4


@dataclass(frozen=True)
class Side:
    """One of the two models: its name, what identifies its weights, mIoU 0-1 (NaN: unknown), its cost."""

    model: str
    fingerprint: str
    miou: float
    cost: Cost


@dataclass(frozen=True)
class ClassProof:
    """What became of one class; scores are fractions, NaN where nothing is known.

    Attributes:
        class_id, name: the class.
        before, after: IoU of the current model and of the candidate.
        interval: of the difference, at 95 %.
        samples: how many samples hold the class.
        verdict: in words.
        changes: its errors that are fixed, broken or unchanged.
    """

    class_id: int
    name: str
    before: float
    after: float
    interval: Interval
    samples: int
    verdict: ClassVerdict
    changes: ClassChanges

    @property
    def difference(self) -> float:
        """The candidate's IoU minus the current one's."""
        return self.after - self.before

    def to_json(self) -> dict[str, Any]:
        """The figures by name."""
        return {
            "iou_before": _known(self.before),
            "iou_after": _known(self.after),
            "difference": _known(self.difference),
            "interval": _interval(self.interval),
            "samples": self.samples,
            "verdict": self.verdict.value,
            **_changes_json(self.changes),
        }


@dataclass(frozen=True)
class Proof:
    """A candidate against the model in use, on samples that neither learnt from.

    Attributes:
        current, candidate: the two models.
        held_out: the samples.
        keys: those of them that both models could be measured on.
        interval: of the difference of mIoU, at 95 %.
        classes: all classes of the palette.
        recommendation: of the whole.
        needed: about how many samples would tell, where they are too few; else 0.
        sure_losses: names of classes that are worse even if all classes are looked at together, the largest
            loss first.
        segments: the errors that changed.
        skipped: samples that could not be used, and why.
        changes: what the comparison moved in the project.
    """

    current: Side
    candidate: Side
    held_out: HeldOut
    keys: tuple[str, ...]
    interval: Interval
    classes: tuple[ClassProof, ...]
    recommendation: Recommendation
    needed: int
    sure_losses: tuple[str, ...]
    segments: SegmentChanges
    skipped: tuple[tuple[str, str], ...]
    changes: Changes

    @property
    def difference(self) -> float:
        """The candidate's mIoU minus the current one's."""
        return self.candidate.miou - self.current.miou

    @property
    def by_change(self) -> list[ClassProof]:
        """The classes that occur, the largest loss first, the largest gain last."""
        present = [entry for entry in self.classes if entry.verdict is not ClassVerdict.ABSENT]
        return sorted(present, key=lambda entry: entry.difference)

    @property
    def pictured(self) -> list[str]:
        """Samples with errors that changed, as far as they are listed."""
        return sorted({segment.key for segment in (*self.segments.fixed, *self.segments.broken)})

    def named(self, verdict: ClassVerdict) -> list[str]:
        """Names of the classes with a verdict, the largest change first."""
        found = [entry for entry in self.classes if entry.verdict is verdict]
        return [entry.name for entry in sorted(found, key=lambda entry: -abs(entry.difference))]

    def warnings(self) -> list[str]:
        """What a reader should know, a sentence each."""
        found = self.held_out.warnings()
        if self.skipped:
            key, reason = self.skipped[0]
            found.append(f"{len(self.skipped):,} samples could not be used, the first is {key}: {reason}")
        return found

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form; scores are fractions 0-1, null where nothing is known."""
        return {
            "current": _side_json(self.current),
            "candidate": _side_json(self.candidate),
            "samples": len(self.keys),
            "source": self.held_out.source,
            "difference": _known(self.difference),
            "interval": _interval(self.interval),
            "recommendation": self.recommendation.value,
            "headline": headline(self),
            "reason": reason(self),
            "samples_needed": self.needed or None,
            "sure_losses": list(self.sure_losses),
            "classes": {entry.name: entry.to_json() for entry in self.classes},
            "segments": _changes_json(self.segments.total),
            "learnt": list(self.held_out.learnt),
            "warnings": self.warnings(),
            "skipped": [{"sample": key, "reason": why} for key, why in self.skipped],
        }


def headline(proof: Proof) -> str:
    """The result in one sentence."""
    new, old = proof.candidate.model, proof.current.model
    if proof.recommendation is Recommendation.WORSE and not proof.interval[1] < 0:
        return f"{new} is worse than {old} in {_few(list(proof.sure_losses))}"
    if proof.recommendation is Recommendation.TOO_FEW and (looks := _looks(proof)):
        return f"{new} looks {looks}, but {len(proof.keys):,} samples are too few to be sure"
    return {
        Recommendation.BETTER: f"{new} is better than {old}",
        Recommendation.WORSE: f"{new} is worse than {old}",
        Recommendation.MIXED: f"{new} is better in some classes and worse in others",
        Recommendation.SAME: f"{new} and {old} do not differ by anything that matters",
        Recommendation.TOO_FEW: f"{len(proof.keys):,} samples are too few to tell",
    }[proof.recommendation]


def _looks(proof: Proof) -> str:
    """Where all sure classes and the whole point: "better", "worse", or "" where they do not agree."""
    better, worse = proof.named(ClassVerdict.BETTER), proof.named(ClassVerdict.WORSE)
    if better and not worse and proof.difference > 0:
        return "better"
    return "worse" if worse and not better and proof.difference < 0 else ""


def reason(proof: Proof) -> str:
    """Why, in one or two sentences."""
    text = f"mIoU {percent(proof.current.miou)} → {percent(proof.candidate.miou)}"
    if not math.isnan(proof.interval[0]):
        text += f", {points(proof.difference)} points ({span(proof.interval)} at 95 %)"
    text += f" on {len(proof.keys):,} samples of {proof.held_out.source}"
    better, worse = proof.named(ClassVerdict.BETTER), proof.named(ClassVerdict.WORSE)
    parts = [f"{word}: {_few(names)}" for word, names in (("better", better), ("worse", worse)) if names]
    if proof.needed:
        parts.append(f"about {proof.needed:,} samples would tell")
    return f"{text}; {'; '.join(parts)}" if parts else text


def percent(value: float) -> str:
    """A score as "71.4"; "–" where it is not known."""
    return "–" if math.isnan(value) else f"{100 * value:.1f}"


def points(value: float) -> str:
    """A difference of scores as "+1.2"; "–" where it is not known."""
    if math.isnan(value):
        return "–"
    rounded = round(100 * value, 1)
    return f"{rounded:+.1f}" if rounded else "0.0"


def span(interval: Interval) -> str:
    """An interval of a difference as "+0.3 to +2.1"; "–" where it is not known."""
    low, high = interval
    return "–" if math.isnan(low) else f"{points(low)} to {points(high)}"


def _few(names: list[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(names[:NAMED]) + more


def _side_json(side: Side) -> dict[str, Any]:
    return {"model": side.model, "miou": _known(side.miou), **side.cost.to_json()}


def _changes_json(changes: ClassChanges) -> dict[str, Any]:
    return {name: _tally(getattr(changes, name)) for name in ("fixed", "broken", "unchanged")}


def _tally(tally: Tally) -> dict[str, Any]:
    return {"count": tally.count, "miou": round(tally.cost, 6)}


def _interval(interval: Interval) -> list[float] | None:
    return None if math.isnan(interval[0]) else [round(value, 6) for value in interval]


def _known(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 6)
