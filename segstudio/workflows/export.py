"""Makes a model folder from a training's run."""

from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.errors import ModelError
from segstudio.workflows.training import read_run

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
    from segstudio.training.spec.derived import model_palette, resize_rule
    from segstudio.training.spec.load import load_spec

    weights = next((run / entry for entry in WEIGHTS if (run / entry).is_file()), None)
    if weights is None or not (run / SPEC_FILE).is_file():
        raise ModelError(f"{run} is no run with weights", hint="give the results_dir of a training")
    spec = load_spec(run / SPEC_FILE).spec
    curves = read_run(run)
    segment = spec.dataset.segment
    return export_model(
        weights,
        out,
        name=name or out.name,
        palette=model_palette(spec).name,
        resize=resize_rule(spec),
        mean=segment.augmentation.mean,
        std=segment.augmentation.std,
        trained_on=trained_on,
        licence=licence,
        metrics=curves.scores_at_best() if weights.name == WEIGHTS[0] else {},
    )
