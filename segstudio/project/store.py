"""All queries of a project's database: samples, predictions, confusion counts and speeds."""

import json
import time
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from segstudio.errors import ProjectError
from segstudio.project.layout import FoundSample
from segstudio.project.sample import Evaluation, SampleStatus, SpeedRecord
from segstudio.project.schema import counts, predictions, samples, speeds, writing

# SQLite takes 32,766 variables a statement since 3.32; PostgreSQL's driver about as many.
CHUNK = 10_000


@dataclass(frozen=True, slots=True)
class SampleRow:
    """One row of the samples table; -1 stands for "never looked at" in sizes and times."""

    key: str
    image: str
    status: SampleStatus
    split: str
    note: str
    width: int
    height: int
    mask_size: int
    mask_mtime: int
    mask_hash: str
    image_mtime: int
    changed_by: str
    changed_at: float


COLUMNS = [samples.c[name] for name in SampleRow.__dataclass_fields__]
STATUSES = {status.value: status for status in SampleStatus}
BUGS = (IntegrityError, ProgrammingError, DataError)
PRESENT: ColumnElement[bool] = samples.c.missing == 0


class Store:
    """The facts of a project; safe to use from several threads and, through the database, processes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def close(self) -> None:
        """Closes every connection."""
        self._engine.dispose()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with _explained(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with _explained(), writing(self._engine) as connection:
            yield connection

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keeps every other writer of this project out, in other processes too."""
        with self._writing():
            yield

    # -- samples ------------------------------------------------------------------------------------------

    def keys_by_image(self) -> tuple[dict[str, str], frozenset[str]]:
        """The key of every known image in the samples' order, and which of the keys are missing."""
        with self._reading() as connection:
            query = select(samples.c.key, samples.c.image, samples.c.missing).order_by(samples.c.place)
            found = connection.execute(query).all()
        return {row[1]: row[0] for row in found}, frozenset(row[0] for row in found if row[2])

    def apply_scan(self, found: Sequence[FoundSample]) -> tuple[frozenset[str], frozenset[str]]:
        """Makes the rows match the files; returns the keys that came (back, or with
        another image) and that went.

        Rows of images that are gone stay, marked as missing: a folder that is not mounted today must not
        cost the facts about its samples.
        """
        with self._writing() as connection:
            query = select(samples.c.key, samples.c.place, samples.c.image, samples.c.missing)
            known = {row[0]: row[1:] for row in connection.execute(query).all()}
            new, moved, other = [], [], set()
            for place, entry in enumerate(found):
                before = known.pop(entry.key, None)
                if before is None:
                    new.append(_new_row(entry, place))
                elif before != (place, entry.image, 0):
                    moved.append({"b_key": entry.key, "b_place": place, "b_image": entry.image})
                    if before[1:] != (entry.image, 0):
                        other.add(entry.key)
            if new:
                connection.execute(insert(samples), new)
            if moved:
                values = {"place": bindparam("b_place"), "image": bindparam("b_image"), "missing": 0}
                connection.execute(
                    update(samples).where(samples.c.key == bindparam("b_key")).values(values), moved
                )
            gone = [key for key, before in known.items() if not before[2]]
            for keys in _chunks(gone):
                connection.execute(update(samples).where(samples.c.key.in_(keys)).values(missing=1))
        return frozenset(row["key"] for row in new) | other, frozenset(gone)

    def rows(self, keys: Iterable[str] | None = None) -> list[SampleRow]:
        """Samples that are there, in their order; all of them, or those of some keys."""
        with self._reading() as connection:
            if keys is None:
                found = connection.execute(select(*COLUMNS).where(PRESENT).order_by(samples.c.place)).all()
            else:
                found = []
                for chunk in _chunks(list(keys)):
                    query = select(*COLUMNS).where(samples.c.key.in_(chunk), PRESENT)
                    found += connection.execute(query.order_by(samples.c.place)).all()
        return [SampleRow(row[0], row[1], STATUSES[row[2]], *row[3:]) for row in found]

    def keys_in(self, statuses: Collection[SampleStatus]) -> frozenset[str]:
        """Samples that are there and in one of some statuses."""
        with self._reading() as connection:
            chosen = samples.c.status.in_([status.value for status in statuses])
            return frozenset(connection.execute(select(samples.c.key).where(chosen, PRESENT)).scalars())

    def change(self, keys: Collection[str], values: Mapping[str, Any], by: str) -> None:
        """Sets columns of samples, all or none, and notes who did it and when.

        Raises:
            ProjectError: there is no sample of one of the keys.
        """
        stamped = {**values, "changed_by": by, "changed_at": time.time()}
        with self._writing() as connection:
            changed = 0
            for chunk in _chunks(list(keys)):
                changed += connection.execute(
                    update(samples).where(samples.c.key.in_(chunk)).values(stamped)
                ).rowcount
            if changed != len(keys):
                raise ProjectError(
                    f"{len(keys) - changed} of the samples are unknown", hint="rescan the project"
                )

    def advance(
        self, keys: Iterable[str], to: SampleStatus, after: Collection[SampleStatus]
    ) -> frozenset[str]:
        """Sets the status of those samples whose status is one of `after`; returns which ones."""
        with self._writing() as connection:
            return frozenset().union(
                *(_advance(connection, chunk, to, after, "") for chunk in _chunks(list(keys)))
            )

    def assign_splits(self, by_key: Mapping[str, str], by: str) -> None:
        """Sets the split of every sample of a mapping."""
        self._set_each([{"b_key": key, "split": split} for key, split in by_key.items()], by)

    def set_headers(self, headers: Mapping[str, tuple[int, int, int]]) -> None:
        """Sets (width, height, time of the image file in ns) of samples."""
        names = ("width", "height", "image_mtime")
        self._set_each(
            [{"b_key": key, **dict(zip(names, header, strict=True))} for key, header in headers.items()]
        )

    def _set_each(self, rows: list[dict[str, Any]], by: str | None = None) -> None:
        if not rows:
            return
        values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "b_key"}
        if by is not None:
            values |= {"changed_by": by, "changed_at": time.time()}
        with self._writing() as connection:
            connection.execute(
                update(samples).where(samples.c.key == bindparam("b_key")).values(values), rows
            )

    def tally(self, column: str) -> dict[str, int]:
        """Number of samples that are there, by status or by split."""
        chosen = samples.c[column]
        with self._reading() as connection:
            query = select(chosen, func.count()).where(PRESENT).group_by(chosen)
            return {str(value): int(number) for value, number in connection.execute(query)}

    def missing(self) -> int:
        """Number of samples whose image was not there at the last look."""
        with self._reading() as connection:
            query = select(func.count()).select_from(samples).where(samples.c.missing == 1)
            return int(connection.execute(query).scalar_one())

    # -- masks --------------------------------------------------------------------------------------------

    def note_mask(self, key: str, stamp: tuple[int, int, str]) -> bool:
        """Takes note of (size, time, hash) of a mask file; counts against other pixels are forgotten.

        Returns:
            Whether the content is another one than before.
        """
        with self._writing() as connection:
            return _note_mask(connection, key, stamp)

    def mask_saved(
        self,
        key: str,
        stamp: tuple[int, int, str],
        to: SampleStatus,
        after: Collection[SampleStatus],
        by: str,
    ) -> bool:
        """Takes note of a mask that was just saved, of its author, and of the status that follows.

        Returns:
            Whether the status moved.
        """
        with self._writing() as connection:
            _note_mask(connection, key, stamp)
            stamped = {"changed_by": by, "changed_at": time.time()}
            connection.execute(update(samples).where(samples.c.key == key).values(stamped))
            return bool(_advance(connection, [key], to, after, by))

    # -- predictions --------------------------------------------------------------------------------------

    def set_prediction(self, key: str, model: str, palette: str) -> bool:
        """Notes which model predicted a sample; returns whether it was unlabelled and is now predicted."""
        with self._writing() as connection:
            connection.execute(delete(predictions).where(predictions.c.key == key))
            row = {"key": key, "model": model, "palette": palette, "made_at": time.time()}
            connection.execute(insert(predictions).values(row))
            return bool(_advance(connection, [key], SampleStatus.PREDICTED, (SampleStatus.UNLABELLED,), None))

    def forget_prediction(self, key: str) -> bool:
        """Forgets a prediction; returns whether the sample was only predicted and is now unlabelled."""
        with self._writing() as connection:
            connection.execute(delete(predictions).where(predictions.c.key == key))
            return bool(_advance(connection, [key], SampleStatus.UNLABELLED, (SampleStatus.PREDICTED,), None))

    def prediction(self, key: str) -> tuple[str, str] | None:
        """(model, palette) of a sample's prediction, or None without one."""
        with self._reading() as connection:
            query = select(predictions.c.model, predictions.c.palette).where(predictions.c.key == key)
            row = connection.execute(query).first()
        return (str(row[0]), str(row[1])) if row else None

    def predicted(self, palette: str) -> dict[str, str]:
        """The predicting model of every sample that is there and predicted in a palette."""
        with self._reading() as connection:
            query = select(predictions.c.key, predictions.c.model).join(samples)
            found = connection.execute(query.where(predictions.c.palette == palette, PRESENT)).all()
        return {row[0]: row[1] for row in found}

    # -- counts, speeds -----------------------------------------------------------------------------

    def set_counts(
        self, key: str, model: str, palette: str, matrix: NDArray[np.int64], mask_hash: str | None
    ) -> bool:
        """Stores confusion counts [K,K+1]; not when the mask is no longer the one of `mask_hash`."""
        values = np.ascontiguousarray(matrix, np.int64)
        row = {"key": key, "model": model, "palette": palette, "classes": matrix.shape[0]}
        with self._writing() as connection:
            if mask_hash is not None:
                query = select(samples.c.mask_hash).where(samples.c.key == key)
                if connection.execute(query).scalar() != mask_hash:
                    return False
            same = (counts.c.key == key, counts.c.model == model, counts.c.palette == palette)
            connection.execute(delete(counts).where(*same))
            packed = zlib.compress(values.tobytes(), 1)
            connection.execute(insert(counts).values(**row, matrix=packed, made_at=time.time()))
        return True

    def counts(self, model: str, palette: str, classes: int) -> dict[str, NDArray[np.int64]]:
        """Confusion counts [K,K+1] by sample, of a model in a palette of K classes."""
        with self._reading() as connection:
            query = select(counts.c.key, counts.c.matrix).join(samples)
            wanted = (
                counts.c.model == model,
                counts.c.palette == palette,
                counts.c.classes == classes,
                PRESENT,
            )
            found = connection.execute(query.where(*wanted).order_by(samples.c.place)).all()
        shape = (classes, classes + 1)
        return {row[0]: np.frombuffer(zlib.decompress(row[1]), np.int64).reshape(shape) for row in found}

    def evaluations(self, palette: str, classes: int) -> list[Evaluation]:
        """Models with counts in a palette of K classes, by name."""
        with self._reading() as connection:
            query = select(counts.c.model, func.count(), func.max(counts.c.made_at)).join(samples)
            query = query.where(counts.c.palette == palette, counts.c.classes == classes, PRESENT)
            found = connection.execute(query.group_by(counts.c.model).order_by(counts.c.model)).all()
        return [Evaluation(row[0], int(row[1]), _iso(row[2])) for row in found]

    def add_speed(self, record: SpeedRecord) -> None:
        """Appends a measured speed."""
        timed = record if record.when else replace(record, when=_iso(time.time()))
        with self._writing() as connection:
            connection.execute(insert(speeds).values(model=record.model, record=json.dumps(asdict(timed))))

    def speeds(self) -> list[SpeedRecord]:
        """All measured speeds, newest first."""
        with self._reading() as connection:
            texts = connection.execute(select(speeds.c.record).order_by(speeds.c.id.desc())).scalars()
            return [SpeedRecord(**json.loads(text)) for text in texts]


def _new_row(entry: FoundSample, place: int) -> dict[str, Any]:
    status = SampleStatus.UNLABELLED.value
    return {"key": entry.key, "place": place, "image": entry.image, "split": entry.split, "status": status}


def _note_mask(connection: Connection, key: str, stamp: tuple[int, int, str]) -> bool:
    size, mtime, digest = stamp
    before = connection.execute(select(samples.c.mask_hash).where(samples.c.key == key)).scalar()
    values = {"mask_size": size, "mask_mtime": mtime, "mask_hash": digest}
    connection.execute(update(samples).where(samples.c.key == key).values(values))
    if before != digest:
        connection.execute(delete(counts).where(counts.c.key == key))
    return before != digest


def _advance(
    connection: Connection,
    keys: Sequence[str],
    to: SampleStatus,
    after: Collection[SampleStatus],
    by: str | None,
) -> frozenset[str]:
    """Moves the status of some samples where `after` allows it; `by` None leaves the author alone."""
    allowed = samples.c.status.in_([status.value for status in after])
    query = select(samples.c.key).where(samples.c.key.in_(keys), allowed)
    moving = [str(key) for key in connection.execute(query).scalars()]
    values: dict[str, Any] = {"status": to.value}
    if by is not None:
        values |= {"changed_by": by, "changed_at": time.time()}
    if moving:
        connection.execute(update(samples).where(samples.c.key.in_(moving)).values(values))
    return frozenset(moving)


@contextmanager
def _explained() -> Iterator[None]:
    """A database that is locked, full, gone or damaged is the user's problem, not a bug."""
    try:
        yield
    except BUGS:
        raise
    except DBAPIError as error:
        raise ProjectError(
            f"the project's database refused: {error.orig}",
            hint="check that the disk has space and no other program holds it; then open the project again",
        ) from error


def _iso(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")


def _chunks(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    for start in range(0, len(keys), CHUNK):
        yield keys[start : start + CHUNK]
