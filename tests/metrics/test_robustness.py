"""Retention by hand, with kinds of different numbers of severities."""

import json
import math

import pytest

from segstudio.metrics.robustness import retention

CORRUPTED = {
    ("fog", 1): 0.8,
    ("fog", 2): 0.6,
    ("frost", 1): 0.4,
    ("shot", 1): 0.5,
    ("shot", 2): math.nan,
}
GROUPS = {"fog": "weather", "frost": "weather", "shot": "noise", "snow": "weather"}


def test_means_by_hand() -> None:
    found = retention(0.8, CORRUPTED, GROUPS)
    assert found.kinds == pytest.approx({"fog": 0.7, "frost": 0.4, "shot": 0.5})
    assert found.groups == pytest.approx({"weather": 0.55, "noise": 0.5})
    assert found.mean == pytest.approx(1.6 / 3)
    assert found.retention == pytest.approx(2 / 3)


def test_the_row_of_segformer_b5_keeps_what_the_paper_says() -> None:
    row = "69.1 68.6 64.1 69.8 57.8 63.4 52.3 72.8 81.0 77.7 80.1 58.8 40.7 68.4 78.5 49.9"
    found = retention(82.4, {(f"kind {n}", 1): float(value) for n, value in enumerate(row.split())})
    assert round(found.mean, 1) == 65.8
    assert round(100 * found.retention, 1) == 79.9
    assert found.groups == {}


def test_json_and_table() -> None:
    found = retention(0.8, CORRUPTED, GROUPS)
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert values["kinds"]["shot"] == {"miou": 0.5, "severities": {"1": 0.5, "2": None}}
    assert values["retention"] == pytest.approx(2 / 3)
    lines = found.table().splitlines()
    assert [cell.strip() for cell in lines[3].split("|")] == ["", "fog", "80.00", "60.00", "70.00", ""]
    assert any("retention" in line and "66.67" in line for line in lines)


def test_nothing_scored_is_nan() -> None:
    found = retention(0, {})
    assert math.isnan(found.mean)
    assert math.isnan(found.retention)
    json.dumps(found.to_json(), allow_nan=False)
