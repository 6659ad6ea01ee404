"""The command that finds where a model fails."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.output import BackendName, Json, Model, print_json, watched
from segstudio.errors import InputError

if TYPE_CHECKING:
    from segstudio.jobs import JobContext
    from segstudio.workflows.failures import Failures

ONE_OF = "give --project, or --images and --masks"
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
ROW = "{kind:<10} {gt:>16} as {pred:<16} {area:>8} px  {sure:>6}  {sample} ({x:.0f}, {y:.0f})"


@app.command()
def failures(
    images: Annotated[Path | None, typer.Option(help="Folder of images.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder of masks.")] = None,
    project: Annotated[
        Path | None, typer.Option(help="A project, in place of two folders: what is known is used.")
    ] = None,
    model: Model = "street-b0",
    palette: Annotated[str, typer.Option(help="Palette of the masks; default: the model's own.")] = "",
    query: Annotated[
        str, typer.Option("--query", "-q", help="Such as 'gt=train pred=bus area>500 conf<0.6'.")
    ] = "",
    saved: Annotated[
        str, typer.Option("--filter", help="With a project: the name of a filter that is saved in it.")
    ] = "",
    limit: Annotated[int, typer.Option(help="Rows that are printed, largest segments first.", min=0)] = 30,
    at_most: Annotated[
        int, typer.Option(help="Exit with 2 if more segments match: a check for CI.", min=-1)
    ] = -1,
    compared: Annotated[
        str, typer.Option(help="With a project: another evaluated model, for change=broken|unchanged.")
    ] = "",
    slack: Annotated[float, typer.Option(help="Pixels from a border within which an error is slack.")] = 2.0,
    out: Annotated[
        Path | None, typer.Option(help="Also write all segments that match to a file, .csv or .json.")
    ] = None,
    backend: BackendName = "auto",
    as_json: Json = False,
) -> None:
    """Find every region where a model is wrong: kind, classes, size, place, confidence, and what it costs."""
    from segstudio.metrics.segments import CutOffs
    from segstudio.workflows.failures import find_failures, require_at_most

    with watched(json_events=False) as context:
        if project is not None:
            if images is not None or masks is not None or palette:
                raise InputError("a project has its own images, masks and palette", hint=ONE_OF)
            if slack != CutOffs().slack:
                raise InputError("a project keeps measures of the usual slack", hint="give two folders")
            found, query = _in_project(project, model, saved, query, compared, backend, context)
        elif images is None or masks is None or saved or compared:
            raise InputError("nothing says what to look at", hint=ONE_OF)
        else:
            found = find_failures(
                model,
                images,
                masks,
                palette,
                query=query,
                backend=backend,
                cut_offs=CutOffs(slack=slack),
                context=context,
            )
    if out is not None:
        found.save(query, out)
    values = found.to_json(query, limit)
    if as_json:
        print_json(values)
    else:
        _print(values)
    if at_most >= 0:
        require_at_most(found, query, at_most)


def _in_project(
    folder: Path, model: str, saved: str, query: str, compared: str, backend: str, context: "JobContext"
) -> "tuple[Failures, str]":
    """The failures of a project, and the whole query: that of the saved filter and the one that was typed."""
    from segstudio.project.project import Project
    from segstudio.workflows.failures import project_failures, saved_query

    with Project.open(folder, create=False) as project:
        whole = " ".join(part for part in (saved_query(project, saved), query) if part)
        found = project_failures(
            project, model, query=whole, compared=compared, backend=backend, context=context
        )
        return found, whole


def _print(values: dict[str, Any]) -> None:
    """The classes with what costs them most, then the rows."""
    miou = "unknown" if values["miou"] is None else f"{values['miou']:.4f}"
    print(f"{values['model']} on {values['images']} images, mIoU {miou}")
    for name, entry in values["classes"].items():
        if entry["iou"] is None:
            print(f"{name:>16}  absent")
            continue
        parts = [
            (share, f"{word} {kind} {100 * share:.1f}")
            for word, side in (("lost to", "lost"), ("took by", "taken"))
            for kind, share in entry[side].items()
            if share >= 0.0005
        ]
        costs = ", ".join(text for _, text in sorted(parts, reverse=True)[:4])
        print(f"{name:>16}  IoU {100 * entry['iou']:5.1f}  {costs}")
    print(f"{values['matching']} of {values['segments']} segments match {values['query']!r}")
    for row in values["rows"]:
        sure = "" if row["conf"] is None else f"{100 * row['conf']:.0f} %"
        print(ROW.format(**row, sure=sure))
    for entry in values["skipped"]:
        print(f"  skipped {entry['path']}: {entry['reason']}")
