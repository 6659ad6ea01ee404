"""Confusion counts and scores against small matrices worked out by hand, and against torchmetrics."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torchmetrics.functional.classification import (
    multiclass_accuracy,
    multiclass_confusion_matrix,
    multiclass_f1_score,
    multiclass_jaccard_index,
    multiclass_precision,
)

from segstudio.metrics import confusion
from segstudio.metrics.confusion import count_confusion, scores

Ids = NDArray[np.uint8]


def ids(*rows: list[int]) -> Ids:
    return np.array(rows, np.uint8)


def test_counts_by_hand() -> None:
    truth = ids([0, 0, 1], [1, 2, 2])
    predicted = ids([0, 1, 1], [1, 0, 2])
    counts = count_confusion(truth, predicted, 3)
    assert counts.dtype == np.int64
    assert counts.tolist() == [[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0]]


def test_scores_by_hand() -> None:
    result = scores(np.array([[1, 1, 0, 0], [0, 2, 0, 0], [1, 0, 1, 0]], np.int64))
    assert result.iou.tolist() == pytest.approx([1 / 3, 2 / 3, 1 / 2])
    assert result.acc.tolist() == pytest.approx([1 / 2, 1, 1 / 2])
    assert result.precision.tolist() == pytest.approx([1 / 2, 2 / 3, 1])
    assert result.f1.tolist() == pytest.approx([1 / 2, 4 / 5, 2 / 3])
    assert result.support_pixels.tolist() == [2, 2, 2]
    assert result.miou == pytest.approx(1 / 2)
    assert result.macc == pytest.approx(2 / 3)
    assert result.aacc == pytest.approx(4 / 6)
    assert result.mf1 == pytest.approx((1 / 2 + 4 / 5 + 2 / 3) / 3)


def test_pixels_without_truth_are_not_counted() -> None:
    truth = ids([255, 0], [7, 1])
    counts = count_confusion(truth, ids([0, 0], [0, 1]), 2)
    assert counts.tolist() == [[1, 0, 0], [0, 1, 0]]
    assert scores(counts).miou == 1


def test_a_class_of_the_model_can_be_the_ignored_one() -> None:
    counts = count_confusion(ids([0, 1, 2]), ids([0, 0, 2]), 3, ignore=1)
    assert counts.tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 1, 0]]


@pytest.mark.parametrize("nothing", [2, 200, 255])
def test_predicting_no_class_is_a_miss_but_nobodys_false_alarm(nothing: int) -> None:
    result = scores(counts := count_confusion(ids([0, 0, 1, 1]), ids([0, nothing, 1, 1]), 2))
    assert counts.tolist() == [[1, 0, 1], [0, 2, 0]]
    assert result.iou.tolist() == [0.5, 1]
    assert result.precision.tolist() == [1, 1]
    assert result.acc.tolist() == [0.5, 1]
    assert result.aacc == 0.75


def test_absent_classes_are_nan_and_left_out_of_means() -> None:
    result = scores(count_confusion(ids([0, 0, 2]), ids([0, 2, 2]), 4))
    assert np.isnan(result.iou).tolist() == [False, True, False, True]
    assert np.isnan(result.f1).tolist() == [False, True, False, True]
    assert result.miou == pytest.approx((1 / 2 + 1 / 2) / 2)
    assert result.macc == pytest.approx((1 / 2 + 1) / 2)


def test_a_class_that_is_only_predicted_counts_in_miou_and_not_in_macc() -> None:
    result = scores(count_confusion(ids([0, 0]), ids([0, 1]), 2))
    assert result.iou.tolist() == [0.5, 0]
    assert result.miou == 0.25
    assert np.isnan(result.acc[1])
    assert result.macc == 0.5


def test_nothing_counted_is_nan_everywhere() -> None:
    result = scores(count_confusion(ids([255]), ids([0]), 3))
    assert np.isnan([result.miou, result.macc, result.aacc, result.mf1]).all()
    assert result.support_pixels.tolist() == [0, 0, 0]


def test_different_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        count_confusion(ids([0, 1]), ids([0], [1]), 2)


def test_all_255_classes_fit() -> None:
    every = np.arange(256, dtype=np.uint8).reshape(16, 16)
    counts = count_confusion(every, every, 255)
    assert counts.shape == (255, 256)
    assert np.array_equal(counts[:, :255], np.eye(255, dtype=np.int64))


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 20), agreement=st.floats(0, 1))
def test_counts_equal_those_of_torchmetrics(seed: int, classes: int, agreement: float) -> None:
    random = np.random.default_rng(seed)
    truth = random.integers(0, classes, (13, 17), np.uint8)
    predicted = np.where(
        random.random(truth.shape) < agreement, truth, random.integers(0, classes, truth.shape)
    ).astype(np.uint8)
    truth[random.random(truth.shape) < 0.1] = 255
    expected = multiclass_confusion_matrix(
        torch.from_numpy(predicted).long(), torch.from_numpy(truth).long(), classes, ignore_index=255
    )
    counts = count_confusion(truth, predicted, classes)
    assert np.array_equal(counts[:, :classes], expected.numpy())
    assert not counts[:, classes].any()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), classes=st.integers(2, 12))
def test_scores_equal_those_of_torchmetrics(seed: int, classes: int) -> None:
    random = np.random.default_rng(seed)
    # Every class occurs, so that torchmetrics' value for absent classes (0) does not come into it.
    truth = np.concatenate([np.arange(classes), random.integers(0, classes, 200)]).astype(np.uint8)[None]
    predicted = np.where(random.random(truth.shape) < 0.6, truth, random.integers(0, classes, truth.shape))
    predicted = predicted.astype(np.uint8)
    predicted[0, :classes] = np.arange(classes)
    truth[0, classes : classes + 9] = 255
    result = scores(count_confusion(truth, predicted, classes))
    pair = (torch.from_numpy(predicted).long(), torch.from_numpy(truth).long(), classes)
    for ours, reference in (
        (result.iou, multiclass_jaccard_index),
        (result.acc, multiclass_accuracy),
        (result.precision, multiclass_precision),
        (result.f1, multiclass_f1_score),
    ):
        theirs = reference(*pair, average="none", ignore_index=255).numpy()
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    assert result.miou == pytest.approx(
        float(multiclass_jaccard_index(*pair, average="macro", ignore_index=255)), abs=1e-6
    )
    assert result.aacc == pytest.approx(
        float(multiclass_accuracy(*pair, average="micro", ignore_index=255)), abs=1e-6
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_counts_of_parts_add_up_to_counts_of_the_whole(seed: int) -> None:
    random = np.random.default_rng(seed)
    truth, predicted = random.integers(0, 256, (2, 20, 30), np.uint8)
    whole = count_confusion(truth, predicted, 19)
    parts = count_confusion(truth[:7], predicted[:7], 19) + count_confusion(truth[7:], predicted[7:], 19)
    assert np.array_equal(whole, parts)
    assert whole.sum() == np.count_nonzero(truth < 19)


def test_images_beyond_the_reach_of_float32_are_counted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    truth, predicted = np.random.default_rng(0).integers(0, 256, (2, 23, 10), np.uint8)
    whole = count_confusion(truth, predicted, 19)
    monkeypatch.setattr(confusion, "_EXACT", 40)
    assert np.array_equal(count_confusion(truth, predicted, 19), whole)
    every_second = count_confusion(truth[:, ::2], predicted[:, ::2], 19)
    assert every_second.sum() == np.count_nonzero(truth[:, ::2] < 19)
