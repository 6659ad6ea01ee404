"""The command that adapts a model to what was confirmed in a project."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.output import Json, JsonEvents, ModelInUse, print_json, print_result, watched

if TYPE_CHECKING:
    from segstudio.workflows.adapt.adapter import Adaptation
    from segstudio.workflows.adapt.version import AdaptedModel

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def adapt(
    project: Annotated[Path, typer.Argument(help="A project with accepted samples or confirmed regions.")],
    model: ModelInUse = "",
    samples: Annotated[
        str, typer.Option(help="Keys of samples with commas between them; default: all that is confirmed.")
    ] = "",
    name: Annotated[str, typer.Option("--name", help="Of the new version; default: the next free one.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would do; no model is made.")
    ] = False,
    as_json: Json = False,
    json_events: JsonEvents = False,
) -> None:
    """Refit a model's last layer to confirmed pixels, in seconds, and keep it as a new version."""
    from segstudio.inference.catalog import free_folder
    from segstudio.project.project import Project
    from segstudio.workflows.adapt.adapter import Adapter
    from segstudio.workflows.adapt.version import keep
    from segstudio.workflows.model_use import start_for

    keys = [key.strip() for key in samples.split(",") if key.strip()]
    made = None
    with watched(json_events) as context, Project.open(project, create=False) as opened:
        if name:
            free_folder(name)
        adapter = Adapter(model or start_for(opened), opened.palette, opened.facts_dir)
        adaptation = adapter.adapt(opened, keys, context)
        if not dry_run:
            made = keep(adaptation, adapter, name, context)
    values = {**adaptation.to_json(), **_made(made)}
    if json_events:
        print_result(values)
    elif as_json:
        print_json(values)
    else:
        _tell(adaptation, made)


def _made(made: "AdaptedModel | None") -> dict[str, Any]:
    if made is None:
        return {"name": None, "folder": None, "notes": []}
    return {"name": made.entry.name, "folder": str(made.entry.folder), "notes": list(made.notes)}


def _tell(adaptation: "Adaptation", made: "AdaptedModel | None") -> None:
    before, after = adaptation.miou
    seconds = adaptation.seconds
    print(
        f"{adaptation.spec.name} fitted to {len(adaptation.samples)} samples in "
        f"{sum(seconds.values()):.1f} s ({seconds['features']:.1f} s looking, {seconds['fit']:.1f} s fitting)"
    )
    print(f"on held-out confirmed pixels: mIoU {100 * before:.1f} -> {100 * after:.1f}")
    for one in adaptation.classes:
        print(
            f"{one.name:>16}  {100 * one.before:5.1f} -> {100 * one.after:5.1f}  "
            f"({100 * one.change:+5.1f})  {one.pixels} px"
        )
    if adaptation.untouched:
        print(f"stay as they are, nothing of them is confirmed: {', '.join(adaptation.untouched)}")
    for text in adaptation.warnings():
        print(f"beware: {text}")
    for key, reason in adaptation.left:
        print(f"left out: {key}: {reason}")
    if made is None:
        print("nothing was kept (--dry-run)")
        return
    print(f"{made.entry.name} is in {made.entry.folder}")
    for report in made.parity:
        print(f"  {report.backend}: {report.agreement:.4%} of the ids as fitted")
    for note in made.notes:
        print(f"  {note}")
