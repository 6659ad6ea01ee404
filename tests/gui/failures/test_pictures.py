"""Pictures of failures: what is around a segment, its outline, and what is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.annotation.rect import Rect
from segstudio.gui.correcting.alike_crops import LIGHT
from segstudio.gui.failures.pictures import PANE, Seen, around, panes
from segstudio.metrics.segment_shape import SegmentSpot, shape_of
from tests.metrics.failure_scenes import CLASSES, noise, scenes

COLOURS = np.random.default_rng(3).integers(0, 256, (256, 3)).astype(np.uint8)


@given(
    st.tuples(st.integers(1, 300), st.integers(1, 300)),
    st.tuples(st.integers(0, 299), st.integers(0, 299), st.integers(1, 300), st.integers(1, 300)),
)
def test_what_is_around_holds_the_segment_and_stays_inside(
    image: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    x, y = min(box[0], image[0] - 1), min(box[1], image[1] - 1)
    rect = Rect(x, y, min(box[2], image[0] - x), min(box[3], image[1] - y))
    found = around(rect, PANE, image)
    assert found.clip(*image) == found
    assert found.union(rect) == found


def test_every_segment_is_found_again_in_its_masks() -> None:
    found = scenes(noise(1), noise(2))
    for number in range(found.table.count):
        spot = SegmentSpot.of(found.table, number)
        truth, said = found.masks[int(found.table.sample[number])]
        inside = shape_of(spot, truth, said)
        assert inside is not None
        assert np.count_nonzero(inside) == spot.area
        x, y, width, height = spot.box
        assert inside.shape == (height, width)
        part = truth[y : y + height, x : x + width][inside]
        assert (part == spot.truth).all()


def test_masks_that_changed_hold_the_segment_no_more() -> None:
    found = scenes(noise(1))
    spot, (truth, said) = SegmentSpot.of(found.table, 0), found.masks[0]
    assert shape_of(spot, said, said) is None
    assert shape_of(spot, truth, None) is None
    assert shape_of(spot, truth[:4, :4], said[:4, :4]) is None


def a_car() -> tuple[SegmentSpot, Seen]:
    """A car on road that nobody saw, in an image of noise."""
    truth = np.zeros((90, 140), np.uint8)
    truth[40:50, 60:80] = 1
    image = np.full((90, 140, 3), 90, np.uint8)
    spot = SegmentSpot("a", 1, 0, (60, 40, 20, 10), 200, CLASSES)
    return spot, Seen(image, truth, np.zeros_like(truth))


def test_panes_show_image_truth_and_prediction_with_the_outline() -> None:
    spot, seen = a_car()
    made = panes(seen, spot, COLOURS, PANE)
    assert made.truth is not None
    assert made.predicted is not None
    for pane in (made.image, made.truth, made.predicted):
        assert pane.shape == (PANE[1], PANE[0], 3)
        outline = np.argwhere((pane == LIGHT).all(axis=2))
        assert len(outline) > 40
    middle = (PANE[1] // 2, PANE[0] // 2)
    mixed = [
        np.round(0.6 * COLOURS[class_id].astype(float) + 0.4 * 90)
        for class_id in (spot.truth, spot.predicted)
    ]
    assert made.image[middle] == pytest.approx([90] * 3)
    assert made.truth[middle] == pytest.approx(mixed[0], abs=1)
    assert made.predicted[middle] == pytest.approx(mixed[1], abs=1)
    assert made.strip.shape == (PANE[1], 3 * PANE[0], 3)


def test_the_outline_is_that_of_the_box_where_the_prediction_is_another_now() -> None:
    spot, seen = a_car()
    made = panes(Seen(seen.image, seen.truth, None), spot, COLOURS, PANE)
    assert made.predicted is None
    assert made.strip.shape == (PANE[1], 2 * PANE[0], 3)
    whole = panes(seen, spot, COLOURS, PANE)
    assert (made.image == whole.image).all()


def test_without_a_mask_there_is_the_image_alone() -> None:
    spot, seen = a_car()
    assert panes(Seen(seen.image, None, seen.predicted), spot, COLOURS, PANE).strip.shape[1] == PANE[0]


def test_a_narrow_image_is_shown_whole_in_the_middle() -> None:
    spot = SegmentSpot("a", 1, 0, (2, 10, 5, 200), 1000, CLASSES)
    seen = Seen(np.full((300, 10, 3), 200, np.uint8), None, None)
    made = panes(seen, spot, COLOURS, PANE)
    columns = np.flatnonzero((made.image == 200).any(axis=(0, 2)))
    assert 0 < len(columns) < 20
    assert abs(columns.mean() - PANE[0] / 2) < 2
