"""The commands that work on images and runs: predict, evaluate, train, export, bench, doctor, demo."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from segstudio.cli.output import (
    BackendName,
    Json,
    JsonEvents,
    Model,
    interruptible,
    json_context,
    percent,
    print_json,
    print_result,
    progress,
    size_of,
    table,
)
from segstudio.errors import InputError

app = typer.Typer(add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False)

SpecFile = Annotated[Path, typer.Option("--experiment-spec", "-e", help="A YAML spec.")]


@app.command()
def predict(
    inputs: Annotated[list[Path], typer.Argument(help="Images, videos or folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the outputs.")],
    model: Model = "street-b0",
    backend: BackendName = "auto",
    window: Annotated[str, typer.Option(help="whole or slide.")] = "whole",
    tta: Annotated[bool, typer.Option("--tta", help="Also predict the mirror image.")] = False,
    save: Annotated[str, typer.Option(help="Some of ids,color,overlay,confidence.")] = "ids",
    as_json: Json = False,
) -> None:
    """Predict images, folders and video; run again to go on where it stopped."""
    from segstudio.inference.predictor import window_named
    from segstudio.workflows.predict import predict_inputs

    chosen = window_named(window)
    kinds = [kind.strip() for kind in save.split(",") if kind.strip()]
    with progress() as context:
        result = predict_inputs(
            inputs, model, out, backend=backend, window=chosen, tta=tta, save=kinds, context=context
        )
    if as_json:
        print_json(asdict(result))
        return
    print(
        f"{result.images} predicted, {result.resumed} were done before, {len(result.skipped)} skipped; "
        f"{result.fps:.1f} images/s on {result.backend} ({result.device})"
    )
    for entry in result.skipped:
        print(f"  skipped {entry.path}: {entry.reason}")


@app.command()
def evaluate(
    images: Annotated[Path, typer.Option(help="Folder of images.")],
    masks: Annotated[Path, typer.Option(help="Folder of masks.")],
    model: Model = "street-b0",
    palette: Annotated[str, typer.Option(help="Palette of the masks; default: the model's own.")] = "",
    backend: BackendName = "auto",
    as_json: Json = False,
) -> None:
    """Score a model against masks; its classes are mapped to the masks' palette."""
    from segstudio.workflows.evaluate import evaluate_folders

    with progress() as context:
        result = evaluate_folders(model, images, masks, palette, backend=backend, context=context)
    values = result.to_json()
    if as_json:
        print_json(values)
        return
    rows = [
        (name, percent(entry["iou"]), percent(entry["acc"]), percent(entry["f1"]))
        for name, entry in values["per_class"].items()
    ]
    table(f"{result.model} on {result.images} images", ("Class", "IoU", "Acc", "F1"), rows)
    table("", ("Scope", "mIoU", "mAcc", "aAcc"),
           [("global", *(percent(values[key]) for key in ("miou", "macc", "aacc")))])  # fmt: skip
    for path, reason in result.skipped:
        print(f"skipped {path}: {reason}")
    if result.orphans:
        print(f"{len(result.orphans)} images or masks have no partner, such as {result.orphans[0]}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def train(
    context: typer.Context,
    spec: SpecFile,
    json_events: JsonEvents = False,
) -> None:
    """Train from a spec: `segstudio train -e spec.yaml train.seed=7`; run again to resume."""
    from segstudio.training.loop import train as run
    from segstudio.training.spec.load import load_spec

    loaded = load_spec(spec, context.args).spec
    if json_events:
        with interruptible(job := json_context()):
            result = run(loaded, job)
        print_result({**asdict(result), "folder": str(result.folder)})
        return
    with progress() as job:
        result = run(loaded, job)
    state = "stopped and saved" if result.stopped else "finished"
    score = "no validation samples" if math.isnan(result.miou) else f"mIoU {result.miou:.4f}"
    print(f"{state} after {result.steps} steps in {result.folder}; {score}")


@app.command("default_specs")
@app.command("default-specs", hidden=True)
def default_specs(
    task: Annotated[str, typer.Argument(help="train")] = "train",
) -> None:
    """Print a spec with every key and its default."""
    from segstudio.training.spec.load import spec_yaml
    from segstudio.training.spec.schema import ExperimentSpec

    if task != "train":
        raise InputError(f"there is no task {task!r}", hint="use train")
    print(spec_yaml(ExperimentSpec()), end="")


@app.command()
def export(
    run: Annotated[Path, typer.Argument(help="Folder of a run (its results_dir).")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model folder to make.")],
    name: Annotated[str, typer.Option(help="The model's name; default: that of the out folder.")] = "",
    trained_on: Annotated[str, typer.Option(help="What it was trained on, for the model card.")] = "",
    licence: Annotated[str, typer.Option(help="Licence of the weights, for the model card.")] = "",
    as_json: Json = False,
) -> None:
    """Make a model folder from a run: ONNX deployment graph, proof of parity, spec."""
    from segstudio.workflows.export import export_run

    result = export_run(run, out, name=name, trained_on=trained_on, licence=licence)
    values = {"folder": str(result.folder), "parity": [asdict(report) for report in result.parity]}
    if as_json:
        print_json(values)
    else:
        print(f"{result.folder} is ready")
        for report in result.parity:
            print(f"  {report.backend}: {report.agreement:.4%} of {report.pixels} ids equal torch's")


@app.command()
def bench(
    model: Annotated[str, typer.Argument(help="Name or folder of a model.")],
    backend: BackendName = "auto",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of the images.")] = "1024x512",
    batch: Annotated[int, typer.Option(min=1, help="Images a call.")] = 1,
    seconds: Annotated[float, typer.Option(help="How long to measure.")] = 3.0,
    as_json: Json = False,
) -> None:
    """Time a model on this machine."""
    from segstudio.workflows.bench import bench_model

    width, height = size_of(size)
    with progress() as context:
        result = bench_model(
            model, backend=backend, width=width, height=height, batch=batch, seconds=seconds, context=context
        )
    if as_json:
        print_json(result.to_json())
        return
    latency = ", ".join(f"{key} {value:.1f}" for key, value in result.latency_ms.items())
    print(f"{result.model} on {result.backend}, {result.device}: {result.fps:.2f} images/s; ms: {latency}")


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine can run, and why not."""
    from segstudio.workflows.doctor import examine

    findings = examine()
    if as_json:
        print_json([asdict(finding) for finding in findings])
        return
    for finding in findings:
        print(f"{'ok ' if finding.well else 'no '} {finding.topic}: {finding.found}")
        if finding.hint and not finding.well:
            print(f"      {finding.hint}")


@app.command()
def demo(
    headless: Annotated[
        bool, typer.Option("--headless", help="Offscreen, all steps, with pictures.")
    ] = False,
    screenshots: Annotated[Path | None, typer.Option(help="Folder for the pictures.")] = None,
) -> None:
    """Open a ready project of drawn frames, or run the main job on it offscreen."""
    from segstudio.gui.demo import run_demo

    raise typer.Exit(run_demo(headless=headless, screenshots=screenshots))
