"""Contradictions of one mask: each kind on a hand-made sample, figures against naive ones."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from scipy import ndimage  # scipy has no types

from segstudio.metrics.mask_doubts import Doubt, MaskDoubts, find_doubts
from segstudio.metrics.region_features import Evidence

Mask = NDArray[np.uint8]
Box = tuple[slice, slice]
ROAD, CAR, BUS, TREE, CLASSES = 0, 1, 2, 3, 4
SIDE = 60
THING = (slice(10, 26), slice(8, 28))


def scene(*boxes: tuple[Box, int]) -> Mask:
    """Road with boxes of other classes, later ones above."""
    mask = np.full((SIDE, SIDE), ROAD, np.uint8)
    for box, class_id in boxes:
        mask[box] = class_id
    return mask


def doubts(mask: Mask, predicted: Mask) -> MaskDoubts:
    """The contradictions with a model that is sure of everything and has no runner-up."""
    sure, none = np.full(mask.shape, 255, np.uint8), np.full(mask.shape, 255, np.uint8)
    return find_doubts("a", mask, Evidence(predicted, sure, none, sure), CLASSES)


CAR_THERE = scene((THING, CAR))
CASES: dict[str, tuple[Mask, Mask, Doubt, int, int]] = {
    "a car was called a bus": (scene((THING, BUS)), CAR_THERE, Doubt.OTHER_CLASS, BUS, CAR),
    "a car was painted over": (scene(), CAR_THERE, Doubt.DROPPED, ROAD, CAR),
    "a slip of the brush": (scene((np.s_[40:42, 40:43], TREE)), scene(), Doubt.ISLAND, TREE, ROAD),
    "a border lies 2 pixels too far": (
        scene((np.s_[10:26, 8:30], CAR)), CAR_THERE, Doubt.BORDER, CAR, ROAD,
    ),
    "a third of the car is road": (
        CAR_THERE, scene((np.s_[10:26, 8:22], CAR)), Doubt.PART, CAR, ROAD,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_each_kind(name: str) -> None:
    mask, predicted, kind, mask_class, proposed = CASES[name]
    found = doubts(mask, predicted)
    assert found.count == 1
    assert Doubt(found.kind[0]) is kind
    assert (found.mask_class[0], found.proposed[0]) == (mask_class, proposed)
    wrong = mask != predicted
    assert found.area[0] == np.count_nonzero(wrong)
    rows, columns = np.nonzero(wrong)
    assert found.seed[0].tolist() == [columns[0], rows[0]]
    box = [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
    assert found.box[0].tolist() == box
    assert found.centre[0].tolist() == pytest.approx([columns.mean() + 0.5, rows.mean() + 0.5])
    assert found.confidence[0] == 1
    assert found.doubt[0] == 0
    assert found.solid[0] == pytest.approx(1 - np.exp(-found.area[0] / (6e-4 * SIDE**2)), rel=1e-5)


def test_whole_things_stand_alone_and_rims_do_not() -> None:
    dropped = doubts(scene(), CAR_THERE)
    part = doubts(scene((np.s_[10:26, 8:24], CAR)), CAR_THERE)
    assert dropped.alone[0] == 1
    assert part.alone[0] == pytest.approx(64 / 320)
    # Within a road that is right elsewhere, thick islands say more than thin ones.
    small = doubts(scene((np.s_[40:42, 40:43], TREE)), scene()).alone[0]
    large = doubts(scene((np.s_[30:50, 30:50], TREE)), scene()).alone[0]
    assert small < large == 1


def test_a_border_is_suspect_where_it_is_shifted_to_one_side() -> None:
    """Too far on both sides, or too far on one and too short on the other, which is a rough border."""
    shifted = doubts(scene((np.s_[10:26, 6:30], CAR)), CAR_THERE)
    rough = doubts(scene((np.s_[10:26, 10:30], CAR)), CAR_THERE)
    assert {Doubt(kind) for kind in (*shifted.kind, *rough.kind)} == {Doubt.BORDER}
    assert shifted.alone.tolist() == pytest.approx([0.3, 0.3])
    assert rough.alone.tolist() == pytest.approx([0, 0])


def test_a_model_that_hesitates_towards_the_mask_doubts_itself() -> None:
    mask, predicted = scene((THING, BUS)), CAR_THERE
    second = np.full(mask.shape, TREE, np.uint8)
    margin = np.full(mask.shape, 51, np.uint8)
    second[10:18, 8:28] = BUS
    found = find_doubts("a", mask, Evidence(predicted, margin, second, margin), CLASSES)
    assert found.doubt[0] == pytest.approx(0.5 * 0.8)
    plain = find_doubts("a", mask, Evidence(predicted, np.full_like(margin, 204)), CLASSES)
    assert plain.doubt[0] == pytest.approx(0.4)
    unknown = find_doubts("a", mask, Evidence(predicted), CLASSES)
    assert (unknown.confidence[0], unknown.doubt[0]) == (0.5, 1)


def test_pixels_without_class_contradict_nothing() -> None:
    mask, predicted = scene((THING, BUS)), CAR_THERE.copy()
    mask[10:18, 8:28] = 255
    predicted[18:26, 8:28] = 255
    assert doubts(mask, predicted).count == 0


def masks() -> st.SearchStrategy[Mask]:
    """Small masks with pixels of no class."""
    return arrays(np.uint8, (9, 9), elements=st.sampled_from([0, 1, 2, 255]))


@settings(max_examples=100, deadline=None)
@given(mask=masks(), predicted=masks())
def test_contradictions_equal_a_naive_search(mask: Mask, predicted: Mask) -> None:
    found = doubts(mask, predicted)
    expected = []
    for first in range(CLASSES):
        for second in range(CLASSES):
            numbers, count = ndimage.label((mask == first) & (predicted == second))
            sizes = [int(np.count_nonzero(numbers == n + 1)) for n in range(count)]
            expected += [(first, second, size) for size in sizes if first != second and size >= 4]
    rows = zip(found.mask_class.tolist(), found.proposed.tolist(), found.area.tolist(), strict=True)
    assert sorted(rows) == sorted(expected)
    assert ((found.alone >= 0) & (found.alone <= 1) & (found.doubt >= 0) & (found.doubt <= 1)).all()
    for class_id in range(CLASSES):
        own = mask == class_id
        assert found.classes.pixels[class_id] == np.count_nonzero(own)
        assert found.classes.agreed[class_id] == np.count_nonzero(own & (predicted == class_id))
        rows_, columns = np.nonzero(own)
        if len(rows_):
            box = [columns.min(), rows_.min(), np.ptp(columns) + 1, np.ptp(rows_) + 1]
            assert found.classes.box[class_id].tolist() == box
            assert found.classes.seed[class_id].tolist() == [columns[0], rows_[0]]


def test_an_empty_image_and_other_shapes() -> None:
    empty = np.zeros((0, 0), np.uint8)
    assert doubts(empty, empty).count == 0
    with pytest.raises(ValueError, match="prediction is"):
        doubts(scene(), scene()[:-1])
