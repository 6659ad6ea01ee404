"""Filters of samples as text: `class=train & status=predicted conf<0.6`."""

from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from segstudio.project.sample_table import STATUSES, SampleTable
from segstudio.query import Flags, Term, number_matches, parse, places_of

# What numbers are compared with, by the word in a query.
NUMBERS: Mapping[str, Callable[[SampleTable], NDArray[np.generic]]] = {
    "conf": lambda table: table.confidence,
    "margin": lambda table: table.margin,
    "unsure": lambda table: table.unsure,
    "differing": lambda table: table.differing,
    "iou": lambda table: table.iou,
    "quality": lambda table: table.quality,
    "suspect": lambda table: table.suspect,
    "comments": lambda table: table.comments,
    # 0 stands for an image that nobody has read.
    "width": lambda table: np.where(table.width > 0, table.width, np.nan),
    "height": lambda table: np.where(table.height > 0, table.height, np.nan),
}
CLASSES: Mapping[str, Callable[[SampleTable], NDArray[np.int32]]] = {
    "class": lambda table: table.pixels,
    "mask_class": lambda table: table.mask_pixels,
    "predicted_class": lambda table: table.predicted_pixels,
}
# Names of which there are few: one that does not exist is a slip of the pen.
CHOICES: Mapping[str, Callable[[SampleTable], Sequence[str]]] = {"split": lambda table: table.split}
TEXTS: Mapping[str, Callable[[SampleTable], Sequence[str]]] = {
    "folder": lambda table: table.folder,
    "assignee": lambda table: table.assignee,
}
NAME = "name"
# Asking for one of these is no mistake where no sample is in it.
USUAL_SPLITS = ("train", "val", "test")
WORDS = (NAME, "folder", "status", "split", "assignee", *CLASSES, *NUMBERS, "note")
STATUS_NAMES = tuple(status.value for status in STATUSES)


def matching_samples(table: SampleTable, query: str) -> Flags:
    """bool [n]: which samples of a table fulfil a query; all for an empty one.

    `night class=train|bus status=predicted conf<0.6 note=""`: a part without a sign is a part of the name, as
    with `name=`; `note` is a part of the note, and `note=""` has none; `class` is one that the mask or,
    without a mask, the prediction has. A condition on a number that is not known, such as the confidence of a
    sample without a prediction, is not fulfilled.

    Raises:
        InputError: a condition cannot be read, or names a class, status or split that there is not.
    """
    chosen = np.ones(table.count, bool)
    for term in parse(query, WORDS, NUMBERS.keys(), plain=NAME):
        chosen &= _fulfilled(table, term)
    return chosen


def _fulfilled(table: SampleTable, term: Term) -> Flags:
    if term.word in NUMBERS:
        return number_matches(term, NUMBERS[term.word](table))
    found = _named(table, term)
    return found if term.sign == "=" else ~found


def _named(table: SampleTable, term: Term) -> Flags:
    """bool [n]: which samples have one of the names that a condition lists."""
    if term.word in CLASSES:
        ids = places_of(term, table.names, "class")
        return np.asarray((CLASSES[term.word](table)[:, ids] > 0).any(axis=1))
    if term.word == "status":
        return np.isin(table.status, places_of(term, STATUS_NAMES, "status"))
    if term.word in CHOICES:
        values = CHOICES[term.word](table)
        known = sorted({"", *USUAL_SPLITS, *values})
        wanted = {known[place] for place in places_of(term, known, term.word)}
        return _flags(value in wanted for value in values)
    if term.word in TEXTS:
        return _flags(value in term.values for value in TEXTS[term.word](table))
    parts = [value.casefold() for value in term.values]
    if term.word == "note":
        return _flags(_is_in(parts, note.casefold()) for note in table.note)
    return _flags(any(part in key for part in parts) for key in table.folded)


def _is_in(wanted: Sequence[str], note: str) -> bool:
    """Whether a note has one of some texts; "" is found in an empty note alone."""
    return any(text in note if text else not note for text in wanted)


def _flags(values: Iterable[bool]) -> Flags:
    return np.fromiter(values, bool)
