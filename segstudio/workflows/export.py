"""Makes a model folder from a training's run."""

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from segstudio.annotation.palette_choice import save_palette
from segstudio.errors import ModelError
from segstudio.workflows.model_palette import PALETTE_FILE, keep_palette, palette_of_run
from segstudio.workflows.training import read_run

if TYPE_CHECKING:
    from segstudio.deploy.export import Exported

SPEC_FILE = "experiment.yaml"
WEIGHTS = ("best.safetensors", "latest.safetensors")
TRAIN = "train"


def export_run(
    run: Path, out: Path, *, name: str = "", trained_on: str = "", licence: str = ""
) -> "Exported":
    """Exports the best weights of a run, with the settings of its spec; imports torch.

    Args:
        run: the results_dir of a training, or its train folder.
        out: the model folder to make.
        name: the model's name; "" is that of `out`.
        trained_on: what the model card says about the data.
        licence: what the model card says about the licence.

    Raises:
        ModelError: no run, no weights in it, or a graph that does not answer like the network.
        SpecError: the run's spec cannot be read.
    """
    from segstudio.deploy.export import export_model
    from segstudio.training.spec.derived import model_palette, resize_rule
    from segstudio.training.spec.load import load_spec

    folder, weights = find_weights(run)
    spec = load_spec(folder / SPEC_FILE).spec
    segment = spec.dataset.segment
    palette, own = palette_of_run(model_palette(spec), name or out.name)
    with tempfile.TemporaryDirectory() as scratch:
        if own is not None:
            save_palette(own, Path(scratch) / PALETTE_FILE)
        made = export_model(
            weights,
            out,
            name=name or out.name,
            palette=str(Path(scratch) / PALETTE_FILE) if own else palette.name,
            resize=resize_rule(spec),
            mean=segment.augmentation.mean,
            std=segment.augmentation.std,
            trained_on=trained_on,
            licence=licence,
            metrics=read_run(folder).scores_at_best() if weights.name == WEIGHTS[0] else {},
        )
    keep_palette(own, made.spec, out)
    return made


def find_weights(run: Path) -> tuple[Path, Path]:
    """The folder of a training and its best weights, from its results_dir or that folder itself.

    Raises:
        ModelError: there is no spec, or no weights beside it.
    """
    for folder in (run, run / TRAIN):
        weights = next((folder / entry for entry in WEIGHTS if (folder / entry).is_file()), None)
        if weights is not None and (folder / SPEC_FILE).is_file():
            return folder, weights
    raise ModelError(f"{run} is no run with weights", hint="give the results_dir of a training")
