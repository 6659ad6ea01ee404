"""What a comparison of two models says in words: by class, and as a whole."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from segstudio.metrics.paired_bootstrap import Differences

# Of differences between equally good models, intervals from 10 samples call 5 to 7 % real, those from 4 call
# 12 %, and those from 3 call 29 % (400 simulated pairs each), where 5 % are meant.
FEWEST_SAMPLES = 10
FEWEST_OF_CLASS = 5
# A difference of IoU below which nobody would change a model, as a fraction; with many samples, far smaller
# ones are sure to be there.
MATTERS = 0.005


class ClassVerdict(Enum):
    """What became of a class, at 95 %."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "about the same"
    UNSURE = "cannot tell"
    TOO_FEW = "too few samples"
    ABSENT = "absent"


class Recommendation(Enum):
    """What to make of the whole."""

    BETTER = "better"
    WORSE = "worse"
    MIXED = "mixed"
    SAME = "no difference that matters"
    TOO_FEW = "too few samples"


@dataclass(frozen=True)
class Judgement:
    """The verdicts of a comparison.

    Attributes:
        classes: one a class.
        sure_losses, sure_gains: ids of classes that are worse or better even if all classes are looked at
            together; of 20 classes that did not change, one is better or worse at 95 % by chance.
        recommendation: of the whole.
        needed: about how many samples would tell, where they are too few; else 0.
    """

    classes: tuple[ClassVerdict, ...]
    sure_losses: tuple[int, ...]
    sure_gains: tuple[int, ...]
    recommendation: Recommendation
    needed: int = 0


def judge(found: Differences, samples: int) -> Judgement:
    """The verdicts on differences that were measured on some samples."""
    verdicts = tuple(_of_class(found, number) for number in range(len(found.first)))
    worse = [number for number, one in enumerate(verdicts) if one is ClassVerdict.WORSE]
    better = [number for number, one in enumerate(verdicts) if one is ClassVerdict.BETTER]
    losses = tuple(number for number in worse if found.at_once[number, 1] < 0)
    gains = tuple(number for number in better if found.at_once[number, 0] > 0)
    low, high = (float(value) for value in found.miou)
    whole = _of_whole(low, high, samples, losses, gains)
    needed = 0
    if whole is Recommendation.TOO_FEW:
        difference = found.mious[1] - found.mious[0]
        needed = samples_needed(samples, difference, low, high)
    return Judgement(verdicts, losses, gains, whole, needed)


def samples_needed(samples: int, difference: float, low: float, high: float) -> int:
    """About how many samples would tell whether a difference of mIoU is there, or is none that matters.

    The width of the interval falls with the root of the number of samples; it has to fall to twice the
    difference, or to twice what matters where the difference is smaller than that.
    """
    if math.isnan(low) or math.isnan(high):
        return FEWEST_SAMPLES
    wanted = max(abs(difference), MATTERS)
    needed = math.ceil(samples * ((high - low) / 2 / wanted) ** 2)
    return max(needed, samples + 1, FEWEST_SAMPLES)


def _of_class(found: Differences, number: int) -> ClassVerdict:
    if found.samples[number] == 0:
        return ClassVerdict.ABSENT
    if found.samples[number] < FEWEST_OF_CLASS:
        return ClassVerdict.TOO_FEW
    low, high = found.iou[number]
    if low >= -MATTERS and high <= MATTERS:
        return ClassVerdict.SAME
    if low > 0:
        return ClassVerdict.BETTER
    return ClassVerdict.WORSE if high < 0 else ClassVerdict.UNSURE


def _of_whole(
    low: float, high: float, samples: int, losses: Sequence[int], gains: Sequence[int]
) -> Recommendation:
    if samples < FEWEST_SAMPLES or math.isnan(low):
        return Recommendation.TOO_FEW
    if low > 0:
        return Recommendation.MIXED if losses else Recommendation.BETTER
    if high < 0:
        return Recommendation.MIXED if gains else Recommendation.WORSE
    # What a class loses for sure must not hide behind a mean that cannot tell.
    if losses:
        return Recommendation.MIXED if gains else Recommendation.WORSE
    return Recommendation.SAME if low >= -MATTERS and high <= MATTERS else Recommendation.TOO_FEW
