"""A backend whose answer is known beforehand, in the place of the bundled model's."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.inference.core import Kind
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
        self.asked: list[tuple[int, ...]] = []
        self.closed = False

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Ids]:
        self.runs += 1
        self.shapes.append((images.shape[1], images.shape[2]))
        return images[..., 0].copy(), images[..., 1].copy()

    def core_kind(self) -> Kind:
        return "logits"

    def scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """A class for every degree of red, the nearest one ahead."""
        self.asked.append(pixels.shape)
        reds = pixels[:, :1, ::4, ::4] * 255
        classes = np.arange(19, dtype=np.float32).reshape(1, -1, 1, 1)
        found: NDArray[np.float32] = -np.abs(reds - classes)
        return found

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
