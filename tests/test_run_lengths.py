"""Sums over runs are exact for every kind of number, however long a run is."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.run_lengths import find_runs


@pytest.mark.parametrize("kind", [np.bool_, np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("width", [90, 70_000])
def test_sums_are_those_of_whole_numbers(kind: type[np.generic], width: int) -> None:
    ids = np.zeros((2, width), np.uint8)
    ids[0, 40:] = 1
    most = {np.uint8: 255, np.uint16: 65535}.get(kind, 1)
    pixels: NDArray[Any] = np.full(ids.shape, most).astype(kind)
    runs = find_runs(ids)
    expected = [int(pixels[0, 0]) * length for length in (40, width - 40, width)]
    found = runs.sums(pixels)
    assert found.dtype == np.float64
    assert found.tolist() == expected
