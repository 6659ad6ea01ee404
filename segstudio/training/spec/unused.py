"""Marks the keys of a spec that are read and kept, and have no effect, with the reason why."""

from dataclasses import field
from typing import TypeVar

T = TypeVar("T")
REASON = "unused"


def unused(default: T, reason: str) -> T:
    """A dataclass field with a default and the reason why setting it changes nothing."""
    marked: T = field(default=default, metadata={REASON: reason})
    return marked
