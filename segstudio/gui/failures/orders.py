"""The orders in which error segments can stand, and the arithmetic of choosing and sorting them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segment_cost import class_costs
from segstudio.metrics.segment_query import matching
from segstudio.workflows.failure_table import FailureTable

Rows = NDArray[np.int64]
COST, AREA, CONFIDENCE, MARGIN, SUSPECT = "cost", "area", "conf", "margin", "suspect"
# As they were found to be like one of them; for segments that are looked at among some alone.
SIMILAR = "similar"
HIDE_IGNORED = "sent!=ignore"


@dataclass(frozen=True)
class Order:
    """What segments are sorted by, and whether large values come first."""

    key: str = COST
    falling: bool = True


VALUES: Mapping[str, Callable[[FailureTable], NDArray[Any]]] = {
    COST: lambda failures: failures.costs,
    AREA: lambda failures: failures.table.rows.area,
    CONFIDENCE: lambda failures: failures.table.rows.confidence,
    MARGIN: lambda failures: failures.table.rows.margin,
    "sample": lambda failures: failures.table.sample,
    "kind": lambda failures: failures.table.rows.kind,
    "gt": lambda failures: failures.table.rows.truth,
    "pred": lambda failures: failures.table.rows.predicted,
    "share": lambda failures: failures.table.rows.share,
    "hit": lambda failures: failures.table.rows.hit,
    "edge": lambda failures: failures.table.rows.edge_mean,
    "row": lambda failures: failures.table.numbers["row"],
    SUSPECT: lambda failures: failures.table.numbers[SUSPECT],
    "verdict": lambda failures: failures.table.by_row["verdict"].codes,
    "sent": lambda failures: failures.table.by_row["sent"].codes,
}
# What people decide.
DECIDED = ("verdict", "sent")
# What the gallery offers, and how: the sure errors first are those of which the model knows nothing.
CHOICES: Mapping[str, Order] = {
    "Cost": Order(COST),
    "Largest": Order(AREA),
    "Surest": Order(CONFIDENCE),
    "Least sure": Order(MARGIN, falling=False),
    "Mask in doubt": Order(SUSPECT),
}


@dataclass(frozen=True, eq=False)
class Chosen:
    """The segments that a query chooses, in order.

    Attributes:
        query: the text.
        order: how they are sorted.
        rows: int64 [m], numbers of rows.
        pixels: theirs together.
        cost: points of mIoU that they cost, as a fraction.
        by_class: float64 [K], the part of each class's 1 - IoU that they are; NaN where absent.
    """

    query: str = ""
    order: Order = Order()
    rows: Rows = field(default_factory=lambda: np.zeros(0, np.int64))
    pixels: int = 0
    cost: float = 0.0
    by_class: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))


class Sorter:
    """Sorts a table once for each order; what a query chooses is then taken out of the sorted whole."""

    def __init__(self, failures: FailureTable, before: "Sorter | None" = None) -> None:
        """`before` sorted the same segments, of which only verdicts changed since."""
        self._failures = failures
        self._sorted: dict[Order, Rows] = {}
        if before is not None:
            kept = before._sorted.items()
            self._sorted = {order: rows for order, rows in kept if order.key not in DECIDED}

    def choose(self, query: str, order: Order, *, hide_ignored: bool, among: Rows | None = None) -> Chosen:
        """The segments that fulfil a query; with `among` only of those rows, whose order is SIMILAR.

        Raises:
            InputError: the query cannot be read.
        """
        failures = self._failures
        flags = matching(failures.table, query)
        if hide_ignored:
            flags &= matching(failures.table, HIDE_IGNORED)
        if among is not None:
            allowed = np.zeros(len(flags), bool)
            allowed[among] = True
            flags &= allowed
        ordered = among if among is not None and order.key == SIMILAR else self._order(order)
        rows = ordered[flags[ordered]]
        pixels = int(failures.table.rows.area[rows].sum(dtype=np.int64))
        cost = float(failures.costs[rows].sum(dtype=np.float64))
        return Chosen(query, order, rows, pixels, cost, class_costs(failures.table, failures.pooled, rows))

    def _order(self, order: Order) -> Rows:
        found = self._sorted.get(order)
        if found is None:
            values = VALUES[order.key](self._failures)
            # Turned round by its sign, a number that is not known stays behind all others.
            signed = -values.astype(np.int64 if values.dtype.kind in "iu" else values.dtype)
            found = np.argsort(signed if order.falling else values, kind="stable")
            self._sorted[order] = found
        return found
