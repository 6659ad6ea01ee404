"""Queries: each word and sign against numpy by hand, the rows as plain values, and lines for bad queries."""

from dataclasses import replace

import numpy as np
import pytest

from segstudio.errors import InputError
from segstudio.metrics.segment_query import matching, samples_matching, values_of, words
from segstudio.metrics.segment_table import NO_CLASS, Coded, SegmentTable
from segstudio.metrics.segments import extract
from segstudio.query import parse, quoted

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
    assert [term.sign for term in parse("area>=3 area>3 & gt!=car gt=car", ("area", "gt"), ("area",))] == [
        ">=",
        ">",
        "!=",
        "=",
    ]


def test_more_that_is_known_of_samples_and_segments_can_be_asked_for(table: SegmentTable) -> None:
    more = replace(
        table,
        by_sample={"split": ("train", "val")},
        by_row={"verdict": Coded(("", "model_wrong"), np.array([0, 1, 0, 0], np.uint8))},
    )
    assert {"split", "verdict"} <= set(words(more))
    assert list(matching(more, "split=val")) == [False, False, True, True]
    assert list(matching(more, "split!=val verdict=model_wrong")) == [False, True, False, False]
    assert more.row(1)["split"] == "train"
    assert more.row(1)["verdict"] == "model_wrong"
    with pytest.raises(InputError, match="there is no verdict 'x'"):
        matching(more, "verdict=x")


def test_what_a_segment_lies_beside(table: SegmentTable) -> None:
    # The road that is called nothing touches no other class; the car and the tree lie in road, which the
    # car on road has as its own truth.
    by_area = {int(table.rows.area[row]): table.row(row)["beside"] for row in range(table.count)}
    assert by_area == {100: NO_CLASS, 30: "road", 40: NO_CLASS, 9: "road"}


def test_numbers_lists_and_classes_of_samples_can_be_asked_for(table: SegmentTable) -> None:
    more = replace(
        table,
        by_sample={"tag": ("night,rain", "none")},
        numbers={"true_height": np.array([4, 8, np.nan, 16], np.float32)},
        present=np.array([[1, 0, 0, 1], [1, 1, 0, 0]], bool),
    )
    assert {"true_height", "with", "tag"} <= set(words(more))
    assert "with" not in words(table)
    assert list(matching(more, "true_height>=8")) == [False, True, False, True]
    assert list(matching(more, "tag=rain")) == list(matching(more, "tag!=none")) == [True, True, False, False]
    assert list(matching(more, "with=car")) == [False, False, True, True]
    assert list(matching(more, "with!=car|tree")) == [False] * 4
    assert more.row(1)["true_height"] == 8
    with pytest.raises(InputError, match="there is no class 'zebra'"):
        matching(more, "with=zebra")


def test_what_a_query_says_about_samples(table: SegmentTable) -> None:
    more = replace(table, by_sample={"split": ("train", "val")})
    assert list(samples_matching(more, "split=val area>5 gt=car")) == [False, True]
    assert list(samples_matching(more, "sample!=night")) == [True, False]
    assert list(samples_matching(more, "area>1000")) == [True, True]
    with pytest.raises(InputError, match="no word 'colour'"):
        samples_matching(more, "colour=red")


def test_what_can_stand_behind_a_word(table: SegmentTable) -> None:
    more = replace(
        table,
        by_sample={"tag": ("night,rain", "rain")},
        by_row={"verdict": Coded(("", "model_wrong"), np.zeros(4, np.uint8))},
        present=np.ones((2, 4), bool),
    )
    assert values_of(more, "gt") == (*NAMES, NO_CLASS)
    assert values_of(more, "with") == NAMES
    assert values_of(more, "kind")[0] == "edge_slack"
    assert values_of(more, "border") == ("yes", "no")
    assert values_of(more, "sample") == ("day/a", "night/b")
    assert values_of(more, "tag") == ("night", "rain")
    assert values_of(more, "verdict") == ("model_wrong",)
    assert values_of(more, "area") == values_of(more, "nothing") == ()


@pytest.mark.parametrize("name", ["plain", "two words", '6" pipe', "a\\b", "a|b", "it's", 'all "\\| of'])
def test_every_name_can_be_asked_for_as_it_is_quoted(table: SegmentTable, name: str) -> None:
    named = replace(table, names=(name, *table.names[1:]), by_sample={"folder": (name, "other")})
    assert matching(named, f"gt={quoted(name)}").sum() == (table.rows.truth == 0).sum()
    assert list(matching(named, f"folder={quoted(name)}|nothing")) == [True, True, False, False]
    assert parse(f"gt={quoted(name)}|{quoted('x y')}", ("gt",), ())[0].values == [name, "x y"]


def test_case_and_spaces_of_splits_do_not_matter(table: SegmentTable) -> None:
    more = replace(table, by_sample={"split": ("train", "hold out")})
    assert list(matching(more, "split=Train")) == [True, True, False, False]
    assert list(matching(more, "split=Hold_Out")) == [False, False, True, True]
