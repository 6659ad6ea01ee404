"""The paired bootstrap against a plain loop with SciPy's distributions, and against cases known by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import stats  # scipy has no types

from segstudio.metrics.bootstrap import intervals_of_sums
from segstudio.metrics.paired_bootstrap import expanded, paired_differences

Counts = NDArray[np.int64]


def random_sums(images: int, classes: int, seed: int, like: Counts | None = None) -> Counts:
    """Hits, truth and claimed [N,3,K]; the truth of another model's where one is given."""
    random = np.random.default_rng(seed)
    truth = random.integers(0, 90, (images, classes)) * (random.random((images, classes)) < 0.7)
    truth = truth if like is None else like[:, 1]
    hits = (truth * random.random((images, classes))).astype(np.int64)
    return np.stack([hits, truth, hits + random.integers(0, 20, (images, classes))], axis=1).astype(np.int64)


def iou(sums: Counts) -> NDArray[np.float64]:
    """float64 [K] of pooled images; NaN for a class that the truth does not hold."""
    hits, truth, claimed = sums.sum(axis=0).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(truth > 0, hits / (truth + claimed - hits), np.nan)


def percentiles(values: NDArray[np.float64], samples: int, alpha: float) -> NDArray[np.float64]:
    """Hesterberg's expanded percentile interval of one score."""
    width = np.sqrt(samples / (samples - 1)) * stats.t(samples - 1).ppf(1 - alpha / 2)
    tail = 100 * stats.norm.sf(width)
    return np.asarray(np.nanpercentile(values, [tail, 100 - tail]))


def test_intervals_equal_those_of_a_plain_loop() -> None:
    first = random_sums(9, 4, 1)
    second = random_sums(9, 4, 2, like=first)
    found = paired_differences(first, second, 300, seed=5)
    draws = np.random.default_rng(5).integers(0, 9, (300, 9))
    differences = np.array([iou(second[draw]) - iou(first[draw]) for draw in draws])
    for number in range(4):
        count = int((first[:, 1, number] > 0).sum())
        assert found.samples[number] == count
        expected = percentiles(differences[:, number], count, 0.05)
        np.testing.assert_allclose(found.iou[number], expected, rtol=1e-10)
        np.testing.assert_allclose(
            found.at_once[number], percentiles(differences[:, number], count, 0.05 / 4), rtol=1e-10
        )
    means = np.nanmean(differences, axis=1)
    np.testing.assert_allclose(found.miou, percentiles(means, 9, 0.05), rtol=1e-10)
    np.testing.assert_allclose(found.first, iou(first))
    np.testing.assert_allclose(found.mious, [np.nanmean(iou(first)), np.nanmean(iou(second))])


def test_the_same_change_in_every_image_is_sure() -> None:
    first = np.tile(np.array([[[50], [100], [50]]], np.int64), (12, 1, 1))
    second = np.tile(np.array([[[75], [100], [75]]], np.int64), (12, 1, 1))
    found = paired_differences(first, second, 200)
    np.testing.assert_allclose(found.iou, [[0.25, 0.25]])
    np.testing.assert_allclose(found.miou, [0.25, 0.25])
    assert found.mious == (0.5, 0.75)


def test_what_is_hard_for_both_models_cancels_out() -> None:
    first = random_sums(40, 3, 3)
    second = first.copy()
    second[:, 0] += (first[:, 1] - first[:, 0]) // 10
    second[:, 2] += (first[:, 1] - first[:, 0]) // 10
    paired = paired_differences(first, second, 2000).miou
    apart = [intervals_of_sums(sums, 2000).miou for sums in (first, second)]
    assert paired[0] > 0
    assert apart[0][1] > apart[1][0]


def test_a_class_that_the_truth_lacks_moves_no_mean() -> None:
    first = random_sums(6, 2, 4)
    first[:, :, 1] = [[0, 0, 30]] * 6
    second = random_sums(6, 2, 5, like=first)
    second[:, :, 1] = 0
    found = paired_differences(first, second, 100)
    assert np.isnan(found.by_class[1])
    assert np.isnan(found.iou[1]).all()
    assert found.mious == pytest.approx((iou(first)[0], iou(second)[0]))


def test_one_image_says_nothing_about_others() -> None:
    first = random_sums(1, 2, 6)
    found = paired_differences(first, random_sums(1, 2, 7, like=first), 100)
    assert np.isnan(found.miou).all()
    assert np.isnan(found.iou).all()


def test_masks_that_changed_in_between_are_noticed() -> None:
    first = random_sums(3, 2, 8)
    second = first.copy()
    second[1, 1, 0] += 1
    with pytest.raises(ValueError, match="same truth"):
        paired_differences(first, second)


@pytest.mark.parametrize("samples", [2, 5, 10, 200])
def test_tails_are_those_of_students_t(samples: int) -> None:
    width = np.sqrt(samples / (samples - 1)) * stats.t(samples - 1).ppf(0.975)
    assert expanded(0.025, samples) == pytest.approx(stats.norm.sf(width))
    assert expanded(0.025, samples) < 0.025
