"""The queries about review: where samples stand, comments, and the record of who did what."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Connection, bindparam, delete, insert, select, union, update

from segstudio.errors import ProjectError
from segstudio.project.database import Database, chunks
from segstudio.project.review_records import UNDOABLE, Comment, Figures, Record, What, pack, unpack
from segstudio.project.review_rules import Standing
from segstudio.project.sample import SampleMark, SampleStatus
from segstudio.project.schema import comments, records, samples

PRESENT = samples.c.missing == 0
# Records that are read at once while the last action is looked for.
PAGE = 200
# Of whom: the sample, where it stands, and who changed it last.
Decide = Callable[[str, Standing, str], list[tuple[Standing, Figures]]]


class ReviewStore(Database):
    """What people decided and said; each method is one transaction."""

    # -- standing -----------------------------------------------------------------------------------------

    def move(
        self, keys: Collection[str], decide: Decide, what: What, who: str, when: float
    ) -> frozenset[str]:
        """Moves samples, all or none, and records every step; returns those that moved.

        Args:
            keys: the samples.
            decide: the steps of one sample; whatever it raises undoes everything.
            what: what the records tell of.
            who: who moves them.
            when: seconds since 1970.

        Raises:
            ProjectError: there is no sample of one of the keys.
        """
        rows, log = [], []
        with self._writing() as connection:
            found = _standings(connection, keys)
            unknown = [key for key in keys if key not in found]
            if unknown:
                text = f"{len(unknown)} of the samples are unknown, such as {unknown[0]!r}"
                raise ProjectError(text, hint="rescan the project")
            for key in keys:
                steps = decide(key, *found[key])
                if steps:
                    rows.append(_standing_row(key, steps[-1][0]))
                log += [_record_row(key, who, when, what, figures) for _, figures in steps]
            _set_standings(connection, rows, who, when)
            if log:
                connection.execute(insert(records), log)
        return frozenset(row["b_key"] for row in rows)

    def standing(self, key: str) -> Standing | None:
        """Where a sample stands; None for one that does not exist."""
        with self._reading() as connection:
            found = _standings(connection, [key])
        return found[key][0] if key in found else None

    def marks(self) -> list[SampleMark]:
        """Who changed each sample that is there last, and when, in their order."""
        columns = (
            samples.c.key,
            samples.c.status,
            samples.c.split,
            samples.c.changed_by,
            samples.c.changed_at,
        )
        with self._reading() as connection:
            found = connection.execute(select(*columns).where(PRESENT).order_by(samples.c.place)).all()
        statuses = {status.value: status for status in SampleStatus}
        return [SampleMark(key, statuses[status], *rest) for key, status, *rest in found]

    def people(self) -> frozenset[str]:
        """Everybody who did something or is to do something."""
        names = union(
            select(records.c.author),
            select(comments.c.author),
            select(samples.c.assignee),
            select(samples.c.reviewer),
        )
        with self._reading() as connection:
            return frozenset(connection.execute(names).scalars()) - {""}

    def reasons(self, limit: int) -> list[str]:
        """Why samples were rejected, the last reasons first, each once."""
        with self._reading() as connection:
            query = select(records.c.figures).where(records.c.what == What.STATUS.value)
            texts = connection.execute(query.order_by(records.c.id.desc()).limit(50 * limit)).scalars()
            after = [unpack(text).after for text in texts]
        given = [one.reason for one in after if one and one.status is SampleStatus.REJECTED and one.reason]
        return list(dict.fromkeys(given))[:limit]

    # -- comments -----------------------------------------------------------------------------------------

    def comments(self, *, key: str | None = None, open_only: bool = False) -> list[Comment]:
        """Comments in the samples' order, oldest first in each; missing samples' too when asked by key."""
        wanted: list[ColumnElement[bool]] = [PRESENT if key is None else comments.c.key == key]
        if open_only:
            wanted.append(comments.c.resolved == 0)
        query = select(comments).join(samples, samples.c.key == comments.c.key).where(*wanted)
        with self._reading() as connection:
            found = connection.execute(query.order_by(samples.c.place, comments.c.id)).all()
        return [_comment(row) for row in found]

    def put_comment(self, comment: Comment, who: str, when: float, batch: str) -> Comment:
        """Adds a comment (id 0 for a new one) or replaces the one of its id; says how it is stored.

        Raises:
            ProjectError: there is no such sample, or the comment is gone.
        """
        with self._writing() as connection:
            before = _find_comment(connection, comment.id) if comment.id else None
            if comment.id and before is None:
                raise _gone(comment.id)
            stored = _write_comment(connection, comment)
            figures = Figures(said=before, says=stored, batch=batch)
            connection.execute(insert(records), [_record_row(stored.key, who, when, What.COMMENT, figures)])
        return stored

    def comment(self, comment_id: int) -> Comment:
        """One comment.

        Raises:
            ProjectError: it is gone.
        """
        with self._reading() as connection:
            found = _find_comment(connection, comment_id)
        if found is None:
            raise _gone(comment_id)
        return found

    def drop_comment(self, comment_id: int, who: str, when: float, batch: str) -> Comment:
        """Deletes a comment and returns what it was.

        Raises:
            ProjectError: it is gone already.
        """
        with self._writing() as connection:
            before = _find_comment(connection, comment_id)
            if before is None:
                raise _gone(comment_id)
            connection.execute(delete(comments).where(comments.c.id == comment_id))
            figures = Figures(said=before, batch=batch)
            connection.execute(insert(records), [_record_row(before.key, who, when, What.COMMENT, figures)])
        return before

    # -- records ------------------------------------------------------------------------------------------

    def add_record(self, key: str, who: str, when: float, what: What, figures: Figures) -> None:
        """Appends a record."""
        with self._writing() as connection:
            connection.execute(insert(records), [_record_row(key, who, when, what, figures)])

    def records(self, key: str | None = None) -> list[Record]:
        """All records, or those of a sample, oldest first."""
        query = select(records).order_by(records.c.id)
        if key is not None:
            query = query.where(records.c.key == key)
        with self._reading() as connection:
            return _records(connection.execute(query).all())

    def undo(self, who: str, when: float) -> list[Record]:
        """Takes a person's last action back and returns its records; none when there is nothing to undo.

        Raises:
            ProjectError: somebody did something to one of the samples since; then nothing is changed.
        """
        with self._writing() as connection:
            batch = _last_batch(connection, who)
            rows = _taken_back(connection, batch)
            for record in reversed(batch):
                if record.figures.said is not None or record.figures.says is not None:
                    _take_comment_back(connection, record.figures)
            _set_standings(connection, rows, who, when)
            marked = [{"b_id": one.id, "figures": pack(replace(one.figures, undone=True))} for one in batch]
            if marked:
                same = records.c.id == bindparam("b_id")
                connection.execute(update(records).where(same).values(figures=bindparam("figures")), marked)
        return batch


def _standings(connection: Connection, keys: Collection[str]) -> dict[str, tuple[Standing, str]]:
    """Where samples stand and who changed them last."""
    columns = (samples.c.status, samples.c.assignee, samples.c.reviewer, samples.c.reason)
    found: dict[str, tuple[Standing, str]] = {}
    for chunk in chunks(list(keys)):
        query = select(samples.c.key, samples.c.changed_by, *columns).where(samples.c.key.in_(chunk))
        for key, changed_by, status, *rest in connection.execute(query).all():
            found[key] = Standing(SampleStatus(status), *rest), changed_by
    return found


def _standing_row(key: str, standing: Standing) -> dict[str, Any]:
    return {
        "b_key": key,
        "status": standing.status.value,
        "assignee": standing.assignee,
        "reviewer": standing.reviewer,
        "reason": standing.reason,
    }


def _set_standings(connection: Connection, rows: Sequence[Mapping[str, Any]], who: str, when: float) -> None:
    if not rows:
        return
    values: dict[str, Any] = {name: bindparam(name) for name in rows[0] if name != "b_key"}
    values |= {"changed_by": who, "changed_at": when}
    connection.execute(update(samples).where(samples.c.key == bindparam("b_key")).values(values), list(rows))


def _record_row(key: str, who: str, when: float, what: What, figures: Figures) -> dict[str, Any]:
    return {"key": key, "author": who, "at": when, "what": what.value, "figures": pack(figures)}


def _records(rows: Iterable[Any]) -> list[Record]:
    return [Record(row.id, row.key, row.author, row.at, What(row.what), unpack(row.figures)) for row in rows]


def _last_batch(connection: Connection, who: str) -> list[Record]:
    """The records of a person's last action that was not taken back, oldest first."""
    wanted = records.c.what.in_([what.value for what in UNDOABLE])
    # Quotes within texts are escaped in JSON, so that no text looks like this.
    standing = records.c.figures.not_like('%"undone": true%')
    query = select(records).where(records.c.author == who, wanted, standing).order_by(records.c.id.desc())
    batch: list[Record] = []
    with connection.execute(query.execution_options(yield_per=PAGE)) as found:
        for record in (entry for row in found for entry in _records([row])):
            if batch and (not record.figures.batch or record.figures.batch != batch[0].figures.batch):
                break
            batch.append(record)
    return batch[::-1]


def _taken_back(connection: Connection, batch: Sequence[Record]) -> list[dict[str, Any]]:
    """The rows that make samples stand where they stood before an action, whose records come oldest first."""
    moves = [record for record in batch if record.figures.before is not None]
    now = _standings(connection, {record.key for record in moves})
    stands = {key: standing for key, (standing, _) in now.items()}
    for record in reversed(moves):
        if record.figures.before is None or stands.get(record.key) != record.figures.after:
            raise ProjectError(f"{record.key} has changed since", hint="set its status by hand")
        stands[record.key] = record.figures.before
    return [_standing_row(key, standing) for key, standing in stands.items()]


def _take_comment_back(connection: Connection, figures: Figures) -> None:
    said, says = figures.said, figures.says
    if says is not None and _find_comment(connection, says.id) != says:
        raise ProjectError(f"a comment on {says.key} has changed since", hint="edit it by hand")
    if said is None:
        assert says is not None
        connection.execute(delete(comments).where(comments.c.id == says.id))
    elif says is None and _find_comment(connection, said.id) is None:
        connection.execute(insert(comments), [_comment_row(said)])
    else:
        # A new comment may have the number of one that was deleted.
        _write_comment(connection, said if says is not None else replace(said, id=0))


def _comment_row(comment: Comment) -> dict[str, Any]:
    return {
        "id": comment.id,
        "key": comment.key,
        "x": comment.x,
        "y": comment.y,
        "class_id": comment.class_id,
        "text": comment.text,
        "resolved": int(comment.resolved),
        "author": comment.author,
        "at": comment.when,
    }


def _comment(row: Any) -> Comment:
    return Comment(
        row.id, row.key, row.text, row.x, row.y, row.class_id, bool(row.resolved), row.author, row.at
    )


def _find_comment(connection: Connection, comment_id: int) -> Comment | None:
    row = connection.execute(select(comments).where(comments.c.id == comment_id)).first()
    return _comment(row) if row is not None else None


def _write_comment(connection: Connection, comment: Comment) -> Comment:
    values = _comment_row(comment)
    if comment.id:
        connection.execute(update(comments).where(comments.c.id == comment.id).values(values))
        return comment
    known = connection.execute(select(samples.c.key).where(samples.c.key == comment.key)).first()
    if known is None:
        raise ProjectError(f"there is no sample {comment.key!r}", hint="rescan the project")
    del values["id"]
    made = connection.execute(insert(comments).values(values)).inserted_primary_key
    assert made is not None
    return replace(comment, id=int(made[0]))


def _gone(comment_id: int) -> ProjectError:
    return ProjectError(f"there is no comment {comment_id}", hint="somebody may have deleted it")
