"""The command gen_trt_engine."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from segstudio.cli.output import (
    Json,
    JsonEvents,
    interruptible,
    json_context,
    print_json,
    print_result,
    progress,
)
from segstudio.cli.spec_tasks import OVERRIDES, SpecFile, tell
from segstudio.jobs import JobContext

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command("gen_trt_engine", context_settings=OVERRIDES)
@app.command("gen-trt-engine", hidden=True, context_settings=OVERRIDES)
def gen_trt_engine(
    context: typer.Context, spec: SpecFile, as_json: Json = False, json_events: JsonEvents = False
) -> None:
    """Build a TensorRT engine: `segstudio gen_trt_engine -e spec.yaml gen_trt_engine.onnx_file=FILE`."""
    from segstudio.training.spec.load import load_spec
    from segstudio.workflows.spec_engine import build_from_spec

    loaded = load_spec(spec, context.args, task="gen_trt_engine")
    with _stoppable(json_events) as job:
        result = build_from_spec(loaded.spec, job, loaded.notes)
    if json_events:
        print_result(result.to_json())
    elif as_json:
        print_json(result.to_json())
    else:
        facts = result.facts
        print(
            f"{result.engine}: {facts.bytes / 2**20:.1f} MB of {facts.precision} for {facts.gpu} and"
            f" TensorRT {facts.tensorrt}, in {facts.seconds:.0f} s"
        )
        tell(result.notes)


@contextmanager
def _stoppable(json_events: bool) -> Iterator[JobContext]:
    """A context whose work ends at its next step when somebody asks; a build cannot be left between."""
    if not json_events:
        with progress(on_event=_tell_log) as shown:
            yield shown
        return
    with interruptible(job := json_context()):
        yield job


def _tell_log(event: object) -> None:
    """Prints TensorRT's own lines apart from the results."""
    if isinstance(event, dict) and event.get("kind") == "log":
        for line in event["lines"]:
            print(f"tensorrt: {line}", file=sys.stderr)
