"""The command that times models."""

from typing import TYPE_CHECKING, Annotated

import typer

from segstudio.cli.output import (
    BackendName,
    Json,
    PrecisionName,
    count_of,
    print_json,
    progress,
    size_of,
)

if TYPE_CHECKING:
    from segstudio.workflows.bench import BenchResult
    from segstudio.workflows.bench_against import AgainstResult

app = typer.Typer(add_completion=False)


@app.command()
def bench(
    model: Annotated[str, typer.Argument(help="Name or folder of a model.")],
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
    as_json: Json = False,
) -> None:
    """Time a model on this machine, as trtexec does: warm-up, 3 seconds at least, percentiles, throughput."""
    from segstudio.inference.backend import Options, precision_named
    from segstudio.workflows.bench import bench_model
    from segstudio.workflows.bench_against import bench_against

    sizes, batches = [size_of(one) for one in size.split(",")], [count_of(one) for one in batch.split(",")]
    options = Options(
        threads, "throughput" if throughput else "latency", precision=precision_named(precision)
    )
    found: BenchResult | AgainstResult
    with progress() as job:
        if against:
            found = bench_against(
                model, against, backend=backend, sizes=sizes, seconds=seconds, options=options, context=job
            )
        else:
            found = bench_model(
                model, backend=backend, sizes=sizes, batches=batches, seconds=seconds, options=options,
                context=job,
            )  # fmt: skip
    if as_json:
        print_json(found.to_json())
    else:
        print("\n".join(found.lines()))
