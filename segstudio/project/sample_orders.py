"""Orders of the queue: which sample comes first, by what is known of all of them. Pure functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.project.sample import SampleStatus
from segstudio.project.sample_table import SampleTable
from segstudio.project.splits import lot

Rows = NDArray[np.int64]
Scores = NDArray[np.float64]
NAME, GAIN, CLASS, RANDOM = "name", "gain", "class", "random"
# Nobody has anything to do about these, so nothing is gained by them.
DONE = (SampleStatus.SUBMITTED, SampleStatus.ACCEPTED, SampleStatus.SKIPPED)
# One in ten samples is drawn at random: what is found in them holds for all.
ARM = 10
# Rare classes weigh more, common ones less, but by no more than this.
MOST_RARE = 10.0
# Of a class that no model was measured on, this IoU is assumed.
USUAL_IOU = 0.5
# Two frames this close in their sequence, of which so small a share of the pixels changed its class, are
# near duplicates.
NEAR, SAME_SHARE = 10, 0.05


@dataclass(frozen=True)
class Order:
    """How the queue is put in order: one of ORDERS, with the class or the seed where one is needed."""

    kind: str = NAME
    class_id: int = 0
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Ordered:
    """Rows of the table in order, int64 [n], and bool [n], which of them were drawn at random."""

    rows: Rows
    drawn: NDArray[np.bool_]


def put_in_order(table: SampleTable, rows: Rows, order: Order) -> Ordered:
    """Some rows of a table, ascending, in an order; ties keep their place, what is not known comes last."""
    if order.kind == GAIN:
        return _by_gain(table, rows, order.seed)
    if order.kind == RANDOM:
        drawn = sorted(rows.tolist(), key=lambda row: lot(order.seed, table.keys[row]))
        return _all_chosen(np.array(drawn, np.int64))
    if order.kind == CLASS:
        return _all_chosen(_sorted(rows, _area(table, order.class_id)[rows]))
    if order.kind == NAME:
        return _all_chosen(rows)
    return _all_chosen(_sorted(rows, SCORES[order.kind](table)[rows]))


def uncertainty(table: SampleTable) -> Scores:
    """float64 [N], 1 minus the mean margin; the unsure share where some predictions came without a margin."""
    if np.isnan(table.margin[table.has_prediction]).any():
        return table.unsure.astype(np.float64)
    return 1.0 - table.margin.astype(np.float64)


def doubt(table: SampleTable) -> Scores:
    """float64 [N], 1 minus the predicted quality, or minus the confidence where that was not predicted."""
    known = np.where(np.isnan(table.quality), table.confidence, table.quality)
    return 1.0 - known.astype(np.float64)


def class_weights(table: SampleTable) -> Scores:
    """float64 [K]: what a pixel of each class is worth, by how much of it is missing.

    (1 - IoU) times how rare the class is in accepted masks: an even share over its own, within 1/10 and 10.
    Without an accepted mask all classes are equally rare.
    """
    accepted = table.has_status(SampleStatus.ACCEPTED) & table.has_mask
    pixels = table.mask_pixels[accepted].sum(axis=0, dtype=np.int64)
    rarity = np.ones(len(table.names))
    if pixels.sum():
        share = pixels / pixels.sum()
        even = 1 / len(table.names)
        rarity = np.clip(even / np.maximum(share, even / MOST_RARE), 1 / MOST_RARE, MOST_RARE)
    weights: Scores = (1 - np.where(np.isnan(table.class_iou), USUAL_IOU, table.class_iou)) * rarity
    return weights


def expected_gain(table: SampleTable) -> Scores:
    """float64 [N]: doubt, times the weights of the sample's classes by their shares of its pixels.

    Samples about which nobody has to do anything gain nothing; NaN where there is no prediction.
    """
    gain = doubt(table) * (table.shares @ class_weights(table))
    gain[table.has_status(*DONE)] = -1.0
    return gain


def _by_gain(table: SampleTable, rows: Rows, seed: int) -> Ordered:
    """By expected gain, near duplicates behind all others; every tenth that is to do is drawn at random."""
    gain = expected_gain(table)
    open_rows = rows[~table.has_status(*DONE)[rows]]
    rest = rows[table.has_status(*DONE)[rows]]
    lots = {row: lot(seed, table.keys[row]) for row in open_rows.tolist()}
    arm = sorted((row for row in lots if _is_drawn(lots[row])), key=lots.__getitem__)
    others = open_rows[~np.isin(open_rows, arm)]
    best = _sorted(others, gain[others])
    again = near_duplicates(table, best)
    chosen = np.concatenate([best[~again], best[again]])
    mixed, drawn = _mixed(chosen, np.array(arm, np.int64))
    return Ordered(np.concatenate([mixed, rest]), np.concatenate([drawn, np.zeros(len(rest), bool)]))


def _is_drawn(drawn: bytes) -> bool:
    """Whether a sample belongs to the random arm; by its own lot, so that no other sample matters."""
    return int.from_bytes(drawn[:8], "big") * ARM < 1 << 64


def near_duplicates(table: SampleTable, best_first: Rows) -> NDArray[np.bool_]:
    """bool [n]: which rows are like one before them: near in the sequence, and with nearly the same classes.

    Frames of a video follow each other by name. Two are alike when at most 5 % of the pixels have another
    class, as far as the classes' shares can tell. What is done already counts as before all rows.
    """
    alike = _alike(table)
    taken: NDArray[np.bool_] = table.has_status(*DONE)
    again = np.zeros(len(best_first), bool)
    for place, row in enumerate(best_first.tolist()):
        begin, end = max(row - NEAR, 0), min(row + NEAR, table.count - 1)
        again[place] = any(
            taken[other] and alike[row - other - 1, other] for other in range(begin, row)
        ) or any(taken[other] and alike[other - row - 1, row] for other in range(row + 1, end + 1))
        taken[row] = not again[place]
    return again


def _alike(table: SampleTable) -> NDArray[np.bool_]:
    """bool [10,N]: whether a row and the one 1, 2 ... places behind it are near duplicates."""
    shares, count = table.shares, table.count
    known = np.asarray(shares.any(axis=1), bool)
    _, folders = np.unique(np.array(table.folder, object).astype(str), return_inverse=True)
    alike = np.zeros((NEAR, count), bool)
    for step in range(1, min(NEAR, count - 1) + 1):
        # Half of the sum: a pixel that changes leaves one class and comes to another.
        moved = np.abs(shares[step:] - shares[:-step]).sum(axis=1) / 2
        both = known[step:] & known[:-step] & (folders[step:] == folders[:-step])
        alike[step - 1, :-step] = (moved <= SAME_SHARE) & both
    return alike


def _mixed(rows: Rows, drawn: Rows) -> tuple[Rows, NDArray[np.bool_]]:
    """Both together, the drawn ones spread evenly over the whole; and which those are."""
    total = len(rows) + len(drawn)
    is_drawn = np.zeros(total, bool)
    if len(drawn):
        is_drawn[((np.arange(len(drawn)) + 0.5) * total / len(drawn)).astype(np.int64)] = True
    mixed = np.empty(total, np.int64)
    mixed[is_drawn], mixed[~is_drawn] = drawn, rows
    return mixed, is_drawn


def _area(table: SampleTable, class_id: int) -> Scores:
    area = table.shares[:, class_id].astype(np.float64)
    return np.where(area > 0, area, np.nan)


def _sorted(rows: Rows, scores: Scores) -> Rows:
    """Rows by their scores, the largest first; ties keep their place, NaN comes last."""
    return rows[np.argsort(-scores, kind="stable")]


def _all_chosen(rows: Rows) -> Ordered:
    return Ordered(rows, np.zeros(len(rows), bool))


# The larger, the earlier.
SCORES: Mapping[str, Callable[[SampleTable], Scores]] = {
    "uncertain": uncertainty,
    "quality": lambda table: -table.quality.astype(np.float64),
    "differing": lambda table: table.differing.astype(np.float64),
    "suspect": lambda table: table.suspect.astype(np.float64),
    "iou": lambda table: -table.iou.astype(np.float64),
    "recent": lambda table: table.changed_at,
}
ORDERS = (NAME, GAIN, *SCORES, CLASS, RANDOM)
