"""The queries about promotions: which model a project used when, said by whom and why."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from segstudio.project.database import Database
from segstudio.project.schema import promotions


@dataclass(frozen=True)
class PromotionRow:
    """One promotion; `back_to` is the number of the earlier one that it returned to, 0 for none."""

    number: int
    model: str
    fingerprint: str
    author: str
    at: float
    reason: str
    back_to: int


@dataclass(frozen=True)
class NewPromotion:
    """A promotion that has no number yet."""

    model: str
    fingerprint: str
    author: str
    reason: str
    back_to: int = 0


class PromotionStore(Database):
    """Promotions in the order in which they came."""

    def rows(self) -> list[PromotionRow]:
        """All of them, oldest first."""
        with self._reading() as connection:
            return _rows(connection)

    def add(self, decide: Callable[[Sequence[PromotionRow]], NewPromotion | None]) -> bool:
        """Appends what is decided in view of all promotions, in one go; returns whether there was any."""
        with self._writing() as connection:
            new = decide(_rows(connection))
            if new is None:
                return False
            connection.execute(
                insert(promotions).values(
                    model=new.model,
                    fingerprint=new.fingerprint,
                    author=new.author,
                    at=time.time(),
                    reason=new.reason,
                    back_to=new.back_to,
                )
            )
        return True


def _rows(connection: Connection) -> list[PromotionRow]:
    names = ("id", "model", "fingerprint", "author", "at", "reason", "back_to")
    query = select(*(promotions.c[name] for name in names)).order_by(promotions.c.id)
    return [PromotionRow(*row) for row in connection.execute(query)]
