"""The commands that look at several models at once: lineage, comparison, disk use."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.model_words import Name, ProjectFolder, opened, read
from segstudio.cli.output import Json, print_json
from segstudio.errors import InputError

if TYPE_CHECKING:
    from segstudio.inference.lineage import Branch
    from segstudio.workflows.model_comparison import ModelComparison

app = typer.Typer()


@app.command("lineage")
def models_lineage(
    name: Annotated[str, typer.Argument(help="A model; all of them if left out.")] = "",
    as_json: Json = False,
) -> None:
    """Show which model came from which."""
    from segstudio.inference.catalog import find_entry

    if name:
        find_entry(name)
    branches = [one for one in read(None).tree if not name or _holds(one, name)]
    if as_json:
        print_json([_branch_json(one) for one in branches])
        return
    for branch in branches:
        for line in _drawn(branch, name):
            print(line)


def _holds(branch: "Branch", name: str) -> bool:
    return branch.name == name or any(_holds(child, name) for child in branch.children)


def _branch_json(branch: "Branch") -> dict[str, Any]:
    children = [_branch_json(child) for child in branch.children]
    return {"name": branch.name, "presence": branch.presence.value, "children": children}


def _drawn(branch: "Branch", marked: str, indent: str = "") -> Iterator[str]:
    state = "" if branch.presence.value == "here" else f"  ({branch.presence.value})"
    yield f"{indent}{branch.name}{state}{'  <' if marked == branch.name else ''}"
    for child in branch.children:
        yield from _drawn(child, marked, indent + "  ")


@app.command("compare")
def models_compare(first: Name, second: Name, project: ProjectFolder = None, as_json: Json = False) -> None:
    """Put two models side by side: spec, classes, scores on a project, speed, size."""
    from segstudio.inference.catalog import find_entry
    from segstudio.workflows.model_comparison import compare_models
    from segstudio.workflows.model_facts import find_facts

    for name in (first, second):
        find_entry(name)
    with opened(project) as there:
        facts = read(there)
    found = compare_models(find_facts(facts, first), find_facts(facts, second))
    if as_json:
        print_json(found.to_json())
        return
    for line in _compared(found):
        print(line)


def _compared(found: "ModelComparison") -> Iterator[str]:
    one, two = found.first, found.second
    yield f"{one.name} | {two.name}"
    for entry in found.spec:
        yield f"{entry.what.replace('_', ' ')}: {entry.first} | {entry.second}"
    yield f"size: {one.size / 1e6:.1f} MB | {two.size / 1e6:.1f} MB"
    if found.speeds:
        before, after = found.speeds
        yield f"speed: {before.fps:.1f} | {after.fps:.1f} images/s on {before.backend}, {before.device}"
    for facts, names in ((one, found.only_first), (two, found.only_second)):
        if names:
            yield f"only {facts.name} knows: {', '.join(names)}"
    if one.measured and two.measured:
        yield f"mIoU: {one.measured.miou:.2%} | {two.measured.miou:.2%}"
    for pair in found.classes:
        yield f"  {pair.name}: {_percent(pair.first)} | {_percent(pair.second)}"
    for note in found.notes:
        yield f"note: {note}"


def _percent(value: float) -> str:
    return "–" if value != value else f"{value:.2%}"


@app.command("disk")
def models_disk(
    free: Annotated[str, typer.Option(help="Free some: caches, trash or exports (made again since).")] = "",
    as_json: Json = False,
) -> None:
    """Show what models take of the disk, and free some of it."""
    from segstudio.workflows.model_disk import Freeable, disk_use
    from segstudio.workflows.model_disk import free as free_some

    kinds = [kind.value for kind in Freeable]
    if free and free not in kinds:
        raise InputError(f"{free!r} cannot be freed", hint=f"use one of: {', '.join(kinds)}")
    if free:
        freed = free_some(Freeable(free))
        if as_json:
            print_json({"freed": freed})
        else:
            to_trash = Freeable(free) is Freeable.EXPORTS
            print(f"{freed / 1e6:.1f} MB are {'in the trash now' if to_trash else 'free again'}")
        return
    found = disk_use()
    if as_json:
        print_json(found.to_json())
        return
    for name, sizes in found.models.items():
        parts = ", ".join(f"{kind} {size / 1e6:.1f}" for kind, size in sorted(sizes.items()))
        print(f"{name}: {sum(sizes.values()) / 1e6:.1f} MB ({parts})")
    print(f"caches: {sum(found.caches.values()) / 1e6:.1f} MB, free them with --free caches")
    print(f"trash: {found.trash / 1e6:.1f} MB, free it with --free trash")
    old = sum(found.old_exports.values())
    print(f"exports: {found.exports / 1e6:.1f} MB, of which {old / 1e6:.1f} MB were made again since")
