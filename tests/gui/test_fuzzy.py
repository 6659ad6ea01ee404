"""Fuzzy finding: what fits, what fits better, and how fast."""

from time import thread_time

import pytest

from segstudio.gui.dialogs.chooser import Choice, matching
from segstudio.gui.fuzzy import fit


@pytest.mark.parametrize(
    ("typed", "better", "worse"),
    [
        ("road", "road", "road works"),
        ("tra", "train", "the train"),
        ("light", "traffic light", "highlight"),
        ("art", "article", "cart"),
        ("tl", "traffic light", "traffic in a street of lamps"),
        ("fit w", "Fit window", "View fit of what"),
    ],
)
def test_the_better_text_costs_less(typed: str, better: str, worse: str) -> None:
    low, high = fit(typed, better), fit(typed, worse)
    assert low is not None
    assert high is not None
    assert low < high


@pytest.mark.parametrize(("typed", "text"), [("xyz", "road"), ("dr", "road"), ("road x", "road")])
def test_what_does_not_fit(typed: str, text: str) -> None:
    assert fit(typed, text) is None


def test_numbers_and_aliases_find_and_the_alias_is_told() -> None:
    choices = [
        Choice("road", "road", aliases=("street",), number=1),
        Choice("12 o'clock", "clock", number=3),
        Choice("car", "car", number=12),
        Choice("bus", "bus", number=1, why="gone"),
    ]
    assert [choice.value for choice in matching(choices, "12")] == ["car", "clock"]
    assert matching(choices, "stre")[0].path == "also street"
    assert [choice.value for choice in matching(choices, "1")] == ["road", "clock", "car", "bus"]


def test_a_search_of_150_classes_takes_less_than_50_ms() -> None:
    choices = [
        Choice(f"class {n} of many things", n, path="group", aliases=(f"other {n}", "thing"), number=n + 1)
        for n in range(150)
    ]
    begin = thread_time()
    found = matching(choices, "cls 99 thi")
    assert thread_time() - begin < 0.05
    assert found[0].value == 99
