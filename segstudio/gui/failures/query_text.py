"""Changes the text of a query: a click adds a condition, a half-typed word is completed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from segstudio.metrics.segment_query import numeric_words, values_of, words
from segstudio.metrics.segment_table import SegmentTable
from segstudio.query import Term, listed, parse, plain_name, split_names

# A part of a query that may still be open: quoted texts and what is no space. A backslash takes the sign
# behind it as it is, except in single quotes.
PART = re.compile(r"""(?:"(?:\\.|[^"\\])*(?:"|\\?$)|'[^']*'?|\\.|[^\s"'])+""", re.DOTALL)
QUOTED = re.compile(r"""\\(.)|"|'([^']*)'?""", re.DOTALL)
BEGUN = re.compile(r"([a-z_]+)(!=|<=|>=|=|<|>)(.*)", re.DOTALL)
MOST_CANDIDATES = 200
# A condition on one of these says what the others say, in other words.
SAME_WORDS = ({"gt", "class"},)


@dataclass(frozen=True)
class Completion:
    """Texts that could stand between two places of a query."""

    begin: int
    end: int
    texts: tuple[str, ...]


def term_text(term: Term) -> str:
    """A condition as it can be read again."""
    return f"{term.word}{term.sign}{listed(term.values)}"


def narrowed(table: SegmentTable, query: str, conditions: str) -> str:
    """A query with more conditions, in place of those that it has on the same words.

    Raises:
        InputError: one of the two cannot be read.
    """
    added = parse(conditions, words(table), numeric_words(table))
    replaced = {term.word for term in added}
    for same in SAME_WORDS:
        if replaced & same:
            replaced |= same
    return " ".join(term_text(term) for term in (*_without(table, query, replaced), *added))


def without(table: SegmentTable, query: str, dropped: set[str]) -> str:
    """A query without its conditions on some words.

    Raises:
        InputError: it cannot be read.
    """
    return " ".join(term_text(term) for term in _without(table, query, dropped))


def _without(table: SegmentTable, query: str, dropped: set[str]) -> list[Term]:
    terms = parse(query, words(table), numeric_words(table))
    return [term for term in terms if term.word not in dropped]


def class_in(table: SegmentTable, query: str) -> int | None:
    """The one class that a query is about: that of its first condition `gt=` or `class=`; None without.

    Raises:
        InputError: the query cannot be read.
    """
    plain = [plain_name(name) for name in table.names]
    for term in parse(query, words(table), numeric_words(table)):
        about = term.word in ("gt", "class") and term.sign == "="
        if about and len(term.values) == 1 and plain_name(term.values[0]) in plain:
            return plain.index(plain_name(term.values[0]))
    return None


def completion(table: SegmentTable, query: str, cursor: int) -> Completion:
    """What could be meant at the cursor: a word with its sign, or one of the names that can follow it."""
    part = next((found for found in PART.finditer(query) if found.start() < cursor <= found.end()), None)
    begin, text = (part.start(), query[part.start() : cursor]) if part else (cursor, "")
    end = part.end() if part else cursor
    begun = BEGUN.fullmatch(text)
    if begun is None:
        known = tuple(f"{word}{_sign(table, word)}" for word in words(table))
        return Completion(begin, end, _beginning(known, text))
    word, sign, value = begun.groups()
    *before, last = split_names(_unquoted(value))
    names = _beginning(values_of(table, word), last)
    texts = tuple(f"{word}{sign}{listed([*before, name])}" for name in names)
    return Completion(begin, end, texts)


def _unquoted(value: str) -> str:
    """A value, which may be half-typed, as it will be read."""
    return QUOTED.sub(lambda found: found[1] or found[2] or "", value)


def _sign(table: SegmentTable, word: str) -> str:
    return ">" if word in numeric_words(table) else "="


def _beginning(texts: Sequence[str], typed: str) -> tuple[str, ...]:
    """Texts that begin with what was typed, then those that have it inside."""
    wanted = plain_name(typed)
    first = [text for text in texts if plain_name(text).startswith(wanted)]
    inside = [text for text in texts if plain_name(text).find(wanted) > 0]
    return tuple([*first, *inside][:MOST_CANDIDATES])
