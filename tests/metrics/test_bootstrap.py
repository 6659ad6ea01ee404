"""Bootstrap intervals against a plain loop, and against a case whose truth is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.metrics import bootstrap
from segstudio.metrics.bootstrap import bootstrap_intervals
from segstudio.metrics.confusion import scores


def random_counts(images: int, classes: int, seed: int) -> NDArray[np.int64]:
    random = np.random.default_rng(seed)
    counts = random.integers(0, 50, (images, classes, classes + 1))
    counts[random.random((images, classes)) < 0.4] = 0
    return counts.astype(np.int64)


def test_intervals_equal_those_of_a_plain_loop() -> None:
    counts = random_counts(7, 4, 1)
    draws = np.random.default_rng(5).integers(0, 7, (200, 7))
    found = [scores(counts[draw].sum(axis=0)) for draw in draws]
    result = bootstrap_intervals(counts, 200, seed=5)
    expected = np.nanpercentile([one.iou for one in found], [2.5, 97.5], axis=0).T
    np.testing.assert_allclose(result.iou, expected, rtol=1e-12)
    np.testing.assert_allclose(
        result.miou, np.nanpercentile([one.miou for one in found], [2.5, 97.5]), rtol=1e-12
    )


def test_blocks_of_weights_draw_as_many_images(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = random_counts(7, 4, 1)
    monkeypatch.setattr(bootstrap, "_BLOCK", 7 * 30)
    blocks = list(bootstrap.resampling_weights(7, 100, np.random.default_rng(0)))
    assert [len(block) for block in blocks] == [30, 30, 30, 10]
    assert (np.concatenate(blocks).sum(axis=1) == 7).all()
    assert not np.isnan(bootstrap_intervals(counts, 100).miou).any()


def test_a_seed_decides_everything() -> None:
    counts = random_counts(12, 3, 2)
    first, again, other = (bootstrap_intervals(counts, 50, seed) for seed in (1, 1, 2))
    assert np.array_equal(first.iou, again.iou)
    assert not np.array_equal(first.iou, other.iou)


def test_the_true_iou_is_covered_about_as_often_as_promised() -> None:
    random = np.random.default_rng(0)
    covered = 0
    for _ in range(150):
        # Every image has 100 pixels of one class, each hit with 0.7: the IoU of the population is 0.7.
        hits = random.binomial(100, 0.7, 40)
        counts = np.stack([hits, 100 - hits], axis=1)[:, None, :].astype(np.int64)
        low, high = bootstrap_intervals(counts, 300).iou[0]
        covered += bool(low <= 0.7 <= high)
    assert 0.88 <= covered / 150 <= 0.99


def test_an_absent_class_and_a_lone_image_have_no_interval() -> None:
    counts = random_counts(5, 3, 3)
    counts[:, 1] = 0
    counts[:, :, 1] = 0
    result = bootstrap_intervals(counts, 100)
    assert np.isnan(result.iou[1]).all()
    assert not np.isnan(result.iou[[0, 2]]).any()
    assert np.isnan(bootstrap_intervals(counts[:1], 100).miou).all()
    assert np.isnan(bootstrap_intervals(counts, 0).iou).all()


def test_a_class_of_one_image_has_a_wide_interval() -> None:
    counts = np.zeros((20, 2, 3), np.int64)
    counts[:, 0, 0] = 100
    counts[0, 1] = [0, 5, 5]
    counts[1, 0, 1] = 20
    low, high = bootstrap_intervals(counts, 500).iou[1]
    assert low == 0
    assert high == pytest.approx(0.5)
