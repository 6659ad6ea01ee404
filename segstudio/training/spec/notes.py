"""Notes for the user: keys of a spec that are read and have no effect, each with the reason."""

import dataclasses
import typing
from collections.abc import Iterator, Mapping
from typing import Any

from segstudio.training.spec.typed import section_of
from segstudio.training.spec.unused import REASON, is_unset


def unused_notes(kind: type[Any], values: Mapping[str, Any]) -> tuple[str, ...]:
    """One line for every key in the values of a file that changes nothing; a whole section has one.

    Args:
        kind: the dataclass whose fields say which keys those are.
        values: what the file sets, nested.
    """
    return tuple(f"{key} has no effect: {reason}" for key, reason in _unused(kind, values, ""))


def effective(value: object) -> Any:
    """A spec as plain nested values, without the keys that have no effect where they are as by default."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: effective(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not is_unset(field, getattr(value, field.name))
        }
    if isinstance(value, Mapping):
        return {key: effective(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [effective(entry) for entry in value]
    return value


def _unused(kind: type[Any], values: Mapping[str, Any], key: str) -> Iterator[tuple[str, str]]:
    hints = typing.get_type_hints(kind)
    for field in dataclasses.fields(kind):
        if field.name not in values:
            continue
        where = f"{key}.{field.name}" if key else field.name
        inner, value = section_of(hints[field.name]), values[field.name]
        if REASON in field.metadata:
            yield where, field.metadata[REASON]
        elif inner is not None and isinstance(value, Mapping):
            yield from _unused(inner, value, where)
