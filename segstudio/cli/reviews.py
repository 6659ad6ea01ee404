"""The commands of review: who is to do what, what was said, and what was done."""

from pathlib import Path
from typing import Annotated, Any

import typer

from segstudio.cli.output import Json, print_facts, print_json, progress
from segstudio.cli.projects import ProjectFolder
from segstudio.cli.projects import with_project as with_project
from segstudio.errors import InputError

# Joins the commands of projects; `report` stands on its own.
project_app = typer.Typer()
app = typer.Typer()


@project_app.command("comments")
def project_comments(
    folder: ProjectFolder,
    key: Annotated[str, typer.Option("--key", help="Only those of this sample.")] = "",
    open_only: Annotated[bool, typer.Option("--open", help="Only those that are not resolved.")] = False,
    as_json: Json = False,
) -> None:
    """List comments with their places: x and y in image pixels, null for the whole sample."""
    from segstudio.workflows.review_export import comment_rows

    def work(project: Any) -> None:
        if key:
            project.sample(key)
        rows = comment_rows(project, key or None, open_only=open_only)
        if as_json:
            print_json({"project": str(project.root), "comments": rows})
            return
        for row in rows:
            place = "" if row["x"] is None else f"({row['x']:.0f}, {row['y']:.0f})"
            state = "resolved" if row["resolved"] else "open"
            parts = (row["key"], place, row["class"] or "", state, row["author"], row["when"], row["text"])
            print("  ".join(part for part in parts if part))
        if not rows:
            print("none")

    with_project(folder, work, create=False)


@project_app.command("assign")
def project_assign(
    folder: ProjectFolder,
    to: Annotated[str | None, typer.Option("--to", help="Who labels the samples; '' is nobody.")] = None,
    reviewer: Annotated[str | None, typer.Option("--reviewer", help="Who reviews them.")] = None,
    keys: Annotated[list[str] | None, typer.Option("--keys", help="A sample; repeatable.")] = None,
    unassigned: Annotated[
        int, typer.Option("--unassigned", help="So many that nobody has and that need work.", min=0)
    ] = 0,
    as_json: Json = False,
) -> None:
    """Say who labels and who reviews samples."""
    from segstudio.project.review_rules import WITH_LABELER

    if to is None and reviewer is None:
        raise InputError("nobody is named", hint="give --to NAME or --reviewer NAME")
    if bool(keys) == bool(unassigned):
        raise InputError("which samples?", hint="give --keys KEY, once or several times, or --unassigned N")

    def work(project: Any) -> None:
        chosen = list(keys or ())
        if unassigned:
            free = (s.key for s in project.samples() if not s.assignee and s.status in WITH_LABELER)
            chosen = [key for key, _ in zip(free, range(unassigned), strict=False)]
        changes = project.review.assign(chosen, to, reviewer)
        values = {"to": to, "reviewer": reviewer, "assigned": sorted(changes.samples)}
        (print_json if as_json else print_facts)(
            {name: value for name, value in values.items() if value is not None}
        )

    with_project(folder, work, create=False)


@project_app.command("statistics")
def project_statistics(folder: ProjectFolder, as_json: Json = False) -> None:
    """Print who labelled and reviewed how much, by person and by day."""
    from segstudio.workflows.labelling import HEAD, row_texts, statistics, to_json

    def work(project: Any) -> None:
        found = statistics(project.review.records())
        if as_json:
            print_json(to_json(found))
            return
        rows: list[tuple[str, ...]] = [("person", "day", *HEAD)]
        rows += [(one.person, one.day, *row_texts(one)) for one in (*found.people, *found.days)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for row in rows:
            print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())

    with_project(folder, work, create=False)


@app.command("report")
def report(
    folder: ProjectFolder,
    model: Annotated[str, typer.Option("--model", "-m", help="An evaluated model. [default: the last]")] = "",
    out: Annotated[Path | None, typer.Option(help="The page. [default: report.html in the project]")] = None,
    worst: Annotated[int, typer.Option(help="How many error segments are shown.", min=0)] = 24,
    as_json: Json = False,
) -> None:
    """Write a project's state as one HTML page: progress, people, classes, worst errors, open comments."""
    from segstudio.workflows.review_report import write_report

    def work(project: Any) -> None:
        with progress() as context:
            path = write_report(project, out, model, worst, context)
        (print_json if as_json else print_facts)({"report": str(path)})

    with_project(folder, work, create=False)
