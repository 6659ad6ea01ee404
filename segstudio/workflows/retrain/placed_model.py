"""Puts the model of a run into the catalog with its lineage: once, under a name that no other model has."""

import itertools
import shutil
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from segstudio import paths
from segstudio.errors import SegstudioError
from segstudio.images import atomic_write
from segstudio.inference.catalog import list_models, taken_names
from segstudio.inference.spec import FILE, load_spec, save_spec
from segstudio.workflows.retrain.folder import RunFolder, RunNote
from segstudio.workflows.retrain.start import file_hash

MANIFEST_COPY, SPEC_COPY = "manifest.json", "experiment.yaml"
# SHA-256 of the run's weights: those of the model have another form, and so another hash.
ORIGIN_FILE = "run_weights.sha256"


def weights_of(run: RunFolder) -> Path | None:
    """The weights that a model is made of: the best, else the latest ones; None before the first."""
    return next((path for path in (run.best_weights, run.latest_weights) if path.is_file()), None)


def placed_model(run: RunFolder) -> Path | None:
    """The model of the catalog that was made of a run's weights as they are now, whatever it is called.

    None where there is none: the run may have learnt on since its model was made.
    """
    weights = weights_of(run)
    if weights is None:
        return None
    wanted = _origin(run, file_hash(weights)).items()
    for entry in list_models(archived=True):
        if not entry.bundled and all(_holds(entry.folder / name, content) for name, content in wanted):
            return entry.folder
    return None


def note_lineage(folder: Path, run: RunFolder, note: RunNote, weights: str) -> None:
    """Writes into a model's folder what it comes from: parent, day, experiment, manifest, the run's weights.

    Args:
        folder: of the model.
        run: that it was made of.
        note: of the run.
        weights: SHA-256 of the run's weights.

    Raises:
        ModelError: it is no model's folder. ImageError: the disk refuses.
    """
    spec = replace(load_spec(folder), parent=note.start, parent_sha256=note.start_sha256)
    when = datetime.fromtimestamp(time.time(), UTC).date().isoformat()
    save_spec(replace(spec, created=spec.created or when), folder)
    for name, content in _origin(run, weights).items():
        atomic_write(folder / name, content)


def place_model(folder: Path, name: str) -> Path:
    """Moves a finished model folder into the catalog, in one step; returns where it is.

    Another project may have made a model of the same name meanwhile: then it gets a number.

    Raises:
        SegstudioError: the disk refuses.
    """
    taken, root = taken_names(), paths.user_models_dir()
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    chosen = next(one for one in names if one not in taken and not (root / one).exists())
    beside = root / f".{chosen}.part"
    try:
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(folder, beside)
        save_spec(replace(load_spec(beside), name=chosen), beside)
        beside.rename(root / chosen)
    except OSError as error:
        shutil.rmtree(beside, ignore_errors=True)
        raise SegstudioError(
            f"{root / chosen} cannot be written: {error.strerror or error}", hint="free some space"
        ) from error
    shutil.rmtree(folder, ignore_errors=True)
    return root / chosen


def is_of(folder: Path, weights: str) -> bool:
    """Whether a folder holds a whole model that was made of weights with this SHA-256."""
    return (folder / FILE).is_file() and _holds(folder / ORIGIN_FILE, weights.encode())


def _origin(run: RunFolder, weights: str) -> dict[str, bytes]:
    """What the folder of a run's model holds besides the model, in the order of writing.

    The experiment names the run. The hash comes last: where it is, all of it is.
    """
    return {
        MANIFEST_COPY: run.manifest.read_bytes(),
        SPEC_COPY: run.spec_file.read_bytes(),
        ORIGIN_FILE: weights.encode(),
    }


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False
