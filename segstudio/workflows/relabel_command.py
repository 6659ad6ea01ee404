"""Relabelling alike regions by names, as the command line asks for it, and what it tells."""

from collections.abc import Sequence
from dataclasses import dataclass

from segstudio.annotation.alike import SOURCES, Likeness
from segstudio.annotation.palette import plain_name
from segstudio.errors import InputError
from segstudio.jobs import JobContext
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus
from segstudio.workflows.relabel_alike import (
    ACCEPTED,
    NO_MASK,
    Finds,
    Left,
    Order,
    change_of,
    relabel,
    search,
    undo_batch,
)


@dataclass(frozen=True)
class Wish:
    """What is asked for in words; see `Likeness`. Classes are names, "" is any."""

    source: str
    target: str
    where: str = "mask"
    least: int = 1
    most: int = 0
    surest: float = 1.0
    touching: str = ""
    second: str = ""
    accepted: bool = False


@dataclass(frozen=True)
class Relabelled:
    """What was changed, or with `dry_run` would be: `left` maps samples that stay to the reason."""

    batch: str
    dry_run: bool
    regions: int
    samples: int
    pixels: int
    left: dict[str, str]


@dataclass(frozen=True)
class Undone:
    """What was taken back: the batch's title, how many samples, and why others were left."""

    title: str
    samples: int
    left: dict[str, str]


def relabel_project(
    project: Project, wish: Wish, context: JobContext | None = None, *, dry_run: bool = False
) -> Relabelled:
    """Finds the wished regions in all samples and relabels them.

    Raises:
        InputError: a class or a place that is not known, or nothing that would change.
    """
    context = context or JobContext()
    wanted, target = likeness(project, wish), class_named(project, wish.target)
    if wanted.source == "mask" and wanted.class_id == target:
        raise InputError(f"{wish.source} is {wish.target} already", hint="give two classes")
    found, unread = search(project, project.samples(), wanted, context)
    order = Order(wanted, target, f"Relabel {wish.source} as {wish.target}", accepted=wish.accepted)
    if dry_run:
        return _foreseen(project, found, order, unread)
    result = relabel(project, found, order, context)
    left = _named([*unread, *result.left])
    return Relabelled(result.batch, False, result.regions, len(result.keys), result.pixels, left)


def _foreseen(project: Project, found: Sequence[Finds], order: Order, unread: Sequence[Left]) -> Relabelled:
    """What a batch would do."""
    regions = pixels = samples = 0
    left = list(unread)
    for finds in found:
        if project.sample(finds.key).status is SampleStatus.ACCEPTED and not order.accepted:
            left.append(Left(finds.key, ACCEPTED))
            continue
        mask = project.load_mask(finds.key)
        if mask is None:
            left.append(Left(finds.key, NO_MASK))
            continue
        edit, count = change_of(mask, finds.regions, order)
        if edit is not None:
            regions, pixels, samples = regions + count, pixels + edit.pixels, samples + 1
    return Relabelled("", True, regions, samples, pixels, _named(left))


def undo_in_project(project: Project, batch: str = "", context: JobContext | None = None) -> Undone:
    """Takes a batch back; "" is the newest. Raises what `undo_batch` does."""
    result = undo_batch(project, batch, context)
    return Undone(result.title, len(result.restored), _named(result.left))


def likeness(project: Project, wish: Wish) -> Likeness:
    """The wish with ids in place of names.

    Raises:
        InputError: a name that is not known, or a number beyond its range.
    """
    for source in SOURCES:
        if source == wish.where:
            break
    else:
        raise InputError(f"regions in {wish.where!r}", hint=f"use one of: {', '.join(SOURCES)}")
    if wish.least < 1 or wish.most < 0 or not 0 <= wish.surest <= 1:
        raise InputError(
            f"area {wish.least} to {wish.most}, confidence up to {wish.surest}",
            hint="areas are pixels, confidence is 0-1",
        )
    return Likeness(
        class_named(project, wish.source),
        source,
        wish.least,
        wish.most,
        surest=wish.surest,
        touching=class_named(project, wish.touching) if wish.touching else None,
        second=class_named(project, wish.second) if wish.second else None,
    )


def class_named(project: Project, name: str) -> int:
    """The id of a class of the project, by its name; case, spaces, dashes and underscores aside.

    Raises:
        InputError: there is none of that name.
    """
    for entry in project.palette.classes:
        if plain_name(entry.name) == plain_name(name):
            return entry.id
    names = ", ".join(entry.name for entry in project.palette.classes)
    raise InputError(f"{project.root} has no class {name!r}", hint=f"use one of: {names}")


def _named(left: Sequence[Left]) -> dict[str, str]:
    return {entry.key: entry.reason for entry in left}
