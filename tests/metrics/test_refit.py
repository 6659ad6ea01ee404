"""The refit against scikit-learn, what it holds, what it leaves alone, and the strength that it chooses."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from segstudio.metrics.refit import (
    RARITY,
    STRENGTHS,
    Evidence,
    Floats,
    answers,
    fit,
    grouped,
    refit,
)

CHANNELS, CLASSES = 4, 3


def evidence(
    truth_weight: Floats,
    old: Floats,
    *,
    count: int = 600,
    blocks: int = 6,
    seed: int = 0,
    classes: int = CLASSES,
) -> Evidence:
    """Pixels whose truth a classifier [K,C] decides with some noise, and the old classifier's scores."""
    random = np.random.default_rng(seed)
    features = 4 * random.random((count, CHANNELS), dtype=np.float32)
    noise = random.gumbel(size=(count, len(truth_weight))) * 0.3
    truth = (features @ truth_weight.T + noise).argmax(axis=1)
    base, best = grouped(features @ old.T / np.float32(4), range(len(old)), classes)
    weight = np.ones(count, np.float32)
    return Evidence(features, base, best, truth, weight, np.arange(count, dtype=np.int32) % blocks)


def weights(seed: int) -> Floats:
    return np.random.default_rng(seed).normal(size=(CLASSES, CHANNELS)).astype(np.float32)


def test_without_an_old_classifier_it_is_logistic_regression(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segstudio.metrics.refit.RARITY", 0.0)
    monkeypatch.setattr("segstudio.metrics.refit.BIAS_SHARE", 0.0)
    found = evidence(weights(1), np.zeros((CLASSES, CHANNELS), np.float32))
    strength = 0.01
    # As theirs, the bias is not held here.
    shift = fit(found, strength, steps=500)
    hold = strength * (1 + 1 / 6) * found.count
    theirs = LogisticRegression(C=1 / hold, tol=1e-8, max_iter=5000)
    theirs.fit(found.features, found.truth)
    ours = found.features @ shift[:, :-1].T + shift[:, -1]
    shares = np.exp(ours - ours.max(axis=1, keepdims=True))
    shares /= shares.sum(axis=1, keepdims=True)
    assert RARITY > 0
    assert np.abs(shares - theirs.predict_proba(found.features)).max() < 0.01


def test_a_stronger_hold_stays_nearer_to_the_old_weights() -> None:
    found = evidence(weights(1), weights(2))
    sizes = [float(np.abs(fit(found, strength)).sum()) for strength in STRENGTHS]
    assert sizes == sorted(sizes)


def test_what_is_not_confirmed_does_not_move() -> None:
    found = evidence(weights(1)[:2], weights(2))
    assert set(found.truth) == {0, 1}
    shift = fit(found, 0.1)
    assert not shift[2].any()
    assert shift[:2].any(axis=1).all()


def test_classes_of_one_group_answer_as_their_sum_and_their_best() -> None:
    scores = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)
    base, best = grouped(scores, (0, 1, 0, 255, 1), 2)
    assert np.allclose(np.exp(base[:, 0]), np.exp(scores[:, [0, 2]]).sum(axis=1), rtol=1e-5)
    assert np.array_equal(best[:, 1], scores[:, [1, 4]].max(axis=1))
    assert np.array_equal(best[:, 2], scores[:, 3])


def test_it_changes_what_is_wrong_and_says_what_that_does_elsewhere() -> None:
    found = evidence(weights(1), weights(2), count=3000)
    outcome = refit(found)
    before = np.mean(answers(found, np.zeros_like(outcome.shift)) == found.truth)
    after = np.mean(answers(found, outcome.shift) == found.truth)
    assert outcome.strength in STRENGTHS
    assert after > before + 0.1
    held = outcome.held_out
    assert held.loss_after < held.loss_before
    assert held.before.sum() == pytest.approx(held.after.sum()) == pytest.approx(found.count)
    assert np.trace(held.after[:, :CLASSES]) > np.trace(held.before[:, :CLASSES])


def test_a_classifier_that_is_right_already_is_left_alone() -> None:
    right = 40 * weights(1)
    found = evidence(weights(1), right)
    truth = (found.features @ right.T).argmax(axis=1)
    settled = Evidence(found.features, found.base, found.best, truth, found.weight, found.block)
    outcome = refit(settled)
    assert outcome.strength == float("inf")
    assert not outcome.shift.any()


def test_one_block_cannot_tell() -> None:
    with pytest.raises(ValueError, match="one block"):
        refit(evidence(weights(1), weights(2), blocks=1))
