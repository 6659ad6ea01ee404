"""What frames are worth, against figures done by hand and a plain table of distances."""

import math

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from segstudio.metrics.acquisition import class_worth, spread_out

NAN = math.nan


def test_a_class_is_worth_what_it_lacks_times_the_root_of_its_rarity() -> None:
    worth = class_worth(np.array([0.9, 0.4, NAN, 0.5]), np.array([880, 119, 1, 0]))
    expected = [
        0.1 * math.sqrt(0.25 / 0.88),
        0.6 * math.sqrt(0.25 / 0.119),
        0.5 * 3,
        0.5 * 3,
    ]
    assert worth == pytest.approx(expected)


def test_without_any_mask_all_classes_are_equally_rare() -> None:
    assert class_worth(np.array([0.9, NAN]), np.zeros(2, np.int64)) == pytest.approx([0.1, 0.5])


def test_choices_are_those_of_a_whole_table_of_distances() -> None:
    rng = np.random.default_rng(3)
    features = rng.normal(size=(600, 5)).astype(np.float32)
    gain, known, given = rng.random(600), np.array([4, 9]), np.array([7])
    values = features.astype(np.float64)
    table = cdist(*[(values - values.mean(0)) / (values.std(0) + 1e-6)] * 2)
    scale = 2 * np.median((table + np.diag(np.full(600, np.inf))).min(axis=1))
    taken, expected = [4, 9, 7], [7]
    for _ in range(5):
        score = gain * (1 - np.exp(-((table[:, taken].min(axis=1) / scale) ** 2)))
        score[taken] = -1
        expected.append(int(score.argmax()))
        taken.append(expected[-1])
    assert spread_out(gain, features, known, given, 6).tolist() == expected


def test_of_twins_one_is_enough() -> None:
    features = np.array([[0, 0], [5, 5], [5, 5], [9, 0], [0, 9.5]], np.float32)
    gain = np.array([1.0, 1.0, 0.99, 0.2, 0.1])
    order = spread_out(gain, features, np.array([0]), np.zeros(0, np.int64), 4)
    assert order.tolist() == [1, 3, 4, 2]


def test_frames_that_all_look_alike_still_give_as_many_as_asked() -> None:
    features = np.ones((6, 3), np.float32)
    order = spread_out(np.ones(6), features, np.array([2]), np.array([5]), 4)
    assert order[0] == 5
    assert len(set(order.tolist()) - {2}) == 4
