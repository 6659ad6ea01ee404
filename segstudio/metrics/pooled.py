"""A model's evaluation without its segments: what can be added over samples, as dashboards need it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts, quotient
from segstudio.metrics.fine_grained import class_sums
from segstudio.metrics.sample_evaluation import Sums


@dataclass(frozen=True, eq=False)
class SampleSums:
    """What can be added of one sample.

    Attributes:
        key: the sample.
        confusion: int64 [K,K+1].
        details: ledger, boundary and calibration; None for a sample that was only counted.
        regions: int64 [K], regions of the truth; likewise.
    """

    key: str
    confusion: Counts
    details: Sums | None = None
    regions: Counts | None = None


@dataclass(frozen=True, eq=False)
class PooledEvaluation:
    """The sums over N samples with K classes.

    Attributes:
        keys: the samples.
        confusion: int64 [K,K+1].
        by_sample: int64 [N,3,K], hits, pixels of the class, pixels predicted as the class.
        detailed: of how many samples the sums below are.
        details: ledger int64 [K,7,2], boundary [K,3], calibration [K,15,3].
        regions: int64 [K], regions of the truth.
    """

    keys: tuple[str, ...]
    confusion: Counts
    by_sample: Counts
    detailed: int
    details: Sums
    regions: Counts

    @property
    def is_detailed(self) -> bool:
        """Whether everything is known of every sample, so that all sums are about the same pixels."""
        return bool(self.keys) and self.detailed == len(self.keys)

    def ious_in(self, keys: Iterable[str]) -> NDArray[np.float64]:
        """float64 [K]: IoU over some of the samples; NaN for a class that does not occur in them."""
        wanted = frozenset(keys)
        chosen = np.array([key in wanted for key in self.keys], bool)
        hits, truth, claimed = self.by_sample[chosen].sum(axis=0)
        return quotient(hits, truth + claimed - hits)


def pool(samples: Iterable[SampleSums], classes: int) -> PooledEvaluation:
    """Adds samples up, one after the other: of 10,000 samples with 150 classes, the confusion is 1.8 GB."""
    keys, rows, detailed = [], [], 0
    confusion, regions = np.zeros((classes, classes + 1), np.int64), np.zeros(classes, np.int64)
    details = Sums.zero(classes)
    for sample in samples:
        keys.append(sample.key)
        confusion += sample.confusion
        rows.append(np.stack(class_sums(sample.confusion[None]), axis=1)[0])
        if sample.details is None or sample.regions is None:
            continue
        detailed += 1
        regions += sample.regions
        for name in ("ledger", "boundary", "calibration"):
            total = getattr(details, name)
            np.add(total, getattr(sample.details, name), out=total)
    by_sample = np.stack(rows) if rows else np.zeros((0, 3, classes), np.int64)
    return PooledEvaluation(tuple(keys), confusion, by_sample, detailed, details, regions)
