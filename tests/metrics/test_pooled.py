"""Sums over samples against sums of whole arrays."""

import numpy as np
import pytest

from segstudio.metrics.bootstrap import bootstrap_intervals, intervals_of_sums
from segstudio.metrics.confusion import scores
from segstudio.metrics.pooled import SampleSums, pool
from segstudio.metrics.regions import count_regions
from segstudio.metrics.sample_evaluation import SampleEvaluation, Sums, evaluate_sample, sum_bytes

K = 4


def evaluated(seed: int) -> tuple[SampleEvaluation, np.ndarray]:
    random = np.random.default_rng(seed)
    truth = np.repeat(np.repeat(random.integers(0, K, (6, 8)), 5, 0), 5, 1).astype(np.uint8)
    predicted = truth.copy()
    wrong = random.random(truth.shape) < 0.2
    predicted[wrong] = random.integers(0, K, int(wrong.sum()))
    return evaluate_sample(truth, predicted, K), truth


def test_sums_are_those_of_all_samples() -> None:
    found = [evaluated(seed) for seed in range(5)]
    rows = [
        SampleSums(str(number), one.confusion, Sums.unpack(sum_bytes(one), K), count_regions(truth, K))
        for number, (one, truth) in enumerate(found)
    ]
    pooled = pool(rows, K)
    stacked = np.stack([one.confusion for one, _ in found])
    assert pooled.keys == ("0", "1", "2", "3", "4")
    assert pooled.is_detailed
    np.testing.assert_array_equal(pooled.confusion, stacked.sum(axis=0))
    np.testing.assert_array_equal(pooled.by_sample[:, 1], stacked.sum(axis=2))
    np.testing.assert_array_equal(pooled.details.boundary, sum(one.boundary for one, _ in found))
    np.testing.assert_array_equal(pooled.details.ledger, sum(one.segments.ledger for one, _ in found))
    np.testing.assert_array_equal(pooled.regions, sum(count_regions(truth, K) for _, truth in found))
    # The same intervals as from whole matrices.
    whole, short = bootstrap_intervals(stacked, 50), intervals_of_sums(pooled.by_sample, 50)
    np.testing.assert_array_equal(whole.iou, short.iou)
    np.testing.assert_array_equal(whole.miou, short.miou)
    some = scores(stacked[[1, 3]].sum(axis=0)).iou
    np.testing.assert_allclose(pooled.ious_in({"1", "3", "elsewhere"}), some, rtol=1e-15)


def test_samples_that_were_only_counted_are_told_apart() -> None:
    one, truth = evaluated(0)
    rows = [
        SampleSums("a", one.confusion, Sums.unpack(sum_bytes(one), K), count_regions(truth, K)),
        SampleSums("b", one.confusion),
    ]
    pooled = pool(rows, K)
    assert (pooled.detailed, pooled.is_detailed) == (1, False)
    np.testing.assert_array_equal(pooled.confusion, 2 * one.confusion)


@pytest.mark.parametrize("classes", [1, 150])
def test_nothing_is_no_error(classes: int) -> None:
    pooled = pool([], classes)
    assert pooled.by_sample.shape == (0, 3, classes)
    assert not pooled.is_detailed
    assert np.isnan(pooled.ious_in([])).all()
