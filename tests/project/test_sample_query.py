"""Sample queries against tables made by hand: every word, names with spaces, unknown values, slips."""

import numpy as np
import pytest

from segstudio.errors import InputError
from segstudio.project.sample import SampleStatus
from segstudio.project.sample_query import NUMBERS, WORDS, matching_samples
from tests.project.tables import make_table

TABLE = make_table(
    ["day/Night_1", "day/dawn 2", "it/x"],
    [SampleStatus.PREDICTED, SampleStatus.IN_PROGRESS, SampleStatus.PREDICTED],
    masks=[None, (5, 0, 2), None],
    predictions=[(0, 9, 0), (0, 7, 0), None],
    split=["train", "", "val"],
    assignee=["anna", "", "bob"],
    note=["", "Check the tram", ""],
    width=[100, 200, 300],
    height=[10, 20, 30],
    confidence=[0.6, 0.9, np.nan],
    margin=[0.2, np.nan, np.nan],
    unsure=[0.4, 0.1, np.nan],
    differing=[np.nan, 0.25, np.nan],
    iou=[np.nan, 0.5, np.nan],
    quality=[0.3, 0.8, np.nan],
    comments=[0, 2, 0],
)


def rows(query: str) -> list[int]:
    return [int(row) for row in np.flatnonzero(matching_samples(TABLE, query))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [0, 1, 2]),
        ("night", [0]),
        ("DAY n", [0, 1]),
        ("name=night|x", [0, 2]),
        ("name!=day", [2]),
        ("folder=day", [0, 1]),
        ("status=predicted", [0, 2]),
        ('status="in progress"', [1]),
        ("status!=in_progress", [0, 2]),
        ("split=train|val", [0, 2]),
        ('split=""', [1]),
        ("split=Train", [0]),
        ("split!=VAL", [0, 1]),
        ("assignee=anna", [0]),
        ("assignee=nobody", []),
        ("class=train", [0]),
        ("mask_class=train", []),
        ("predicted_class=train", [0, 1]),
        ('class="traffic light"', [1]),
        ("class=traffic_light|train", [0, 1]),
        ("class!=train", [1, 2]),
        ("conf<0.6", []),
        ("conf=0.6", [0]),
        ("conf<=0.6", [0]),
        ("margin>=0", [0]),
        ("unsure>0.2", [0]),
        ("differing>0.2", [1]),
        ("iou<0.6", [1]),
        ("quality<0.5", [0]),
        ("comments>0", [1]),
        ("note=tram", [1]),
        ('note=""', [0, 2]),
        ("width>100 & height<30", [1]),
        ("class=train & status=predicted conf<0.7", [0]),
    ],
)
def test_a_query_finds_its_samples(query: str, expected: list[int]) -> None:
    assert rows(query) == expected


@pytest.mark.parametrize(
    ("query", "part"),
    [
        ("class=tarin", "there is no class 'tarin'"),
        ("status=done", "there is no status 'done'"),
        ("split=trian", "there is no split 'trian'"),
        ("conf<low", "'low' is no number"),
        ("conf<", "'' is no number"),
        ("colour=red", "queries have no word 'colour'"),
        ("status>predicted", "can only be = or !="),
        ("conf < 0.6", "'<' is no condition"),
        ('class="train', "cannot be read"),
    ],
)
def test_a_slip_is_named_with_what_to_do(query: str, part: str) -> None:
    with pytest.raises(InputError) as caught:
        matching_samples(TABLE, query)
    assert part in caught.value.message


def test_every_word_can_be_asked_of_an_empty_table() -> None:
    empty = make_table([])
    values = {"class": "road", "mask_class": "road", "predicted_class": "road", "status": "predicted"}
    for word in WORDS:
        value = "1" if word in NUMBERS else values.get(word, "")
        assert matching_samples(empty, f'{word}="{value}"').tolist() == []
