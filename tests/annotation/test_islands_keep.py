"""Keeping one region of a class: all others take the class of their longest border, nothing else changes."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage  # scipy has no types

from segstudio.annotation.islands import keep_largest, keep_region
from segstudio.annotation.protection import Protection


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_only_the_clicked_region_stays(seed: int) -> None:
    random = np.random.default_rng(seed)
    before = random.integers(0, 3, (14, 17), np.uint8)
    x, y = int(random.integers(17)), int(random.integers(14))
    mask = before.copy()
    keep_region(mask, x, y)
    parts, _ = ndimage.label(before == before[y, x])
    others = (before == before[y, x]) & (parts != parts[y, x])
    assert (mask[others] != before[y, x]).all()
    np.testing.assert_array_equal(mask[~others], before[~others])


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_only_the_largest_regions_stay(seed: int) -> None:
    before = np.random.default_rng(seed).integers(0, 3, (14, 17), np.uint8)
    mask = before.copy()
    keep_largest(mask, 1)
    parts, count = ndimage.label(before == 1)
    areas = np.bincount(parts.ravel(), minlength=count + 1)
    kept = (areas == areas[1:].max(initial=0)) & (np.arange(count + 1) > 0)
    np.testing.assert_array_equal(mask == 1, kept[parts])
    np.testing.assert_array_equal(mask[before != 1], before[before != 1])


def test_a_locked_class_keeps_all() -> None:
    before = np.kron(np.eye(3), np.ones((2, 2))).astype(np.uint8)
    mask = before.copy()
    keep_region(mask, 0, 0, protection=Protection(locked=frozenset({1})))
    np.testing.assert_array_equal(mask, before)
    keep_region(mask, 0, 0)
    assert (mask[2:] == 0).all()
    # A class that is not there has no largest region.
    keep_largest(mask, 7)
    assert (mask[2:] == 0).all()
