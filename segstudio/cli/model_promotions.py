"""The commands on the model that a project uses: take another, look back, go back."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segstudio.cli.model_words import Name, opened
from segstudio.cli.output import Json, print_json

if TYPE_CHECKING:
    from segstudio.project.project import Project

app = typer.Typer()

Folder = Annotated[Path, typer.Argument(help="A project.")]
Reason = Annotated[str, typer.Option(help="Why, for those who come after you.")]


@contextmanager
def _project(folder: Path) -> "Iterator[Project]":
    with opened(folder) as there:
        assert there is not None, "a folder was given"
        yield there


@app.command("use")
def models_use(name: Name, project: Folder, reason: Reason = "") -> None:
    """Make a model the one that a project uses."""
    from segstudio.workflows.model_use import usable_fingerprint

    fingerprint = usable_fingerprint(name)
    with _project(project) as there:
        there.promotions.promote(name, fingerprint, reason=reason)
    print(f"{project} uses {name}")


@app.command("history")
def models_history(project: Folder, as_json: Json = False) -> None:
    """Show which models a project used, newest first."""
    from datetime import datetime

    with _project(project) as there:
        history = there.promotions.history()
    if as_json:
        print_json([vars(one) for one in history])
        return
    for one in history:
        back = f", back to {one.back_to}" if one.back_to else ""
        reason = f": {one.reason}" if one.reason else ""
        when = f"{datetime.fromtimestamp(one.at):%Y-%m-%d %H:%M}"
        print(f"{one.number}  {when}  {one.model}, {one.by}{back}{reason}")
    if not history:
        print("nobody chose a model for this project yet")


@app.command("rollback")
def models_rollback(
    project: Folder,
    to: Annotated[int, typer.Option(min=0, help="Number in the history; 0: the one before.")] = 0,
    reason: Reason = "",
) -> None:
    """Let a project use an earlier model again; the history keeps both."""
    from segstudio.workflows.model_use import roll_back

    with _project(project) as there:
        roll_back(there, reason, to=to)
        current = there.promotions.current()
    print(f"{project} uses {current.model if current else 'no model'}")
