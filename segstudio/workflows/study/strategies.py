"""Who is asked next: the strategies of a study, each a pure choice among frames whose truth is not known."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.acquisition import class_worth, spread_out
from segstudio.metrics.pool_look import PoolLook
from segstudio.project.sample import SampleStatus
from segstudio.project.sample_orders import GAIN, Order, put_in_order
from segstudio.project.sample_table import STATUSES, SampleTable
from segstudio.project.splits import lot

Rows = NDArray[np.int64]
RANDOM, MARGIN, EXPECTED_GAIN, QUEUE = "random", "margin", "expected-gain", "queue"
# One in so many frames is drawn by lot, as in the queue.
ARM = 10


@dataclass(frozen=True, eq=False)
class Round:
    """What is known when frames are chosen; N frames in their order, K classes.

    Attributes:
        keys: of the frames.
        names: of the classes.
        known: int64 [k], ascending: the frames whose truth is known.
        pixels: int64 [N,K], true pixels of each class; 0 where the truth is not known.
        look: what the present network says of all N frames; None for a strategy that needs no network.
        class_iou: float64 [K], what former networks reached on the frames that were asked of them; NaN where
            that is not known.
        seed: of the study's repetition.
    """

    keys: tuple[str, ...]
    names: tuple[str, ...]
    known: Rows
    pixels: NDArray[np.int64]
    look: PoolLook | None
    class_iou: NDArray[np.float64]
    seed: int

    @property
    def open(self) -> Rows:
        """int64 [N-k], ascending: the frames that may be chosen."""
        return np.setdiff1d(np.arange(len(self.keys)), self.known)


@dataclass(frozen=True)
class Strategy:
    """How frames are chosen: a function of a round and a count, and whether it needs a network's answers."""

    choose: Callable[[Round, int], Rows]
    looks: bool = True


def by_lot(keys: tuple[str, ...], rows: Rows, seed: int, count: int) -> Rows:
    """So many of some rows, drawn by their keys: a larger count only adds to a smaller one."""
    drawn = sorted(rows.tolist(), key=lambda row: lot(seed, keys[row]))[:count]
    return np.sort(np.array(drawn, np.int64))


def random_frames(state: Round, count: int) -> Rows:
    """By lot."""
    return by_lot(state.keys, state.open, state.seed, count)


def least_margin(state: Round, count: int) -> Rows:
    """Where the two best classes are closest, on average over the image (best versus second best)."""
    assert state.look is not None
    rows = state.open
    first = np.argsort(state.look.margin[rows], kind="stable")[:count]
    return np.sort(rows[first])


def most_gain(state: Round, count: int) -> Rows:
    """Doubt by the worth of its classes, less what frames alike tell; one in ten by lot (`acquisition`)."""
    look = state.look
    assert look is not None
    worth = class_worth(state.class_iou, state.pixels.sum(axis=0))
    gain = look.doubtful.astype(np.float64) @ worth
    drawn = by_lot(state.keys, state.open, state.seed, count // ARM)
    return np.sort(spread_out(gain, look.features, state.known, drawn, count))


def first_in_queue(state: Round, count: int) -> Rows:
    """What the window's queue of samples would put first, its random arm included."""
    table = as_table(state)
    order = put_in_order(table, state.open, Order(GAIN, seed=state.seed))
    return np.sort(order.rows[:count])


def as_table(state: Round) -> SampleTable:
    """The round as the queue sees a project: known frames are accepted, the others predicted."""
    look, count = state.look, len(state.keys)
    assert look is not None
    known = np.isin(np.arange(count), state.known)
    empty, unknown = ("",) * count, np.full(count, np.nan, np.float32)
    accepted, predicted = (STATUSES.index(one) for one in (SampleStatus.ACCEPTED, SampleStatus.PREDICTED))
    return SampleTable(
        names=state.names, keys=state.keys,
        status=np.where(known, accepted, predicted).astype(np.uint8),
        split=empty, assignee=empty, note=empty,
        width=np.zeros(count, np.int32), height=np.zeros(count, np.int32), changed_at=np.zeros(count),
        has_mask=known, has_prediction=np.ones(count, bool),
        mask_pixels=state.pixels.astype(np.int32), predicted_pixels=look.cells.astype(np.int32),
        confidence=look.confidence, margin=look.margin, unsure=unknown, quality=unknown,
        differing=unknown, suspect=np.zeros(count, np.float32), comments=np.zeros(count, np.int32),
        iou=unknown, class_iou=state.class_iou,
    )  # fmt: skip


STRATEGIES: Mapping[str, Strategy] = {
    RANDOM: Strategy(random_frames, looks=False),
    MARGIN: Strategy(least_margin),
    EXPECTED_GAIN: Strategy(most_gain),
    QUEUE: Strategy(first_in_queue),
}
