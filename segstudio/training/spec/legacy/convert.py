"""Turns a spec of TAO's mmsegmentation generations (4 and 5) into today's keys, and tells every change."""

import typing
from collections.abc import Mapping
from functools import reduce
from typing import Any

from segstudio.training.spec.legacy.conversion import Conversion
from segstudio.training.spec.legacy.forms import keys_of, one_form
from segstudio.training.spec.legacy.parts import convert_parts
from segstudio.training.spec.legacy.schema import OldSpec
from segstudio.training.spec.legacy.tables import DEFAULTS, MARKS_OF_5_5, MARKS_OF_OLD, MOVES
from segstudio.training.spec.notes import unused_notes
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.typed import build, given, merge, section_of, unknown_key

# The recipe of mmsegmentation lies under every old spec.
PRESET = "nvlabs"


def is_old(values: Mapping[str, Any]) -> bool:
    """Whether nested values are a spec of TAO 4 or 5, by the keys that only those had."""
    return not keys_of(values).isdisjoint(MARKS_OF_OLD)


def convert(
    values: Mapping[str, Any], usual: Mapping[str, Any], where: str
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Today's values for those of an old spec, and a note for every conversion.

    Keys of today in an old file count as they are.

    Args:
        values: nested values of the file, overrides among them.
        usual: the values of the preset nvlabs, whole; defaults of the old TAO that equal them go without
            a note.
        where: the file, for messages.

    Raises:
        SpecError: a key that neither generation has, or a value of another type.
    """
    tidy, notes = one_form(values)
    old_values, today = _apart(OldSpec, ExperimentSpec, tidy, where, "")
    old_values = given(OldSpec, old_values)
    keys = frozenset(keys_of(old_values))
    newest = not keys.isdisjoint(MARKS_OF_5_5)
    old = build(OldSpec, merge(DEFAULTS[newest], old_values), where)
    conversion = Conversion(old, keys, newest, where)
    for move in MOVES:
        value: Any = reduce(getattr, move.old.split("."), old)
        if value not in (None, ""):
            conversion.put(move.old, move.new, move.change(value), move.why)
    convert_parts(conversion)
    notes += tuple(conversion.notes) + conversion.note_of_defaults(usual) + unused_notes(OldSpec, old_values)
    notes += unused_notes(ExperimentSpec, today)
    return merge(merge({"studio": {"preset": PRESET}}, conversion.values), today), notes


def _apart(
    old: type[Any], new: type[Any] | None, values: Mapping[str, Any], where: str, key: str
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values by generation: (those that need a conversion, those that are today's)."""
    old_hints = typing.get_type_hints(old)
    new_hints = typing.get_type_hints(new) if new is not None else {}
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    for name, value in values.items():
        path = f"{key}.{name}" if key else name
        if name not in old_hints and name not in new_hints:
            unknown_key(name, [*old_hints, *new_hints], where, key)
        inner = section_of(old_hints.get(name))
        if inner is not None and isinstance(value, Mapping):
            parts = _apart(inner, section_of(new_hints.get(name)), value, where, path)
            first[name] = parts[0]
            if parts[1]:
                second[name] = parts[1]
        else:
            (first if name in old_hints else second)[name] = value
    return first, second
