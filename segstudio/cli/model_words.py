"""What the commands on models share: the project that they are told of, and one look at the catalog."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segstudio.cli.output import progress

if TYPE_CHECKING:
    from segstudio.project.project import Project
    from segstudio.workflows.model_facts import CatalogFacts

Name = Annotated[str, typer.Argument(help="Name of a model.")]
ProjectFolder = Annotated[
    Path | None, typer.Option("--project", help="A project: its scores, its model in use, its records.")
]


@contextmanager
def opened(folder: Path | None) -> "Iterator[Project | None]":
    if folder is None:
        yield None
        return
    from segstudio.project.project import Project
    from segstudio.workflows.model_use import follow_renames

    with Project.open(folder, create=False) as project:
        follow_renames(project)
        yield project


def read(project: "Project | None") -> "CatalogFacts":
    from segstudio.workflows.model_facts import read_catalog

    with progress() as context:
        return read_catalog(project, context)
