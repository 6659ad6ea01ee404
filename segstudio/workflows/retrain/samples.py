"""Chooses the samples that a retraining learns from, and those it is scored on: never the same sequence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ProjectError
from segstudio.inference.catalog import find_model
from segstudio.project.layout import is_held_out
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.project.sample_query import matching_samples
from segstudio.project.sample_table import SampleTable
from segstudio.project.splits import lot
from segstudio.workflows.prove.learnt import Learnt, learnt_from
from segstudio.workflows.retrain.choice import RetrainChoice

Picked = NDArray[np.bool_]
TRAIN, VALIDATION, TEST = "train", "val", "test"
# With fewer sequences than this a share cannot be drawn; longer ones are cut.
FEWEST_SEQUENCES = 5


@dataclass(frozen=True)
class ChosenSamples:
    """Keys by their use, in the project's order.

    Attributes:
        train: to learn from.
        validation: to score.
        drawn: whether validation was drawn, as the project has no such split.
        without_mask: samples of the right status that have no mask.
        held_out: samples of other splits that judge, test and its like, which no training sees.
    """

    train: tuple[str, ...]
    validation: tuple[str, ...]
    drawn: bool
    without_mask: tuple[str, ...] = ()
    held_out: int = 0

    @property
    def splits(self) -> dict[str, str]:
        """The split of each key in the frozen manifest."""
        return {**dict.fromkeys(self.train, TRAIN), **dict.fromkeys(self.validation, VALIDATION)}


def choose_samples(project: Project, choice: RetrainChoice) -> ChosenSamples:
    """The samples of a choice as the project is now.

    The query narrows what is learnt from alone: what is scored stays the same from run to run. Samples of a
    split that judges by its name are never learnt from. Where the chosen split has none, those of the other
    splits for validation are scored, such as "valid"; where there are none either, a share is drawn.

    Raises:
        InputError: the query cannot be read. ModelError: there is no such start.
        ProjectError: no sample is left to learn from; says what there is.
    """
    table = project.queue.table()
    usable = table.has_status(*(SampleStatus(status) for status in choice.statuses))
    has_mask = np.array([project.mask_path(key).is_file() if use else False
                         for key, use in zip(table.keys, usable, strict=True)], bool)  # fmt: skip
    wanted = usable & matching_samples(table, choice.query)
    split = _uses(table, choice.validation, usable & has_mask)
    candidates, scored = usable & has_mask & (split != TEST), usable & has_mask & (split == VALIDATION)
    drawn = False
    if not scored.any() and choice.drawn_share > 0:
        keys, learnt = [table.keys[place] for place in np.flatnonzero(candidates)], _learnt(project, choice)
        lots = drawn_sequences(
            keys, choice.drawn_share, choice.seed, learnt=learnt.keys, judged=learnt.judged
        )
        scored, drawn = np.array([key in lots for key in table.keys], bool), bool(lots)
    taught = candidates & wanted & ~scored
    if not taught.any():
        raise _nothing_left(project, table, choice, int(usable.sum()), int((usable & has_mask).sum()))
    return ChosenSamples(
        _keys(table, taught), _keys(table, scored), drawn, _keys(table, wanted & ~has_mask),
        int((usable & (split == TEST)).sum()),
    )  # fmt: skip


def drawn_sequences(
    keys: Sequence[str], share: float, seed: int, *,
    learnt: AbstractSet[str] = frozenset(), judged: AbstractSet[str] = frozenset(),
) -> frozenset[str]:  # fmt: skip
    """Keys of about `share` of some samples, drawn by whole sequences: no frame is parted from its like.

    Each sequence has its lot, as `project.assign_splits` gives samples theirs; those that come first are
    taken until the share is reached. One that would overshoot by more than what is missing is left out; the
    shortest is taken where that leaves nothing. A single sample, or a single sequence that cannot be cut, is
    kept to learn from.

    Args:
        keys: samples to draw from.
        share: of them, 0-1.
        seed: of the lots.
        learnt: samples that the start, or what it was made of, learnt from: none is drawn, nor any of their
            sequences.
        judged: samples that those were scored on: they are drawn before all others, so that scores can be
            compared from run to run.
    """
    groups = sequences(keys)
    known = {name for key, name in groups.items() if key in learnt}
    chosen = {name for key, name in groups.items() if key in judged} - known
    # Where old and new frames stand in one sequence, the old ones keep their use.
    taken = {key for key, name in groups.items() if name in chosen or (key in judged and key not in learnt)}
    sizes = Counter(groups.values())
    reached, wanted = len(taken), share * len(keys)
    names = sorted(set(groups.values()) - known - chosen, key=lambda name: lot(seed, name))
    for name in names:
        if reached >= wanted:
            break
        size = sizes[name]
        if reached + size - wanted > wanted - reached or reached + size == len(keys):
            continue
        chosen.add(name)
        reached += size
    if not reached and names and sizes[shortest := min(names, key=sizes.__getitem__)] < len(keys):
        chosen.add(shortest)
    return frozenset(key for key, name in groups.items() if name in chosen or key in taken)


def sequences(keys: Sequence[str]) -> Mapping[str, str]:
    """The sequence of each key: its folder, else its name without the number, else a stretch of the order."""
    by_folder = {key: key.rpartition("/")[0] for key in keys}
    by_name = {key: key.rstrip("0123456789") for key in keys}
    for groups in (by_folder, by_name):
        count = len(set(groups.values()))
        # Names that all differ say nothing about who belongs together.
        if count >= FEWEST_SEQUENCES and (count <= len(keys) / 2 or groups is by_folder):
            return groups
    stretches = min(len(keys), 2 * FEWEST_SEQUENCES)
    return {key: f"stretch {number * stretches // len(keys)}" for number, key in enumerate(keys)}


def _uses(table: SampleTable, validation: str, usable: Picked) -> NDArray[np.str_]:
    """The use of each sample: TRAIN, VALIDATION or TEST."""
    named = np.array([bool(name) and name == validation for name in table.split], bool)
    judges = np.array([is_held_out(name) for name in table.split], bool)
    if not (named & usable).any():
        named = judges & np.array([name.casefold().startswith(VALIDATION) for name in table.split], bool)
    return np.where(named, VALIDATION, np.where(judges, TEST, TRAIN))


def _learnt(project: Project, choice: RetrainChoice) -> Learnt:
    """What the start and its ancestors learnt from, and were scored on."""
    return learnt_from(project, *find_model(choice.model)) if choice.model else Learnt()


def _keys(table: SampleTable, chosen: Picked) -> tuple[str, ...]:
    return tuple(table.keys[place] for place in np.flatnonzero(chosen))


def _nothing_left(
    project: Project, table: SampleTable, choice: RetrainChoice, usable: int, masked: int
) -> ProjectError:
    """Why there is nothing to learn from, and what to do."""
    named = " or ".join(choice.statuses)
    if not usable:
        there = ", ".join(f"{count} {name}" for name, count in project.info().by_status.items() if count)
        return ProjectError(
            f"no sample is {named}; the project has {there or 'none'}",
            hint="accept samples whose masks are right, then retrain",
        )
    if not masked:
        return ProjectError(f"none of the {usable} {named} samples has a mask", hint="label some of them")
    if choice.query:
        return ProjectError(
            f"none of the {masked} {named} samples to learn from fits {choice.query!r}",
            hint="widen the query; samples of the validation and test splits are never learnt from",
        )
    return ProjectError(
        f"all {masked} {named} samples are held out for validation or test",
        hint="accept more samples, or move some to the split train",
    )
