"""One image's measures are those of its parts, and add up over images."""

import numpy as np
import pytest

from segstudio.metrics.boundary import count_boundary
from segstudio.metrics.confusion import count_confusion
from segstudio.metrics.instances import InstanceRules
from segstudio.metrics.measures import measure_image
from segstudio.metrics.regions import count_regions

RULES = InstanceRules(
    class_of={5: 0, 6: 1}, mean_sizes={0: 8.0, 1: 3.0}, groups=("moving", "moving", "still")
)


def test_every_part_is_measured_with_the_same_rules() -> None:
    random = np.random.default_rng(0)
    truth, predicted = random.integers(0, 4, (2, 20, 30), np.uint8)
    found = measure_image(truth, predicted, 3, ignore=1, boundary_share=0.1)
    assert np.array_equal(found.confusion, count_confusion(truth, predicted, 3, 1))
    assert np.array_equal(found.boundary, count_boundary(truth, predicted, 3, 1, 0.1))
    assert np.array_equal(found.regions, count_regions(truth, 3, 1))
    assert found.instances is None


def test_instances_by_hand() -> None:
    truth = np.array([[0, 0, 0, 0, 1, 1, 2, 2]], np.uint8)
    predicted = np.array([[0, 0, 0, 1, 2, 1, 2, 9]], np.uint8)
    instances = np.array([[5000, 5000, 5000, 5000, 6001, 6002, 7000, 2]], np.int32)
    found = measure_image(truth, predicted, 3, instances=instances, rules=RULES).instances
    assert found is not None
    # Four pixels weigh 2 each, single ones 3 each; instances of code 7 are not counted.
    assert found.tolist() == [[6, 2, 8, 0], [3, 3, 3, 3], [0, 0, 0, 0]]


def test_instances_of_another_size_are_refused() -> None:
    mask = np.zeros((2, 2), np.uint8)
    with pytest.raises(ValueError, match=r"\(1, 2\)"):
        measure_image(mask, mask, 3, instances=np.zeros((1, 2), np.int32), rules=RULES)


def test_no_instances_weigh_nothing() -> None:
    mask = np.zeros((2, 2), np.uint8)
    found = measure_image(mask, mask, 3, instances=np.zeros((2, 2), np.int32), rules=RULES).instances
    assert found is not None
    assert not found.any()
