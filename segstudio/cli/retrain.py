"""The command that retrains: accepted samples of a project to a run, and to the model that becomes of it."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from segstudio.cli.output import Json, print_json, progress
from segstudio.cli.projects import ProjectFolder, with_project
from segstudio.cli.runs import follow_run
from segstudio.errors import InputError

app = typer.Typer(add_completion=False)

THEN = ("evaluate", "export")
USUAL_FORMAT = "onnx"


@app.command()
def retrain(
    folder: ProjectFolder,
    model: Annotated[
        str,
        typer.Option(
            "--model",
            "-m",
            help="Start: a model, .safetensors weights, or scratch; default: the model in use.",
        ),
    ] = "",
    minutes: Annotated[float, typer.Option(help="How long the training may take.")] = 10.0,
    preset: Annotated[str, typer.Option(help="cpu, gpu or gpus; default: what fits this machine.")] = "",
    query: Annotated[str, typer.Option(help="Which samples to learn from, such as 'class=rider'.")] = "",
    statuses: Annotated[
        list[str] | None, typer.Option("--status", help="Of the samples; repeatable. [default: accepted]")
    ] = None,
    validation: Annotated[str, typer.Option(help="The split to score; drawn where there is none.")] = "val",
    classes: Annotated[str, typer.Option(help="Of the network: auto, model or project.")] = "auto",
    freeze_backbone: Annotated[
        bool, typer.Option("--freeze-backbone", help="Only the decode head learns.")
    ] = False,
    name: Annotated[str, typer.Option(help="Of the run and its model.")] = "",
    spec: Annotated[
        Path | None, typer.Option("--spec", help="An edited experiment, as --print-spec prints it.")
    ] = None,
    then: Annotated[str, typer.Option(help="After it: evaluate, export, both with a comma, or none.")] = (
        "evaluate"
    ),
    formats: Annotated[str, typer.Option("--as", help="Formats to export to; see docs/deploy.md.")] = "",
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what it would learn from, and warn.")
    ] = False,
    print_spec: Annotated[
        bool, typer.Option("--print-spec", help="Only print the experiment, to be edited.")
    ] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Do not wait for its end.")] = False,
    as_json: Json = False,
) -> None:
    """Train on a project's accepted samples; the run goes on without this terminal or a window."""
    from segstudio.workflows.model_use import start_for
    from segstudio.workflows.retrain.choice import MODEL_SIGN, SCRATCH, RetrainChoice
    from segstudio.workflows.retrain.preview import preview
    from segstudio.workflows.retrain.write import write_run

    steps = _steps(then)
    is_start = model == SCRATCH or model.endswith(".safetensors")
    asked = RetrainChoice(
        start=model if is_start else MODEL_SIGN + model,
        query=query, statuses=tuple(statuses or ("accepted",)), validation=validation, classes=classes,
        preset=preset, minutes=minutes, name=name, freeze_backbone=freeze_backbone,
        evaluate="evaluate" in steps, formats=_formats(formats, exported="export" in steps),
        spec=_text(spec),
    )  # fmt: skip
    run = None

    def work(project: Any) -> None:
        nonlocal run
        choice = asked if model else replace(asked, start=MODEL_SIGN + start_for(project))
        with progress() as context:
            if print_spec:
                _print_spec(project, choice)
            elif dry_run:
                found = preview(project, choice, context)
                print_json(found.to_json()) if as_json else print("\n".join(found.lines()))
            else:
                run = write_run(project, choice, context)

    with_project(folder, work, create=False)
    if run is not None:
        _begin(run, detach=detach, as_json=as_json)


def _begin(run: Any, *, detach: bool, as_json: bool) -> None:
    """Starts a run, or puts it behind those that run, and follows it."""
    from segstudio.workflows.retrain.runs import RunState, status_of
    from segstudio.workflows.retrain.supervise import queue_up, start_next_below

    queue_up(run)
    start_next_below(run.path.parent)
    status = status_of(run)
    if detach or status.state is RunState.QUEUED:
        print_json(status.to_json()) if as_json else print(f"{run.name} is {status.state.value}: {run.path}")
        return
    follow_run(run, as_json=as_json)


def _print_spec(project: Any, choice: Any) -> None:
    from segstudio.workflows.retrain.plan import make_plan
    from segstudio.workflows.retrain.samples import choose_samples

    chosen = choose_samples(project, choice)
    print(make_plan(project, replace(choice, spec=""), len(chosen.validation)).text, end="")


def _steps(then: str) -> tuple[str, ...]:
    steps = tuple(part.strip() for part in then.split(",") if part.strip() not in ("", "none"))
    for step in steps:
        if step not in THEN:
            raise InputError(f"--then {step!r}", hint=f"use {', '.join(THEN)} or none")
    return steps


def _formats(text: str, *, exported: bool) -> tuple[str, ...]:
    from segstudio.cli.spec_tasks import words
    from segstudio.workflows.exports.formats import chosen_formats

    if not text and not exported:
        return ()
    return chosen_formats("", tuple(words(text)) or (USUAL_FORMAT,))


def _text(spec: Path | None) -> str:
    if spec is None:
        return ""
    try:
        return spec.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{spec} cannot be read: {error}", hint="give a YAML file") from error
