"""The choices of the strategies on rounds made by hand, and what holds for any round."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from segstudio.project.sample_orders import GAIN, Order, put_in_order
from segstudio.workflows.study.strategies import STRATEGIES, Round, as_table, by_lot
from tests.workflows.study.stand_in import NAMES, StandIn


def make_round(frames: int, known: list[int], seed: int = 0) -> Round:
    learner, rows = StandIn(frames), np.array(sorted(known), np.int64)
    pixels = np.zeros_like(learner.pixels)
    pixels[rows] = learner.pixels[rows]
    keys = tuple(f"f{number:03}" for number in range(frames))
    look = learner.look(rows, np.arange(frames))
    return Round(keys, NAMES, rows, pixels, look, np.full(2, np.nan), seed)


@given(st.data(), st.integers(3, 60), st.integers(0, 9))
def test_each_chooses_as_many_open_frames_as_asked(data: st.DataObject, frames: int, seed: int) -> None:
    known = data.draw(st.lists(st.integers(0, frames - 1), min_size=1, max_size=frames - 1, unique=True))
    state = make_round(frames, known, seed)
    count = data.draw(st.integers(1, len(state.open)))
    for strategy in STRATEGIES.values():
        chosen = strategy.choose(state, count)
        assert len(chosen) == count
        assert set(chosen.tolist()) <= set(state.open.tolist())
        assert (np.diff(chosen) > 0).all()
        np.testing.assert_array_equal(chosen, strategy.choose(state, count))


def test_margin_takes_the_closest_calls() -> None:
    state = make_round(12, [0, 3])
    assert STRATEGIES["margin"].choose(state, 2).tolist() == [7, 11]


def test_expected_gain_is_the_order_of_the_window_s_queue() -> None:
    state = make_round(40, [0, 3, 8], seed=5)
    order = put_in_order(as_table(state), state.open, Order(GAIN, seed=5))
    assert STRATEGIES["expected-gain"].choose(state, 6).tolist() == sorted(order.rows[:6].tolist())


@pytest.mark.parametrize("seed", [0, 1])
def test_lots_only_add(seed: int) -> None:
    keys, rows = tuple("abcdefgh"), np.arange(8)
    few, many = (set(by_lot(keys, rows, seed, count).tolist()) for count in (3, 6))
    assert few < many
