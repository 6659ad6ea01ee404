"""The commands that show and order the catalog of models: names, tags, notes, archive, trash."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.model_words import Name, ProjectFolder, opened, read
from segstudio.cli.output import Json, print_facts, print_json

if TYPE_CHECKING:
    from segstudio.project.project import Project
    from segstudio.workflows.model_facts import ModelFacts

app = typer.Typer(no_args_is_help=True)


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
    with opened(project) as there:
        facts = read(there)
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
    with opened(project) as there:
        # A folder elsewhere has a spec and nothing else.
        known = next((one for one in read(there).models if one.entry.folder == folder), None)
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

    with opened(project) as there:
        entry = rename(name, new)
        if there is not None:
            follow_renames(there)
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

    with opened(project) as there:
        set_archived(name, not back, _in_use(there))
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

    with opened(project) as there:
        if there is not None:
            note_weights(there, own_model(name))
        delete(name, _in_use(there), force=force)
    print(f"{name} is in the trash: segstudio models restore {name}")


@app.command("restore")
def models_restore(
    name: Name, as_name: Annotated[str, typer.Option("--as", help="Another name for it.")] = ""
) -> None:
    """Take the last deleted model of a name back."""
    from segstudio.inference.model_changes import restore

    print(f"{restore(name, as_name).name} is back")
