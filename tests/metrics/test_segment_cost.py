"""The costs of all segments together are 1 - mIoU; those of some are counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.metrics.confusion import scores
from segstudio.metrics.segment_cost import class_costs, pixel_costs, segment_costs
from tests.metrics.failure_scenes import CLASSES, noise, scenes


@settings(max_examples=20)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=3))
def test_all_segments_cost_what_is_missing_of_the_miou(seeds: list[int]) -> None:
    found = scenes(*(noise(seed) for seed in seeds))
    total = found.confusion.sum(axis=0)
    judged = scores(total)
    assert segment_costs(found.table, total).sum() == pytest.approx(1 - judged.miou, abs=1e-5)
    every = np.arange(found.table.count)
    assert class_costs(found.table, total, every) == pytest.approx(1 - judged.iou, abs=1e-9, nan_ok=True)


def test_the_cost_of_one_segment_by_hand() -> None:
    truth = np.zeros((10, 20), np.uint8)
    truth[2:6, 2:12] = 1
    said = truth.copy()
    said[2:4, 2:12] = 0
    said[9, :5] = 255
    found = scenes((truth, said))
    total = found.confusion.sum(axis=0)
    # Road: union 160 + 20; car: union 40. Road and car occur; "no class" costs road alone.
    by_pair = dict(
        zip(found.table.rows.predicted.tolist(), segment_costs(found.table, total).tolist(), strict=True)
    )
    assert by_pair == pytest.approx({0: (20 / 180 + 20 / 40) / 2, CLASSES: 5 / 180 / 2})
    car = np.flatnonzero(found.table.rows.truth == 1)
    assert class_costs(found.table, total, car)[:2] == pytest.approx([20 / 180, 20 / 40])
    assert np.isnan(class_costs(found.table, total, car)[2:]).all()


def test_absent_classes_and_no_class_cost_nothing() -> None:
    counts = np.zeros((CLASSES, CLASSES + 1), np.int64)
    counts[1, 1] = 8
    assert pixel_costs(counts).tolist() == [0, 1 / 8, 0, 0, 0]
