"""The gate that a changed model must pass: what was measured beside the float model, and what it may lose."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

PERCENT = 100.0
# Differences of sums are no exact numbers: what is lost to the last digit of a limit is allowed.
ROUNDING = 1e-9


@dataclass(frozen=True)
class Limits:
    """What a changed model may lose against the float one; fractions 0-1.

    Attributes:
        miou_loss: of the mean IoU.
        class_loss: of any class's IoU.
        agreement: least share of equal ids.
        faster: whether it must also be faster.
    """

    miou_loss: float = 0.005
    class_loss: float = 0.015
    agreement: float = 0.99
    faster: bool = True


INT8 = Limits()
# Half precision is for devices that have units for it; here only its answers are judged.
HALF = Limits(agreement=0.999, faster=False)
# Another form of the same numbers.
FLOAT = Limits(miou_loss=0.0005, class_loss=0.002, agreement=0.9999, faster=False)


@dataclass(frozen=True)
class Speed:
    """One backend's speed on the same images in turns, images a second of the median call.

    Attributes:
        backend, device: what ran.
        before, after: of the float model and of the changed one.
    """

    backend: str
    device: str
    before: float
    after: float

    @property
    def ratio(self) -> float:
        """How many times faster the changed model is."""
        return self.after / self.before


@dataclass(frozen=True)
class ClassIou:
    """A class before and after: IoU 0-1 (NaN: no mask shows it), pixels and images that show it."""

    name: str
    before: float
    after: float
    pixels: int
    images: int

    @property
    def loss(self) -> float:
        """How much was lost; 0 for a class that the images do not show."""
        loss = self.before - self.after
        return 0.0 if math.isnan(loss) else loss


@dataclass(frozen=True)
class Evidence:
    """What real images show of a changed model beside the float one.

    Attributes:
        backend: what answered.
        images, pixels: how many were compared.
        agreement: share of equal ids, 0-1.
        confidence_error: largest and mean difference, of 255.
        logit_error: largest difference of the network's scores; NaN where they cannot be asked.
        logit_snr: signal to noise of the scores in dB; NaN likewise.
        classes: IoU of each class; empty where there are no masks.
        bytes_before, bytes_after: of the files.
        speeds: of each backend, the best for the changed model first.
    """

    backend: str
    images: int
    pixels: int
    agreement: float
    confidence_error: tuple[int, float]
    logit_error: float
    logit_snr: float
    classes: tuple[ClassIou, ...]
    bytes_before: int
    bytes_after: int
    speeds: tuple[Speed, ...] = ()

    @property
    def miou(self) -> tuple[float, float]:
        """Mean IoU before and after, of the classes that masks show; NaN without masks."""
        pairs = [(one.before, one.after) for one in self.classes if not math.isnan(one.before)]
        if not pairs:
            return math.nan, math.nan
        before, after = (sum(values) / len(pairs) for values in zip(*pairs, strict=True))
        return before, after

    @property
    def speed_up(self) -> float:
        """The changed model in its best backend against the float one in its best; NaN if not measured."""
        if not self.speeds:
            return math.nan
        return max(one.after for one in self.speeds) / max(one.before for one in self.speeds)


def failures(evidence: Evidence, limits: Limits) -> tuple[str, ...]:
    """What of the limits is broken, one line each; empty: passed."""
    found = []
    if not evidence.agreement >= limits.agreement:
        found.append(f"{evidence.agreement:.2%} of the ids agree; {limits.agreement:.2%} are asked for")
    before, after = evidence.miou
    if before - after > limits.miou_loss + ROUNDING:
        found.append(
            f"mIoU falls by {(before - after) * PERCENT:.2f} points, from {before:.2%} to {after:.2%};"
            f" {limits.miou_loss * PERCENT:.2f} are allowed"
        )
    found += [
        f"{one.name} falls by {one.loss * PERCENT:.2f} points, from {one.before:.2%} to {one.after:.2%};"
        f" {limits.class_loss * PERCENT:.2f} are allowed"
        for one in evidence.classes
        if one.loss > limits.class_loss + ROUNDING
    ]
    if limits.faster and not evidence.speed_up > 1:
        found.append(
            f"it is not faster here: {evidence.speed_up:.2f} times the float model's speed"
            if evidence.speeds
            else "its speed was not measured"
        )
    return tuple(found)


@dataclass(frozen=True)
class Attempt:
    """One way that was tried on the way to an artefact, on some of the images.

    Attributes:
        what: such as "nncf".
        agreement, speed_up: see `Evidence`; NaN where it did not get so far.
        failures: see `failures`.
    """

    what: str
    agreement: float
    speed_up: float
    failures: tuple[str, ...] = ()


@dataclass(frozen=True)
class GateReport:
    """The verdict on an artefact, with all that it rests on.

    Attributes:
        artefact: its format.
        model: that it was made of.
        precision: such as int8.
        images: where they are from, in words.
        device: what measured.
        limits, evidence, failures: of the artefact as it is.
        kept_float: layers that were given back to float.
        attempts: what was tried.
        notes: what else to know.
        facts: versions of the packages that took part, by name.
    """

    artefact: str
    model: str
    precision: str
    images: str
    device: str
    limits: Limits
    evidence: Evidence
    failures: tuple[str, ...]
    kept_float: tuple[str, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    notes: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether the artefact may be used."""
        return not self.failures
