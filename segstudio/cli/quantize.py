"""The command quantize."""

import typer

from segstudio.cli.output import Json, JsonEvents, print_json, print_result, watched
from segstudio.cli.spec_tasks import OVERRIDES, SpecFile, tell

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command(context_settings=OVERRIDES)
def quantize(
    context: typer.Context, spec: SpecFile, as_json: Json = False, json_events: JsonEvents = False
) -> None:
    """Quantise weights as a spec says: `segstudio quantize -e spec.yaml quantize.model_path=FILE`."""
    from segstudio.training.spec.load import load_spec
    from segstudio.workflows.spec_quantize import quantize_spec

    loaded = load_spec(spec, context.args, task="quantize")
    with watched(json_events) as job:
        result = quantize_spec(loaded.spec, job, notes=loaded.notes)
    if json_events:
        print_result(result.to_json())
    elif as_json:
        print_json(result.to_json())
    else:
        print("\n".join(result.lines()))
        tell(result.notes)
