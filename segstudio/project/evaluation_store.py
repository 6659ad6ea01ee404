"""The queries about evaluations: confusion counts of models and what else was measured, sample by sample."""

import time
import zlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Table, and_, delete, func, insert, select

from segstudio.project.database import Database, chunks, iso_time
from segstudio.project.sample import Evaluation
from segstudio.project.schema import counts, details, samples

PRESENT = samples.c.missing == 0
# Rows of the database that are held at a time.
BATCH = 256


@dataclass(frozen=True)
class DetailRow:
    """What an evaluation measured of a sample beyond its counts, as bytes; see `project.evaluations`."""

    key: str
    cut_offs: str
    segments: bytes
    regions: bytes
    sums: bytes


class EvaluationStore(Database):
    """Counts and details by model, palette and sample; those of a mask are forgotten when it changes."""

    def set_counts(
        self,
        key: str,
        model: str,
        palette: str,
        matrix: NDArray[np.int64],
        mask_hash: str | None,
        detail: DetailRow | None = None,
    ) -> bool:
        """Stores confusion counts [K,K+1] and what came with them; not when the mask is no longer the one
        of `mask_hash`.
        """
        values = np.ascontiguousarray(matrix, np.int64)
        row = {"key": key, "model": model, "palette": palette, "classes": matrix.shape[0]}
        with self._writing() as connection:
            if mask_hash is not None:
                query = select(samples.c.mask_hash).where(samples.c.key == key)
                if connection.execute(query).scalar() != mask_hash:
                    return False
            for table in (counts, details):
                same = (table.c.key == key, table.c.model == model, table.c.palette == palette)
                connection.execute(delete(table).where(*same))
            packed = zlib.compress(values.tobytes(), 1)
            connection.execute(insert(counts).values(**row, matrix=packed, made_at=time.time()))
            if detail is not None:
                connection.execute(
                    insert(details).values(
                        **row,
                        cut_offs=detail.cut_offs,
                        segments=zlib.compress(detail.segments, 1),
                        regions=zlib.compress(detail.regions, 1),
                        sums=zlib.compress(detail.sums, 1),
                    )
                )
        return True

    def counts(
        self, model: str, palette: str, classes: int, keys: Collection[str] | None = None
    ) -> dict[str, NDArray[np.int64]]:
        """Confusion counts [K,K+1] by sample, of a model in a palette of K classes; of all, or of some."""
        found = self._rows(counts, ("key", "matrix"), (model, palette, classes), keys)
        shape = (classes, classes + 1)
        return {row[0]: np.frombuffer(zlib.decompress(row[1]), np.int64).reshape(shape) for row in found}

    def detailed(self, model: str, palette: str, classes: int, cut_offs: str) -> frozenset[str]:
        """Samples of which the details of a model are known, measured with some cut-offs."""
        with self._reading() as connection:
            query = select(details.c.key).where(
                details.c.model == model,
                details.c.palette == palette,
                details.c.classes == classes,
                details.c.cut_offs == cut_offs,
            )
            return frozenset(connection.execute(query).scalars())

    def details(
        self, model: str, palette: str, classes: int, keys: Collection[str] | None = None
    ) -> list[DetailRow]:
        """What else was measured, in the samples' order; of all samples, or of some."""
        columns = ("key", "cut_offs", "segments", "regions", "sums")
        found = self._rows(details, columns, (model, palette, classes), keys)
        return [DetailRow(row[0], row[1], *(zlib.decompress(part) for part in row[2:])) for row in found]

    def _rows(
        self, table: Table, columns: Sequence[str], of: tuple[str, str, int], keys: Collection[str] | None
    ) -> list[tuple[Any, ...]]:
        """Rows of a (model, palette, classes), of samples that are there: all in their order, or some."""
        query = select(*(table.c[name] for name in columns)).join(samples).order_by(samples.c.place)
        names = zip(("model", "palette", "classes"), of, strict=True)
        query = query.where(*(table.c[name] == value for name, value in names), PRESENT)
        with self._reading() as connection:
            if keys is None:
                return [tuple(row) for row in connection.execute(query)]
            parts = [query.where(table.c.key.in_(chunk)) for chunk in chunks(list(keys))]
            return [tuple(row) for part in parts for row in connection.execute(part)]

    def sums(
        self, model: str, palette: str, classes: int
    ) -> Iterator[tuple[str, NDArray[np.int64], bytes | None, bytes | None]]:
        """Key, counts [K,K+1], sums and regions of one sample after the other, in their order; the last two
        are None where the sample was only counted.
        """
        same = (
            details.c.key == counts.c.key,
            details.c.model == counts.c.model,
            details.c.palette == counts.c.palette,
            details.c.classes == counts.c.classes,
        )
        query = select(counts.c.key, counts.c.matrix, details.c.sums, details.c.regions)
        query = query.select_from(counts.join(samples).outerjoin(details, and_(*same)))
        query = query.where(
            counts.c.model == model, counts.c.palette == palette, counts.c.classes == classes, PRESENT
        )
        with self._reading() as connection:
            found = connection.execution_options(yield_per=BATCH).execute(query.order_by(samples.c.place))
            for key, matrix, *rest in found:
                counted = np.frombuffer(zlib.decompress(matrix), np.int64).reshape(classes, classes + 1)
                parts = [None if part is None else zlib.decompress(part) for part in rest]
                yield key, counted, parts[0], parts[1]

    def each_counts(self, model: str, palette: str, classes: int) -> Iterator[tuple[str, NDArray[np.int64]]]:
        """Key and counts [K,K+1] of one sample after the other."""
        query = select(counts.c.key, counts.c.matrix).join(samples)
        query = query.where(
            counts.c.model == model, counts.c.palette == palette, counts.c.classes == classes, PRESENT
        )
        with self._reading() as connection:
            for key, matrix in connection.execution_options(yield_per=BATCH).execute(query):
                yield key, np.frombuffer(zlib.decompress(matrix), np.int64).reshape(classes, classes + 1)

    def evaluations(self, palette: str, classes: int) -> list[Evaluation]:
        """Models with counts in a palette of K classes, by name."""
        with self._reading() as connection:
            query = select(counts.c.model, func.count(), func.max(counts.c.made_at)).join(samples)
            query = query.where(counts.c.palette == palette, counts.c.classes == classes, PRESENT)
            found = connection.execute(query.group_by(counts.c.model).order_by(counts.c.model)).all()
        return [Evaluation(row[0], int(row[1]), iso_time(row[2])) for row in found]

    def forget(self, model: str, key: str | None = None) -> frozenset[str]:
        """Forgets what was measured of a model, on all samples or on one; returns on which there was any."""
        wanted = counts.c.model == model if key is None else (counts.c.model == model) & (counts.c.key == key)
        with self._writing() as connection:
            concerned = frozenset(connection.execute(select(counts.c.key).where(wanted)).scalars())
            for table in (counts, details) if concerned else ():
                same = table.c.model == model
                connection.execute(delete(table).where(same, table.c.key.in_(concerned) if key else same))
        return concerned
