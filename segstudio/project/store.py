"""The queries about samples, their masks' files, predictions and speeds."""

import json
import time
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, func, insert, select, update

from segstudio.errors import ProjectError
from segstudio.project.database import Database, chunks, iso_time
from segstudio.project.layout import FoundSample
from segstudio.project.sample import SampleStatus, SpeedRecord
from segstudio.project.schema import (
    counts,
    details,
    facts,
    mask_facts,
    prediction_facts,
    predictions,
    samples,
    speeds,
)


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
    assignee: str
    reviewer: str
    reason: str


COLUMNS = [samples.c[name] for name in SampleRow.__dataclass_fields__]
STATUSES = {status.value: status for status in SampleStatus}
PRESENT: ColumnElement[bool] = samples.c.missing == 0
# More samples than these are moved one by one.
FEW = 500


class Store(Database):
    """The facts of a project; safe to use from several threads and, through the database, processes."""

    def close(self) -> None:
        """Closes every connection."""
        self.engine.dispose()

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
            for keys in chunks(gone):
                connection.execute(update(samples).where(samples.c.key.in_(keys)).values(missing=1))
        return frozenset(row["key"] for row in new) | other, frozenset(gone)

    def rows(self, keys: Iterable[str] | None = None) -> list[SampleRow]:
        """Samples that are there, in their order; all of them, or those of some keys."""
        with self._reading() as connection:
            if keys is None:
                found = connection.execute(select(*COLUMNS).where(PRESENT).order_by(samples.c.place)).all()
            else:
                found = []
                for chunk in chunks(list(keys)):
                    query = select(*COLUMNS).where(samples.c.key.in_(chunk), PRESENT)
                    found += connection.execute(query.order_by(samples.c.place)).all()
        return [SampleRow(row[0], row[1], STATUSES[row[2]], *row[3:]) for row in found]

    def first_rows(self, count: int, also: str = "") -> list[SampleRow]:
        """At most `count` samples that are there, the first ones and the one of a key, in their order."""
        query = select(*COLUMNS).where(PRESENT).order_by(samples.c.place)
        first = select(samples.c.key).where(PRESENT).order_by(samples.c.place).limit(count)
        with self._reading() as connection:
            wanted = {*connection.execute(first).scalars(), also}
            found = connection.execute(query.where(samples.c.key.in_(wanted))).all()
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
            for chunk in chunks(list(keys)):
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
        wanted = frozenset(keys)
        with self._writing() as connection:
            if len(wanted) <= FEW:
                return _advance(connection, list(wanted), to, after, "")
            # Ten thousand names in a condition take longer than to look at all samples.
            allowed = samples.c.status.in_([status.value for status in after])
            found = connection.execute(select(samples.c.key).where(allowed)).scalars().all()
            moving = [{"b_key": key} for key in found if key in wanted]
            stamped = {"status": to.value, "changed_by": "", "changed_at": time.time()}
            if moving:
                chosen = update(samples).where(samples.c.key == bindparam("b_key"))
                connection.execute(chosen.values(stamped), moving)
            return frozenset(row["b_key"] for row in moving)

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
            _forget_prediction(connection, key)
            row = {"key": key, "model": model, "palette": palette, "made_at": time.time()}
            connection.execute(insert(predictions).values(row))
            return bool(_advance(connection, [key], SampleStatus.PREDICTED, (SampleStatus.UNLABELLED,), None))

    def fact(self, name: str) -> str:
        """A fact about the project as a whole; "" for one that was never noted."""
        with self._reading() as connection:
            value = connection.execute(select(facts.c.value).where(facts.c.name == name)).scalar()
        return str(value) if value else ""

    def note_fact(self, name: str, value: str) -> None:
        """Notes a fact about the project as a whole."""
        with self._writing() as connection:
            connection.execute(delete(facts).where(facts.c.name == name))
            connection.execute(insert(facts).values(name=name, value=value))

    def forget_prediction(self, key: str) -> bool:
        """Forgets a prediction; returns whether the sample was only predicted and is now unlabelled."""
        with self._writing() as connection:
            _forget_prediction(connection, key)
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

    # -- speeds -------------------------------------------------------------------------------------------

    def add_speed(self, record: SpeedRecord) -> None:
        """Appends a measured speed."""
        timed = record if record.when else replace(record, when=iso_time(time.time()))
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


def _forget_prediction(connection: Connection, key: str) -> None:
    """How far a mask differs from its prediction is not known any more."""
    for table in (predictions, prediction_facts):
        connection.execute(delete(table).where(table.c.key == key))
    connection.execute(update(mask_facts).where(mask_facts.c.key == key).values(differing=-1))


def _note_mask(connection: Connection, key: str, stamp: tuple[int, int, str]) -> bool:
    size, mtime, digest = stamp
    before = connection.execute(select(samples.c.mask_hash).where(samples.c.key == key)).scalar()
    values = {"mask_size": size, "mask_mtime": mtime, "mask_hash": digest}
    connection.execute(update(samples).where(samples.c.key == key).values(values))
    if before != digest:
        for table in (counts, details, mask_facts):
            connection.execute(delete(table).where(table.c.key == key))
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
