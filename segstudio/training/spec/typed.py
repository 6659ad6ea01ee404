"""Builds frozen dataclasses from plain nested values, strictly, and names the key when that fails."""

import dataclasses
import difflib
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn, TypeVar

from segstudio.errors import SpecError

T = TypeVar("T")


def build(kind: type[T], value: object, where: str) -> T:
    """An instance of a dataclass, its fields and theirs checked against their declared types.

    Args:
        kind: the dataclass; fields may be dataclasses, tuples, `X | None`, str, int, float or bool.
        value: nested mappings, sequences and scalars; absent keys take their defaults.
        where: the file, for messages.

    Raises:
        SpecError: an unknown key (with the nearest known one) or a value of another type.
    """
    built = _build(kind, value, where, "")
    assert isinstance(built, kind)
    return built


def plain(value: object) -> Any:
    """The reverse: nested dictionaries, lists and scalars."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {key: plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return value


def merge(lower: Mapping[str, Any], upper: Mapping[str, Any]) -> dict[str, Any]:
    """Nested dictionaries joined; where both have a value that is no dictionary, the upper one counts."""
    merged = dict(lower)
    for key, value in upper.items():
        below = merged.get(key)
        if isinstance(below, Mapping) and isinstance(value, Mapping):
            value = merge(below, value)
        merged[key] = value
    return merged


def given(kind: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """The values without those that count as not given: null where a key of a dataclass cannot be null.

    Unknown keys and values of wrong types stay, for `build` to refuse.
    """
    hints = typing.get_type_hints(kind)
    kept = {}
    for name, value in values.items():
        hint = hints.get(str(name))
        if value is None and hint is not None and type(None) not in typing.get_args(hint):
            continue
        inner, entry = section_of(hint), entry_of(hint)
        if inner is not None and isinstance(value, Mapping):
            value = given(inner, value)
        elif entry is not None and isinstance(value, list):
            value = [given(entry, part) if isinstance(part, Mapping) else part for part in value]
        kept[name] = value
    return kept


def section_of(hint: Any) -> Any:
    """The dataclass that a field's type is or may be; None for other fields."""
    options = [hint, *typing.get_args(hint)] if typing.get_origin(hint) is types.UnionType else [hint]
    return next((option for option in options if dataclasses.is_dataclass(option)), None)


def entry_of(hint: Any) -> Any:
    """The dataclass that the entries of a field are, if it is a list of such; None for other fields."""
    for part in (hint, *typing.get_args(hint)):
        if typing.get_origin(part) is tuple and dataclasses.is_dataclass(typing.get_args(part)[0]):
            return typing.get_args(part)[0]
    return None


def _build(kind: Any, value: object, where: str, key: str) -> object:
    if dataclasses.is_dataclass(kind):
        return _dataclass(kind, value, where, key)
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is tuple:
        return _tuple(arguments, value, where, key)
    if origin is types.UnionType:
        if value is None and type(None) in arguments:
            return None
        return _build(_alternative(arguments, value), value, where, key)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(value, where, key)
    return _scalar(kind, value, where, key)


def _dataclass(kind: Any, value: object, where: str, key: str) -> object:
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: {key or 'the spec'} is {value!r}", hint="it must hold keys")
    hints = typing.get_type_hints(kind)
    for name in value:
        if name not in hints:
            unknown_key(str(name), list(hints), where, key)
    fields = {
        name: _build(hints[name], entry, where, _joined(key, str(name))) for name, entry in value.items()
    }
    return kind(**fields)


def _alternative(kinds: Sequence[Any], value: object) -> Any:
    """The member of a union that a value is meant for: text for text, else the first that is not text."""
    kinds = [kind for kind in kinds if kind is not type(None)]
    return next((kind for kind in kinds if (kind is str) == isinstance(value, str)), kinds[0])


def _mapping(value: object, where: str, key: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise SpecError(f"{where}: {key} is {value!r}", hint="it must hold keys")
    return {str(name): entry for name, entry in value.items()}


def _tuple(arguments: tuple[Any, ...], value: object, where: str, key: str) -> object:
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise SpecError(f"{where}: {key} is {value!r}", hint="it must be a list")
    if arguments[-1] is Ellipsis:
        arguments = (arguments[0],) * len(value)
    if len(value) != len(arguments):
        raise SpecError(f"{where}: {key} is {value!r}", hint=f"it must have {len(arguments)} entries")
    parts = zip(arguments, value, strict=True)
    return tuple(_build(part, entry, where, f"{key}[{n}]") for n, (part, entry) in enumerate(parts))


def _scalar(kind: type, value: object, where: str, key: str) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind is float and isinstance(value, str):
        # YAML 1.1 reads 6e-5 as a string.
        try:
            return float(value)
        except ValueError:
            pass
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise SpecError(f"{where}: {key} is {value!r}", hint=f"it must be of type {kind.__name__}")
    return value


def unknown_key(name: str, known: Sequence[str], where: str, key: str) -> NoReturn:
    """Refuses a key of a section, with the nearest of those that it may hold.

    Raises:
        SpecError: always.
    """
    nearest = difflib.get_close_matches(name, known, 1)
    hint = f"did you mean {nearest[0]!r}?" if nearest else f"it may hold: {', '.join(known)}"
    raise SpecError(f"{where}: unknown key {_joined(key, name)!r}", hint=hint)


def _joined(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name
