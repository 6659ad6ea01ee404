"""Shares of pairs of classes against scikit-learn's normalised matrices, and lists worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from segstudio.metrics.confusion_shares import PairShare, Whole, called, called_so, occurring, shares

COUNTS = np.array([[6, 2, 2], [0, 0, 0], [0, 0, 0]], np.int64)[:2]


@given(arrays(np.int64, (4, 5), elements=st.integers(0, 50)))
def test_rows_columns_or_all_sum_to_one(counts: np.ndarray) -> None:
    for whole, axis in ((Whole.ROW, 1), (Whole.COLUMN, 0)):
        sums = shares(counts, whole).sum(axis=axis)
        np.testing.assert_allclose(sums, counts.sum(axis=axis) > 0, atol=1e-12)
    assert shares(counts, Whole.PIXELS).sum() == pytest.approx(float(counts.sum() > 0))


def test_shares_are_those_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 3, 200), random.integers(0, 3, 200)
    counts = np.zeros((3, 4), np.int64)
    np.add.at(counts, (truth, predicted), 1)
    for whole, name in ((Whole.ROW, "true"), (Whole.COLUMN, "pred"), (Whole.PIXELS, "all")):
        expected = metrics.confusion_matrix(truth, predicted, normalize=name)
        np.testing.assert_allclose(shares(counts, whole)[:, :3], expected)


def test_the_pairs_of_a_class_stand_by_size() -> None:
    assert called(COUNTS, 0) == (PairShare(0, 6, 0.6), PairShare(1, 2, 0.2), PairShare(2, 2, 0.2))
    assert called(COUNTS, 1) == ()
    assert called_so(COUNTS, 1) == (PairShare(0, 2, 1.0),)


def test_classes_occur_in_the_truth_or_as_predicted() -> None:
    counts = np.zeros((4, 5), np.int64)
    counts[1, 3] = counts[1, 4] = 1
    assert occurring(counts).tolist() == [1, 3]
