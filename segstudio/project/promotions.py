"""The model that a project uses: who promoted which one when and why, and the way back."""

from collections.abc import Sequence
from dataclasses import dataclass

from segstudio.errors import ProjectError
from segstudio.project.lock import user_name
from segstudio.project.promotion_store import NewPromotion, PromotionRow, PromotionStore
from segstudio.project.sample import Changes


@dataclass(frozen=True)
class Promotion:
    """A model that came into use.

    Attributes:
        number: counts from 1 and is never given twice.
        model: its name then.
        fingerprint: of its weights, see `fingerprint_of`; a name alone may come to mean another model.
        by: who did it.
        at: when, in seconds since 1970.
        reason: why.
        back_to: number of the earlier promotion that this one returned to, 0 where it is a new one.
    """

    number: int
    model: str
    fingerprint: str
    by: str
    at: float
    reason: str
    back_to: int


class Promotions:
    """The history of a project's model in use, which only grows; `Project.promotions` is one."""

    def __init__(self, store: PromotionStore) -> None:
        self._store = store

    def promote(
        self, model: str, fingerprint: str, by: str = "", reason: str = "", *, initiator: str = ""
    ) -> Changes:
        """Puts a model to use; nothing happens where it is in use already.

        Args:
            model: its name in the catalog.
            fingerprint: of its weights, see `fingerprint_of`.
            by: who wants it; "" is the user of this program.
            reason: why, in a person's words.
            initiator: who asks.
        """

        def decide(rows: Sequence[PromotionRow]) -> NewPromotion | None:
            if rows and (rows[-1].model, rows[-1].fingerprint) == (model, fingerprint):
                return None
            return NewPromotion(model, fingerprint, by or user_name(), reason)

        return Changes(model=self._store.add(decide), initiator=initiator)

    def current(self) -> Promotion | None:
        """What is in use; None where nobody ever promoted a model."""
        rows = self._store.rows()
        return _promotion(rows[-1]) if rows else None

    def history(self) -> list[Promotion]:
        """All promotions and returns, newest first."""
        return [_promotion(row) for row in reversed(self._store.rows())]

    def roll_back(self, by: str = "", reason: str = "", *, to: int = 0, initiator: str = "") -> Changes:
        """Puts an earlier model to use again, as a new line of the history.

        Args:
            by: who wants it; "" is the user of this program.
            reason: why.
            to: number of the promotion to return to; 0 is the one before the current one, so that going
                back twice goes two models back.
            initiator: who asks.

        Raises:
            ProjectError: there is no earlier promotion, or none of that number.
        """

        def decide(rows: Sequence[PromotionRow]) -> NewPromotion:
            target = _target(rows, to)
            back_to = target.back_to or target.number
            return NewPromotion(target.model, target.fingerprint, by or user_name(), reason, back_to)

        return Changes(model=self._store.add(decide), initiator=initiator)

    def target(self, to: int = 0) -> Promotion:
        """What `roll_back` would return to.

        Raises:
            ProjectError: there is no earlier promotion, or none of that number.
        """
        return _promotion(_target(self._store.rows(), to))


def _target(rows: Sequence[PromotionRow], to: int) -> PromotionRow:
    target = earlier(rows) if not to else next((row for row in rows if row.number == to), None)
    if target is None:
        raise ProjectError(
            f"there is no promotion {to}" if to else "there is no earlier model to go back to",
            hint="promote the model instead",
        )
    return target


def earlier(rows: Sequence[PromotionRow]) -> PromotionRow | None:
    """What was in use before the promotion that holds now; a return stands where its target stood."""
    if not rows:
        return None
    held = rows[-1].back_to or rows[-1].number
    before = [row for row in rows if row.number < held]
    return before[-1] if before else None


def _promotion(row: PromotionRow) -> Promotion:
    return Promotion(row.number, row.model, row.fingerprint, row.author, row.at, row.reason, row.back_to)
