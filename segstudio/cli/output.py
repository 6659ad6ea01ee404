"""What every command prints with: progress on stderr, one JSON object or a table on stdout."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer

from segstudio.errors import Cancelled, InputError
from segstudio.jobs import JobContext

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
JsonEvents = Annotated[bool, typer.Option("--json-events", help="Events as JSON lines on stdout.")]
Model = Annotated[str, typer.Option("--model", "-m", help="Name or folder of a model.")]
ModelInUse = Annotated[
    str, typer.Option("--model", "-m", help="Name or folder of a model; default: the one in use.")
]
BackendName = Annotated[
    str,
    typer.Option(
        "--backend",
        help="auto, openvino, onnx, torch, tensorrt; with devices by preference: onnx:cuda,cpu.",
    ),
]
PrecisionName = Annotated[
    str, typer.Option("--precision", help="Of the arithmetic: fp32; bf16, fp16 where the device has them.")
]

WindowName = Annotated[str, typer.Option("--window", help="whole, or slide: windows, joined.")]
Mirror = Annotated[bool, typer.Option("--tta", help="Also show the mirror image.")]
Scales = Annotated[str, typer.Option("--scales", help="Sizes at which the network sees it, such as 0.75,1.")]


@contextmanager
def progress(on_event: Callable[[object], None] | None = None) -> Iterator[JobContext]:
    """A context whose progress is one line on stderr, rewritten in place on a terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=None)

        def show(done: float, total: float, text: str) -> None:
            bar.update(task, completed=done, total=total or None, description=text[-40:])

        context = JobContext(show, on_event)
        with interruptible(context):
            yield context


@contextmanager
def interruptible(context: JobContext) -> Iterator[None]:
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


def print_json(values: Any) -> None:
    print(json.dumps(values, ensure_ascii=False))


def json_context() -> JobContext:
    def show(done: float, total: float, text: str) -> None:
        print_json({"progress": [done, total, text]})
        sys.stdout.flush()

    return JobContext(show, print_json)


def print_facts(values: Mapping[str, Any]) -> None:
    """One line a fact; lists and tables within the line."""
    for key, value in values.items():
        text = value
        if isinstance(value, Mapping):
            text = ", ".join(f"{name} {entry}" for name, entry in value.items()) or "none"
        elif isinstance(value, list | tuple):
            text = ", ".join(str(entry) for entry in value) or "none"
        print(f"{key.replace('_', ' ')}: {text}")


def print_result(values: Any) -> None:
    """The last line of a child process that reports by JSON lines."""
    print_json({"result": values})


@contextmanager
def watched(json_events: bool) -> Iterator[JobContext]:
    """A context for work that has nothing to save when it is stopped: it ends where it is, and cleans up.

    Progress is JSON lines on stdout, or a line on stderr.

    Raises:
        Cancelled: somebody asked the process to end.
    """
    import signal

    def stop(_number: int, _frame: object) -> None:
        raise Cancelled("stopped")

    with progress() if not json_events else nullcontext(json_context()) as context:
        before = signal.signal(signal.SIGTERM, stop)
        try:
            yield context
        finally:
            signal.signal(signal.SIGTERM, before)


def size_of(text: str) -> tuple[int, int]:
    """WIDTHxHEIGHT as (width, height).

    Raises:
        InputError: it is not written so.
    """
    parts = text.lower().split("x")
    if len(parts) != 2 or not all(part.isdigit() and int(part) > 0 for part in parts):
        raise InputError(f"size {text!r}", hint="write it as WIDTHxHEIGHT, such as 1024x512")
    return int(parts[0]), int(parts[1])


def numbers_of(text: str) -> tuple[float, ...]:
    """Numbers with commas between them.

    Raises:
        InputError: one is none.
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError as error:
        raise InputError(f"numbers {text!r}", hint="write them with commas, such as 0.75,1") from error


def count_of(text: str) -> int:
    """A whole number above 0.

    Raises:
        InputError: it is none.
    """
    if not text.isdigit() or int(text) == 0:
        raise InputError(f"count {text!r}", hint="write whole numbers above 0, such as 1,4,8")
    return int(text)
