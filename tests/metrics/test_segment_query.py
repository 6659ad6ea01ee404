"""Queries: each word and sign against numpy by hand, the rows as plain values, and lines for bad queries."""

import numpy as np
import pytest

from segstudio.errors import InputError
from segstudio.metrics.segment_query import matching, parse
from segstudio.metrics.segment_table import NO_CLASS, SegmentTable
from segstudio.metrics.segments import extract

NAMES = ("road", "car", "traffic light", "tree")


@pytest.fixture
def table() -> SegmentTable:
    """Four segments: in `a` a car on road (100 px, surely) and a tree called traffic light (30 px, unsurely),
    in `b` a road that is called nothing (40 px, at the border) and a car called tree (9 px)."""
    first = np.zeros((30, 30), np.uint8)
    first[20:25, 20:26] = 3
    said = first.copy()
    said[5:15, 5:15] = 1
    said[20:25, 20:26] = 2
    confidence = np.full((30, 30), 255, np.uint8)
    confidence[20:, 20:] = 51
    second = np.zeros((30, 30), np.uint8)
    second[10:13, 10:13] = 1
    other = second.copy()
    other[10:13, 10:13] = 3
    other[:4, :10] = 255
    found = [
        ("day/a", extract(first, said, 4, confidence=confidence)),
        ("night/b", extract(second, other, 4)),
    ]
    return SegmentTable.of(NAMES, found)


@pytest.mark.parametrize(
    ("query", "areas"),
    [
        ("", [9, 30, 40, 100]),
        ("gt=road", [40, 100]),
        ("gt=road pred=car", [100]),
        ("gt!=road", [9, 30]),
        ('pred="traffic light"', [30]),
        ("pred=traffic_light|car", [30, 100]),
        ("pred='no class'", [40]),
        ("class=car", [9, 100]),
        ("class=tree|car area<20", [9]),
        ("area>=30 area<100", [30, 40]),
        ("area=9", [9]),
        ("area!=9", [30, 40, 100]),
        ("conf<0.6", [30]),
        ("conf>=0.6", [100]),
        ("kind=taken_over", [30]),
        ("kind=invented", [100]),
        ("kind!=taken-over|invented", [9, 40]),
        ("border=yes", [40]),
        ("border!=yes", [9, 30, 100]),
        ("ignore=no", [9, 30, 40, 100]),
        ("sample=night", [9, 40]),
        ("sample!=night", [30, 100]),
        ("x>20", [30]),
        ("width=10 height=4", [40]),
        ("hit>0.5 share<0.2", [40, 100]),
    ],
)
def test_queries(table: SegmentTable, query: str, areas: list[int]) -> None:
    assert sorted(table.rows.area[matching(table, query)].tolist()) == areas


def test_a_row_as_plain_values(table: SegmentTable) -> None:
    number = int(np.flatnonzero(table.rows.area == 40)[0])
    row = table.row(number)
    assert (row["sample"], row["gt"], row["pred"], row["area"]) == ("night/b", "road", NO_CLASS, 40)
    assert row["box"] == [0, 0, 10, 4]
    assert row["conf"] is None
    assert row["border"] is True


def test_an_empty_table_matches_nothing() -> None:
    table = SegmentTable.of(NAMES, [])
    assert table.count == 0
    assert matching(table, "gt=road area>5").shape == (0,)
    assert table.rows.ledger.shape == (4, 7, 2)


def test_ledgers_are_added(table: SegmentTable) -> None:
    assert table.rows.ledger[:, :, 0].sum() == 179
    assert table.rows.ledger[:, :, 1].sum() == 139


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("gt", "no condition"),
        ("colour=red", "no word 'colour'"),
        ("gt=zebra", "no class 'zebra'"),
        ("kind=odd", "no kind 'odd'"),
        ("area>big", "no number"),
        ("gt>road", "only be = or !="),
        ("border=maybe", "yes or no"),
        ('gt="road', "cannot be read"),
    ],
)
def test_bad_queries_say_what_is_wrong(table: SegmentTable, query: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        matching(table, query)


def test_signs_are_told_apart() -> None:
    assert [term.sign for term in parse("area>=3 area>3 gt!=car gt=car")] == [">=", ">", "!=", "="]
