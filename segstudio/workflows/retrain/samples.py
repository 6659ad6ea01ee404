"""Chooses the samples that a retraining learns from, and those it is scored on: never the same sequence."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from segstudio.errors import ProjectError
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.project.sample_query import matching_samples
from segstudio.project.sample_table import SampleTable
from segstudio.project.splits import lot
from segstudio.workflows.retrain.choice import RetrainChoice

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
        held_out: samples of the split "test", which no training sees.
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

    The query narrows what is learnt from alone: what is scored stays the same from run to run.

    Raises:
        InputError: the query cannot be read.
        ProjectError: no sample is left to learn from; says what there is.
    """
    table = project.queue.table()
    usable = table.has_status(*(SampleStatus(status) for status in choice.statuses))
    split = np.array([_use(name, choice.validation) for name in table.split], dtype="U5")
    has_mask = np.array([project.mask_path(key).is_file() if use else False
                         for key, use in zip(table.keys, usable, strict=True)], bool)  # fmt: skip
    wanted = usable & matching_samples(table, choice.query)
    candidates, scored = usable & has_mask & (split != TEST), usable & has_mask & (split == VALIDATION)
    drawn = not scored.any() and choice.drawn_share > 0
    if drawn:
        keys = [table.keys[place] for place in np.flatnonzero(candidates)]
        lots = drawn_sequences(keys, choice.drawn_share, choice.seed)
        scored = np.array([key in lots for key in table.keys], bool)
    learnt = candidates & wanted & ~scored
    if not learnt.any():
        raise _nothing_left(project, table, choice, int(usable.sum()), int((usable & has_mask).sum()))
    return ChosenSamples(
        _keys(table, learnt), _keys(table, scored), drawn, _keys(table, wanted & ~has_mask),
        int((usable & (split == TEST)).sum()),
    )  # fmt: skip


def drawn_sequences(keys: Sequence[str], share: float, seed: int) -> frozenset[str]:
    """Keys of about `share` of some samples, drawn by whole sequences: no frame is parted from its like.

    Each sequence has its lot, as `project.assign_splits` gives samples theirs; those that come first are
    taken until the share is reached. A single sample, or a single sequence that cannot be cut, is kept to
    learn from.
    """
    groups = sequences(keys)
    names = sorted(set(groups.values()), key=lambda name: lot(seed, name))
    sizes = Counter(groups.values())
    chosen: set[str] = set()
    reached, wanted = 0, share * len(keys)
    for name in names[:-1]:
        if reached >= wanted:
            break
        # The one that overshoots is left out, where something was drawn and that is nearer.
        if reached and reached + sizes[name] - wanted > wanted - reached:
            continue
        chosen.add(name)
        reached += sizes[name]
    return frozenset(key for key, name in groups.items() if name in chosen)


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


def _use(split: str, validation: str) -> str:
    if split and split == validation:
        return VALIDATION
    return TEST if split == TEST else TRAIN


def _keys(table: SampleTable, chosen: "np.ndarray[tuple[int], np.dtype[np.bool_]]") -> tuple[str, ...]:
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
