"""Answers of a model that are kept aside from a project's predictions, each in a file of its own."""

import json
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ProjectError
from segstudio.project.cache_file import write_cache
from segstudio.project.sample import StoredPrediction

QUICK = 1
NAMES = ("ids", "confidence", "second", "margin")


def write_answer(path: Path, said: StoredPrediction) -> None:
    """Keeps an answer, whole or not at all.

    Raises:
        ImageError: the disk refuses.
    """
    planes = {name: getattr(said, name) for name in NAMES if getattr(said, name) is not None}
    head = {"model": said.model, "shape": said.ids.shape, "planes": list(planes)}
    pixels = b"".join(np.ascontiguousarray(plane).tobytes() for plane in planes.values())
    write_cache(path, json.dumps(head).encode() + b"\n" + zlib.compress(pixels, QUICK))


def read_answer(path: Path) -> StoredPrediction:
    """What was kept.

    Raises:
        ProjectError: it is gone or damaged.
    """
    try:
        head, _, packed = path.read_bytes().partition(b"\n")
        values = json.loads(head)
        height, width = values["shape"]
        names = values["planes"]
        pixels = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(len(names), height, width)
        planes: dict[str, NDArray[np.uint8]] = dict(zip(names, pixels, strict=True))
        return StoredPrediction(
            planes["ids"], planes["confidence"], values["model"], planes.get("second"), planes.get("margin")
        )
    except (OSError, ValueError, KeyError, TypeError, zlib.error) as error:
        raise ProjectError(f"{path} cannot be read: {error}", hint="predict again") from error
