"""Two models on the same images: by how much their scores differ, and how sure that is."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.bootstrap import resampling_weights
from segstudio.metrics.confusion import Counts, quotient

Floats = NDArray[np.float64]
ALPHA = 0.05


@dataclass(frozen=True, eq=False)
class Differences:
    """Scores of the second model minus those of the first, fractions; NaN where nothing is known.

    Only classes that the truth of these images holds count, for both models: a few invented pixels of another
    class would move the mean of one model by a whole class.

    Attributes:
        first, second: float64 [K], IoU of each class, 0-1.
        iou: float64 [K,2], the 95 % interval of each class's difference.
        at_once: float64 [K,2], the intervals that hold for all K classes together at 95 %.
        samples: int64 [K], how many images hold each class in truth.
        mious: the mean IoU of the first and of the second.
        miou: float64 [2], the 95 % interval of their difference.
    """

    first: Floats
    second: Floats
    iou: Floats
    at_once: Floats
    samples: Counts
    mious: tuple[float, float]
    miou: Floats

    @property
    def by_class(self) -> Floats:
        """float64 [K]: the difference of each class."""
        return self.second - self.first


def paired_differences(first: Counts, second: Counts, resamples: int = 10_000, seed: int = 0) -> Differences:
    """The differences with their intervals: the paired percentile bootstrap over images, see `expanded` too.

    Each resample draws N images with replacement, the same ones for both models, and takes the difference of
    the two scores over the pooled pixels; the interval lies between percentiles of these differences (Efron
    and Tibshirani, An Introduction to the Bootstrap, 1993, chapters 8 and 13; for scores that are no means of
    images: Koehn, Statistical Significance Tests for Machine Translation Evaluation, 2004). What makes an
    image hard for both models cancels out, so it tells apart what two separate intervals do not. At once: the
    same at 1 - 0.05/K, Bonferroni's correction over the K classes that the truth holds.

    Args:
        first, second: int64 [N,3,K], `class_sums` of both models by image, in the same order.
        resamples: how often N images are drawn; fewer than two images give NaN intervals.
        seed: the same seed draws the same images.

    Raises:
        ValueError: the shapes differ, or the two do not have the same truth.
    """
    if first.shape != second.shape or not np.array_equal(first[:, 1], second[:, 1]):
        raise ValueError("the two models were not measured on the same truth")
    images, _, classes = first.shape
    there = first[:, 1].sum(axis=0) > 0
    samples = np.count_nonzero(first[:, 1], axis=0).astype(np.int64)
    totals = [np.where(there, _ious(sums.sum(axis=0)[None])[0], np.nan) for sums in (first, second)]
    iou = at_once = np.full((classes, 2), np.nan)
    miou = np.full(2, np.nan)
    if images >= 2 and there.any():
        drawn, means = _resampled(first, second, resamples, seed)
        iou = _intervals(drawn, ALPHA, samples)
        at_once = _intervals(drawn, ALPHA / np.count_nonzero(there), samples)
        miou = _intervals(means[:, None], ALPHA, np.array([images]))[0]
    mious = (_mean(totals[0]), _mean(totals[1]))
    return Differences(totals[0], totals[1], iou, at_once, samples, mious, miou)


def _resampled(first: Counts, second: Counts, resamples: int, seed: int) -> tuple[Floats, Floats]:
    """float64 [R,K] and [R]: the differences of IoU and of mIoU in each resample."""
    images, _, classes = first.shape
    both = np.concatenate([first.reshape(images, -1), second.reshape(images, -1)], axis=1).astype(np.float64)
    ious, means = [], []
    for weights in resampling_weights(images, resamples, np.random.default_rng(seed)):
        sums = (weights @ both).reshape(len(weights), 2, 3, classes)
        there = sums[:, 0, 1] > 0
        difference = np.where(there, _ious(sums[:, 1]) - _ious(sums[:, 0]), np.nan)
        ious.append(difference)
        means.append(quotient(np.where(there, difference, 0).sum(axis=1), there.sum(axis=1)))
    return np.concatenate(ious), np.concatenate(means)


def _ious(sums: NDArray[np.int64] | Floats) -> Floats:
    """float64 [R,K] from hits, truth and claimed [R,3,K]; NaN where a class is absent."""
    hits, truth, claimed = sums[:, 0], sums[:, 1], sums[:, 2]
    return quotient(hits, truth + claimed - hits)


def _intervals(values: Floats, alpha: float, samples: Counts) -> Floats:
    """float64 [K,2] from [R,K]: the percentiles of each column, over the resamples in which it is known."""
    found = np.full((values.shape[1], 2), np.nan)
    for number, column in enumerate(values.T):
        present = column[~np.isnan(column)]
        if present.size and samples[number] >= 2:
            edge = 100 * expanded(alpha / 2, int(samples[number]))
            found[number] = np.percentile(present, [edge, 100 - edge])
    return found


def expanded(tail: float, samples: int) -> float:
    """The tail to cut off so that about `tail`, 0-0.5, is left out of intervals from few samples (2 or more).

    Percentiles are too narrow by the factor sqrt((n-1)/n), and know nothing of Student's t: Hesterberg, What
    Teachers Should Know About the Bootstrap, 2015, section 4.1.2: norm(-sqrt(n/(n-1)) t(1 - tail, n - 1)).
    """
    from scipy.special import ndtr, stdtrit  # scipy has no types

    width = np.sqrt(samples / (samples - 1)) * stdtrit(samples - 1, 1 - tail)
    return float(ndtr(-width))


def _mean(values: Floats) -> float:
    return float(np.nanmean(values)) if not np.isnan(values).all() else float("nan")
