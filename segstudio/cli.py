"""The command line: one subcommand a workflow; every import of a room happens inside its command."""

import json
import math
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
import typer.core
import typer.main

from segstudio.errors import Cancelled, InputError, SegstudioError
from segstudio.jobs import JobContext

BAD_INPUT, BUG = 2, 1
REPORT = "this is a bug: please report it with the file"

app = typer.Typer(add_completion=False, no_args_is_help=False, pretty_exceptions_enable=False)
models_app = typer.Typer(no_args_is_help=True, help="The catalog of models.")
project_app = typer.Typer(no_args_is_help=True, help="Projects: folders of samples.")
app.add_typer(models_app, name="models")
app.add_typer(project_app, name="project")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
Model = Annotated[str, typer.Option("--model", "-m", help="Name or folder of a model.")]
BackendName = Annotated[str, typer.Option("--backend", help="auto, openvino or onnx.")]
SpecFile = Annotated[Path, typer.Option("--experiment-spec", "-e", help="A YAML spec.")]


def main() -> None:
    """Runs the command line; exit status 0 done, 2 bad input, 1 a bug."""
    arguments = sys.argv[1:]
    try:
        if is_folder_call(arguments):
            _open_window(Path(arguments[0]) if arguments else None)
        app(args=arguments, prog_name="segstudio", standalone_mode=True)
    except Cancelled:
        sys.exit(130)
    except SegstudioError as error:
        print(f"segstudio: {error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        print("segstudio: stopped", file=sys.stderr)
        sys.exit(130)
    except Exception as error:  # noqa: BLE001 - the last place that can say how to report a bug
        _report_bug(error)


def is_folder_call(arguments: Sequence[str]) -> bool:
    """Whether the words mean "open the window": nothing, or one that is neither command nor option."""
    if not arguments:
        return True
    first = arguments[0]
    return len(arguments) == 1 and not first.startswith("-") and first not in command_names()


def command_names() -> list[str]:
    """The commands and groups by the words that call them."""
    command = typer.main.get_command(app)
    return sorted(command.commands) if isinstance(command, typer.core.TyperGroup) else []


def _open_window(folder: Path | None) -> NoReturn:
    from segstudio.workflows.doctor import is_display_there

    if folder is not None and not folder.is_dir():
        raise InputError(
            f"{folder} is neither a folder nor a command", hint=f"commands are {', '.join(command_names())}"
        )
    if not is_display_there() and "QT_QPA_PLATFORM" not in os.environ:
        raise InputError(
            "there is no display to open a window on", hint="see `segstudio --help` for commands"
        )
    from segstudio.gui.app import main as open_window

    sys.exit(open_window(folder))


def _report_bug(error: BaseException) -> NoReturn:
    from segstudio import paths

    report = paths.user_log_dir() / f"bug-{time.strftime('%Y%m%d-%H%M%S')}.txt"
    text = "".join(traceback.format_exception(error))
    report.write_text(f"segstudio {' '.join(sys.argv[1:])}\n\n{text}", encoding="utf-8")
    print(f"segstudio: {type(error).__name__}: {error}\n{REPORT} {report}", file=sys.stderr)
    sys.exit(BUG)


@contextmanager
def _progress() -> Iterator[JobContext]:
    """A context whose progress is one line on stderr, rewritten in place on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(done: float, total: float, text: str) -> None:
            bar.update(task, completed=done, total=total or None, description=text[-40:])

        context = JobContext(show)
        with _interruptible(context):
            yield context


@contextmanager
def _interruptible(context: JobContext) -> Iterator[None]:
    """Ctrl+C and a polite end ask the work to stop, so that it can save; a second Ctrl+C ends it at once."""
    import signal

    def stop(_number: int, _frame: object) -> None:
        context.cancel()
        signal.signal(signal.SIGINT, signal.default_int_handler)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_json(values: Any) -> None:
    print(json.dumps(values, ensure_ascii=False))


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left")
    for position, column in enumerate(columns):
        table.add_column(column, justify="left" if position == 0 else "right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)


def percent(value: float | None) -> str:
    """A fraction as percent with two decimals, as the field prints it."""
    return "absent" if value is None else f"{value * 100:.2f}"


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
    with _progress() as context:
        result = predict_inputs(
            inputs, model, out, backend=backend, window=chosen, tta=tta, save=kinds, context=context
        )
    if as_json:
        _print_json(asdict(result))
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

    with _progress() as context:
        result = evaluate_folders(model, images, masks, palette, backend=backend, context=context)
    values = result.to_json()
    if as_json:
        _print_json(values)
        return
    rows = [
        (name, percent(entry["iou"]), percent(entry["acc"]), percent(entry["f1"]))
        for name, entry in values["per_class"].items()
    ]
    _table(f"{result.model} on {result.images} images", ("Class", "IoU", "Acc", "F1"), rows)
    _table("", ("Scope", "mIoU", "mAcc", "aAcc"),
           [("global", *(percent(values[key]) for key in ("miou", "macc", "aacc")))])  # fmt: skip
    for path, reason in result.skipped:
        print(f"skipped {path}: {reason}")
    if result.orphans:
        print(f"{len(result.orphans)} images or masks have no partner, such as {result.orphans[0]}")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": False})
def train(
    context: typer.Context,
    spec: SpecFile,
    json_events: Annotated[
        bool, typer.Option("--json-events", help="Events as JSON lines on stdout.")
    ] = False,
) -> None:
    """Train from a spec: `segstudio train -e spec.yaml train.seed=7`; run again to resume."""
    from segstudio.training.loop import train as run
    from segstudio.training.spec import load_train_spec

    loaded = load_train_spec(spec, context.args)
    if json_events:
        with _interruptible(job := _json_context()):
            result = run(loaded, job)
        _print_json({"result": {**asdict(result), "folder": str(result.folder)}})
        return
    with _progress() as job:
        result = run(loaded, job)
    state = "stopped and saved" if result.stopped else "finished"
    score = "no validation samples" if math.isnan(result.miou) else f"mIoU {result.miou:.4f}"
    print(f"{state} after {result.steps} steps in {result.folder}; {score}")


def _json_context() -> JobContext:
    def show(done: float, total: float, text: str) -> None:
        _print_json({"progress": [done, total, text]})
        sys.stdout.flush()

    return JobContext(show, _print_json)


@app.command("default_specs")
@app.command("default-specs", hidden=True)
def default_specs(
    task: Annotated[str, typer.Argument(help="train")] = "train",
) -> None:
    """Print a spec with every key and its default."""
    from segstudio.training.spec import TrainSpec, train_spec_yaml

    if task != "train":
        raise InputError(f"there is no task {task!r}", hint="use train")
    print(train_spec_yaml(TrainSpec()), end="")


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
        _print_json(values)
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

    width, height = _size(size)
    with _progress() as context:
        result = bench_model(
            model, backend=backend, width=width, height=height, batch=batch, seconds=seconds, context=context
        )
    if as_json:
        _print_json(result.to_json())
        return
    latency = ", ".join(f"{key} {value:.1f}" for key, value in result.latency_ms.items())
    print(f"{result.model} on {result.backend}, {result.device}: {result.fps:.2f} images/s; ms: {latency}")


def _size(text: str) -> tuple[int, int]:

    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"size {text!r}", hint="write it as WIDTHxHEIGHT, such as 1024x512")
    return int(parts[0]), int(parts[1])


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine can run, and why not."""
    from segstudio.workflows.doctor import examine

    findings = examine()
    if as_json:
        _print_json([asdict(finding) for finding in findings])
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


@models_app.command("list")
def models_list(as_json: Json = False) -> None:
    """List every model."""
    from segstudio.inference.catalog import list_models

    entries = list_models()
    if as_json:
        _print_json([
            {"name": e.name, "folder": str(e.folder), "bundled": e.bundled, "problem": e.problem}
            for e in entries
        ])  # fmt: skip
        return
    for entry in entries:
        about = (
            f"{entry.spec.architecture}, {len(entry.spec.classes)} classes" if entry.spec else entry.problem
        )
        print(f"{entry.name}  {about}  {entry.folder}")


@models_app.command("show")
def models_show(name: str, as_json: Json = False) -> None:
    """Print what is known about a model."""
    from segstudio.inference.catalog import find_model
    from segstudio.inference.spec import spec_to_dict

    folder, spec = find_model(name)
    values = {"folder": str(folder), **spec_to_dict(spec)}
    if as_json:
        _print_json(values)
    else:
        _print_facts(values)


@models_app.command("import")
def models_import(folder: Path, name: Annotated[str, typer.Option(help="Another name.")] = "") -> None:
    """Copy a model folder into your models."""
    from segstudio.inference.catalog import import_model

    entry = import_model(folder, name)
    print(f"{entry.name} is in {entry.folder}")


ProjectFolder = Annotated[Path, typer.Argument(help="The project's folder.")]


def _with_project(folder: Path, work: Callable[[Any], None], **options: Any) -> None:
    from segstudio.project.project import Project

    project = Project.open(folder, **options)
    try:
        work(project)
    finally:
        project.close()


def _print_info(project: Any, as_json: bool) -> None:
    info = asdict(project.info())
    if as_json:
        _print_json({key: str(value) if isinstance(value, Path) else value for key, value in info.items()})
        return
    _print_facts(info)


def _print_facts(values: Mapping[str, Any]) -> None:
    """One line a fact; lists and tables within the line."""
    for key, value in values.items():
        text = value
        if isinstance(value, Mapping):
            text = ", ".join(f"{name} {entry}" for name, entry in value.items()) or "none"
        elif isinstance(value, list | tuple):
            text = ", ".join(str(entry) for entry in value) or "none"
        print(f"{key.replace('_', ' ')}: {text}")


@project_app.command("init")
def project_init(
    folder: ProjectFolder,
    images: Annotated[Path | None, typer.Option(help="Images elsewhere.")] = None,
    palette: Annotated[
        str | None, typer.Option(help="Palette of the masks: a name or a YAML file; cityscapes if new.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a project of a folder; an existing one keeps its palette unless you give another."""
    folder.mkdir(parents=True, exist_ok=True)
    _with_project(folder, lambda project: _print_info(project, as_json), images=images, palette=palette)


@project_app.command("info")
def project_info(folder: ProjectFolder, as_json: Json = False) -> None:
    """Print a project in numbers."""
    _with_project(folder, lambda project: _print_info(project, as_json), create=False)


@project_app.command("rescan")
def project_rescan(folder: ProjectFolder, as_json: Json = False) -> None:
    """Make the facts match the files again."""

    def work(project: Any) -> None:
        with _progress() as context:
            project.rescan(context)
        _print_info(project, as_json)

    _with_project(folder, work, create=False)


@project_app.command("split")
def project_split(
    folder: ProjectFolder,
    shares: Annotated[list[str], typer.Argument(help="NAME=SHARE, such as train=0.8 val=0.2.")],
    seed: Annotated[int, typer.Option(help="Another one, another division.")] = 0,
    as_json: Json = False,
) -> None:
    """Divide the samples at random into splits; the same seed gives the same division."""
    fractions = {}
    for share in shares:
        name, _, value = share.partition("=")
        try:
            fractions[name] = float(value)
        except ValueError:
            raise InputError(f"{share!r} is no NAME=SHARE", hint="such as train=0.8 val=0.2") from None

    def work(project: Any) -> None:
        project.assign_splits(fractions, seed)
        _print_info(project, as_json)

    _with_project(folder, work, create=False)
