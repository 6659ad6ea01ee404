"""Makes a model folder from a training's run: in this process for the command line, else in a child."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from segstudio.errors import ModelError
from segstudio.jobs import JobContext, run_child
from segstudio.workflows.training import child_command

if TYPE_CHECKING:
    from segstudio.deploy.export import Exported

SPEC_FILE = "experiment.yaml"
WEIGHTS = ("best.safetensors", "latest.safetensors")


def export_run(
    run: Path, out: Path, *, name: str = "", trained_on: str = "", licence: str = ""
) -> "Exported":
    """Exports the best weights of a run folder, with the settings of its spec; imports torch.

    Raises:
        ModelError: no run, no weights in it, or a graph that does not answer like the network.
        SpecError: the run's spec cannot be read.
    """
    from segstudio.deploy.export import export_model
    from segstudio.training.spec import load_train_spec

    weights = next((run / entry for entry in WEIGHTS if (run / entry).is_file()), None)
    if weights is None or not (run / SPEC_FILE).is_file():
        raise ModelError(f"{run} is no run with weights", hint="give the results_dir of a training")
    spec = load_train_spec(run / SPEC_FILE)
    segment = spec.dataset.segment
    return export_model(
        weights,
        out,
        name=name or out.name,
        architecture=spec.model.backbone.type,
        embed_dim=spec.model.decode_head.decoder_params.embed_dim or None,
        palette=segment.palette,
        short_side=spec.studio.short_side,
        mean=segment.augmentation.mean,
        std=segment.augmentation.std,
        trained_on=trained_on,
        licence=licence,
    )


def export_in_child(run: Path, out: Path, name: str, context: JobContext) -> Any:
    """The same in a process of its own; returns the JSON of `segstudio export`."""
    command = child_command("export", str(run), "--out", str(out), "--name", name, "--json-events")
    return run_child(command, context)
