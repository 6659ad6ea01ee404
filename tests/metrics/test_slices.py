"""Parts of the samples are scored as if they were all; what the classes stand beside and with is counted."""

import numpy as np
import pytest

from segstudio.metrics.confusion import count_confusion, scores
from segstudio.metrics.neighbours import companions, lost_beside
from segstudio.metrics.slices import groups_of, slices
from tests.metrics.failure_scenes import CLASSES, noise, scenes


def test_groups_by_text_and_by_lists() -> None:
    texts = ["b", "a", "b", ""]
    assert {name: members.tolist() for name, members in groups_of(texts).items()} == {"a": [1], "b": [0, 2]}
    tags = groups_of(["night,rain", "rain", "none"], lists=True)
    assert {name: members.tolist() for name, members in tags.items()} == {
        "night": [0],
        "none": [2],
        "rain": [0, 1],
    }


def test_a_slice_is_scored_like_its_samples_alone() -> None:
    pairs = [noise(seed) for seed in range(3)]
    found = scenes(*pairs)
    parts = slices(found.confusion, groups_of(["day", "night", "day"]))
    assert [(part.name, part.images) for part in parts] == [("day", 2), ("night", 1)]
    alone = count_confusion(*pairs[0], CLASSES) + count_confusion(*pairs[2], CLASSES)
    judged = scores(alone)
    assert parts[0].miou == pytest.approx(judged.miou)
    assert parts[0].iou == pytest.approx(judged.iou, nan_ok=True)
    assert parts[0].pixels.tolist() == judged.support_pixels.tolist()
    for class_id in range(CLASSES):
        holding = sum(bool((pairs[number][0] == class_id).any()) for number in (0, 2))
        assert parts[0].images_with[class_id] == holding


def test_pixels_by_what_they_lie_beside() -> None:
    truth = np.zeros((20, 20), np.uint8)
    truth[4:10, 4:10] = 2
    truth[10:14, 4:10] = 1
    said = truth.copy()
    said[4:10, 4:10] = 3
    said[16:18, 16:18] = 3
    found = scenes((truth, said))
    rider, road = (np.flatnonzero(found.table.rows.truth == class_id) for class_id in (2, 0))
    # The rider's outline runs along road for 18 px and along the car for 6.
    (beside,) = lost_beside(found.table, rider)
    assert (beside.class_id, beside.segments, beside.pixels, beside.share) == (0, 1, 36, 1.0)
    (alone,) = lost_beside(found.table, road)
    assert (alone.class_id, alone.pixels) == (CLASSES, 4)
    both = lost_beside(found.table, np.arange(found.table.count))
    assert [(part.class_id, part.pixels, part.share) for part in both] == [(0, 36, 0.9), (CLASSES, 4, 0.1)]
    assert lost_beside(found.table, np.zeros(0, np.int64)) == ()


def test_recall_with_and_without_another_class() -> None:
    counts = np.zeros((4, CLASSES, CLASSES + 1), np.int64)
    counts[0, 2, 2], counts[0, 2, 3], counts[0, 1, 1] = 8, 2, 5
    counts[1, 2, 2], counts[1, 2, 4], counts[1, 1, 0] = 1, 4, 1
    counts[2, 2, 3] = 10
    counts[3, 1, 1] = 7
    (found,) = companions(counts, 2)
    assert (found.class_id, found.images_with, found.images_without) == (1, 2, 1)
    assert found.recall_with == pytest.approx(9 / 15)
    assert found.recall_without == 0
    assert found.difference == pytest.approx(0.6)


def test_a_class_that_is_never_alone_has_no_recall_without_the_other() -> None:
    counts = np.zeros((1, CLASSES, CLASSES + 1), np.int64)
    counts[0, 2, 2] = counts[0, 1, 1] = 3
    (found,) = companions(counts, 2)
    assert found.images_without == 0
    assert np.isnan(found.recall_without)
    assert np.isnan(found.difference)
    assert companions(counts, 0) == ()
