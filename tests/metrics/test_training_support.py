"""How many regions like a failed one are in train: size, row, class and split, counted by hand."""

import numpy as np

from segstudio.metrics.sample_evaluation import evaluate_sample, region_bytes, unpack_regions
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.training_support import training_support

SHAPE = (100, 100)


def scene(*squares: tuple[int, int, int, int]) -> np.ndarray:
    """Squares (x, y, side, class) on class 0."""
    mask = np.zeros(SHAPE, np.uint8)
    for x, y, side, value in squares:
        mask[y : y + side, x : x + side] = value
    return mask


def test_regions_of_the_same_class_size_and_row_in_train() -> None:
    truths = [
        scene((10, 40, 10, 1)),
        # Alike; too large; too small; too low; of another class.
        scene((10, 45, 10, 1), (40, 40, 20, 1), (70, 40, 5, 1), (85, 80, 10, 1), (25, 70, 10, 2)),
        # Alike, but not used for training.
        scene((50, 40, 10, 1)),
        scene((5, 38, 12, 1), (40, 35, 8, 1)),
    ]
    said = [truth.copy() for truth in truths]
    said[0][40:45, 10:20] = 2
    found = [evaluate_sample(truth, ids, 3) for truth, ids in zip(truths, said, strict=True)]
    table = SegmentTable.of(("a", "b", "c"), [(str(n), entry.segments) for n, entry in enumerate(found)])
    regions = unpack_regions(b"".join(region_bytes(entry.regions) for entry in found))
    owners = np.repeat(np.arange(4, dtype=np.int32), [entry.regions.count for entry in found])
    support = training_support(
        table, 0, regions, owners, np.full(4, 100), np.array([True, True, False, True])
    )
    # Half of the region failed, but it is the whole one that others are compared with.
    assert (support.class_id, support.area) == (1, 100)
    assert sorted(map(tuple, regions.box[support.like].tolist())) == [
        (5, 38, 12, 12), (10, 45, 10, 10), (40, 35, 8, 8),
    ]  # fmt: skip
    assert (support.images, support.of_class, support.images_of_class) == (2, 6, 2)


def test_a_part_of_a_tall_region_is_compared_by_the_whole_region() -> None:
    truth = np.zeros(SHAPE, np.uint8)
    truth[5:85, 40:44] = 1
    said = truth.copy()
    said[80:85, 40:44] = 0
    found = [evaluate_sample(truth, ids, 2) for ids in (said, truth)]
    table = SegmentTable.of(("a", "b"), [(str(n), entry.segments) for n, entry in enumerate(found)])
    regions = unpack_regions(b"".join(region_bytes(entry.regions) for entry in found))
    owners = np.repeat(np.arange(2, dtype=np.int32), [entry.regions.count for entry in found])
    support = training_support(table, 0, regions, owners, np.full(2, 100), np.array([False, True]))
    assert (len(support.like), support.of_class) == (1, 1)
