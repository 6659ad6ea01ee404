"""The rows of the class dashboard against numbers worked out by hand and by scikit-learn's formulas."""

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, palette_from_dict
from segstudio.metrics.pooled import PooledEvaluation, SampleSums, pool
from segstudio.metrics.regions import count_regions
from segstudio.metrics.sample_evaluation import Sums, evaluate_sample, sum_bytes
from segstudio.metrics.segments import Kind
from segstudio.workflows.reference import load_reference
from segstudio.workflows.scoreboard import (
    LOSSES,
    RARE_IMAGES,
    another_model,
    build_scoreboard,
    lost_shares,
    published,
    published_scenarios,
)

Mask = NDArray[np.uint8]
NAMES = ("road", "car", "train", "sky")


def palette() -> Palette:
    entries = [
        {"seg_class": name, "rgb": [40 * number] * 3, "label_id": number} for number, name in enumerate(NAMES)
    ]
    return palette_from_dict({"name": "four", "classes": entries})


def scene(train_is_car: bool = True) -> tuple[Mask, Mask]:
    """Road with a car and a train on it, 40 x 60; the train is called a car."""
    truth = np.zeros((40, 60), np.uint8)
    truth[5:15, 5:25] = 1
    truth[20:35, 10:50] = 2
    predicted = truth.copy()
    if train_is_car:
        predicted[truth == 2] = 1
    return truth, predicted


def sums(key: str, truth: Mask, predicted: Mask, detailed: bool = True) -> SampleSums:
    found = evaluate_sample(truth, predicted, len(NAMES))
    if not detailed:
        return SampleSums(key, found.confusion)
    regions = count_regions(truth, len(NAMES))
    return SampleSums(key, found.confusion, Sums.unpack(sum_bytes(found), len(NAMES)), regions)


def pooled(*samples: SampleSums) -> PooledEvaluation:
    return pool(samples, len(NAMES))


def test_rows_are_the_hand_computed_ones() -> None:
    truth, predicted = scene()
    board = build_scoreboard(pooled(sums("a", truth, predicted), sums("b", truth, truth)), palette(), "m")
    road, car, train, sky = board.rows
    # Two images: 200 px of car and 600 px of train each; in one, the train is called a car.
    assert (road.iou, car.iou, train.iou, sky.iou) == (1.0, 400 / 1000, 600 / 1200, None)
    assert (car.accuracy, car.precision) == (1.0, 400 / 1000)
    assert car.f1 == pytest.approx(2 * 0.4 / 1.4)
    assert (train.pixels, train.samples, train.regions) == (1200, 2, 2)
    assert board.miou == pytest.approx((1 + 0.4 + 0.5) / 3)
    assert road.boundary_iou == pytest.approx(1.0)
    assert train.boundary_iou == pytest.approx(0.5)
    # The lost mIoU is 0 + 0.6 + 0.5 thirds.
    assert (road.cost, car.cost, train.cost) == pytest.approx((0, 0.6 / 1.1, 0.5 / 1.1))
    assert sky.cost is None
    assert sky.losses == ()
    taken = next(loss for loss in train.losses if loss.kind == "taken_over")
    assert (taken.lost, taken.taken) == (0.5, 0.0)
    assert next(loss for loss in car.losses if loss.kind == "taken_over").taken == 0.6
    # Of two images, either may be drawn twice.
    assert train.interval == (0.0, 1.0)
    assert train.is_rare


def test_the_ledger_sums_to_what_is_lost_and_the_costs_to_one() -> None:
    random = np.random.default_rng(3)
    samples = []
    for number in range(6):
        truth = np.repeat(np.repeat(random.integers(0, 4, (5, 6)), 6, 0), 6, 1).astype(np.uint8)
        wrong = random.random(truth.shape) < 0.3
        predicted = np.where(wrong, random.integers(0, 4, truth.shape), truth).astype(np.uint8)
        samples.append(sums(str(number), truth, predicted))
    board = build_scoreboard(pooled(*samples), palette(), "m", resamples=50)
    for row in board.rows:
        assert row.iou is not None
        assert [loss.kind for loss in row.losses] == [kind.name.lower() for kind in LOSSES]
        assert set(LOSSES) == set(Kind)
        assert sum(loss.total for loss in row.losses) == pytest.approx(1 - row.iou, abs=1e-9)
        assert row.interval is not None
        assert row.interval[0] <= row.iou <= row.interval[1]
        assert not row.is_rare or row.samples < RARE_IMAGES
    assert sum(row.cost or 0 for row in board.rows) == pytest.approx(1)
    assert board.miou_interval is not None


def test_a_perfect_model_costs_nothing() -> None:
    assert lost_shares(np.array([1.0, 1.0, np.nan])).tolist()[:2] == [0.0, 0.0]


def test_what_was_only_counted_has_no_boundary_and_no_ledger() -> None:
    truth, predicted = scene()
    board = build_scoreboard(
        pooled(sums("a", truth, predicted), sums("b", truth, predicted, False)), palette(), "m"
    )
    assert not board.is_detailed
    assert board.boundary_miou is None
    assert all(row.boundary_iou is None and row.regions is None and not row.losses for row in board.rows)
    assert board.rows[2].iou == 0.0


def test_a_class_that_is_only_predicted_has_an_iou_of_zero() -> None:
    truth, _ = scene()
    predicted = truth.copy()
    predicted[:3] = 3
    board = build_scoreboard(pooled(sums("a", truth, predicted)), palette(), "m")
    sky = board.rows[3]
    assert (sky.iou, sky.accuracy, sky.samples, sky.interval) == (0.0, None, 0, None)


def test_a_card_stands_beside_with_its_protocol() -> None:
    card = load_reference().classes[0]
    truth, predicted = scene()
    board = build_scoreboard(pooled(sums("a", truth, predicted)), palette(), "m", published(card))
    road, car, train, _ = board.rows
    assert road.reference == card.iou["road"]
    assert train.difference == pytest.approx(-0.032)
    assert car.difference == pytest.approx(200 / 800 - 0.9014)
    assert board.comparison is not None
    assert card.protocol in board.comparison.about
    assert board.comparison.miou == pytest.approx(0.5996, abs=1e-4)


def test_scenarios_of_a_card_have_a_mean_only() -> None:
    (card,) = load_reference().scenarios
    rows = published_scenarios(card)
    assert [row.miou for row in rows] == pytest.approx([0.9186, 0.914, 0.897, 0.9701])
    assert all(not row.iou and card.protocol in row.about for row in rows)


def test_another_model_is_compared_over_what_both_know() -> None:
    truth, predicted = scene()
    ours = pooled(sums("a", truth, predicted), sums("b", truth, truth))
    theirs = pooled(sums("b", truth, predicted), sums("c", truth, predicted))
    found = another_model(ours, theirs, palette(), "other")
    board = build_scoreboard(ours, palette(), "m", found)
    train = board.rows[2]
    # Over b alone, ours is right and theirs wrong.
    assert (train.iou, train.reference, train.difference) == (0.5, 0.0, 1.0)
    assert "the 1 sample that both" in found.about
    assert "of 2 here and 2 there" in found.about
    again = build_scoreboard(ours, palette(), "m", another_model(ours, ours, palette(), "same"))
    assert [row.difference for row in again.rows] == [0.0, 0.0, 0.0, None]
    apart = another_model(ours, pooled(sums("x", truth, truth)), palette(), "apart")
    assert (apart.iou, apart.miou) == ({}, None)
