"""A backend whose answer is known beforehand, in the place of the bundled model's."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.inference.spec import ModelSpec

Ids = NDArray[np.uint8]


class RedBackend:
    """Takes the red channel for the class id and the green one for the confidence."""

    name = "red"
    device = "paper"
    lanes = 2

    def __init__(self) -> None:
        self.runs = 0
        self.shapes: list[tuple[int, int]] = []
        self.closed = False

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Ids]:
        self.runs += 1
        self.shapes.append((images.shape[1], images.shape[2]))
        return images[..., 0].copy(), images[..., 1].copy()

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def red_backend(monkeypatch: pytest.MonkeyPatch) -> RedBackend:
    """Every workflow that opens a model gets this backend."""
    backend = RedBackend()

    def open_red(folder: Path, spec: ModelSpec, name: str = "auto", options: object = None) -> RedBackend:
        return backend

    monkeypatch.setattr("segstudio.workflows.predict.open_backend", open_red)
    monkeypatch.setattr("segstudio.workflows.evaluate.open_backend", open_red)
    return backend
