"""The queries about names of models in a project's records: which there are, what a new one changes."""

import json
from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, insert, select, update

from segstudio.project.database import Database
from segstudio.project.sample import Changes
from segstudio.project.schema import (
    counts,
    details,
    facts,
    prediction_facts,
    predictions,
    promotions,
    speeds,
)

NAMED: tuple[Table, ...] = (predictions, prediction_facts, counts, details, speeds, promotions)
# Rows of these are one a model, palette and sample.
MEASURED: tuple[Table, ...] = (counts, details)


class ModelNameStore(Database):
    """What a project knows by the name of a model: `Project.model_names` is one."""

    def known(self) -> frozenset[str]:
        """Names of models that something is known of, whether or not a model of that name is there."""
        with self._reading() as connection:
            found = [connection.execute(select(table.c.model).distinct()).scalars() for table in NAMED]
            return frozenset(name for names in found for name in names)

    def rename(self, old: str, new: str, *, initiator: str = "") -> Changes:
        """What was known of a model is known by its new name from now on.

        What an earlier model of the new name left is not this one's: its scores are forgotten, and its
        predictions and promotions are called "(earlier)" from now on.
        """
        with self._writing() as connection:
            for table in MEASURED:
                connection.execute(delete(table).where(table.c.model == new))
            _rename(connection, new, f"{new} (earlier)", [t for t in NAMED if t not in MEASURED])
            scored = connection.execute(select(counts.c.key).where(counts.c.model == old)).scalars().all()
            predicted = connection.execute(select(predictions.c.key).where(predictions.c.model == old))
            keys = frozenset(predicted.scalars())
            _rename(connection, old, new, NAMED)
            _move_fact(connection, old, new)
        return Changes(predictions=keys, scores=frozenset(scored), initiator=initiator, model=True)


def _rename(connection: Connection, old: str, new: str, tables: Sequence[Table]) -> None:
    for table in tables:
        if table is speeds:
            _rename_speeds(connection, old, new)
        connection.execute(update(table).where(table.c.model == old).values(model=new))


def _rename_speeds(connection: Connection, old: str, new: str) -> None:
    """Records of speeds name the model too."""
    rows = connection.execute(select(speeds.c.id, speeds.c.record).where(speeds.c.model == old)).all()
    for number, record in rows:
        changed = json.dumps({**json.loads(record), "model": new})
        connection.execute(update(speeds).where(speeds.c.id == number).values(record=changed))


def _move_fact(connection: Connection, old: str, new: str) -> None:
    """The weights with which a model was evaluated, see `Project.fingerprint`."""
    before, after = f"weights:{old}", f"weights:{new}"
    connection.execute(delete(facts).where(facts.c.name == after))
    value = connection.execute(select(facts.c.value).where(facts.c.name == before)).scalar()
    if value:
        connection.execute(insert(facts).values(name=after, value=value))
    connection.execute(delete(facts).where(facts.c.name == before))
