"""What is kept of the review of samples: comments, and the record of who did what; and how it is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from segstudio.project.review_rules import Standing
from segstudio.project.sample import SampleStatus

NOWHERE = -1.0
NO_CLASS = -1


@dataclass(frozen=True, slots=True)
class Comment:
    """Something that a person says about a place of a sample, or about the whole of it.

    Attributes:
        id: a number that no other comment of the project has.
        key: the sample.
        text: what is said.
        x, y: the place in image pixels, the first pixel's centre is at (0.5, 0.5); -1 for the whole sample.
        class_id: the class that it is about; -1 for none.
        resolved: whether nothing is left to do about it.
        author: who said it.
        when: seconds since 1970.
    """

    id: int
    key: str
    text: str
    x: float = NOWHERE
    y: float = NOWHERE
    class_id: int = NO_CLASS
    resolved: bool = False
    author: str = ""
    when: float = 0.0

    @property
    def has_pin(self) -> bool:
        """Whether it is about a place."""
        return self.x >= 0 and self.y >= 0


class What(Enum):
    """What a record tells of."""

    STATUS = "status"
    ASSIGNED = "assigned"
    SAVED = "saved"
    COMMENT = "comment"


# What can be taken back; pixels have a history of their own.
UNDOABLE = frozenset({What.STATUS, What.ASSIGNED, What.COMMENT})


@dataclass(frozen=True, slots=True)
class Effort:
    """Work on a mask: seconds in which somebody was active, strokes, and pixels that these changed."""

    seconds: float = 0.0
    strokes: int = 0
    pixels: int = 0

    def __add__(self, other: "Effort") -> "Effort":
        """Both together."""
        return Effort(self.seconds + other.seconds, self.strokes + other.strokes, self.pixels + other.pixels)


NO_EFFORT = Effort()


@dataclass(frozen=True, slots=True)
class Figures:
    """What a record says beyond who, when and what.

    Attributes:
        before, after: where the sample stood and stands; None where that did not move.
        said, says: the comment before and after; None where there was or is none.
        effort: the work since the last record of the sample.
        batch: the same for all records of one action.
        undone: whether it was taken back.
    """

    before: Standing | None = None
    after: Standing | None = None
    said: Comment | None = None
    says: Comment | None = None
    effort: Effort = NO_EFFORT
    batch: str = ""
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Record:
    """Who did what to a sample, and when (seconds since 1970)."""

    id: int
    key: str
    author: str
    when: float
    what: What
    figures: Figures = Figures()


def pack(figures: Figures) -> str:
    """Figures as JSON; what says nothing is left out."""
    effort = figures.effort
    values: dict[str, Any] = {
        "before": _standing_values(figures.before),
        "after": _standing_values(figures.after),
        "said": _comment_values(figures.said),
        "says": _comment_values(figures.says),
        "seconds": round(effort.seconds, 1),
        "strokes": effort.strokes,
        "pixels": effort.pixels,
        "batch": figures.batch,
        "undone": figures.undone,
    }
    return json.dumps({name: value for name, value in values.items() if value}, ensure_ascii=False)


def unpack(text: str) -> Figures:
    """Figures from JSON; what a damaged database made unreadable says nothing."""
    try:
        values = json.loads(text)
        return Figures(
            _standing(values.get("before")),
            _standing(values.get("after")),
            _comment(values.get("said")),
            _comment(values.get("says")),
            Effort(
                float(values.get("seconds", 0)), int(values.get("strokes", 0)), int(values.get("pixels", 0))
            ),
            str(values.get("batch", "")),
            bool(values.get("undone", False)),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return Figures()


def comment_values(comment: Comment) -> dict[str, Any]:
    """A comment as plain values, as they travel in JSON."""
    return {name: getattr(comment, name) for name in Comment.__dataclass_fields__}


def _comment_values(comment: Comment | None) -> dict[str, Any] | None:
    return comment_values(comment) if comment is not None else None


def _comment(values: Mapping[str, Any] | None) -> Comment | None:
    return Comment(**values) if values else None


def _standing_values(standing: Standing | None) -> list[str] | None:
    if standing is None:
        return None
    return [standing.status.value, standing.assignee, standing.reviewer, standing.reason]


def _standing(values: list[str] | None) -> Standing | None:
    return Standing(SampleStatus(values[0]), *map(str, values[1:4])) if values else None
