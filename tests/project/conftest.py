"""Folders of small frames, and projects on them that are closed again."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.images import write_image
from segstudio.project.project import Project

HEIGHT, WIDTH = 24, 32
MakeFrames = Callable[..., Path]
OpenProject = Callable[..., Project]


def some_mask(seed: int = 0, classes: int = 19) -> NDArray[np.uint8]:
    mask = np.random.default_rng(seed).integers(0, classes + 1, (HEIGHT, WIDTH)).astype(np.uint8)
    mask[mask == classes] = 255
    return mask


@pytest.fixture
def make_frames(tmp_path: Path) -> MakeFrames:
    """Writes real frames below a folder of the test; returns that folder."""

    def make(*names: str, folder: str = "frames") -> Path:
        root = tmp_path / folder
        root.mkdir(exist_ok=True)
        for number, name in enumerate(names or ("a.png", "b.png", "c.png")):
            write_image(root / name, np.full((HEIGHT, WIDTH, 3), number * 10 % 256, np.uint8))
        return root

    return make


@pytest.fixture
def open_project() -> Iterator[OpenProject]:
    """Project.open, closed at the end of the test."""
    opened: list[Project] = []

    def do(root: Path, **options: Any) -> Project:
        opened.append(Project.open(root, **options))
        return opened[-1]

    yield do
    for project in opened:
        project.close()


@pytest.fixture
def project(make_frames: MakeFrames, open_project: OpenProject) -> Project:
    """A project of three frames: a, b, c."""
    return open_project(make_frames())
