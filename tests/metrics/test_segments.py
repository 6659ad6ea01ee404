"""Error segments: each kind on a hand-made mask, figures against naive ones, and the ledger's identity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage  # scipy has no types

from segstudio.metrics.confusion import count_confusion, scores
from segstudio.metrics.ledger import lost_iou
from segstudio.metrics.segments import CutOffs, Kind, Segments, extract

ROAD, CAR, BUS, TREE, CLASSES, IGNORE = 0, 1, 2, 3, 4, 255
SIDE = 40
Mask = NDArray[np.uint8]
Box = tuple[slice, slice]
THING = (slice(10, 26), slice(8, 28))


def scene(*boxes: tuple[Box, int]) -> Mask:
    """Road with boxes of other classes, later ones above."""
    mask = np.full((SIDE, SIDE), ROAD, np.uint8)
    for box, class_id in boxes:
        mask[box] = class_id
    return mask


CAR_THERE = scene((THING, CAR))
LEFT, RIGHT = (slice(10, 26), slice(8, 14)), (slice(10, 26), slice(22, 28))
GAP = (slice(10, 26), slice(14, 22))
CASES: dict[str, tuple[Mask, Mask, Kind, int, int]] = {
    # The outline is one pixel too narrow on one side.
    "slack": (CAR_THERE, scene(((slice(10, 26), slice(9, 28)), CAR)), Kind.EDGE_SLACK, CAR, ROAD),
    # The car is there, and called a bus.
    "renamed": (CAR_THERE, scene((THING, BUS)), Kind.TAKEN_OVER, CAR, BUS),
    # Most of the car is called a bus.
    "mostly": (CAR_THERE, scene((THING, BUS), (LEFT, CAR)), Kind.TAKEN_OVER, CAR, BUS),
    # A large car was predicted, and more than half of it is tree in truth.
    "claims": (scene((THING, TREE), (LEFT, CAR)), scene((THING, CAR)), Kind.TAKEN_OVER, TREE, CAR),
    # The road flowed over the car.
    "missed": (CAR_THERE, scene(), Kind.MISSED, CAR, ROAD),
    # A car where nothing is.
    "invented": (scene(), CAR_THERE, Kind.INVENTED, ROAD, CAR),
    # A bar of road parts the car.
    "split": (CAR_THERE, scene((LEFT, CAR), (RIGHT, CAR)), Kind.SPLIT, CAR, ROAD),
    # Two cars became one.
    "merged": (scene((LEFT, CAR), (RIGHT, CAR)), CAR_THERE, Kind.MERGED, ROAD, CAR),
    # The car reaches eight pixels too far.
    "leak": (
        scene(((slice(10, 26), slice(8, 20)), CAR)),
        scene(((slice(10, 26), slice(8, 28)), CAR)),
        Kind.LEAK,
        ROAD,
        CAR,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_each_kind(name: str) -> None:
    truth, predicted, kind, true_class, predicted_class = CASES[name]
    found = extract(truth, predicted, CLASSES)
    assert found.count == 1
    assert Kind(found.kind[0]) is kind
    assert (found.truth[0], found.predicted[0]) == (true_class, predicted_class)
    assert found.area[0] == np.count_nonzero(truth != predicted)
    assert found.ledger[true_class, kind, 0] == found.area[0] == found.ledger[predicted_class, kind, 1]
    assert found.ledger.sum() == 2 * found.area[0]


def test_regions_that_touch_are_told_apart_by_both_classes() -> None:
    """A bus and a tree side by side, both called car, and a strip without truth between two errors."""
    truth = scene(((slice(10, 20), slice(5, 15)), BUS), ((slice(10, 20), slice(15, 25)), TREE))
    predicted = scene(((slice(10, 20), slice(5, 25)), CAR))
    truth[14:16, 5:15] = IGNORE
    found = extract(truth, predicted, CLASSES, ignore=IGNORE)
    pairs = sorted(zip(found.truth.tolist(), found.predicted.tolist(), found.area.tolist(), strict=True))
    assert pairs == [(BUS, CAR, 40), (BUS, CAR, 40), (TREE, CAR, 100)]
    assert sorted(found.beside_ignore.tolist()) == [False, True, True] or found.beside_ignore.all()
    assert found.ledger[BUS, :, 0].sum() == 80


def test_pixels_without_truth_are_never_wrong_and_no_class_is_one() -> None:
    truth, predicted = scene(), scene()
    truth[:20] = IGNORE
    predicted[:30, 5:10] = IGNORE
    found = extract(truth, predicted, CLASSES)
    assert found.count == 1
    assert (found.predicted[0], found.area[0]) == (CLASSES, 50)
    assert found.ledger[ROAD, :, 0].sum() == 50
    assert found.ledger[:, :, 1].sum() == 0


def test_figures_of_one_segment() -> None:
    truth, predicted = scene(), CAR_THERE.copy()
    confidence = np.full((SIDE, SIDE), 51, np.uint8)
    confidence[THING] = 204
    found = extract(truth, predicted, CLASSES, confidence=confidence, margin=confidence)
    assert found.box.tolist() == [[8, 10, 20, 16]]
    assert found.centre.tolist() == [[18.0, 18.0]]
    assert found.confidence[0] == found.margin[0] == pytest.approx(0.8)
    assert found.share[0] == pytest.approx(320 / 1600)
    assert found.hit[0] == pytest.approx(1280 / 1600)
    assert not found.at_border[0]
    assert np.isnan(extract(truth, predicted, CLASSES).confidence).all()


def test_small_segments_have_no_row_and_stay_in_the_ledger() -> None:
    truth, predicted = scene(), scene()
    predicted[5, 5] = CAR
    predicted[20:30, 20:30] = BUS
    found = extract(truth, predicted, CLASSES, smallest=2)
    assert found.area.tolist() == [100]
    assert found.ledger[ROAD, :, 0].sum() == 101


def test_cut_offs_decide() -> None:
    truth, predicted, *_ = CASES["leak"]
    wide = extract(truth, predicted, CLASSES, cut_offs=CutOffs(slack=8))
    assert Kind(wide.kind[0]) is Kind.EDGE_SLACK
    assert Kind(extract(truth, predicted, CLASSES, cut_offs=CutOffs(slack=7)).kind[0]) is Kind.LEAK


def test_masks_of_other_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="prediction is"):
        extract(scene(), scene()[:-1], CLASSES)


def masks(side: int = 9) -> st.SearchStrategy[Mask]:
    """Small masks with pixels without truth and ids that are no class."""
    return arrays(np.uint8, (side, side), elements=st.sampled_from([0, 1, 2, 200, IGNORE]))


@settings(max_examples=150, deadline=None)
@given(truth=masks(), predicted=masks())
def test_segments_equal_a_naive_search(truth: Mask, predicted: Mask) -> None:
    """Every pair of classes labelled by scipy: the same areas, boxes and centres."""
    found = extract(truth, predicted, 3)
    assert rows(found) == naive(truth, predicted)


def rows(found: Segments) -> list[tuple[int, ...]]:
    """Segments as sorted tuples of whole numbers."""
    centres = np.rint(2.0 * found.centre * found.area[:, None]).astype(int)
    parts = np.column_stack([found.truth, found.predicted, found.area, found.box, centres])
    return sorted(tuple(int(value) for value in row) for row in parts)


def naive(truth: Mask, predicted: Mask) -> list[tuple[int, ...]]:
    """What `rows` should give."""
    wanted = []
    shown = np.minimum(predicted, 3)
    for true_class in range(3):
        for predicted_class in {0, 1, 2, 3} - {true_class}:
            parts, count = ndimage.label((truth == true_class) & (shown == predicted_class))
            for number in range(1, count + 1):
                ys, xs = np.nonzero(parts == number)
                box = (xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1)
                centre = ((2 * xs + 1).sum(), (2 * ys + 1).sum())
                wanted.append((true_class, predicted_class, len(xs), *box, *centre))
    return sorted(tuple(int(value) for value in row) for row in wanted)


@settings(max_examples=100, deadline=None)
@given(pairs=st.lists(st.tuples(masks(7), masks(7)), min_size=1, max_size=4))
def test_the_ledger_sums_to_the_lost_iou(pairs: list[tuple[Mask, Mask]]) -> None:
    """Over several samples, class by class."""
    ledger = sum(extract(truth, predicted, 3, smallest=5).ledger for truth, predicted in pairs)
    confusion = sum(count_confusion(truth, predicted, 3) for truth, predicted in pairs)
    assert isinstance(ledger, np.ndarray)
    assert isinstance(confusion, np.ndarray)
    made, iou = lost_iou(ledger, confusion), scores(confusion).iou
    np.testing.assert_allclose(made.iou, iou, atol=1e-12)
    np.testing.assert_allclose(made.total.sum(axis=1), 1 - iou, atol=1e-12)
