"""The commands that bring models into the catalog and give them away."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segstudio.cli import model_catalog, model_promotions, model_reports
from segstudio.cli.output import (
    Json,
    JsonEvents,
    print_facts,
    print_json,
    print_result,
    size_of,
    watched,
)
from segstudio.errors import InputError

if TYPE_CHECKING:
    from segstudio.workflows.model_source import Imported

Source = Annotated[str, typer.Argument(help="A file, a folder, or a Hugging Face id such as owner/name.")]

app = typer.Typer(no_args_is_help=True, help="The catalog of models.")
app.add_typer(model_catalog.app)
app.add_typer(model_reports.app)
app.add_typer(model_promotions.app)


@app.command("inspect")
def models_inspect(source: Source, as_json: Json = False, json_events: JsonEvents = False) -> None:
    """Say what a file, folder or Hugging Face id holds, without importing it."""
    from segstudio.workflows.model_import import inspect_source

    with watched(json_events) as context:
        facts = inspect_source(source, context)
    if json_events:
        print_result(asdict(facts))
    elif as_json:
        print_json(asdict(facts))
    else:
        print_facts({key: value for key, value in asdict(facts).items() if value not in ("", 0, ())})


@app.command("import")
def models_import(
    source: Source,
    name: Annotated[str, typer.Option(help="Its name in the catalog.")] = "",
    palette: Annotated[str, typer.Option(help="Palette of its classes: a name or a YAML file.")] = "",
    mean: Annotated[str, typer.Option(help="R,G,B for pixels 0-1; default: the producer's.")] = "",
    std: Annotated[str, typer.Option(help="R,G,B for pixels 0-1; default: the producer's.")] = "",
    short_side: Annotated[int, typer.Option(min=0, help="Scale images to this shorter side.")] = 0,
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT to stretch images to instead.")] = "",
    nvlabs_positions: Annotated[
        bool, typer.Option("--nvlabs-positions", help="A FAN of NVlabs' segmentation weights.")
    ] = False,
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the model card.")] = "",
    as_json: Json = False,
    json_events: JsonEvents = False,
) -> None:
    """Bring a model into the catalog: TAO, NVlabs, mmsegmentation, Hugging Face, ONNX, or a model folder."""
    from segstudio.workflows.model_import import import_source
    from segstudio.workflows.model_source import ImportChoices

    width, height = size_of(size) if size else (0, 0)
    choices = ImportChoices(
        name=name,
        palette=palette,
        mean=_triple(mean, "--mean"),
        std=_triple(std, "--std"),
        short_side=short_side,
        size=(height, width) if size else None,
        nvlabs_positions=nvlabs_positions,
        licence=licence,
    )
    with watched(json_events) as context:
        made = import_source(source, choices, context)
    if json_events:
        print_result(made.to_json())
    elif as_json:
        print_json(made.to_json())
    else:
        _tell(made)


def _tell(made: "Imported") -> None:
    print(f"{made.name} is in {made.folder}: {made.network} by {made.producer}, classes of {made.palette}")
    if made.matched:
        left = f"{len(made.missing)} missing, {len(made.unexpected)} unexpected"
        print(f"  {made.matched} tensors matched, {left}")
    for backend, share in made.parity.items():
        print(f"  {backend}: {share:.4%} of the ids equal the source's")
    for note in made.notes:
        print(f"  {note}")


def _triple(text: str, option: str) -> tuple[float, float, float] | None:
    if not text:
        return None
    try:
        red, green, blue = (float(part) for part in text.split(","))
    except ValueError:
        raise InputError(
            f"{option} {text!r}", hint="write three numbers, such as 0.485,0.456,0.406"
        ) from None
    return red, green, blue


@app.command("export")
def models_export(
    name: Annotated[str, typer.Argument(help="Name or folder of a model.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The folder, or the .pth file, to make.")],
    form: Annotated[str, typer.Option("--as", help="huggingface, nvlabs or mmseg.")] = "huggingface",
) -> None:
    """Give a model's weights to other programs, in their own form."""
    from segstudio.workflows.model_export import export_weights

    note = export_weights(name, out, form)
    print(f"{out} is ready" + (f"; {note}" if note else ""))
