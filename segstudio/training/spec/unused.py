"""Marks the keys of a spec that are read and kept, and have no effect, with the reason why."""

from collections.abc import Mapping
from dataclasses import MISSING, Field, field
from typing import Any, TypeVar

T = TypeVar("T")
REASON = "unused"


def unused(default: T, reason: str) -> T:
    """A dataclass field with a default and the reason why setting it changes nothing."""
    marked: T = field(default=default, metadata=because(reason))
    return marked


def because(reason: str) -> Mapping[str, str]:
    """The metadata of a field that has no effect, for fields that are made by a factory."""
    return {REASON: reason}


def is_unset(entry: Field[Any], value: object) -> bool:
    """Whether a field that has no effect has its default."""
    default = entry.default if entry.default_factory is MISSING else entry.default_factory()
    return REASON in entry.metadata and value == default
