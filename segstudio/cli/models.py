"""The commands of the catalog of models."""

from pathlib import Path
from typing import Annotated

import typer

from segstudio.cli.output import Json, print_facts, print_json

app = typer.Typer(no_args_is_help=True, help="The catalog of models.")


@app.command("list")
def models_list(as_json: Json = False) -> None:
    """List every model."""
    from segstudio.inference.catalog import list_models

    entries = list_models()
    if as_json:
        print_json([
            {"name": e.name, "folder": str(e.folder), "bundled": e.bundled, "problem": e.problem}
            for e in entries
        ])  # fmt: skip
        return
    for entry in entries:
        about = (
            f"{entry.spec.architecture}, {len(entry.spec.classes)} classes" if entry.spec else entry.problem
        )
        print(f"{entry.name}  {about}  {entry.folder}")


@app.command("show")
def models_show(name: str, as_json: Json = False) -> None:
    """Print what is known about a model."""
    from segstudio.inference.catalog import find_model
    from segstudio.inference.spec import spec_to_dict

    folder, spec = find_model(name)
    values = {"folder": str(folder), **spec_to_dict(spec)}
    if as_json:
        print_json(values)
    else:
        print_facts(values)


@app.command("import")
def models_import(folder: Path, name: Annotated[str, typer.Option(help="Another name.")] = "") -> None:
    """Copy a model folder into your models."""
    from segstudio.inference.catalog import import_model

    entry = import_model(folder, name)
    print(f"{entry.name} is in {entry.folder}")
