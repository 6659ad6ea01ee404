"""The commands of projects: folders of samples."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from segstudio.cli.output import Json, print_facts, print_json, progress
from segstudio.errors import InputError

app = typer.Typer(no_args_is_help=True, help="Projects: folders of samples.")

ProjectFolder = Annotated[Path, typer.Argument(help="The project's folder.")]


def _with_project(folder: Path, work: Callable[[Any], None], **options: Any) -> None:
    from segstudio.project.project import Project

    project = Project.open(folder, **options)
    try:
        work(project)
    finally:
        project.close()


def _print_info(project: Any, as_json: bool) -> None:
    info = asdict(project.info())
    if as_json:
        print_json({key: str(value) if isinstance(value, Path) else value for key, value in info.items()})
        return
    print_facts(info)


@app.command("init")
def project_init(
    folder: ProjectFolder,
    images: Annotated[Path | None, typer.Option(help="Images elsewhere.")] = None,
    palette: Annotated[
        str | None, typer.Option(help="Palette of the masks: a name or a YAML file; cityscapes if new.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a project of a folder; an existing one keeps its palette unless you give another."""
    folder.mkdir(parents=True, exist_ok=True)
    _with_project(folder, lambda project: _print_info(project, as_json), images=images, palette=palette)


@app.command("info")
def project_info(folder: ProjectFolder, as_json: Json = False) -> None:
    """Print a project in numbers."""
    _with_project(folder, lambda project: _print_info(project, as_json), create=False)


@app.command("rescan")
def project_rescan(folder: ProjectFolder, as_json: Json = False) -> None:
    """Make the facts match the files again."""

    def work(project: Any) -> None:
        with progress() as context:
            project.rescan(context)
        _print_info(project, as_json)

    _with_project(folder, work, create=False)


@app.command("split")
def project_split(
    folder: ProjectFolder,
    shares: Annotated[list[str], typer.Argument(help="NAME=SHARE, such as train=0.8 val=0.2.")],
    seed: Annotated[int, typer.Option(help="Another one, another division.")] = 0,
    as_json: Json = False,
) -> None:
    """Divide the samples at random into splits; the same seed gives the same division."""
    fractions = {}
    for share in shares:
        name, _, value = share.partition("=")
        try:
            fractions[name] = float(value)
        except ValueError:
            raise InputError(f"{share!r} is no NAME=SHARE", hint="such as train=0.8 val=0.2") from None

    def work(project: Any) -> None:
        project.assign_splits(fractions, seed)
        _print_info(project, as_json)

    _with_project(folder, work, create=False)
