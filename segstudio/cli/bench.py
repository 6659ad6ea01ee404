"""The command that times models, keeps the figures, and shows them again."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from segstudio.cli.output import (
    BackendName,
    Json,
    JsonEvents,
    PrecisionName,
    count_of,
    json_context,
    print_json,
    print_result,
    progress,
    size_of,
)
from segstudio.errors import InputError, ModelError

if TYPE_CHECKING:
    from segstudio.workflows.bench import BenchResult
    from segstudio.workflows.bench_against import AgainstResult

app = typer.Typer(add_completion=False)
Shown = tuple[dict[str, object], list[str]]


@app.command()
def bench(
    model: Annotated[str, typer.Argument(help="Name or folder of a model.")] = "",
    backend: BackendName = "auto",
    size: Annotated[str, typer.Option(help="WIDTHxHEIGHT of the images; several with commas.")] = "1024x512",
    batch: Annotated[str, typer.Option(help="Images a call; several with commas.")] = "1",
    seconds: Annotated[float, typer.Option(help="How long to measure each.")] = 3.0,
    precision: PrecisionName = "fp32",
    threads: Annotated[int, typer.Option(min=0, help="Of the CPU; 0: as many as cores.")] = 0,
    throughput: Annotated[bool, typer.Option("--throughput", help="Several calls at a time.")] = False,
    against: Annotated[
        str, typer.Option(help="Take turns with hf (transformers) or ort (its plain ONNX export).")
    ] = "",
    profile: Annotated[bool, typer.Option("--profile", help="Also say which stage takes the time.")] = False,
    report: Annotated[Path | None, typer.Option(help="Folder for bench.html, with plots.")] = None,
    no_save: Annotated[bool, typer.Option("--no-save", help="Keep the figures out of the history.")] = False,
    history: Annotated[bool, typer.Option("--history", help="Show what was kept; time nothing.")] = False,
    as_json: Json = False,
    json_events: JsonEvents = False,
) -> None:
    """Time a model on this machine, as trtexec does: warm-up, 3 seconds at least, percentiles, throughput."""
    from segstudio.inference.backend import Options, precision_named
    from segstudio.workflows.bench import bench_model
    from segstudio.workflows.bench_against import bench_against

    if history:
        _show(*_history(model), as_json, json_events)
        return
    if not model:
        raise InputError("bench needs a model", hint="name one, or see earlier figures with --history")
    if against and (report or profile):
        raise InputError(
            "--against goes without --report and --profile", hint="time the model alone for them"
        )
    sizes, batches = [size_of(one) for one in size.split(",")], [count_of(one) for one in batch.split(",")]
    if report and report.exists() and not report.is_dir():
        raise InputError(f"{report} is a file", hint="give a folder with --report")
    options = Options(
        threads, "throughput" if throughput else "latency", precision=precision_named(precision)
    )
    found: BenchResult | AgainstResult
    with nullcontext(json_context()) if json_events else progress() as job:
        if against:
            found = bench_against(
                model, against, backend=backend, sizes=sizes, seconds=seconds, options=options, context=job
            )
        else:
            found = bench_model(
                model, backend=backend, sizes=sizes, batches=batches, seconds=seconds, options=options,
                profile=profile or report is not None, context=job,
            )  # fmt: skip
            _keep(found, report, saved=not no_save)
    _show(found.to_json(), found.lines(), as_json, json_events)


def _keep(found: "BenchResult", report: Path | None, *, saved: bool) -> None:
    """Adds to the history, and writes the report; a history that cannot be written costs no figures."""
    from segstudio.workflows.bench_history import keep, made_now, read_history
    from segstudio.workflows.bench_report import write_report

    record = made_now(found)
    if saved:
        try:
            keep(record)
        except InputError as error:
            print(f"segstudio: not kept: {error}", file=sys.stderr)
    if report:
        print(f"report: {write_report(report, record, read_history(found.model))}", file=sys.stderr)


def _history(model: str) -> Shown:
    """What was kept, of a model of the catalog or of one that is gone by its name."""
    from segstudio.inference.catalog import find_model
    from segstudio.workflows.bench_history import read_history

    try:
        name = find_model(model)[1].name if model else ""
    except ModelError:
        name = model
    found = read_history(name)
    if name and not found.records:
        raise InputError(
            f"nothing was kept of a model {model!r}",
            hint=f"time it: segstudio bench {model}, or leave it out",
        )
    return found.to_json(), found.lines()


def _show(values: dict[str, object], lines: list[str], as_json: bool, json_events: bool) -> None:
    if json_events:
        print_result(values)
    elif as_json:
        print_json(values)
    else:
        print("\n".join(lines))
