"""The command of studies: how many frames each way of choosing them needs."""

from pathlib import Path
from typing import Annotated

import typer

from segstudio.cli.output import Json, JsonEvents, print_json, print_result, watched

app = typer.Typer(no_args_is_help=True, help="Studies on data whose truth is known.")


@app.callback()
def study() -> None:
    """Studies on data whose truth is known."""


@app.command()
def active(
    images: Annotated[Path, typer.Option(help="Folder of the frames to choose from.")],
    masks: Annotated[Path, typer.Option(help="Folder of their true masks.")],
    palette: Annotated[str, typer.Option(help="Palette of the masks, by name or path.")],
    budget: Annotated[str, typer.Option(help="Frames with a known mask: 8,16,32 or 2%,5%,10%.")],
    out: Annotated[Path, typer.Option(help="Folder for figures and plot; run again to go on.")],
    val_images: Annotated[Path | None, typer.Option(help="Folder of the frames to score on.")] = None,
    val_masks: Annotated[Path | None, typer.Option(help="Folder of their masks.")] = None,
    val_share: Annotated[
        float, typer.Option(help="Without --val-images: this share of the frames, the last by name.")
    ] = 0.2,
    strategies: Annotated[
        str, typer.Option(help="Some of random, margin, expected-gain.")
    ] = "random,margin,expected-gain",
    seeds: Annotated[int, typer.Option(help="Repetitions.", min=1)] = 3,
    start: Annotated[
        str, typer.Option(help="A model, a file of weights, or scratch; none that has seen the frames.")
    ] = "street-b0",
    trainer: Annotated[str, typer.Option(help="head: refit the last layers; full: all of it.")] = "head",
    steps: Annotated[int, typer.Option(help="Of every training; 0: as usual.", min=0)] = 0,
    side: Annotated[int, typer.Option(help="Shorter side in pixels at which frames are seen.")] = 256,
    threads: Annotated[int, typer.Option(help="Of one operation; 0: as usual.", min=0)] = 0,
    as_json: Json = False,
    json_events: JsonEvents = False,
) -> None:
    """Simulate labelling: the masks answer, strategies choose; how many frames reach 95 % of the score?"""
    from segstudio.workflows.study.request import StudyRequest
    from segstudio.workflows.study.run import PLOT, RESULT, active_study

    request = StudyRequest(
        images, masks, palette, words(budget), out, val_images, val_masks, val_share, words(strategies),
        seeds, start, trainer, steps, side, threads,
    )  # fmt: skip
    with watched(json_events) as context:
        result = active_study(request, context, lambda text: typer.echo(f"beware: {text}", err=True))
    if json_events:
        print_result(result.to_json())
    elif as_json:
        print_json(result.to_json())
    else:
        print(result.table())
        print(f"{out / RESULT}, {out / PLOT}")


def words(text: str) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word.strip() for word in text.split(",") if word.strip())
