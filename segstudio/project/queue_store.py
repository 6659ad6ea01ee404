"""The queries behind the queue: facts of predictions and masks, saved filters, and all of them as columns."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, and_, bindparam, delete, func, insert, select, update

from segstudio.project.database import Database
from segstudio.project.sample_facts import MaskFacts, PredictionFacts
from segstudio.project.schema import comments, filters, mask_facts, prediction_facts, predictions, samples

PRESENT = samples.c.missing == 0
# The columns of `QueueStore.columns`, in their order.
OF_SAMPLES = ("key", "status", "split", "assignee", "note", "width", "height", "changed_at")
OF_PREDICTIONS = ("pixels", "confidence", "margin", "unsure", "quality")
OF_MASKS = ("pixels", "differing", "suspect")


@dataclass(frozen=True)
class SampleState:
    """Which mask and prediction a sample had when something was measured of it."""

    mask_hash: str
    predicted_at: float | None


class QueueStore(Database):
    """What is known of masks and predictions in a palette; `Store` forgets it as soon as they change."""

    # -- facts --------------------------------------------------------------------------------------------

    def state(self, key: str) -> SampleState | None:
        """The state of a sample's mask and prediction; None where there is no such sample."""
        with self._reading() as connection:
            return _state(connection, key)

    def set_prediction_facts(
        self, key: str, palette: str, model: str, facts: PredictionFacts, state: SampleState
    ) -> bool:
        """Keeps what was measured of a prediction, unless there is another one by now."""
        row = {
            "key": key,
            "palette": palette,
            "model": model,
            "pixels": np.ascontiguousarray(facts.pixels, np.int64).tobytes(),
            "confidence": facts.confidence,
            "margin": facts.margin,
            "unsure": facts.unsure,
        }
        with self._writing() as connection:
            now = _state(connection, key)
            if now is None or now.predicted_at is None or now.predicted_at != state.predicted_at:
                return False
            connection.execute(delete(prediction_facts).where(prediction_facts.c.key == key))
            connection.execute(insert(prediction_facts).values(row))
        return True

    def set_mask_facts(self, key: str, palette: str, facts: MaskFacts, state: SampleState) -> bool:
        """Keeps what was measured of a mask, unless mask or prediction are others by now."""
        pixels = np.ascontiguousarray(facts.pixels, np.int64).tobytes()
        row = {"key": key, "palette": palette, "pixels": pixels, "differing": facts.differing}
        with self._writing() as connection:
            if _state(connection, key) != state:
                return False
            connection.execute(delete(mask_facts).where(mask_facts.c.key == key))
            connection.execute(insert(mask_facts).values(row))
        return True

    def set_quality(self, palette: str, quality: Mapping[str, float]) -> frozenset[str]:
        """Sets the predicted quality of predictions that were measured; returns which samples have it now."""
        return self._set_each(prediction_facts, "quality", palette, quality)

    def set_suspects(self, palette: str, scores: Mapping[str, float]) -> frozenset[str]:
        """Sets how suspect masks are that were measured; returns which samples have it now."""
        return self._set_each(mask_facts, "suspect", palette, scores)

    def _set_each(self, table: Any, column: str, palette: str, values: Mapping[str, float]) -> frozenset[str]:
        known = self._keys(table, palette) & values.keys()
        chosen = update(table).where(table.c.key == bindparam("b_key"))
        rows = [{"b_key": key, "b_value": float(values[key])} for key in known]
        if rows:
            with self._writing() as connection:
                connection.execute(chosen.values({column: bindparam("b_value")}), rows)
        return frozenset(known)

    def without_prediction_facts(self, palette: str) -> list[str]:
        """Predicted samples of which nothing was measured yet, in their order."""
        known = self._keys(prediction_facts, palette)
        with self._reading() as connection:
            query = select(predictions.c.key).join(samples).order_by(samples.c.place)
            found = connection.execute(query.where(predictions.c.palette == palette, PRESENT)).scalars().all()
        return [key for key in found if key not in known]

    def without_mask_facts(self, palette: str, masked: Collection[str]) -> list[str]:
        """Samples that are there, among those with a mask file, of whose mask nothing was measured yet."""
        wanted = set(masked) - self._keys(mask_facts, palette)
        with self._reading() as connection:
            query = select(samples.c.key).where(PRESENT).order_by(samples.c.place)
            return [key for key in connection.execute(query).scalars() if key in wanted]

    def _keys(self, table: Any, palette: str) -> set[str]:
        with self._reading() as connection:
            return set(connection.execute(select(table.c.key).where(table.c.palette == palette)).scalars())

    # -- columns ------------------------------------------------------------------------------------------

    def columns(self, palette: str) -> list[Sequence[Any]]:
        """All samples that are there, in their order, column by column; None where nothing was measured."""
        said, made = prediction_facts, mask_facts
        own = [samples.c[name] for name in OF_SAMPLES]
        theirs = [said.c[name] for name in OF_PREDICTIONS] + [made.c[name] for name in OF_MASKS]
        joined = samples.outerjoin(
            said, and_(said.c.key == samples.c.key, said.c.palette == palette)
        ).outerjoin(made, and_(made.c.key == samples.c.key, made.c.palette == palette))
        query = select(*own, *theirs).select_from(joined).where(PRESENT).order_by(samples.c.place)
        with self._reading() as connection:
            rows = connection.execute(query).all()
        return list(zip(*rows, strict=True)) if rows else [()] * (len(own) + len(theirs))

    def open_comments(self) -> dict[str, int]:
        """How many comments of each sample are open; samples without are left out."""
        with self._reading() as connection:
            query = select(comments.c.key, func.count()).where(comments.c.resolved == 0)
            return {row[0]: int(row[1]) for row in connection.execute(query.group_by(comments.c.key))}

    # -- saved filters ------------------------------------------------------------------------------------

    def filters(self, about: str) -> dict[str, str]:
        """The saved queries of a kind by name, in the order of the names."""
        with self._reading() as connection:
            query = select(filters.c.name, filters.c.query).where(filters.c.about == about)
            found = connection.execute(query.order_by(filters.c.name)).all()
        return {row[0]: row[1] for row in found}

    def save_filter(self, about: str, name: str, query: str) -> None:
        """Keeps a query under a name, in place of an older one of that name."""
        with self._writing() as connection:
            _forget_filter(connection, about, name)
            connection.execute(insert(filters).values(about=about, name=name, query=query))

    def delete_filter(self, about: str, name: str) -> None:
        """Forgets a saved query, if there is one of that name."""
        with self._writing() as connection:
            _forget_filter(connection, about, name)


def _forget_filter(connection: Connection, about: str, name: str) -> None:
    connection.execute(delete(filters).where(filters.c.about == about, filters.c.name == name))


def _state(connection: Connection, key: str) -> SampleState | None:
    query = select(samples.c.mask_hash, predictions.c.made_at).outerjoin(
        predictions, predictions.c.key == samples.c.key
    )
    row = connection.execute(query.where(samples.c.key == key)).first()
    return SampleState(str(row[0]), None if row[1] is None else float(row[1])) if row else None


def pixels_of(blobs: Iterable[bytes | None], classes: int) -> tuple[NDArray[np.int32], NDArray[np.bool_]]:
    """Pixels by class int32 [N,K] from stored int64 [K], and bool [N]: which samples have them.

    What was stored for another number of classes counts as not measured.
    """
    length = 8 * classes
    parts = [blob if blob is not None and len(blob) == length else None for blob in blobs]
    known = np.array([part is not None for part in parts], bool)
    pixels = np.zeros((len(parts), classes), np.int32)
    if known.any():
        joined = b"".join(part for part in parts if part is not None)
        pixels[known] = np.frombuffer(joined, np.int64).reshape(-1, classes)
    return pixels, known


def floats_of(values: Sequence[float | None]) -> NDArray[np.float32]:
    """float32 [N]; NaN for None and for what stands for "not known", which is below 0."""
    numbers = np.array(values, np.float32)
    numbers[numbers < 0] = np.nan
    return numbers
