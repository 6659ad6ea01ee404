"""Filters as text: `gt=train pred=bus area>500 conf<0.6`; what all tables that can be asked share."""

import operator
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError

Flags = NDArray[np.bool_]
TERM = re.compile(r"([a-z_]+)\s*(!=|<=|>=|=|<|>)\s*(.*)", re.DOTALL)
SIGN = re.compile("[=<>]")
COMPARE: Mapping[str, Callable[[NDArray[np.float64], float], Flags]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Term:
    """One condition: a word, how it is compared, and with what."""

    word: str
    sign: str
    value: str

    @property
    def text(self) -> str:
        """As it was written."""
        return f"{self.word}{self.sign}{self.value}"

    @property
    def values(self) -> list[str]:
        """The names that it is compared with."""
        return split_names(self.value)


def parse(query: str, words: Collection[str], numbers: Collection[str], plain: str = "") -> tuple[Term, ...]:
    """The conditions of a query, all of which must be fulfilled.

    Conditions are separated by spaces (a lone `&` between them is allowed); values with spaces stand in
    quotes, several names are joined by `|`.

    Args:
        query: the text.
        words: those that it may use.
        numbers: those of them that can be compared by size.
        plain: the word that a part without any sign is a value of; "" refuses such parts.

    Raises:
        InputError: names the condition that cannot be read.
    """
    try:
        parts = shlex.split(query)
    except ValueError as error:
        raise InputError(f"the query {query!r} cannot be read: {error}", hint="close the quotes") from error
    return tuple(_term(part, words, numbers, plain) for part in parts if part != "&")


def _term(text: str, words: Collection[str], numbers: Collection[str], plain: str) -> Term:
    found = TERM.fullmatch(text)
    if found is None and plain and not SIGN.search(text):
        return Term(plain, "=", text)
    if found is None:
        raise InputError(
            f"{text!r} is no condition", hint="write word=value, such as class=train or conf<0.6"
        )
    word, sign, value = found.groups()
    if word not in words:
        raise InputError(f"queries have no word {word!r}", hint=f"use {', '.join(words)}")
    if word not in numbers and sign not in ("=", "!="):
        raise InputError(f"{text!r}: {word} can only be = or != something")
    return Term(word, sign, value)


def number_matches(term: Term, numbers: NDArray[np.generic]) -> Flags:
    """bool [n]: which numbers fulfil a condition; one that is not known (NaN) does not.

    Raises:
        InputError: the value is no number.
    """
    try:
        wanted = float(term.value)
    except ValueError:
        raise InputError(f"{term.text}: {term.value!r} is no number") from None
    values = np.asarray(numbers)
    # Compared as they are kept: a float32 0.6 is not the float64 0.6, and =0.6 means it.
    if values.dtype == np.float32:
        wanted = float(np.float32(wanted))
    return np.asarray(COMPARE[term.sign](values, wanted) & ~np.isnan(values))


def flag_matches(term: Term, flags: Flags) -> Flags:
    """bool [n]: which flags fulfil a condition.

    Raises:
        InputError: the value is neither yes nor no.
    """
    if term.value.casefold() not in (*YES, *NO):
        raise InputError(f"{term.text}: write yes or no")
    wanted = (term.value.casefold() in YES) == (term.sign == "=")
    return np.asarray(flags == wanted)


def places_of(term: Term, names: Sequence[str], what: str) -> list[int]:
    """Where the names that a condition asks for stand among those that there are.

    Raises:
        InputError: there is none of that name.
    """
    plain = [plain_name(name) for name in names]
    found = []
    for value in term.values:
        if plain_name(value) not in plain:
            raise InputError(f"there is no {what} {value!r}", hint=f"use {', '.join(map(quoted, names))}")
        found.append(plain.index(plain_name(value)))
    return found


def plain_name(name: str) -> str:
    """A name without what people write differently: case, spaces, hyphens."""
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def split_names(value: str) -> list[str]:
    """The names that a value without its quotes lists; a `|` behind a backslash belongs to its name."""
    return [name.replace("\\|", "|") for name in re.split(r"(?<!\\)\|", value)]


def listed(names: Iterable[str]) -> str:
    """Names as a condition lists them, each quoted where that is needed."""
    return "|".join(map(quoted, names))


def quoted(name: str) -> str:
    """A name as it stands in a query, whatever signs it has."""
    if name and not any(sign in name for sign in " \t\n'\"\\|"):
        return name
    escaped = name.replace("\\", "\\\\").replace('"', '\\"').replace("|", "\\|")
    return f'"{escaped}"'
