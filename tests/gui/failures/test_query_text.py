"""Queries that clicks and completions write can be read again, and mean what was meant."""

from dataclasses import replace

import numpy as np
import pytest

from segstudio.errors import InputError
from segstudio.gui.failures.query_text import class_in, completion, narrowed
from segstudio.metrics.segment_query import matching
from segstudio.metrics.segment_table import SegmentTable
from segstudio.query import quoted

NAMES = ("road", "car", "traffic light", "train")


@pytest.fixture
def table() -> SegmentTable:
    """No segments, but all words."""
    return replace(
        SegmentTable.of(NAMES, []),
        samples=("a/1", "b/2"),
        by_sample={"folder": ("a b", "c")},
        numbers={"true_height": np.zeros(0, np.float32)},
        present=np.ones((2, 4), bool),
    )


@pytest.mark.parametrize(
    ("query", "conditions", "wanted"),
    [
        ("", "gt=car", "gt=car"),
        ("area>50", "gt=car", "area>50 gt=car"),
        ("class=car kind=leak", "gt=train pred=car", "kind=leak gt=train pred=car"),
        ("true_height>=8 true_height<16 conf<0.5", "true_height>=16", "conf<0.5 true_height>=16"),
        ('gt="traffic light"|car', 'folder="a b"', 'gt="traffic light"|car folder="a b"'),
        ("gt=car & area>5", "beside='no class'", 'gt=car area>5 beside="no class"'),
    ],
)
def test_conditions_take_the_place_of_those_on_the_same_words(
    table: SegmentTable, query: str, conditions: str, wanted: str
) -> None:
    found = narrowed(table, query, conditions)
    assert found == wanted
    matching(table, found)


def test_a_query_that_cannot_be_read_is_refused(table: SegmentTable) -> None:
    with pytest.raises(InputError, match="no word 'colour'"):
        narrowed(table, "colour=red", "gt=car")


@pytest.mark.parametrize(
    ("query", "wanted"),
    [("", None), ("gt=car", 1), ("area>3 class=traffic_light", 2), ("gt=car|train", None), ("gt!=car", None),
     ("pred=car", None)],
)  # fmt: skip
def test_the_class_of_a_query(table: SegmentTable, query: str, wanted: int | None) -> None:
    assert class_in(table, query) == wanted


@pytest.mark.parametrize(
    ("query", "first", "whole"),
    [
        ("k", "kind=", "kind="),
        ("gt=car tr", "true_height>", "gt=car true_height>"),
        ("gt=trai", "gt=train", "gt=train"),
        ("gt=lig", 'gt="traffic light"', 'gt="traffic light"'),
        ("gt=car|tra", 'gt=car|"traffic light"', 'gt=car|"traffic light"'),
        ("kind!=edge", "kind!=edge_slack", "kind!=edge_slack"),
        ("border=", "border=yes", "border=yes"),
        ("folder=a", 'folder="a b"', 'folder="a b"'),
        ("with=c", "with=car", "with=car"),
    ],
)
def test_what_is_begun_is_completed(table: SegmentTable, query: str, first: str, whole: str) -> None:
    found = completion(table, query, len(query))
    assert found.texts[0] == first
    assert query[: found.begin] + first + query[found.end :] == whole


def test_only_the_part_at_the_cursor_is_completed(table: SegmentTable) -> None:
    query = "gt=ca area>50"
    found = completion(table, query, 5)
    assert query[: found.begin] + found.texts[0] + query[found.end :] == "gt=car area>50"
    everything = completion(table, "gt=car ", 7)
    assert (everything.begin, everything.end) == (7, 7)
    assert {"gt=", "area>", "with=", "folder="} <= set(everything.texts)
    assert completion(table, "area>50", 7).texts == ()


def test_names_with_quotes_are_parts_of_their_own(table: SegmentTable) -> None:
    pipe = '5" pipe'
    table = replace(table, names=(*NAMES, pipe))
    wanted = f"gt={quoted(pipe)}"
    for typed in (r'gt="5\" pi', r'gt="5\"', r'gt="5\" pipe"'):
        found = completion(table, f"area>5 {typed}", len(f"area>5 {typed}"))
        assert (found.begin, found.end) == (7, 7 + len(typed))
        assert found.texts == (wanted,)
    # What follows the closing quote is another part.
    query = r'gt="5\" pipe" ki'
    assert completion(table, query, len(query)).texts == ("kind=",)
