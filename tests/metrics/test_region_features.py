"""Features of predicted regions and their adjusted IoU, against naive figures of every region."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage  # scipy has no types

from segstudio.metrics.region_features import (
    Evidence,
    PredictedRegions,
    feature_names,
    measure_regions,
    region_ious,
)

Mask = NDArray[np.uint8]
ROAD, CAR, TREE, CLASSES = 0, 1, 2, 3


def column(found: PredictedRegions, name: str) -> NDArray[np.float32]:
    """A feature by its name."""
    return found.features[:, feature_names(CLASSES).index(name)]


def parts(ids: Mask, class_id: int) -> list[NDArray[np.bool_]]:
    """The regions of a class in the order of their first pixels."""
    numbers, count = ndimage.label(ids == class_id)
    found = [numbers == number + 1 for number in range(count)]
    return sorted(found, key=lambda part: int(np.flatnonzero(part.ravel())[0]))


def masks(side: int = 8) -> st.SearchStrategy[Mask]:
    """Small masks with pixels of no class."""
    return arrays(np.uint8, (side, side), elements=st.sampled_from([0, 1, 2, 255]))


def naive_iou(truth: Mask, ids: Mask, part: NDArray[np.bool_], class_id: int) -> float:
    """The formula of MetaSeg's paper, set by set: |k and K'| / |k or (K' without Q)|."""
    touched = [true for true in parts(truth, class_id) if (true & part).any()]
    union = np.any(touched, axis=0) if touched else np.zeros_like(part)
    others = [other for other in parts(ids, class_id) if not (other & part).any() and (other & union).any()]
    found = np.any(others, axis=0) if others else np.zeros_like(part)
    known = truth < CLASSES
    if 2 * np.count_nonzero(part & known) < np.count_nonzero(part) or not (part & known).any():
        return float("nan")
    return float(np.count_nonzero(part & union) / np.count_nonzero((part | (union & ~found)) & known))


@settings(max_examples=100, deadline=None)
@given(truth=masks(), ids=masks())
def test_ious_and_sizes_equal_naive_ones(truth: Mask, ids: Mask) -> None:
    found, ious = measure_regions(Evidence(ids), CLASSES), region_ious(truth, ids, CLASSES)
    regions = sorted(
        ((part, class_id) for class_id in range(CLASSES) for part in parts(ids, class_id)),
        key=lambda pair: int(np.flatnonzero(pair[0].ravel())[0]),
    )
    assert found.count == len(regions) == len(ious)
    for number, (part, class_id) in enumerate(regions):
        assert found.class_id[number] == class_id
        assert found.area[number] == np.count_nonzero(part)
        around = np.pad(part, 1, mode="edge")
        beside = [around[1:-1, :-2], around[1:-1, 2:], around[:-2, 1:-1], around[2:, 1:-1]]
        assert found.inner[number] == np.count_nonzero(part & np.all(beside, axis=0))
        assert ious[number] == pytest.approx(naive_iou(truth, ids, part, class_id), nan_ok=True)


@settings(max_examples=60, deadline=None)
@given(ids=masks(6), plane=arrays(np.uint8, (6, 6)), second=masks(6))
def test_planes_and_neighbours_equal_naive_ones(ids: Mask, plane: Mask, second: Mask) -> None:
    found = measure_regions(Evidence(ids, plane, second, plane), CLASSES)
    assert found.features.shape == (found.count, len(feature_names(CLASSES)))
    order = {int(n): 0 for n in range(CLASSES)}
    for number in range(found.count):
        class_id = int(found.class_id[number])
        part = parts(ids, class_id)[order[class_id]]
        order[class_id] += 1
        values = plane[part] / 255
        for prefix in ("confidence", "margin"):
            assert column(found, f"{prefix}_mean")[number] == pytest.approx(values.mean(), abs=1e-6)
            assert column(found, f"{prefix}_spread")[number] == pytest.approx(values.std(), abs=1e-3)
            assert column(found, f"{prefix}_least")[number] == pytest.approx(values.min())
            assert column(found, f"{prefix}_most")[number] == pytest.approx(values.max())
            assert column(found, f"{prefix}_unsure")[number] == pytest.approx(np.mean(plane[part] < 128))
        edges = np.zeros(CLASSES + 1)
        outside = []
        for y, x in np.argwhere(part):
            for dy, dx in ((0, 1), (1, 0), (0, -1), (-1, 0)):
                if 0 <= y + dy < 6 and 0 <= x + dx < 6 and not part[y + dy, x + dx]:
                    edges[min(int(ids[y + dy, x + dx]), CLASSES)] += 1
                    outside.append(plane[y + dy, x + dx])
        shares = [column(found, f"beside_{n}")[number] for n in range(CLASSES + 1)]
        np.testing.assert_allclose(shares, edges / max(edges.sum(), 1), atol=1e-6)
        counts = [np.count_nonzero(second[part] == n) for n in range(CLASSES)]
        assert column(found, "second_share")[number] == pytest.approx(max(counts) / part.sum())


def test_figures_of_one_region() -> None:
    ids = np.zeros((10, 20), np.uint8)
    ids[2:6, 4:12] = CAR
    confidence = np.full(ids.shape, 255, np.uint8)
    confidence[2:6, 4:12] = 51
    confidence[3:5, 5:11] = 102
    second = np.full(ids.shape, 255, np.uint8)
    second[2:6, 4:12] = TREE
    second[6:, :] = CAR
    found = measure_regions(Evidence(ids, confidence, second), CLASSES)
    car = 1
    assert found.box[car].tolist() == [4, 2, 8, 4]
    assert found.centre[car].tolist() == [8.0, 4.0]
    assert found.inner[car] == 12
    expected = {
        "area": np.log(32), "rim": np.log(24), "roughness": 24 / np.sqrt(32), "depth": 32 / 24, "width": 0.4,
        "height": 0.4, "filled": 1, "row": 0.4, "column": 0.4, "at_border": 0, "of_class": 1, "neighbours": 1,
        "beside_most": 1, "confidence_inner": 0.4, "confidence_rim": 0.2, "confidence_outside": 1,
        "second_class": TREE, "second_share": 1, "second_beside": 0,
        "wanted_outside": np.log(81) - np.log(32), "beside_0": 1,
    }  # fmt: skip
    for name, value in expected.items():
        assert column(found, name)[car] == pytest.approx(value, rel=1e-5), name
    assert column(found, "at_border").tolist() == [1, 0]
    assert np.isnan(column(found, "margin_mean")).all()


def test_parts_of_one_thing_are_not_blamed_for_each_other() -> None:
    """A car of 30 pixels found in two parts of 12 with a gap: each is 12 of 18, not 12 of 30."""
    truth, ids = np.zeros((5, 12), np.uint8), np.zeros((5, 12), np.uint8)
    truth[1:4, 1:11] = CAR
    ids[1:4, 1:5] = CAR
    ids[1:4, 7:11] = CAR
    ious = region_ious(truth, ids, CLASSES)
    assert ious[1:].tolist() == pytest.approx([12 / 18, 12 / 18])


def test_an_empty_image_and_other_shapes() -> None:
    empty = np.zeros((0, 0), np.uint8)
    assert measure_regions(Evidence(empty, empty, empty, empty), CLASSES).count == 0
    assert len(region_ious(empty, empty, CLASSES)) == 0
    with pytest.raises(ValueError, match="another plane"):
        measure_regions(Evidence(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8)), CLASSES)
    with pytest.raises(ValueError, match="prediction is"):
        region_ious(np.zeros((4, 4), np.uint8), np.zeros((4, 5), np.uint8), CLASSES)
