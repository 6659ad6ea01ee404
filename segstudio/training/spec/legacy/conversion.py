"""Collects today's values for an old spec, and a note for every one that the file brought about."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segstudio.training.spec.legacy.forms import place
from segstudio.training.spec.legacy.schema import OldSpec

LONGEST_VALUE = 80


@dataclass
class Conversion:
    """A conversion under way.

    Attributes:
        old: the old spec, with its generation's defaults.
        keys: dotted keys that the file has.
        newest: whether it is of TAO 5.5, mmsegmentation's second generation.
        where: the file, for messages.
        values: today's values so far.
        notes: a line for every conversion so far.
        defaults: today's values, by key, that come from what the file does not have.
    """

    old: OldSpec
    keys: frozenset[str]
    newest: bool
    where: str
    values: dict[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    defaults: dict[str, Any] = field(default_factory=dict)

    def put(self, old: str, new: str, value: Any, why: str = "") -> None:
        """Sets a key of today for an old one; what only a default brings about is told in one line."""
        plain_value = list(value) if isinstance(value, tuple) else value
        place(self.values, new, plain_value)
        if old in self.keys:
            if old != new or why:
                self.notes.append(f"{old} -> {new} = {short(plain_value)}" + (f" ({why})" if why else ""))
        else:
            self.defaults[new] = plain_value

    def tell(self, old: str, text: str) -> None:
        """Notes something about an old key that the file has."""
        if old in self.keys:
            self.notes.append(f"{old}: {text}")

    def note_of_defaults(self, usual: Mapping[str, Any]) -> tuple[str, ...]:
        """What the old TAO takes where the file has nothing, as far as today's usual values differ."""
        differing = [
            f"{key} = {short(value)}" for key, value in self.defaults.items() if value_at(usual, key) != value
        ]
        origin = "TAO 5.5" if self.newest else "TAO 5.0"
        return (f"not in the file, so as {origin} has it: {', '.join(differing)}",) if differing else ()


def value_at(values: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key of nested values; None where there is none."""
    inner: Any = values
    for name in key.split("."):
        inner = inner.get(name) if isinstance(inner, Mapping) else None
    return inner


def short(value: Any) -> str:
    """A value as one line of JSON, cut where it is long."""
    text = json.dumps(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[:LONGEST_VALUE]} ..."
