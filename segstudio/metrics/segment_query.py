"""Filters of error segments as text: `gt=train pred=bus area>500 conf<0.6`."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.segment_table import NO_CLASS, SegmentTable
from segstudio.metrics.segments import Kind
from segstudio.query import NO, YES, Flags, Term, flag_matches, number_matches, parse, places_of, plain_name

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
CLASSES: Mapping[str, Callable[[SegmentTable], tuple[NDArray[np.uint8], ...]]] = {
    "gt": lambda table: (table.rows.truth,),
    "pred": lambda table: (table.rows.predicted,),
    "class": lambda table: (table.rows.truth, table.rows.predicted),
    "beside": lambda table: (table.rows.beside,),
}
# Words whose texts are lists with commas: a segment may be in several places, a sample have several tags.
LISTS = ("sent", "tag")
# The classes that are somewhere in the sample's truth.
WITH = "with"
KIND_NAMES = tuple(kind.name.lower() for kind in Kind)


def words(table: SegmentTable) -> tuple[str, ...]:
    """The words that queries of a table may use."""
    around = () if table.present is None else (WITH,)
    known = (*CLASSES, "kind", "sample", *NUMBERS, *FLAGS)
    return (*known, *table.numbers, *around, *table.by_sample, *table.by_row)


def numeric_words(table: SegmentTable) -> tuple[str, ...]:
    """Those of them that are compared with a number."""
    return (*NUMBERS, *table.numbers)


def values_of(table: SegmentTable, word: str) -> tuple[str, ...]:
    """What can stand behind a word in a query of a table; () for numbers and unknown words."""
    if word in CLASSES or word == WITH:
        return (*table.names, *(() if word == WITH else (NO_CLASS,)))
    if word == "kind":
        return KIND_NAMES
    if word in FLAGS:
        return YES[0], NO[0]
    if word == "sample":
        return table.samples
    texts = table.by_row[word].names if word in table.by_row else table.by_sample.get(word, ())
    parts = (text.split(",") if word in LISTS else [text] for text in texts)
    return tuple(sorted({part for found in parts for part in found} - {""}))


def matching(table: SegmentTable, query: str) -> Flags:
    """bool [n]: which segments of a table fulfil a query; all for an empty one.

    `gt="traffic light"|pole kind!=edge_slack area>=200 conf<0.6 border=no`: `class` means gt or pred,
    `sample` is a part of the sample's name; `with` names classes that the sample's truth holds somewhere;
    what else is known of samples (split, status, folder) and of single segments (verdict) is asked for by its
    whole name. A condition on a number that is not known, such as a confidence that was not given, is not
    fulfilled.

    Raises:
        InputError: a condition cannot be read, or names a class or kind that there is not.
    """
    chosen = np.ones(table.count, bool)
    for term in parse(query, words(table), numeric_words(table)):
        chosen &= _fulfilled(table, term)
    return chosen


def samples_matching(table: SegmentTable, query: str) -> Flags:
    """bool [N]: which samples fulfil those conditions of a query that are about samples, not segments.

    Raises:
        InputError: see `matching`.
    """
    chosen = np.ones(len(table.samples), bool)
    for term in parse(query, words(table), numeric_words(table)):
        if _is_of_samples(table, term.word):
            found = _samples_named(table, term)
            chosen &= found if term.sign == "=" else ~found
    return chosen


def _fulfilled(table: SegmentTable, term: Term) -> Flags:
    if term.word in NUMBERS:
        return number_matches(term, NUMBERS[term.word](table))
    if term.word in table.numbers:
        return number_matches(term, table.numbers[term.word])
    if term.word in FLAGS:
        return flag_matches(term, FLAGS[term.word](table))
    found = _named(table, term)
    return found if term.sign == "=" else ~found


def _named(table: SegmentTable, term: Term) -> Flags:
    """bool [n]: which segments have one of the names that a condition lists."""
    if term.word == "kind":
        return _one_of(table.rows.kind, places_of(term, KIND_NAMES, "kind"))
    if term.word in CLASSES:
        ids = places_of(term, (*table.names, NO_CLASS), "class")
        found = [_one_of(column, ids) for column in CLASSES[term.word](table)]
        return np.asarray(np.logical_or.reduce(found))
    if _is_of_samples(table, term.word):
        # Asked of each sample once, however many segments it has.
        return _samples_named(table, term)[table.sample]
    column = table.by_row[term.word]
    if term.word in LISTS:
        return np.array(_listed(term, column.names), bool)[column.codes]
    return _one_of(column.codes, places_of(term, column.names, term.word))


def _one_of(codes: NDArray[np.uint8], wanted: Sequence[int]) -> Flags:
    """bool [n]: which codes are among some; a table of 256 is quicker than comparing."""
    flags = np.zeros(256, bool)
    flags[list(wanted)] = True
    return flags[codes]


def _is_of_samples(table: SegmentTable, word: str) -> bool:
    return word in ("sample", WITH) or word in table.by_sample


def _samples_named(table: SegmentTable, term: Term) -> Flags:
    """bool [N]: which samples have one of the names that a condition lists."""
    if term.word == WITH and table.present is not None:
        return np.asarray(table.present[:, places_of(term, table.names, "class")].any(axis=1))
    if term.word == "sample":
        wanted = [any(value in key for value in term.values) for key in table.samples]
    elif term.word in LISTS:
        wanted = _listed(term, table.by_sample[term.word])
    else:
        asked = {plain_name(value) for value in term.values}
        wanted = [plain_name(text) in asked for text in table.by_sample[term.word]]
    return np.array(wanted, bool)


def _listed(term: Term, texts: Sequence[str]) -> list[bool]:
    """Which lists of names hold one of those that a condition lists."""
    asked = {plain_name(value) for value in term.values}
    return [not asked.isdisjoint(map(plain_name, text.split(","))) for text in texts]
