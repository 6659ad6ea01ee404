"""Finds regions that are alike in many samples, gives them another class in one batch, and takes it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.alike import Alike, Likeness, find_alike, is_still_there, relabelled
from segstudio.annotation.history import Edit
from segstudio.annotation.protection import OPEN, Protection
from segstudio.annotation.second_choice import Evidence
from segstudio.errors import SegstudioError
from segstudio.jobs import JobContext
from segstudio.project.batches import (
    Batch,
    BatchState,
    BatchStep,
    begin_batch,
    list_batches,
    open_batch,
    pixels_digest,
)
from segstudio.project.project import Project
from segstudio.project.sample import Changes, Sample, SampleStatus, StoredPrediction

Mask = NDArray[np.uint8]
NO_MASK = "it has no mask yet: accept its prediction first"
ACCEPTED = "it is accepted"
EDITED = "it was edited since"
CANCELLED = "it was cancelled before"
NO_MASKS: Mapping[str, Mask] = {}


@dataclass(frozen=True)
class Left:
    """A sample that was left as it is, and why."""

    key: str
    reason: str


@dataclass(frozen=True)
class Finds:
    """The regions that were found in one sample, which is never without any."""

    key: str
    regions: tuple[Alike, ...]


@dataclass(frozen=True)
class RelabelResult:
    """What a batch did.

    Attributes:
        batch: its name for `undo_batch`, "" where nothing changed.
        regions, pixels: how many were changed.
        left: samples that stayed as they were.
        changes: of mask files.
        edits: of open masks, by sample, which the caller makes.
    """

    batch: str
    regions: int
    pixels: int
    left: tuple[Left, ...]
    changes: Changes
    edits: Mapping[str, Edit]

    @property
    def keys(self) -> frozenset[str]:
        """All samples that it changes."""
        return self.changes.masks | frozenset(self.edits)


@dataclass(frozen=True)
class UndoResult:
    """What undoing a batch did.

    Attributes:
        title: what the batch was.
        restored: samples that have their pixels back.
        left: those that stayed as they were, and why.
        changes: of mask files.
        edits: those that the caller takes back in open masks, by sample.
    """

    title: str
    restored: tuple[str, ...]
    left: tuple[Left, ...]
    changes: Changes
    edits: Mapping[str, Edit]


def search(
    project: Project,
    samples: Sequence[Sample],
    wanted: Likeness,
    context: JobContext | None = None,
    *,
    masks: Mapping[str, Mask] = NO_MASKS,
) -> tuple[list[Finds], list[Left]]:
    """The wanted regions of samples; each sample's Finds is an event as well.

    Args:
        project: whose samples.
        samples: those to look through.
        wanted: which regions.
        context: progress and cancellation.
        masks: by sample, what counts in place of the mask's file.

    Returns:
        What was found, and the samples that could not be looked at.

    Raises:
        Cancelled: between two samples.
    """
    context = context or JobContext()
    found: list[Finds] = []
    left: list[Left] = []
    for number, sample in enumerate(samples):
        context.check()
        context.progress(number, len(samples), sample.key)
        try:
            regions = _regions_of(project, sample, wanted, masks.get(sample.key))
        except SegstudioError as error:
            left.append(Left(sample.key, error.message))
            continue
        if regions:
            finds = Finds(sample.key, tuple(regions))
            found.append(finds)
            context.event(finds)
    return found, left


def _regions_of(project: Project, sample: Sample, wanted: Likeness, mask: Mask | None) -> list[Alike]:
    if mask is None and wanted.source == "mask":
        mask = project.load_mask(sample.key) if sample.mask.exists() else None
        if mask is None:
            return []
    stored = project.load_prediction(sample.key)
    said = evidence(stored) if stored is not None else None
    if said is not None and mask is not None and said.ids.shape != mask.shape:
        said = None
    return find_alike(mask, said, wanted)


def evidence(stored: StoredPrediction) -> Evidence:
    """What a stored prediction says about pixels."""
    return Evidence(stored.ids, stored.confidence, stored.second, stored.margin)


@dataclass(frozen=True)
class Order:
    """What a batch is to do.

    Attributes:
        wanted: what its regions were found by.
        target: the id that they take.
        title: how the batch is called.
        protection: classes no pixel of which changes.
        accepted: whether accepted samples are changed too.
    """

    wanted: Likeness
    target: int
    title: str
    protection: Protection = OPEN
    accepted: bool = False


def change_of(mask: Mask, regions: Sequence[Alike], order: Order) -> tuple[Edit | None, int]:
    """The edit of one mask, or None when nothing changes, and how many of its regions are in it.

    Regions of the mask that are no longer what they were are left out.
    """
    parts = [entry.region for entry in regions]
    if order.wanted.source == "mask":
        parts = [region for region in parts if is_still_there(mask, region)]
    edit = relabelled(mask, parts, order.target, order.title, order.protection)
    return edit, len(parts) if edit is not None else 0


def relabel(
    project: Project,
    chosen: Sequence[Finds],
    order: Order,
    context: JobContext | None = None,
    *,
    masks: Mapping[str, Mask] = NO_MASKS,
) -> RelabelResult:
    """Gives regions another class, sample by sample, each recorded before its mask is written.

    When it is cancelled or a sample fails, what was done until then stays done, and can be undone.

    Args:
        project: whose masks.
        chosen: the regions.
        order: what becomes of them.
        context: progress and cancellation, between two samples.
        masks: by sample, masks that are open elsewhere; they are recorded, and their edits returned.

    Raises:
        ImageError: the batch cannot be begun or ended on the disk.
    """
    context = context or JobContext()
    batch = begin_batch(project.batches_dir, order.title)
    regions = pixels = 0
    left: list[Left] = []
    edits: dict[str, Edit] = {}
    saved: set[str] = set()
    for number, finds in enumerate(chosen):
        if context.cancelled:
            left += [Left(rest.key, CANCELLED) for rest in chosen[number:]]
            break
        context.progress(number, len(chosen), finds.key)
        try:
            edit, count = _relabel_one(project, finds, order, batch, masks.get(finds.key))
        except SegstudioError as error:
            left.append(Left(finds.key, error.message))
            continue
        if edit is None:
            continue
        regions, pixels = regions + count, pixels + edit.pixels
        if finds.key in masks:
            edits[finds.key] = edit
        else:
            saved.add(finds.key)
    keys = frozenset(saved)
    changes = Changes(masks=keys, scores=keys, statuses=keys)
    return RelabelResult(batch.end(), regions, pixels, tuple(left), changes, edits)


def _relabel_one(
    project: Project, finds: Finds, order: Order, batch: Batch, opened: Mask | None
) -> tuple[Edit | None, int]:
    """Changes one mask, or only says how where it is open.

    Raises:
        SegstudioError: it may not or cannot be changed.
    """
    if project.sample(finds.key).status is SampleStatus.ACCEPTED and not order.accepted:
        raise SegstudioError(ACCEPTED)
    mask = project.load_mask(finds.key) if opened is None else opened
    if mask is None:
        raise SegstudioError(NO_MASK)
    edit, count = change_of(mask, finds.regions, order)
    if edit is not None:
        batch.record(BatchStep.of(finds.key, mask, edit))
        if opened is None:
            edit.put_after(mask)
            project.save_mask(finds.key, mask)
    return edit, count


def undo_batch(
    project: Project,
    name: str = "",
    context: JobContext | None = None,
    *,
    masks: Mapping[str, Mask] = NO_MASKS,
) -> UndoResult:
    """Takes a batch back: its samples have the very pixels of before.

    A sample that is as before needs nothing; one that was edited since is left alone and named. A batch that
    a crash stopped, or whose undoing was stopped or cancelled, is finished this way.

    Args:
        project: whose masks.
        name: the batch; "" is the newest that can be undone.
        context: progress and cancellation, between two samples.
        masks: by sample, masks that are open elsewhere; their edits are returned.

    Raises:
        SegstudioError: there is no such batch, or its record is damaged. ImageError: the disk refuses.
    """
    context = context or JobContext()
    chosen = name or newest_batch(project)
    if not chosen:
        raise SegstudioError("there is no batch to undo", hint="each is undone once")
    batch = open_batch(project.batches_dir, chosen)
    steps = list(batch.steps())
    batch.set_state(BatchState.UNDOING)
    restored: list[str] = []
    left: list[Left] = []
    edits: dict[str, Edit] = {}
    changes = Changes()
    for number, step in enumerate(steps):
        if context.cancelled:
            left += [Left(rest.key, CANCELLED) for rest in steps[number:]]
            break
        context.progress(number, len(steps), step.key)
        opened = masks.get(step.key)
        try:
            moved = _undo_one(project, step, opened)
        except SegstudioError as error:
            left.append(Left(step.key, error.message))
            continue
        if moved is not None:
            restored.append(step.key)
            changes |= moved
            if opened is not None:
                edits[step.key] = step.edit
    else:
        # What was edited since is the user's now; what the disk refused can be tried again.
        refused = any(entry.reason != EDITED for entry in left)
        batch.set_state(BatchState.DONE if refused else BatchState.UNDONE)
    return UndoResult(batch.facts.title, tuple(restored), tuple(left), changes, edits)


def _undo_one(project: Project, step: BatchStep, opened: Mask | None) -> Changes | None:
    """Takes a step back in its mask file, or only looks whether it can be where the mask is open.

    Returns:
        What moved in files; None when the mask is as before already.

    Raises:
        SegstudioError: the mask is gone, was edited since, or cannot be read or written.
    """
    mask = project.load_mask(step.key) if opened is None else opened.copy()
    if mask is None:
        raise SegstudioError("its mask is gone")
    if not take_back(mask, step):
        return None
    return project.save_mask(step.key, mask) if opened is None else Changes()


def take_back(mask: Mask, step: BatchStep) -> bool:
    """Puts the pixels of before into a mask; False when they are there already.

    Raises:
        SegstudioError: it was edited since the batch.
    """
    digest = pixels_digest(mask)
    if digest == step.before:
        return False
    if digest != step.after:
        raise SegstudioError(EDITED, hint="undo its later edits first")
    step.edit.put_before(mask)
    return True


def newest_batch(project: Project) -> str:
    """The name of the newest batch that was not undone; "" without any."""
    names = (f.name for f in list_batches(project.batches_dir) if f.state is not BatchState.UNDONE)
    return next(names, "")
