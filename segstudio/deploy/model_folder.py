"""How a model folder comes about: made beside its place, proved, and only then put there."""

import dataclasses
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from segstudio.deploy.parity import ParityReport, require_parity
from segstudio.errors import ModelError
from segstudio.images import atomic_write
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.scenes.street import draw_scene

ONNX_FILE = "model.onnx"
WEIGHTS_FILE = "weights.safetensors"
PARITY_FILE = "parity.json"


@contextmanager
def folder_in_the_making(out: Path, *, new: bool = False) -> Iterator[Path]:
    """A folder beside `out` whose files take their place there when nothing was raised.

    Args:
        out: where they go; files of other names that are there stay.
        new: there must be no such folder yet, also none that somebody else made meanwhile.

    Raises:
        ModelError: the folder or the disk refuses, or there is one already that must be new.
    """
    temporary: Path | None = None
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}-"))
        # The outer folder is for this user alone, which what is made of it must not be.
        made = temporary / "made"
        made.mkdir()
        yield made
        if new:
            _put_new(made, out)
        else:
            move_into_place(made, out)
    except OSError as error:
        raise ModelError(
            f"{out} cannot be made: {error.strerror or error}",
            hint="free some space, check its rights, or choose another folder",
        ) from error
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)


def write_proved(spec: ModelSpec, reports: Sequence[ParityReport], folder: Path) -> None:
    """Writes the spec and the proof.

    Raises:
        ModelError: the proof failed.
    """
    require_parity(reports)
    text = json.dumps([dataclasses.asdict(entry) for entry in reports], indent=2)
    atomic_write(folder / PARITY_FILE, f"{text}\n".encode())
    save_spec(spec, folder)


def external_files(names: Sequence[str]) -> dict[str, str]:
    """Entries of a spec's files for the weights that are too large for the ONNX file itself."""
    return {f"onnx{number}": name for number, name in enumerate(names)}


def move_into_place(made: Path, out: Path) -> None:
    """Replaces the files of a model folder by those that were made; others stay, such as its card."""
    out.mkdir(parents=True, exist_ok=True)
    for path in made.iterdir():
        os.replace(path, out / path.name)


def _put_new(made: Path, out: Path) -> None:
    """Gives a folder its name in one step, which fails where a model has it already."""
    try:
        os.rename(made, out)
    except OSError as error:
        if out.exists():
            raise ModelError(f"there is a model {out.name!r} already", hint="give another name") from error
        raise


def parity_images() -> list[np.ndarray]:
    """Street scenes and noise at sizes that exercise up- and downscaling, portrait and odd sides."""
    random = np.random.default_rng(0)
    scenes = [
        draw_scene(seed, *size).image for seed, size in ((1, (360, 480)), (2, (300, 533)), (3, (200, 128)))
    ]
    return [*scenes, random.integers(0, 256, (97, 61, 3), dtype=np.uint8)]
