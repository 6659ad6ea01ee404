"""The ranking of label suspects: what raises and lowers a score, and classes that one sample alone has."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.metrics.label_suspects import Suspect, rank_suspects
from segstudio.metrics.mask_doubts import Doubt, MaskDoubts, find_doubts
from segstudio.metrics.region_features import Evidence

Mask = NDArray[np.uint8]
NAMES = ("road", "car", "bus", "tree")
ROAD, CAR, BUS, TREE = range(4)
CLASSES = len(NAMES)


def frame(*boxes: tuple[int, int, int]) -> Mask:
    """Road 100x100 with squares of 20 pixels: row, column and class of each."""
    mask = np.full((100, 100), ROAD, np.uint8)
    for row, column, class_id in boxes:
        mask[row : row + 20, column : column + 20] = class_id
    return mask


def looked(pairs: dict[str, tuple[Mask, Mask]], sure: int = 255) -> tuple[list[MaskDoubts], Counts]:
    """The contradictions of some samples and their pooled confusion."""
    total = np.zeros((CLASSES, CLASSES + 1), np.int64)
    found = []
    for name, (mask, predicted) in pairs.items():
        total += count_confusion(mask, predicted, CLASSES)
        planes = np.full(mask.shape, sure, np.uint8)
        said = Evidence(predicted, planes, np.full(mask.shape, 255, np.uint8), planes)
        found.append(find_doubts(name, mask, said, CLASSES))
    return found, total


def ranked(pairs: dict[str, tuple[Mask, Mask]], sure: int = 255, limit: int = 1000) -> list[Suspect]:
    """Their suspects."""
    found, total = looked(pairs, sure)
    return rank_suspects(found, total, NAMES, limit)


RIGHT = frame((10, 10, CAR), (10, 60, TREE))


def test_a_score_is_the_product_that_the_docstring_says() -> None:
    """One car called a bus, beside a car that is right: nothing else is known of buses that are cars."""
    wrong = frame((10, 10, CAR), (50, 50, BUS))
    (suspect,) = ranked({"a": (wrong, frame((10, 10, CAR), (50, 50, CAR)))}, sure=204)
    assert (suspect.sample, suspect.kind) == ("a", Doubt.OTHER_CLASS)
    assert suspect.score == pytest.approx(0.8 * (1 - np.exp(-400 / 6)), rel=1e-5)
    assert suspect.box == (50, 50, 20, 20)
    assert suspect.centre == (60.0, 60.0)
    assert list(suspect.seed) == [50, 50]
    assert "region of bus that the model takes for car, 80 % sure; elsewhere 0.0 %" in suspect.reason
    assert "\n" not in suspect.reason
    row = suspect.row(NAMES)
    assert (row["mask"], row["proposed"], row["kind"]) == ("bus", "car", "other_class")


def test_a_model_that_confuses_two_classes_elsewhere_is_a_poor_witness() -> None:
    """Trees are taken for cars in other samples too, buses are not: the bus comes first, the trees last."""
    pairs = {f"n{n}": (RIGHT, RIGHT) for n in range(4)}
    pairs |= {f"t{n}": (frame((10, 10, TREE)), frame((10, 10, CAR))) for n in range(3)}
    pairs["b"] = (frame((10, 10, BUS)), frame((10, 10, CAR)))
    first, *rest = [suspect for suspect in ranked(pairs) if suspect.kind is not Doubt.LONE_CLASS]
    assert first.sample == "b"
    assert [suspect.mask_class for suspect in rest] == [TREE] * 3
    # 2 of 7 other such squares are trees, in 2 of 8 samples; 4 of 7 are cars.
    expected = np.log(2 / 7 + 0.003) / np.log(0.003) * np.sqrt(4 / 7) / (1 + 20 * 2 / 8)
    assert rest[0].score == pytest.approx(expected, rel=1e-4)
    assert first.score == pytest.approx(np.sqrt(4 / 7), rel=1e-4)


def test_what_happens_in_many_samples_says_less_than_what_happens_in_one() -> None:
    """A small tree in one sample is nothing like the large ones in others, and a large one is not alone."""
    pairs = {f"n{n}": (RIGHT, RIGHT) for n in range(6)}
    large, small = frame((10, 10, TREE), (10, 30, TREE)), frame()
    small[80:84, 80:90] = TREE
    for name, mask in (("a", large), ("b", large), ("c", small)):
        pairs[name] = (mask, np.where(mask == TREE, np.uint8(CAR), mask))
    found, total = looked(pairs)
    score = {suspect.sample: suspect.score for suspect in rank_suspects(found, total, NAMES)}
    single = {suspect.sample: suspect.score for suspect in rank_suspects(found[-3:-2], total, NAMES)}
    assert score["a"] == score["b"] == pytest.approx(single["a"] / (1 + 20 * 1 / 9))
    assert score["c"] < score["a"]


def test_a_class_that_is_never_right_is_no_witness() -> None:
    (suspect,) = ranked({"a": (frame((10, 10, BUS)), frame((10, 10, CAR)))})
    assert suspect.score == 0


def test_sure_contradictions_come_before_unsure_ones_of_another_sample() -> None:
    pairs = {"right": (RIGHT, RIGHT)}
    sure, total = looked({"sure": (frame((10, 10, BUS)), frame((10, 10, CAR)))})
    weak, other = looked({"weak": (frame((10, 10, BUS)), frame((10, 10, CAR)))}, sure=140)
    good, rest = looked(pairs)
    found = rank_suspects([*weak, *good, *sure], total + other + rest, NAMES)
    assert [suspect.sample for suspect in found] == ["sure", "weak"]
    assert found[0].score > found[1].score > 0


def test_whole_things_come_before_rims() -> None:
    pairs = {f"n{n}": (RIGHT, RIGHT) for n in range(3)}
    pairs["rim"] = (frame((10, 10, CAR)), np.roll(frame((10, 10, CAR)), 6, axis=1))
    pairs["dropped"] = (frame(), frame((10, 10, CAR)))
    found = ranked(pairs)
    assert (found[0].sample, found[0].kind) == ("dropped", Doubt.DROPPED)
    assert found[0].score > 2 * found[1].score


def test_a_class_of_one_sample_alone_is_a_suspect() -> None:
    pairs = {f"n{n}": (RIGHT, RIGHT) for n in range(5)}
    pairs["odd"] = (frame((10, 10, CAR), (50, 50, BUS)), frame((10, 10, CAR), (50, 50, BUS)))
    pairs["odd"][1][50:55, 50:70] = ROAD
    lone = [suspect for suspect in ranked(pairs) if suspect.kind is Doubt.LONE_CLASS]
    assert [(suspect.sample, suspect.mask_class, suspect.proposed) for suspect in lone] == [
        ("odd", BUS, None)
    ]
    assert lone[0].score == pytest.approx(0.25 * 0.25)
    assert (lone[0].box, lone[0].area, lone[0].seed) == ((50, 50, 20, 20), 400, (50, 50))
    assert "in no other of 6 samples; the model agrees with 75 %" in lone[0].reason
    few = {name: pairs[name] for name in ("n0", "odd")}
    assert all(suspect.kind is not Doubt.LONE_CLASS for suspect in ranked(few))


def test_order_is_by_score_and_the_limit_cuts_it() -> None:
    pairs = {f"n{n}": (RIGHT, RIGHT) for n in range(3)}
    pairs["many"] = (
        frame((10, 10, BUS), (10, 60, TREE)),
        frame((10, 10, CAR), (10, 60, CAR), (60, 10, TREE)),
    )
    everything = ranked(pairs)
    scores = [suspect.score for suspect in everything]
    assert scores == sorted(scores, reverse=True)
    assert ranked(pairs, limit=2) == everything[:2]
    assert rank_suspects([], np.zeros((CLASSES, CLASSES + 1), np.int64), NAMES) == []
