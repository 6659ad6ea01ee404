"""Lists of error segments: every column comes back from CSV and JSON, other names are refused."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from segstudio.errors import InputError
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.segments import extract
from segstudio.workflows.segment_list import save_segments


@pytest.fixture
def table() -> SegmentTable:
    said = np.zeros((20, 40), np.uint8)
    said[2:8, 3:9] = 1
    said[10:18, 20:30] = 2
    found = extract(np.zeros((20, 40), np.uint8), said, 3)
    return SegmentTable.of(("road", "car, parked", "tree"), [("día/a", found)])


def test_rows_come_back_in_their_order(table: SegmentTable, tmp_path: Path) -> None:
    assert save_segments(table, [1, 0], tmp_path / "list.csv") == 2
    with (tmp_path / "list.csv").open(encoding="utf-8", newline="") as stream:
        read = list(csv.DictReader(stream))
    assert [row["pred"] for row in read] == ["tree", "car, parked"]
    assert [row["box"] for row in read] == ["20 10 10 8", "3 2 6 6"]
    assert read[0]["sample"] == "día/a"
    assert read[0]["conf"] == ""
    save_segments(table, [1, 0], tmp_path / "list.json")
    values = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))
    assert values == [table.row(1), table.row(0)]
    assert list(values[0]) == list(read[0])


def test_an_empty_list_and_a_wrong_name(table: SegmentTable, tmp_path: Path) -> None:
    assert save_segments(table, [], tmp_path / "none.CSV") == 0
    assert (tmp_path / "none.CSV").read_text() == "sample\n"
    with pytest.raises(InputError, match=r"list\.txt is neither"):
        save_segments(table, [0], tmp_path / "list.txt")
    assert not (tmp_path / "list.txt").exists()
