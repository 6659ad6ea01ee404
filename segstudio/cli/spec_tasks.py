"""The commands that take a spec: train, evaluate, inference, default_specs."""

import math
import sys
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from segstudio.cli.output import (
    BackendName,
    Json,
    JsonEvents,
    Mirror,
    Scales,
    WindowName,
    interruptible,
    json_context,
    numbers_of,
    print_json,
    print_result,
    progress,
    watched,
)
from segstudio.errors import InputError
from segstudio.jobs import JobContext

if TYPE_CHECKING:
    from segstudio.workflows.evaluation_result import EvaluateResult

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

SpecFile = Annotated[Path, typer.Option("--experiment-spec", "-e", help="A YAML spec.")]
# Words such as `train.seed=7` change keys of the spec.
OVERRIDES = {"allow_extra_args": True, "ignore_unknown_options": False}
BUNDLED_MODEL = "street-b0"
# The options of evaluate that a spec has keys for, as they are when they are not given.
OF_THE_SPEC = ("auto", "whole", False, "1")


@app.command(context_settings=OVERRIDES)
def train(
    context: typer.Context, spec: SpecFile, as_json: Json = False, json_events: JsonEvents = False
) -> None:
    """Train from a spec: `segstudio train -e spec.yaml train.seed=7`; run again to resume."""
    from segstudio.training.distributed import is_companion
    from segstudio.training.loop import train as run
    from segstudio.training.spec.load import load_spec

    loaded = load_spec(spec, context.args)
    if is_companion():
        run(loaded.spec, JobContext())
        return
    if json_events:
        with interruptible(job := json_context()):
            result = run(loaded.spec, job, notes=loaded.notes)
        print_result({**asdict(result), "folder": str(result.folder)})
        return
    with progress(on_event=tell_event) as job:
        result = run(loaded.spec, job, notes=loaded.notes)
    if as_json:
        values = {**asdict(result), "folder": str(result.folder)}
        print_json({key: None if value != value else value for key, value in values.items()})
        return
    state = "stopped and saved" if result.stopped else "finished"
    score = "no validation samples" if math.isnan(result.miou) else f"mIoU {result.miou:.4f}"
    print(f"{state} after {result.steps} steps in {result.folder}; {score}")


@app.command(context_settings=OVERRIDES)
def evaluate(
    context: typer.Context,
    spec: Annotated[Path | None, typer.Option("--experiment-spec", "-e", help="A YAML spec.")] = None,
    images: Annotated[Path | None, typer.Option(help="Folder of images, instead of a spec.")] = None,
    masks: Annotated[Path | None, typer.Option(help="Folder of masks.")] = None,
    model: Annotated[str, typer.Option("--model", "-m", help="Name or folder of a model.")] = "",
    palette: Annotated[str, typer.Option(help="Palette of the masks; default: the model's own.")] = "",
    backend: BackendName = "auto",
    window: WindowName = "whole",
    tta: Mirror = False,
    scales: Scales = "1",
    robustness: Annotated[
        bool, typer.Option("--robustness", help="Also score 16 kinds of corrupted images.")
    ] = False,
    kinds: Annotated[str, typer.Option(help="Of corruptions, such as fog,gaussian_noise.")] = "",
    severities: Annotated[str, typer.Option(help="Of corruptions, such as 1,3.")] = "",
    as_json: Json = False,
    json_events: JsonEvents = False,
) -> None:
    """Score a network against masks: `-e spec.yaml key=value`, or --images and --masks."""
    from segstudio.workflows.scoring import chosen_corruptions

    if not robustness and (kinds or severities):
        raise InputError("--kinds and --severities choose corruptions", hint="add --robustness")
    corruptions = chosen_corruptions(words(kinds), numbers(severities)) if robustness else ()
    with watched(json_events) as job:
        if spec is not None:
            if images or masks or model or palette or (backend, window, tta, scales) != OF_THE_SPEC:
                raise InputError(
                    "a spec says which images, masks and weights are used, and how",
                    hint="give -e alone (studio.evaluation has windows, flip and scales),"
                    " or --images and --masks without it",
                )
            from segstudio.training.spec.load import load_spec
            from segstudio.workflows.spec_evaluation import evaluate_spec

            loaded = load_spec(spec, context.args, task="evaluate")
            result = evaluate_spec(loaded.spec, job, notes=loaded.notes, corruptions=corruptions)
        else:
            if context.args:
                raise InputError(f"unexpected {context.args[0]!r}", hint="key=value goes with -e SPEC")
            if images is None or masks is None:
                raise InputError("nothing to evaluate", hint="give -e SPEC, or --images and --masks")
            from segstudio.inference.predictor import window_named
            from segstudio.workflows.evaluate import evaluate_folders

            result = evaluate_folders(
                model or BUNDLED_MODEL, images, masks, palette,
                backend=backend, window=window_named(window), tta=tta, scales=numbers_of(scales),
                context=job, corruptions=corruptions,
            )  # fmt: skip
    print_evaluation(result, as_json=as_json, json_events=json_events)


def print_evaluation(result: "EvaluateResult", *, as_json: bool, json_events: bool) -> None:
    """One JSON object, or TAO's tables and what to know about them."""
    if json_events:
        print_result(result.to_json())
        return
    if as_json:
        print_json(result.to_json())
        return
    print(f"{result.model} on {result.images} images")
    print(result.tables())
    for path, reason in result.skipped:
        print(f"skipped {path}: {reason}")
    if result.orphans:
        print(f"{len(result.orphans)} images or masks have no partner, such as {result.orphans[0]}")
    tell(result.notes)
    if result.folder:
        print(f"report and pictures are in {result.folder}")


@app.command(context_settings=OVERRIDES)
def inference(
    context: typer.Context, spec: SpecFile, as_json: Json = False, json_events: JsonEvents = False
) -> None:
    """Predict the images that a spec names; run again to go on where it stopped."""
    from segstudio.training.spec.load import load_spec
    from segstudio.workflows.spec_inference import infer

    loaded = load_spec(spec, context.args, task="inference")
    with watched(json_events) as job:
        result = infer(loaded.spec, job, notes=loaded.notes)
    if json_events:
        print_result(result.to_json())
        return
    if as_json:
        print_json(result.to_json())
        return
    done = result.predicted
    print(
        f"{done.images} predicted, {done.resumed} were done before, {len(done.skipped)} skipped; "
        f"{done.fps:.1f} images/s; {done.out}"
    )
    for entry in done.skipped:
        print(f"  skipped {entry.path}: {entry.reason}")
    tell(result.notes)


@app.command("default_specs")
@app.command("default-specs", hidden=True)
def default_specs(
    task: Annotated[str, typer.Argument(help="train, evaluate, inference, export, ...")] = "train",
    preset: Annotated[str, typer.Option(help="studio, scratch, nvlabs or tao.")] = "studio",
) -> None:
    """Print a spec with every key and its default."""
    from segstudio.training.spec.load import default_yaml

    print(default_yaml(task, preset), end="")


def tell(lines: Iterable[str]) -> None:
    """Notes for the user, apart from the results."""
    for line in lines:
        print(f"note: {line}", file=sys.stderr)


def tell_event(event: Any) -> None:
    """Prints what the user should read of a training's events: notes, the report on the data, problems."""
    if isinstance(event, dict):
        note = "note: " if event.get("kind") == "notes" else ""
        for line in event.get("lines", ()):
            print(f"{note}{line}", file=sys.stderr)


def words(text: str) -> list[str]:
    """The words between commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def numbers(text: str) -> list[int]:
    """The whole numbers between commas.

    Raises:
        InputError: one is none.
    """
    found = words(text)
    if not all(word.isdecimal() for word in found):
        raise InputError(f"severities {text!r}", hint="write numbers between commas, such as 1,3")
    return [int(word) for word in found]
