"""The commands that order the catalog of models: names, tags, archive, trash, lineage, comparison, disk."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.output import Json, print_facts, print_json, progress
from segstudio.errors import InputError

if TYPE_CHECKING:
    from segstudio.inference.lineage import Branch
    from segstudio.project.project import Project
    from segstudio.workflows.model_comparison import ModelComparison
    from segstudio.workflows.model_facts import CatalogFacts, ModelFacts

app = typer.Typer(no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="Name of a model.")]
ProjectFolder = Annotated[
    Path | None, typer.Option("--project", help="A project: its scores, its model in use, its records.")
]


@contextmanager
def _opened(folder: Path | None) -> "Iterator[Project | None]":
    if folder is None:
        yield None
        return
    from segstudio.project.project import Project
    from segstudio.workflows.model_use import follow_renames

    with Project.open(folder, create=False) as project:
        follow_renames(project)
        yield project


def _read(project: "Project | None") -> "CatalogFacts":
    from segstudio.workflows.model_facts import read_catalog

    with progress() as context:
        return read_catalog(project, context)


def _in_use(project: "Project | None") -> tuple[str, ...]:
    """What the window uses, and what a project does."""
    from segstudio.settings import Settings

    current = project.promotions.current() if project is not None else None
    return (Settings.load().text("model"), *((current.model,) if current is not None else ()))


@app.command("list")
def models_list(
    tag: Annotated[str, typer.Option(help="Only models with this tag.")] = "",
    archived: Annotated[bool, typer.Option("--archived", help="Archived models too.")] = False,
    project: ProjectFolder = None,
    as_json: Json = False,
) -> None:
    """List every model: what it is, its scores on a project, speed and size."""
    with _opened(project) as opened:
        facts = _read(opened)
    shown = [
        one
        for one in facts.models
        if (archived or not one.entry.notes.archived) and (not tag or tag in one.entry.notes.tags)
    ]
    if as_json:
        print_json([one.to_json() for one in shown])
        return
    for one in shown:
        print("  ".join(_columns(one)))


def _columns(one: "ModelFacts") -> Iterator[str]:
    spec, notes = one.entry.spec, one.entry.notes
    yield one.name
    yield f"{spec.architecture}, {len(spec.classes)} classes, {spec.precision}" if spec else one.entry.problem
    if one.parents:
        yield f"from {one.parents[0].name}"
    if one.measured:
        yield f"mIoU {one.measured.miou:.2%}{' with other weights' if one.measured.outdated else ''}"
    if one.speeds:
        yield f"{one.speeds[0].fps:.1f} images/s"
    yield f"{one.size / 1e6:.1f} MB"
    if notes.tags:
        yield f"[{', '.join(notes.tags)}]"
    states = [word for word, holds in (("archived", notes.archived), ("shipped", one.entry.bundled)) if holds]
    if states:
        yield f"({', '.join(states)})"


@app.command("show")
def models_show(name: str, project: ProjectFolder = None, as_json: Json = False) -> None:
    """Print what is known about a model."""
    from segstudio.inference.catalog import find_model
    from segstudio.inference.spec import spec_to_dict

    folder, spec = find_model(name)
    values: dict[str, Any] = {"folder": str(folder), **spec_to_dict(spec)}
    with _opened(project) as opened:
        # A folder elsewhere has a spec and nothing else.
        known = next((one for one in _read(opened).models if one.entry.folder == folder), None)
    if as_json:
        print_json(values | ({"catalog": known.to_json()} if known else {}))
        return
    print_facts(values)
    if known is not None:
        print_facts(_told(known))


def _told(one: "ModelFacts") -> dict[str, Any]:
    notes, measured = one.entry.notes, one.measured
    told: dict[str, Any] = {
        "tags": notes.tags,
        "archived": "yes" if notes.archived else "no",
        "my_notes": notes.text or "none",
        "came_from": [f"{one.name} ({one.presence.value})" for one in one.parents],
        "made_from_it": one.children,
        "disk": {kind: f"{size / 1e6:.1f} MB" for kind, size in one.bytes.items()},
        "exports": [
            f"{form.format} {form.folder}{'' if form.is_there else ' (gone)'}" for _, form in one.exports
        ],
    }
    if measured:
        told["measured_on"] = f"{measured.samples} samples of {measured.project}, mIoU {measured.miou:.2%}"
        told["iou_by_class"] = {name: f"{iou:.2%}" for name, iou in measured.classes.items() if iou == iou}
    if one.manifest:
        told["trained_on_samples"] = f"{one.manifest.samples} of {one.manifest.project}"
    return told


@app.command("rename")
def models_rename(name: Name, new: str, project: ProjectFolder = None) -> None:
    """Give a model another name; its children and a project's records follow."""
    from segstudio.inference.model_changes import rename
    from segstudio.workflows.model_use import follow_renames

    with _opened(project) as opened:
        entry = rename(name, new)
        if opened is not None:
            follow_renames(opened)
    print(f"{name} is {entry.name} now")


@app.command("tag")
def models_tag(
    name: Name,
    tags: Annotated[str, typer.Argument(help="Tags with commas between them; - takes all away.")],
    add: Annotated[bool, typer.Option("--add", help="Keep those that it has.")] = False,
) -> None:
    """Set the tags of a model."""
    from segstudio.inference.model_changes import own_model, set_tags
    from segstudio.inference.model_notes import tags_of

    before = own_model(name).notes.tags if add else ()
    entry = set_tags(name, (*before, *(() if tags == "-" else tags_of(tags))))
    print(f"{name}: {', '.join(entry.notes.tags) or 'no tags'}")


@app.command("note")
def models_note(name: Name, text: Annotated[str, typer.Argument(help='"" takes them away.')]) -> None:
    """Set your notes on a model."""
    from segstudio.inference.model_changes import set_text

    set_text(name, text)
    print(f"noted on {name}")


@app.command("archive")
def models_archive(
    name: Name,
    back: Annotated[bool, typer.Option("--back", help="Show it again.")] = False,
    project: ProjectFolder = None,
) -> None:
    """Hide a model from lists and choosers; its files stay."""
    from segstudio.inference.model_changes import set_archived

    with _opened(project) as opened:
        set_archived(name, not back, _in_use(opened))
    print(f"{name} is {'shown again' if back else 'archived'}")


@app.command("delete")
def models_delete(
    name: Name,
    force: Annotated[bool, typer.Option("--force", help="Although it is in use or has children.")] = False,
    project: ProjectFolder = None,
) -> None:
    """Move a model to the trash."""
    from segstudio.inference.model_changes import delete, own_model
    from segstudio.workflows.model_use import note_weights

    with _opened(project) as opened:
        if opened is not None:
            note_weights(opened, own_model(name))
        delete(name, _in_use(opened), force=force)
    print(f"{name} is in the trash: segstudio models restore {name}")


@app.command("restore")
def models_restore(
    name: Name, as_name: Annotated[str, typer.Option("--as", help="Another name for it.")] = ""
) -> None:
    """Take the last deleted model of a name back."""
    from segstudio.inference.model_changes import restore

    print(f"{restore(name, as_name).name} is back")


@app.command("lineage")
def models_lineage(
    name: Annotated[str, typer.Argument(help="A model; all of them if left out.")] = "",
    as_json: Json = False,
) -> None:
    """Show which model came from which."""
    from segstudio.inference.catalog import find_entry

    if name:
        find_entry(name)
    branches = [one for one in _read(None).tree if not name or _holds(one, name)]
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
    with _opened(project) as opened:
        facts = _read(opened)
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
            print(f"{freed / 1e6:.1f} MB are free again")
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
