"""The command that exports: a run to a model folder, a model to other formats, a spec to TAO's graph."""

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segstudio.cli.output import (
    Json,
    JsonEvents,
    print_json,
    print_result,
    size_of,
    watched,
)
from segstudio.cli.spec_tasks import OVERRIDES, tell, words
from segstudio.errors import InputError

if TYPE_CHECKING:
    from segstudio.workflows.exports.run import ExportChoices

app = typer.Typer(add_completion=False)

# Below --out, the model folder that a run becomes before it is exported to other formats.
MODEL = "model"


@app.command(context_settings=OVERRIDES)
def export(
    context: typer.Context,
    source: Annotated[
        str, typer.Argument(help="A model's name or folder, or the results_dir of a training.")
    ] = "",
    spec: Annotated[Path | None, typer.Option("--experiment-spec", "-e", help="TAO's export spec.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="The folder to make.")] = None,
    preset: Annotated[str, typer.Option(help="fast-cpu, nvidia-gpu, deepstream, tao or everything.")] = "",
    formats: Annotated[
        str, typer.Option("--as", help="Formats with commas, such as onnx-int8,openvino; see docs/deploy.md.")
    ] = "",
    images: Annotated[Path | None, typer.Option(help="Images to judge the exports by.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Their masks, for scores.")] = None,
    palette: Annotated[str, typer.Option(help="Palette of the masks; default: the model's own.")] = "",
    calibration: Annotated[Path | None, typer.Option(help="Images to calibrate int8 on.")] = None,
    calibration_masks: Annotated[
        Path | None, typer.Option(help="Their masks, to choose images with every class.")
    ] = None,
    batch: Annotated[int, typer.Option(min=0, help="A fixed batch; 0: any.")] = 0,
    size: Annotated[str, typer.Option(help="A fixed WIDTHxHEIGHT of images; default: any.")] = "",
    miou_loss: Annotated[float, typer.Option(min=0, help="Points of mIoU that int8 may lose.")] = 0.5,
    class_loss: Annotated[float, typer.Option(min=0, help="Points that any class may lose.")] = 1.5,
    agreement: Annotated[
        float, typer.Option(min=0, max=100, help="Percent of the ids that must stay equal.")
    ] = 99.0,
    deepstream_output: Annotated[str, typer.Option(help="argmax, logits or nvdsinfer.")] = "argmax",
    name: Annotated[str, typer.Option(help="A run's model: its name; default: the out folder's.")] = "",
    trained_on: Annotated[str, typer.Option(help="A run's model: what it was trained on.")] = "",
    licence: Annotated[str, typer.Option(help="A run's model: licence of the weights.")] = "",
    as_json: Json = False,
    json_events: JsonEvents = False,
) -> None:
    """Export a model to other formats, each with a report; or a run to a model; or a spec to TAO's graph."""
    if spec is not None:
        if source or out or preset or formats:
            raise InputError("a spec says what is exported and where to", hint="give -e with key=value alone")
        _export_spec(spec, context.args, as_json=as_json, json_events=json_events)
        return
    if context.args:
        raise InputError(f"unexpected {context.args[0]!r}", hint="key=value goes with -e SPEC")
    if not source or out is None:
        raise InputError("what to export, and where to?", hint="give a model or run and --out, or -e SPEC")
    if not preset and not formats and _is_run(Path(source)):
        _export_run(Path(source), out, name, trained_on, licence, as_json=as_json)
        return
    from segstudio.deploy.gate import INT8
    from segstudio.workflows.exports.evidence import Pictures
    from segstudio.workflows.exports.formats import chosen_formats
    from segstudio.workflows.exports.run import ExportChoices

    width, height = size_of(size) if size else (0, 0)
    choices = ExportChoices(
        chosen_formats(preset, words(formats)),
        Pictures(images, masks, palette),
        Pictures(calibration, calibration_masks, palette),
        batch,
        (height, width) if size else None,
        replace(INT8, miou_loss=miou_loss / 100, class_loss=class_loss / 100, agreement=agreement / 100),
        {"deepstream": deepstream_output},
    )
    card = {"name": name or out.name, "trained_on": trained_on, "licence": licence}
    _export_as(source, out, choices, card, as_json=as_json, json_events=json_events)


def _export_as(
    source: str,
    out: Path,
    choices: "ExportChoices",
    card: Mapping[str, str],
    *,
    as_json: bool,
    json_events: bool,
) -> None:
    """Exports a model, or the one that a run becomes first, whose name and origin `card` says."""
    from segstudio.workflows.exports.run import export_as

    with watched(json_events) as job:
        model: str | Path = source
        if _is_run(Path(source)):
            from segstudio.workflows.export import export_run

            model = out / MODEL
            export_run(Path(source), out / MODEL, **card)
        found = export_as(model, out, choices, job)
    if json_events:
        print_result(found.to_json())
    elif as_json:
        print_json(found.to_json())
    else:
        print("\n".join(found.lines()))


def _is_run(folder: Path) -> bool:
    from segstudio.inference.spec import FILE
    from segstudio.workflows.export import SPEC_FILE, TRAIN

    if (folder / FILE).is_file():
        return False
    return any((place / SPEC_FILE).is_file() for place in (folder, folder / TRAIN))


def _export_run(run: Path, out: Path, name: str, trained_on: str, licence: str, *, as_json: bool) -> None:
    from segstudio.workflows.export import export_run

    result = export_run(run, out, name=name, trained_on=trained_on, licence=licence)
    if as_json:
        print_json({"folder": str(result.folder), "parity": [asdict(report) for report in result.parity]})
        return
    print(f"{result.folder} is ready")
    for report in result.parity:
        print(f"  {report.backend}: {report.agreement:.4%} of {report.pixels} ids equal torch's")


def _export_spec(spec: Path, overrides: list[str], *, as_json: bool, json_events: bool) -> None:
    from segstudio.training.spec.load import load_spec
    from segstudio.workflows.spec_export import export_spec

    loaded = load_spec(spec, overrides, task="export")
    with watched(json_events) as job:
        found = export_spec(loaded.spec, job, notes=loaded.notes)
    if json_events:
        print_result(found.to_json())
    elif as_json:
        print_json(found.to_json())
    else:
        print("\n".join(found.lines()))
        tell(found.notes)
