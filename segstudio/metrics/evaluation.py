"""The counts of every image of an evaluation: stacked, saved, merged, cut down to some images."""

import io
import json
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.metrics.boundary import BOUNDARY_SHARE
from segstudio.metrics.confusion import Counts
from segstudio.metrics.measures import ImageMeasures

VERSION = 1

_ARRAYS = ("confusion", "boundary", "regions", "instances")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Counts of N images with K classes; every score is derived from sums over axis 0.

    Attributes:
        palette: name of the palette.
        class_names: K names in order of their ids.
        groups: the group of every class, "" for none.
        boundary_share: half width of the boundary bands, as a share of the diagonal.
        image_names: N names, each once.
        confusion: int64 [N, K, K+1], see ImageMeasures.
        boundary: int64 [N, K, 3].
        regions: int64 [N, K].
        instances: float64 [N, K, 4], NaN for images without instances.
    """

    palette: str
    class_names: tuple[str, ...]
    groups: tuple[str, ...]
    boundary_share: float
    image_names: tuple[str, ...]
    confusion: Counts
    boundary: Counts
    regions: Counts
    instances: NDArray[np.float64]

    def save(self, path: Path) -> None:
        """Writes a compressed .npz that holds no pickles."""
        about = {
            "version": VERSION,
            "palette": self.palette,
            "class_names": self.class_names,
            "groups": self.groups,
            "boundary_share": self.boundary_share,
            "image_names": self.image_names,
        }
        stream = io.BytesIO()
        np.savez_compressed(
            stream,
            about=np.frombuffer(json.dumps(about).encode(), np.uint8),
            confusion=self.confusion,
            boundary=self.boundary,
            regions=self.regions,
            instances=self.instances,
        )
        atomic_write(path, stream.getvalue())


def stack_measures(
    palette: str,
    class_names: Sequence[str],
    groups: Sequence[str],
    rows: Sequence[tuple[str, ImageMeasures]],
    boundary_share: float = BOUNDARY_SHARE,
) -> Evaluation:
    """The evaluation that consists of these (image name, measures).

    Raises:
        InputError: an image name occurs twice.
    """
    classes = len(class_names)
    names = tuple(name for name, _ in rows)
    _refuse_twins(names)
    evaluation = Evaluation(
        palette=palette,
        class_names=tuple(class_names),
        groups=tuple(groups),
        boundary_share=boundary_share,
        image_names=names,
        confusion=np.empty((len(rows), classes, classes + 1), np.int64),
        boundary=np.empty((len(rows), classes, 3), np.int64),
        regions=np.empty((len(rows), classes), np.int64),
        instances=np.full((len(rows), classes, 4), np.nan),
    )
    for number, (_, found) in enumerate(rows):
        evaluation.confusion[number] = found.confusion
        evaluation.boundary[number] = found.boundary
        evaluation.regions[number] = found.regions
        if found.instances is not None:
            evaluation.instances[number] = found.instances
    return evaluation


def load_evaluation(path: Path) -> Evaluation:
    """Reads what Evaluation.save wrote.

    Raises:
        InputError: the file is missing, damaged, of a later version, or no evaluation.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            arrays = {name: stored[name] for name in _ARRAYS}
    except (OSError, ValueError, KeyError, EOFError, TypeError, AttributeError) as error:
        raise _damaged(path, error) from error
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError) as error:
        raise _damaged(path, error) from error
    if not isinstance(about, dict) or about.get("version") != VERSION:
        raise InputError(
            f"{path} is an evaluation of another version", hint=f"this segstudio reads version {VERSION}"
        )
    try:
        found = Evaluation(
            palette=str(about["palette"]),
            class_names=tuple(map(str, about["class_names"])),
            groups=tuple(map(str, about["groups"])),
            boundary_share=float(about["boundary_share"]),
            image_names=tuple(map(str, about["image_names"])),
            **arrays,
        )
        _check(found)
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, error) from error
    return found


def _check(found: Evaluation) -> None:
    """Raises ValueError unless shapes and types are those of an evaluation."""
    images, classes = len(found.image_names), len(found.class_names)
    expected: dict[str, tuple[tuple[int, ...], Any]] = {
        "confusion": ((images, classes, classes + 1), np.int64),
        "boundary": ((images, classes, 3), np.int64),
        "regions": ((images, classes), np.int64),
        "instances": ((images, classes, 4), np.float64),
    }
    for name, (shape, kind) in expected.items():
        array = getattr(found, name)
        if array.shape != shape or array.dtype != kind:
            raise ValueError(f"{name} is {array.dtype} {array.shape}, not {shape}")
        if kind is np.int64 and array.size and array.min() < 0:
            raise ValueError(f"{name} has negative counts")
    if len(found.groups) != classes or len(set(found.image_names)) != images:
        raise ValueError("names are doubled or missing")


def _damaged(path: Path, error: Exception) -> InputError:
    reason = " ".join(str(error).split()) or type(error).__name__
    return InputError(f"{path} is no readable evaluation: {reason}", hint="evaluate again")


def _refuse_twins(names: Sequence[str]) -> None:
    if len(set(names)) != len(names):
        twin = next(name for number, name in enumerate(names) if name in names[:number])
        raise InputError(f"image {twin!r} was evaluated twice", hint="give every image a name of its own")
