"""Each segment finds the region that scipy says it lies in, also among many of one size."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage  # scipy has no types

from segstudio.metrics.region_links import region_of, true_areas
from tests.metrics.failure_scenes import noise, scenes


@settings(max_examples=20)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=3))
def test_every_segment_lies_in_its_region(seeds: list[int]) -> None:
    found = scenes(*(noise(seed) for seed in seeds))
    linked = region_of(found.table, found.regions, found.region_sample)
    assert (linked >= 0).all()
    for number in range(found.table.count):
        sample, rows = int(found.table.sample[number]), found.table.rows
        truth, said = found.masks[sample]
        x, y, width, height = rows.box[number].tolist()
        wrong = (truth == rows.truth[number]) & (np.minimum(said, 4) == rows.predicted[number])
        part = wrong[y : y + height, x : x + width]
        row, column = np.argwhere(part)[0]
        regions, _ = ndimage.label(truth == rows.truth[number])
        # Boxes of several segments may overlap: the region is the one of a pixel that fills the box alone.
        if np.count_nonzero(part) != rows.area[number]:
            continue
        own = regions == regions[y + row, x + column]
        area, box = np.count_nonzero(own), ndimage.find_objects(own.astype(int))[0]
        assert true_areas(found.table)[number] == area
        assert found.regions.area[linked[number]] == area
        assert found.regions.box[linked[number], 3] == box[0].stop - box[0].start


def test_one_among_many_of_the_same_size() -> None:
    truth, said = np.zeros((40, 40), np.uint8), np.zeros((40, 40), np.uint8)
    for row in range(0, 40, 4):
        for column in range(0, 40, 8):
            truth[row : row + 2, column : column + 3] = 1
    said[truth == 1] = 2
    found = scenes((truth, said))
    linked = region_of(found.table, found.regions, found.region_sample)
    lost = found.table.rows.truth == 1
    assert np.count_nonzero(lost) == 50
    assert found.regions.box[linked[lost]].tolist() == found.table.rows.box[lost].tolist()


def test_regions_of_other_samples_do_not_count() -> None:
    truth = np.zeros((8, 8), np.uint8)
    truth[2:4, 2:4] = 1
    found = scenes((truth, np.zeros_like(truth)), (truth, np.zeros_like(truth)))
    linked = region_of(found.table, found.regions, found.region_sample)
    assert found.region_sample[linked].tolist() == found.table.sample.tolist() == [0, 1]
    none = region_of(found.table, found.regions, found.region_sample + 2)
    assert none.tolist() == [-1, -1]


@pytest.mark.parametrize("area", [3, 4_000_000, 60_000_001])
def test_large_areas_are_found_within_the_slip(area: int) -> None:
    truth = np.zeros((8, 8), np.uint8)
    truth[2:4, 2:4] = 1
    found = scenes((truth, np.zeros_like(truth)))
    share = np.array([7 / area], np.float32)
    rows = replace(found.table.rows, share=share, area=np.array([7], np.int32))
    lost = found.regions.truth == 1
    regions = replace(found.regions, area=np.where(lost, area, found.regions.area).astype(np.int32))
    linked = region_of(replace(found.table, rows=rows), regions, found.region_sample)
    assert regions.truth[linked].tolist() == [1]
