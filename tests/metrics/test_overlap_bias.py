"""Biases for the best overlap: against the best of a grid, and what they leave alone."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from segstudio.metrics import overlap_bias as module
from segstudio.metrics.overlap_bias import Floats, overlap_bias

NO_HOLD = np.full(2, 1e-6)


def two_classes(rare: float, count: int = 4000) -> tuple[Floats, np.ndarray, Floats]:
    """Pixels of two classes whose probabilities are known, and a third column that is never true."""
    random = np.random.default_rng(0)
    chance = random.beta(1, 1 / rare - 1, count)
    truth = np.where(random.random(count) < chance, 1, 0)
    scores = np.log(np.stack([1 - chance, chance, np.full(count, 1e-9)], axis=1) + 1e-12)
    return scores.astype(np.float32), truth.astype(np.int64), np.ones(count, np.float32)


def miou(scores: Floats, truth: np.ndarray, bias: Floats) -> float:
    said = np.argmax(scores[:, :-1] + bias, axis=1)
    overlaps = [
        np.sum((said == own) & (truth == own)) / np.sum((said == own) | (truth == own)) for own in (0, 1)
    ]
    return float(np.mean(overlaps))


def test_a_rare_class_is_answered_where_it_is_less_likely_than_not() -> None:
    scores, truth, weight = two_classes(0.1)
    bias = overlap_bias(scores, truth, weight, NO_HOLD)
    grid = [miou(scores, truth, np.array([0, step], np.float32)) for step in np.linspace(-3, 3, 121)]
    found = miou(scores, truth, bias)
    assert bias[1] - bias[0] > 0.3
    assert found > miou(scores, truth, np.zeros(2, np.float32)) + 0.03
    assert found > max(grid) - 0.01


def test_a_hold_keeps_it_near_and_pixels_count_by_their_weight() -> None:
    scores, truth, weight = two_classes(0.1)
    free = np.abs(overlap_bias(scores, truth, weight, NO_HOLD)).max()
    held = np.abs(overlap_bias(scores, truth, weight, np.full(2, 10.0))).max()
    assert held < 0.1 * free
    again = np.concatenate([np.arange(4000), np.arange(500)])
    twice = overlap_bias(scores[again], truth[again], weight[again], NO_HOLD)
    weight[:500] = 2
    assert np.allclose(overlap_bias(scores, truth, weight, NO_HOLD), twice, atol=1e-3)


def test_a_class_that_does_not_occur_stays() -> None:
    scores, truth, weight = two_classes(0.1)
    bias = overlap_bias(scores[:, [0, 1, 2, 2]], truth, weight, np.full(3, 0.01))
    assert bias[2] == 0
    assert bias[:2].any()


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31))
def test_what_it_finds_is_no_worse_than_its_start_by_the_measure_that_it_follows(seed: int) -> None:
    random = np.random.default_rng(seed)
    scores = random.normal(size=(80, 4)).astype(np.float32)
    truth, weight = random.integers(0, 3, 80), random.random(80).astype(np.float32) + 0.1
    bias = overlap_bias(scores, truth, weight, np.full(3, 0.05))

    def worth(moved: np.ndarray) -> float:
        """The IoU of shares, written out."""
        powers = np.exp(module.SHARPNESS * (scores + np.append(moved, 0)))
        said = powers / powers.sum(axis=1, keepdims=True)
        total = 0.0
        for own in range(3):
            both = (weight * said[:, own] * (truth == own)).sum()
            either = (weight * np.where(truth == own, 1, said[:, own])).sum()
            total += both / either / 3
        return float(total - 0.025 * (moved**2).sum())

    assert worth(bias) >= worth(np.zeros(3)) - 1e-6
    # At an optimum, no small step in any direction is better.
    for step in np.eye(3) * 0.02:
        assert worth(bias) >= max(worth(bias + step), worth(bias - step)) - 1e-4
