"""The quick runner-up: the answer stays, and the second class is that of an independent ranking."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from segstudio.deploy.export import Exported
from segstudio.inference.backend import Backend
from segstudio.inference.predictor import Predictor
from segstudio.inference.runner_up import quick_runner_up
from tests.inference.conftest import noise


def by_pixel(
    shares: NDArray[np.float64], ids: NDArray[np.uint8]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The class after each pixel's own, and its share, in the cell that holds the pixel's centre."""
    (height, width), (rows, columns) = ids.shape, shares.shape[1:]
    second, share = np.zeros(ids.shape, np.int64), np.zeros(ids.shape)
    for y in range(height):
        for x in range(width):
            cell = shares[:, int((y + 0.5) * rows / height), int((x + 0.5) * columns / width)]
            order = [int(entry) for entry in np.argsort(-cell, kind="stable") if entry != ids[y, x]]
            second[y, x], share[y, x] = order[0], cell[order[0]]
    return second, share


@given(st.integers(0, 2**31), st.sampled_from(["logits", "probabilities"]))
def test_the_better_of_the_cells_classes_that_is_another(seed: int, kind: str) -> None:
    random = np.random.default_rng(seed)
    scores = random.normal(0, 3, (4, 3, 5)).astype(np.float32)
    shares = np.exp(scores.astype(np.float64))
    shares /= shares.sum(axis=0)
    ids = random.integers(0, 4, (9, 13), np.uint8)
    confidence = random.integers(0, 256, (9, 13), np.uint8)
    given_scores = scores if kind == "logits" else shares.astype(np.float32)
    second, margin = quick_runner_up(
        given_scores, "logits" if kind == "logits" else "probabilities", ids, confidence
    )
    expected, share = by_pixel(shares, ids)
    np.testing.assert_array_equal(second, expected)
    assert np.abs(margin - np.maximum(confidence - share * 255, 0)).max() <= 0.51
    assert (second != ids).all()


@pytest.mark.parametrize("size", [(97, 131), (64, 64)])
def test_the_answer_is_the_graphs_own(backend: Backend, tiny_model: Exported, size: tuple[int, int]) -> None:
    image = noise(*size)
    plain = Predictor(backend, tiny_model.spec).predict(image)
    quick = Predictor(backend, tiny_model.spec, runner_up=True, quick=True).predict(image)
    exact = Predictor(backend, tiny_model.spec, runner_up=True).predict(image)
    # A backend that compiles for a new size meanwhile may round otherwise the second time.
    assert np.mean(quick.ids == plain.ids) > 0.9999
    assert np.abs(quick.confidence.astype(int) - plain.confidence).max() <= 1
    assert quick.second is not None
    assert quick.margin is not None
    assert exact.second is not None
    assert (quick.second != quick.ids).all()
    assert np.mean(quick.second == exact.second) > 0.75
