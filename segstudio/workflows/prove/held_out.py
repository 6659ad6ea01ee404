"""Chooses the samples that two models are judged on: neither learnt from any of them."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, InputError
from segstudio.jobs import JobContext
from segstudio.project.layout import is_held_out
from segstudio.project.project import Project
from segstudio.project.sample import Sample, SampleStatus
from segstudio.training.data.leakage import difference_hash, near_duplicates
from segstudio.workflows.prove.learnt import Learnt

ACCEPTED = (SampleStatus.ACCEPTED,)
ALL_OTHERS = "all that no model learnt from"
# Of samples that a warning is about.
NAMED = 3


@dataclass(frozen=True)
class Twins:
    """A held-out sample that shows nearly the same as one that was learnt from."""

    key: str
    learnt: str


@dataclass(frozen=True)
class HeldOut:
    """The samples that judge, and what was left out.

    Attributes:
        keys: the samples, in the project's order.
        source: where they come from, in words.
        learnt: samples that would be among them, had not one of the models learnt from them.
        open: how many have a status that does not count: nobody accepted their masks.
        judged: how many of them chose the best state of a model while it learnt, which flatters it.
        twins: near-duplicates of samples that were learnt from; they count.
        untold: models that keep no list of what they learnt from.
    """

    keys: tuple[str, ...]
    source: str
    learnt: tuple[str, ...] = ()
    open: int = 0
    judged: int = 0
    twins: tuple[Twins, ...] = ()
    untold: tuple[str, ...] = ()

    def warnings(self) -> list[str]:
        """What a reader of the result should know, a sentence each."""
        found = []
        if self.learnt:
            found.append(f"{_samples(self.learnt)} were learnt from and do not count{_named(self.learnt)}")
        if self.open:
            found.append(f"{self.open:,} more are not accepted and do not count")
        if self.twins:
            pairs = [f"{twin.key} and {twin.learnt}" for twin in self.twins]
            found.append(f"{_samples(pairs)} look like one that was learnt from{_named(pairs)}")
        if self.judged:
            found.append(
                f"{self.judged:,} of the samples chose the best state of a model while it learnt, "
                "which flatters it a little"
            )
        if self.untold:
            verb = "keep" if len(self.untold) > 1 else "keeps"
            found.append(f"{' and '.join(self.untold)} {verb} no list of what was learnt from")
        return found


def choose_held_out(
    project: Project,
    learnt: Learnt,
    split: str = "",
    statuses: Collection[SampleStatus] = ACCEPTED,
    context: JobContext | None = None,
) -> HeldOut:
    """The samples that may judge.

    Args:
        project: whose samples.
        learnt: what the models learnt from.
        split: these samples; "" takes the splits for validation and test, and where there is none all that
            nobody learnt from.
        statuses: of samples whose masks count as the truth.
        context: progress and cancellation.

    Raises:
        InputError: none is left; says why and what to do. Cancelled: between two samples.
    """
    context = context or JobContext()
    samples = [sample for sample in project.samples() if sample.mask.exists()]
    pool, source = _pool(samples, split)
    _require_pool(project, pool, source, split, learnt)
    counted = [sample for sample in pool if sample.status in statuses]
    gone = _learnt_among(counted, learnt, context)
    keys = tuple(sample.key for sample in counted if sample.key not in gone)
    if not keys:
        raise _none_left(source, len(pool), len(counted), statuses)
    return HeldOut(
        keys,
        source,
        tuple(sample.key for sample in counted if sample.key in gone),
        len(pool) - len(counted),
        len(learnt.judged.intersection(keys)),
        _twins(project, keys, learnt, context),
        learnt.untold,
    )


def _pool(samples: Sequence[Sample], split: str) -> tuple[list[Sample], str]:
    """The samples with masks that are for judging, and where they come from in words."""
    if split:
        return [sample for sample in samples if sample.split == split], f"split {split}"
    marked = [sample for sample in samples if is_held_out(sample.split)]
    names = sorted({sample.split for sample in marked})
    return (marked, f"split {' and '.join(names)}") if marked else (list(samples), ALL_OTHERS)


def _learnt_among(samples: Sequence[Sample], learnt: Learnt, context: JobContext) -> frozenset[str]:
    """Those of some samples that were learnt from, by key or by the very image."""
    gone = {sample.key for sample in samples if sample.key in learnt.keys}
    for number, sample in enumerate(samples if learnt.digests else ()):
        context.check()
        context.progress(number, len(samples), f"comparing images  ·  {sample.key}")
        if _digest(sample) in learnt.digests:
            gone.add(sample.key)
    return frozenset(gone)


def _digest(sample: Sample) -> str:
    """SHA-256 of a sample's image; "" where it cannot be read."""
    try:
        with sample.image.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return ""


def _twins(project: Project, keys: Sequence[str], learnt: Learnt, context: JobContext) -> tuple[Twins, ...]:
    """Samples that look like one that was learnt from; see `near_duplicates` for how alike."""
    ours, our_hashes = _hashes(project, sorted(learnt.keys), context)
    theirs, their_hashes = _hashes(project, keys if ours else (), context)
    return tuple(
        Twins(theirs[twin.other], ours[twin.train]) for twin in near_duplicates(our_hashes, their_hashes)
    )


def _hashes(
    project: Project, keys: Sequence[str], context: JobContext
) -> tuple[list[str], NDArray[np.uint64]]:
    """Hashes uint64 [n] of the samples that have one, by their thumbnails: those are small and kept."""
    found: dict[str, int] = {}
    for number, key in enumerate(keys):
        context.check()
        context.progress(number, len(keys), f"looking for near-duplicates  ·  {key}")
        try:
            value = difference_hash(project.thumbnail(key))
        except ImageError:
            continue
        if value is not None:
            found[key] = value
    return list(found), np.array(list(found.values()), np.uint64)


def _require_pool(project: Project, pool: Sequence[Sample], source: str, split: str, learnt: Learnt) -> None:
    """Raises InputError where there is nothing to choose from, or nothing to choose by."""
    if not pool:
        raise _no_pool(project, split)
    if source == ALL_OTHERS and not (learnt.keys or learnt.digests):
        raise InputError(
            f"nothing says which samples of {project.root} {' and '.join(learnt.untold)} learnt from",
            hint="put samples that are not for training into a split named val",
        )


def _no_pool(project: Project, split: str) -> InputError:
    if split:
        there = sorted({sample.split for sample in project.samples()} - {""})
        return InputError(
            f"split {split} of {project.root} has no sample with a mask",
            hint=f"it has the splits {', '.join(there)}" if there else "it has no splits yet",
        )
    return InputError(f"{project.root} has no sample with a mask", hint="label some samples first")


def _none_left(source: str, pool: int, counted: int, statuses: Collection[SampleStatus]) -> InputError:
    if not counted:
        wanted = " or ".join(status.value.replace("_", " ") for status in statuses)
        return InputError(
            f"none of the {pool:,} samples with masks in {source} is {wanted}",
            hint="review and accept those that may judge",
        )
    return InputError(
        f"the models learnt from all {counted:,} samples in {source}",
        hint="label samples that no training has seen, and put them into a split named val",
    )


def _samples(keys: Sequence[str]) -> str:
    return "1 sample" if len(keys) == 1 else f"{len(keys):,} samples"


def _named(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
    return f": {', '.join(names[:NAMED])}{more}"
