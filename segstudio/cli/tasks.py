"""The commands that work on images, models and runs: predict, doctor, demo."""

import math
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from segstudio.cli.output import (
    BackendName,
    Json,
    Mirror,
    Model,
    PrecisionName,
    Scales,
    WindowName,
    numbers_of,
    print_json,
    progress,
)

app = typer.Typer(add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False)


@app.command()
def predict(
    inputs: Annotated[list[Path], typer.Argument(help="Images, videos or folders.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the outputs.")],
    model: Model = "street-b0",
    backend: BackendName = "auto",
    window: WindowName = "whole",
    tta: Mirror = False,
    scales: Scales = "1",
    save: Annotated[
        str, typer.Option(help="Some of ids,color,overlay,confidence,second,margin,video.")
    ] = "ids",
    every: Annotated[int, typer.Option(help="Of a video, only each such frame.")] = 1,
    start: Annotated[float, typer.Option("--from", help="Of a video, from this second on.")] = 0.0,
    end: Annotated[float, typer.Option("--to", help="Of a video, up to this second.")] = math.inf,
    precision: PrecisionName = "fp32",
    as_json: Json = False,
) -> None:
    """Predict images, folders and video; run again to go on where it stopped."""
    from segstudio.inference.backend import precision_named
    from segstudio.inference.predictor import window_named
    from segstudio.workflows.inputs import VideoPart
    from segstudio.workflows.predict import MANY, predict_inputs

    chosen, options = window_named(window), replace(MANY, precision=precision_named(precision))
    kinds = [kind.strip() for kind in save.split(",") if kind.strip()]
    with progress() as context:
        result = predict_inputs(
            inputs, model, out, backend=backend, window=chosen, tta=tta, scales=numbers_of(scales),
            save=kinds, part=VideoPart(every, start, end), options=options, context=context,
        )  # fmt: skip
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
