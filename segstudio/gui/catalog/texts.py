"""What the Models page says of a model, as short texts."""

import math
from collections.abc import Mapping
from datetime import datetime

from segstudio.inference.lineage import Ancestor, Presence
from segstudio.project.promotions import Promotion
from segstudio.workflows.export_history import ExportedFormat
from segstudio.workflows.model_facts import Measured, MeasuredSpeed, ModelFacts

NONE = "–"
IN_USE = "in use"
NOT_MEASURED = "Not on this project yet"
# Scores as specs name them, behind the name of a split.
SCORES = {"miou": "mIoU", "aacc": "pixel accuracy", "macc": "mean accuracy"}


def percent(value: float) -> str:
    """A fraction as percent with one digit; a dash where it is not known."""
    return NONE if math.isnan(value) else f"{100 * value:.1f} %"


def size_text(size: int) -> str:
    """Bytes as kB, MB or GB."""
    if size < 1e5:
        return f"{size / 1e3:.0f} kB"
    return f"{size / 1e9:.2f} GB" if size >= 1e9 else f"{size / 1e6:.1f} MB"


def day(when: str) -> str:
    """The day of an ISO time."""
    return when[:10] or NONE


def moment(seconds: float) -> str:
    """A time of this machine's clock, to the minute."""
    return f"{datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M}"


def state_text(facts: ModelFacts, used: str) -> str:
    """Whether a model is in use, archived, shipped, or cannot be used."""
    states = {
        IN_USE: facts.name == used,
        "archived": facts.entry.notes.archived,
        "bundled": facts.entry.bundled,
        "unusable": facts.entry.spec is None,
    }
    return ", ".join(name for name, holds in states.items() if holds)


def miou_text(measured: Measured | None) -> str:
    """The mean IoU, marked where it was measured with other weights."""
    if measured is None:
        return NONE
    return f"{percent(measured.miou)}{' (old)' if measured.outdated else ''}"


def measured_text(measured: Measured | None) -> str:
    """On what a model was measured, and how it did."""
    if measured is None:
        return NOT_MEASURED
    text = f"mIoU {percent(measured.miou)} on {measured.samples} samples, {day(measured.when)}"
    if set(measured.splits) - {""}:
        # What a model was trained on says little: each split stands for itself.
        parts = (
            f"{percent(measured.by_split[name])} on {count} {name or 'of no split'}"
            for name, count in sorted(measured.splits.items())
        )
        text = f"{text}: {', '.join(parts)}"
    return f"{text}. Those were other weights: evaluate it again" if measured.outdated else text


def own_scores_text(metrics: Mapping[str, float]) -> str:
    """The scores that a model's spec gives, such as "mIoU 65.4 %, pixel accuracy 91.4 % on val"."""
    by_split: dict[str, list[str]] = {}
    others = []
    for key, value in metrics.items():
        split, _, score = key.rpartition("_")
        if score in SCORES and 0 <= value <= 1:
            by_split.setdefault(split, []).append(f"{SCORES[score]} {percent(value)}")
        else:
            others.append(f"{key.replace('_', ' ')} {value:.4g}")
    said = [", ".join(found) + (f" on {split}" if split else "") for split, found in by_split.items()]
    return "; ".join([*said, *others])


def speed_text(speed: MeasuredSpeed | None) -> str:
    """The newest speed and its conditions."""
    if speed is None:
        return "Not timed yet: page Speed"
    what = "photo to mask" if speed.by == "project" else "model alone"
    return (
        f"{speed.fps:.1f} images/s, {what}, {speed.width}x{speed.height}, {speed.backend} on {speed.device},"
        f" {day(speed.when)}"
    )


def parents_text(parents: tuple[Ancestor, ...]) -> str:
    """The chain of what a model came from, the nearest first."""
    return "  ←  ".join(
        one.name if one.presence is Presence.HERE else f"{one.name} ({one.presence.value})" for one in parents
    )


def export_row(when: str, one: ExportedFormat) -> tuple[str, ...]:
    """Format, agreement with the float model, mIoU, images a second, day."""
    fps = NONE if math.isnan(one.fps) else f"{one.fps:.1f}"
    made = day(when) if one.is_there else "gone"
    return one.format, percent(one.agreement), percent(one.miou_after), fps, made


def promotion_text(one: Promotion) -> str:
    """One line of a project's history of models."""
    verb = "back to " if one.back_to else ""
    reason = f": {one.reason}" if one.reason else ""
    return f"{moment(one.at)}  {verb}{one.model}, by {one.by}{reason}"
