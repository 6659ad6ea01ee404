"""Filters of error segments as text: `gt=train pred=bus area>500 conf<0.6`."""

import operator
import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.metrics.segment_table import NO_CLASS, SegmentTable
from segstudio.metrics.segments import Kind

Flags = NDArray[np.bool_]
TERM = re.compile(r"([a-z_]+)\s*(!=|<=|>=|=|<|>)\s*(.+)", re.DOTALL)
COMPARE: Mapping[str, Callable[[NDArray[np.float64], float], Flags]] = {
    "=": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
# What numbers are compared with, by the word in a query.
NUMBERS: Mapping[str, Callable[[SegmentTable], NDArray[np.generic]]] = {
    "area": lambda table: table.rows.area,
    "x": lambda table: table.rows.centre[:, 0],
    "y": lambda table: table.rows.centre[:, 1],
    "width": lambda table: table.rows.box[:, 2],
    "height": lambda table: table.rows.box[:, 3],
    "share": lambda table: table.rows.share,
    "hit": lambda table: table.rows.hit,
    "edge": lambda table: table.rows.edge_mean,
    "edge_max": lambda table: table.rows.edge_max,
    "conf": lambda table: table.rows.confidence,
    "margin": lambda table: table.rows.margin,
}
FLAGS: Mapping[str, Callable[[SegmentTable], Flags]] = {
    "border": lambda table: table.rows.at_border,
    "ignore": lambda table: table.rows.beside_ignore,
}
NAMES = ("gt", "pred", "class", "kind", "sample")
WORDS = (*NAMES, *NUMBERS, *FLAGS)
KINDS = {kind.name.lower(): kind for kind in Kind}
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Term:
    """One condition: a word, how it is compared, and with what."""

    word: str
    sign: str
    value: str


def parse(query: str) -> tuple[Term, ...]:
    """The conditions of a query, all of which a segment must fulfil.

    Conditions are separated by spaces; names with spaces stand in quotes, several names are joined by `|`:
    `gt="traffic light"|pole kind!=edge_slack area>=200 conf<0.6 border=no`. `class` means gt or pred;
    `sample` is a part of the sample's name.

    Raises:
        InputError: names the condition that cannot be read.
    """
    try:
        words = shlex.split(query)
    except ValueError as error:
        raise InputError(f"the query {query!r} cannot be read: {error}", hint="close the quotes") from error
    return tuple(_term(word) for word in words)


def _term(text: str) -> Term:
    found = TERM.fullmatch(text)
    if found is None:
        raise InputError(f"{text!r} is no condition", hint="write word=value, such as gt=train or area>500")
    word, sign, value = found.groups()
    if word not in WORDS:
        raise InputError(f"queries have no word {word!r}", hint=f"use {', '.join(WORDS)}")
    if word not in NUMBERS and sign not in ("=", "!="):
        raise InputError(f"{text!r}: {word} can only be = or != something")
    return Term(word, sign, value)


def matching(table: SegmentTable, query: str) -> Flags:
    """bool [n]: which segments of a table fulfil a query; all for an empty one.

    A condition on a number that is not known, such as a confidence that was not given, is not fulfilled.

    Raises:
        InputError: a condition cannot be read, or names a class or kind that there is not.
    """
    chosen = np.ones(table.count, bool)
    for term in parse(query):
        chosen &= _fulfilled(table, term)
    return chosen


def _fulfilled(table: SegmentTable, term: Term) -> Flags:
    if term.word in NUMBERS:
        numbers = np.asarray(NUMBERS[term.word](table), np.float64)
        return np.asarray(COMPARE[term.sign](numbers, _number(term)) & ~np.isnan(numbers))
    if term.word in FLAGS:
        wanted = _flag(term)
        return np.asarray(FLAGS[term.word](table) == (wanted if term.sign == "=" else not wanted))
    values = term.value.split("|")
    if term.word == "sample":
        chosen = [n for n, key in enumerate(table.samples) if any(value in key for value in values)]
        found = np.isin(table.sample, chosen)
    elif term.word == "kind":
        found = np.isin(table.rows.kind, [_kind(value) for value in values])
    else:
        ids = [_class(table, value) for value in values]
        columns = {"gt": [table.rows.truth], "pred": [table.rows.predicted]}
        both = [table.rows.truth, table.rows.predicted]
        found = np.any([np.isin(column, ids) for column in columns.get(term.word, both)], axis=0)
    return found if term.sign == "=" else ~found


def _number(term: Term) -> float:
    try:
        return float(term.value)
    except ValueError:
        raise InputError(f"{term.word}{term.sign}{term.value}: {term.value!r} is no number") from None


def _flag(term: Term) -> bool:
    if term.value.casefold() not in (*YES, *NO):
        raise InputError(f"{term.word}{term.sign}{term.value}: write yes or no")
    return term.value.casefold() in YES


def _kind(value: str) -> Kind:
    name = _plain(value)
    if name not in KINDS:
        raise InputError(f"there is no kind {value!r}", hint=f"use {', '.join(KINDS)}")
    return KINDS[name]


def _class(table: SegmentTable, value: str) -> int:
    names = [*map(_plain, table.names), _plain(NO_CLASS)]
    if _plain(value) not in names:
        raise InputError(f"there is no class {value!r}", hint=f"use {', '.join(_quoted(table.names))}")
    return names.index(_plain(value))


def _plain(name: str) -> str:
    return name.strip().casefold().replace(" ", "_").replace("-", "_")


def _quoted(names: Sequence[str]) -> list[str]:
    return [f'"{name}"' if " " in name else name for name in names]
