"""The table of the error segments of many samples: what every view and query of failures looks at."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segments import Kind, Segments

NO_CLASS = "no class"


@dataclass(frozen=True)
class Coded:
    """A column of a few different texts: uint8 [n], each a place in `names`."""

    names: tuple[str, ...]
    codes: NDArray[np.uint8]

    def text(self, number: int) -> str:
        """The text of a row."""
        return self.names[int(self.codes[number])]


@dataclass(frozen=True)
class SegmentTable:
    """Segments of several samples in one set of columns.

    Attributes:
        names: the classes.
        samples: the samples' names.
        sample: int32 [n], whose segment a row is.
        rows: the columns, [n] each; the ledger is that of all samples.
        by_sample: what else is known of the samples, a text for each, by the word in a query.
        by_row: what else is known of the segments, by the word in a query.
        numbers: what else was measured of the segments, [n] each, by the word in a query.
        present: bool [N,K], which classes the truth of each sample holds; None where nobody counted.
    """

    names: tuple[str, ...]
    samples: tuple[str, ...]
    sample: NDArray[np.int32]
    rows: Segments
    by_sample: Mapping[str, Sequence[str]] = field(default_factory=dict)
    by_row: Mapping[str, Coded] = field(default_factory=dict)
    numbers: Mapping[str, NDArray[np.float32]] = field(default_factory=dict)
    present: NDArray[np.bool_] | None = None

    @classmethod
    def of(cls, names: Sequence[str], found: Iterable[tuple[str, Segments]]) -> "SegmentTable":
        """The table of some samples' segments."""
        pairs = list(found)
        counts = [segments.count for _, segments in pairs]
        sample = np.repeat(np.arange(len(pairs), dtype=np.int32), counts)
        rows = _joined([segments for _, segments in pairs], len(names))
        return cls(tuple(names), tuple(key for key, _ in pairs), sample, rows)

    @property
    def count(self) -> int:
        """How many segments there are."""
        return self.rows.count

    def name(self, class_id: int) -> str:
        """A class's name; the id behind the last one means that no class was predicted."""
        return self.names[class_id] if class_id < len(self.names) else NO_CLASS

    def row(self, number: int) -> dict[str, object]:
        """One segment as plain values, with the words of queries as names."""
        rows = self.rows
        return {
            "sample": self.samples[self.sample[number]],
            "kind": Kind(int(rows.kind[number])).name.lower(),
            "gt": self.name(int(rows.truth[number])),
            "pred": self.name(int(rows.predicted[number])),
            "area": int(rows.area[number]),
            "box": [int(value) for value in rows.box[number]],
            "x": _rounded(rows.centre[number, 0]),
            "y": _rounded(rows.centre[number, 1]),
            "share": _rounded(rows.share[number]),
            "hit": _rounded(rows.hit[number]),
            "edge": _rounded(rows.edge_mean[number]),
            "edge_max": _rounded(rows.edge_max[number]),
            "conf": _rounded(rows.confidence[number]),
            "margin": _rounded(rows.margin[number]),
            "beside": self.name(int(rows.beside[number])),
            "border": bool(rows.at_border[number]),
            "ignore": bool(rows.beside_ignore[number]),
            **{word: texts[self.sample[number]] for word, texts in self.by_sample.items()},
            **{word: column.text(number) for word, column in self.by_row.items()},
            **{word: _rounded(values[number]) for word, values in self.numbers.items()},
        }


def _rounded(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)


def _joined(parts: list[Segments], classes: int) -> Segments:
    """All segments one after the other; the ledgers are added."""
    empty = _empty(classes)
    columns = {
        column.name: np.concatenate([getattr(part, column.name) for part in (empty, *parts)])
        for column in fields(Segments)
        if column.name != "ledger"
    }
    ledger = np.stack([empty.ledger, *(part.ledger for part in parts)]).sum(axis=0)
    return Segments(**columns, ledger=ledger)


def _empty(classes: int) -> Segments:
    bytes_, floats, flags = np.zeros(0, np.uint8), np.zeros(0, np.float32), np.zeros(0, bool)
    return Segments(
        kind=bytes_, truth=bytes_, predicted=bytes_, area=np.zeros(0, np.int32),
        box=np.zeros((0, 4), np.int32), centre=np.zeros((0, 2), np.float32), share=floats, hit=floats,
        edge_mean=floats, edge_max=floats, at_border=flags, beside_ignore=flags, beside=bytes_,
        confidence=floats, margin=floats, ledger=np.zeros((classes, len(Kind), 2), np.int64),
    )  # fmt: skip
