"""The evaluations of a project: what each model gets wrong on each sample, kept until a mask changes."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts
from segstudio.metrics.pooled import PooledEvaluation, SampleSums, pool
from segstudio.metrics.sample_evaluation import (
    REGION,
    SEGMENT,
    USUAL,
    SampleEvaluation,
    Sums,
    region_bytes,
    segment_bytes,
    sum_bytes,
    unpack_regions,
    unpack_segments,
)
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.segments import CutOffs
from segstudio.metrics.true_regions import TrueRegions
from segstudio.project.evaluation_store import DetailRow, EvaluationStore
from segstudio.project.sample import Changes, Evaluation


@dataclass(frozen=True, eq=False)
class ModelEvaluation:
    """What is known of a model on N samples with K classes.

    Attributes:
        model: its name.
        keys: the samples, in the project's order.
        confusion: int64 [N,K,K+1].
        boundary: int64 [N,K,3], see `count_boundary`.
        calibration: int64 [K,15,3] of all samples, see `count_calibration`.
        table: the error segments; its samples are `keys`, its ledger is that of all.
        regions: the regions of the truth.
        region_sample: int32 [n], which of `keys` each region is in.
    """

    model: str
    keys: tuple[str, ...]
    confusion: Counts
    boundary: Counts
    calibration: Counts
    table: SegmentTable
    regions: TrueRegions
    region_sample: NDArray[np.int32]


class Evaluations:
    """Keeps and gives evaluations in the project's palette; `Project.evaluation` is one."""

    def __init__(self, store: EvaluationStore, palette: Palette) -> None:
        self._store = store
        self._palette = palette

    def record(
        self,
        key: str,
        model: str,
        found: SampleEvaluation,
        *,
        mask_hash: str | None = None,
        cut_offs: CutOffs = USUAL,
        initiator: str = "",
    ) -> Changes:
        """Stores what was measured of a sample, in the project's palette.

        With `mask_hash`, as it was when the mask was loaded, it is left out if the mask changed since.
        """
        segments, regions = segment_bytes(found.segments), region_bytes(found.regions)
        row = DetailRow(key, _text(cut_offs), segments, regions, sum_bytes(found))
        return self.record_counts(key, model, found.confusion, mask_hash, row, initiator)

    def record_counts(
        self,
        key: str,
        model: str,
        counts: Counts,
        mask_hash: str | None = None,
        detail: DetailRow | None = None,
        initiator: str = "",
    ) -> Changes:
        """Stores confusion counts int64 [K,K+1], and what came with them; see `record`."""
        classes = self._palette.count
        if counts.shape != (classes, classes + 1):
            raise ValueError(f"counts are {counts.shape}, palette {self._palette.name} has {classes} classes")
        stored = self._store.set_counts(key, model, self._palette.name, counts, mask_hash, detail)
        return Changes(scores=frozenset({key}) if stored else frozenset(), initiator=initiator)

    def counts(self, model: str) -> dict[str, Counts]:
        """Confusion counts int64 [K,K+1] of a model by sample, for masks as they are now."""
        return self._store.counts(model, self._palette.name, self._palette.count)

    def models(self) -> list[Evaluation]:
        """Models that were compared with masks of this project, by name."""
        return self._store.evaluations(self._palette.name, self._palette.count)

    def names(self) -> list[str]:
        """Models that have counts, by name."""
        return [evaluation.model for evaluation in self.models()]

    def known(self, model: str, cut_offs: CutOffs = USUAL) -> frozenset[str]:
        """Samples that are evaluated in full, with these cut-offs, for masks as they are now."""
        return self._store.detailed(model, self._palette.name, self._palette.count, _text(cut_offs))

    def load(self, model: str, keys: Collection[str] | None = None) -> ModelEvaluation:
        """All that is known of a model, of all samples or of some; N is 0 for one that was not evaluated."""
        classes = self._palette.count
        rows = self._store.details(model, self._palette.name, classes, keys)
        counts = self._store.counts(model, self._palette.name, classes, keys)
        rows = [row for row in rows if row.key in counts]
        confusion = np.zeros((len(rows), classes, classes + 1), np.int64)
        for number, row in enumerate(rows):
            confusion[number] = counts[row.key]
        boundary = np.zeros((len(rows), classes, 3), np.int64)
        pooled = Sums.zero(classes)
        for number, row in enumerate(rows):
            part = Sums.unpack(row.sums, classes)
            boundary[number] = part.boundary
            np.add(pooled.ledger, part.ledger, out=pooled.ledger)
            np.add(pooled.calibration, part.calibration, out=pooled.calibration)
        names = tuple(row.key for row in rows)
        segments = unpack_segments(b"".join(row.segments for row in rows), pooled.ledger)
        regions = unpack_regions(b"".join(row.regions for row in rows))
        return ModelEvaluation(
            model,
            names,
            confusion,
            boundary,
            pooled.calibration,
            SegmentTable(
                self._palette.names, names, _owners([row.segments for row in rows], SEGMENT), segments
            ),
            regions,
            _owners([row.regions for row in rows], REGION),
        )

    def pooled(self, model: str, context: JobContext | None = None) -> PooledEvaluation:
        """What is known of a model, added up; much smaller and quicker than `load`.

        Raises:
            Cancelled: between two samples.
        """
        classes, context = self._palette.count, context or JobContext()

        def rows() -> Iterator[SampleSums]:
            for key, matrix, sums, regions in self._store.sums(model, self._palette.name, classes):
                context.check()
                if sums is None or regions is None:
                    yield SampleSums(key, matrix)
                else:
                    truth = np.frombuffer(regions, REGION)["truth"]
                    counted = np.bincount(truth, minlength=classes).astype(np.int64)
                    yield SampleSums(key, matrix, Sums.unpack(sums, classes), counted)

        return pool(rows(), classes)

    def totals(
        self, model: str, group_of: Mapping[str, str], context: JobContext | None = None
    ) -> dict[str, tuple[int, Counts]]:
        """How many samples of each group were counted, and their sum int64 [K,K+1]; quicker than `pooled`.

        Args:
            model: its name.
            group_of: the group of each sample, such as its split; "" for others.
            context: cancellation.

        Raises:
            Cancelled: between two samples.
        """
        classes, context = self._palette.count, context or JobContext()
        sums: dict[str, Counts] = {}
        numbers = Counter[str]()
        for key, matrix in self._store.each_counts(model, self._palette.name, classes):
            context.check()
            group = group_of.get(key, "")
            total = sums.setdefault(group, np.zeros((classes, classes + 1), np.int64))
            np.add(total, matrix, out=total)
            numbers[group] += 1
        return {group: (numbers[group], total) for group, total in sums.items()}

    def forget(self, model: str, key: str | None = None) -> Changes:
        """Throws away what was measured of a model, on all samples or on one: it says something else now."""
        return Changes(scores=self._store.forget(model, key))


def _owners(parts: list[bytes], row: np.dtype[np.void]) -> NDArray[np.int32]:
    """int32 [n]: which part each row comes from."""
    counts = [len(part) // row.itemsize for part in parts]
    return np.repeat(np.arange(len(parts), dtype=np.int32), counts)


def _text(cut_offs: CutOffs) -> str:
    return json.dumps(asdict(cut_offs), sort_keys=True)
