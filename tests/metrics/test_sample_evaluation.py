"""A sample's evaluation: calibration against torchmetrics, regions by hand, and bytes that come back."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torchmetrics.classification import MulticlassCalibrationError

from segstudio.metrics.calibration import BINS, calibration, count_calibration
from segstudio.metrics.sample_evaluation import (
    Sums,
    evaluate_sample,
    region_bytes,
    segment_bytes,
    sum_bytes,
    unpack_regions,
    unpack_segments,
)


def scene(seed: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A truth of blocks with some ignored ones, a prediction that errs, and a confidence."""
    random = np.random.default_rng(seed)
    truth = np.kron(random.integers(0, classes, (4, 5)), np.ones((8, 8))).astype(np.uint8)
    truth[np.kron(random.random((4, 5)) < 0.15, np.ones((8, 8))).astype(bool)] = 255
    said = np.where(random.random(truth.shape) < 0.2, random.integers(0, classes, truth.shape), truth)
    said = np.where(said == 255, 0, said).astype(np.uint8)
    return truth, said, random.integers(0, 256, truth.shape).astype(np.uint8)


@pytest.mark.parametrize("seed", range(3))
def test_the_calibration_error_is_that_of_torchmetrics(seed: int) -> None:
    truth, said, sure = scene(seed)
    # torchmetrics takes the largest probability as the confidence, so it has to be over 1 / classes.
    sure = np.maximum(sure, 80)
    found = calibration(count_calibration(truth, said, sure, 4))
    known = truth < 4
    chances = np.zeros((int(known.sum()), 4), np.float64)
    chances += ((1 - sure[known] / 255) / 3)[:, None]
    chances[np.arange(len(chances)), said[known]] = sure[known] / 255
    # Its bins are closed above, ours below: no confidence of ours may stand on a bin's edge.
    peer = MulticlassCalibrationError(4, n_bins=BINS, norm="l1")
    edge = (sure[known].astype(int) * BINS % 255) == 0
    ours = calibration(
        count_calibration(truth[known][~edge][None], said[known][~edge][None], sure[known][~edge][None], 4)
    )
    theirs = peer(torch.tensor(chances[~edge]), torch.tensor(truth[known][~edge].astype(np.int64)))
    assert ours.ece == pytest.approx(float(theirs), abs=1e-6)
    assert found.pixels.sum() == known.sum()


def test_the_calibration_of_one_class_counts_what_was_predicted_as_it() -> None:
    truth = np.array([[0, 0, 1, 255]], np.uint8)
    said = np.array([[0, 1, 1, 1]], np.uint8)
    sure = np.array([[255, 51, 255, 255]], np.uint8)
    counts = count_calibration(truth, said, sure, 2)
    second = calibration(counts, 1)
    assert second.pixels.tolist() == [0, 0, 0, 1, *[0] * 10, 1]
    assert second.confidence[3] == pytest.approx(0.2)
    assert second.accuracy[3] == 0
    assert second.accuracy[14] == 1
    assert second.ece == pytest.approx(0.1)
    assert calibration(counts, 0).ece == 0


def test_regions_of_the_truth_know_what_became_of_them() -> None:
    truth = np.zeros((6, 10), np.uint8)
    truth[1:5, 1:5] = 1
    truth[:, 9] = 255
    said = truth.copy()
    said[:, 9] = 0
    said[1:5, 1:4] = 2
    found = evaluate_sample(truth, said, 3).regions
    rows = {int(found.truth[row]): row for row in range(found.count)}
    assert set(rows) == {0, 1}
    one = rows[1]
    assert (found.area[one], found.box[one].tolist()) == (16, [1, 1, 4, 4])
    assert found.hit[one] == pytest.approx(0.25)
    assert found.called[one] == 2
    assert (found.hit[rows[0]], found.called[rows[0]], found.area[rows[0]]) == (1, 0, 38)


@given(st.integers(0, 10_000), st.integers(2, 7))
def test_what_is_kept_as_bytes_comes_back(seed: int, classes: int) -> None:
    truth, said, sure = scene(seed, classes)
    found = evaluate_sample(truth, said, classes, confidence=sure)
    sums = Sums.unpack(sum_bytes(found), classes)
    np.testing.assert_array_equal(sums.ledger, found.segments.ledger)
    np.testing.assert_array_equal(sums.boundary, found.boundary)
    np.testing.assert_array_equal(sums.calibration, found.calibration)
    both = unpack_segments(segment_bytes(found.segments) * 2, sums.ledger)
    for name in ("kind", "area", "box", "centre", "confidence", "margin", "beside", "at_border"):
        once = getattr(found.segments, name)
        np.testing.assert_array_equal(getattr(both, name), np.concatenate([once, once]))
    regions = unpack_regions(region_bytes(found.regions))
    for name in ("truth", "called", "area", "box", "hit"):
        np.testing.assert_array_equal(getattr(regions, name), getattr(found.regions, name))
