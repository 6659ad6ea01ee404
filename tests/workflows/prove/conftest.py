"""Two models whose answers are painted into the images: red is what the one says, green the other."""

import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio import images, paths
from segstudio.annotation.palette import load_palette
from segstudio.inference.spec import ModelSpec, save_spec
from segstudio.project.project import Project
from segstudio.project.sample import SampleStatus

PALETTE = load_palette("cityscapes")
SHAPE = (24, 32)
Mask = NDArray[np.uint8]


@dataclass
class ChannelBackend:
    """Takes one channel for the class id."""

    channel: int
    runs: int = 0
    name: str = "paper"
    device: str = "CPU"
    lanes: int = 1

    def run(self, batch: NDArray[np.uint8]) -> tuple[Mask, Mask]:
        self.runs += 1
        return batch[..., self.channel].copy(), np.full(batch.shape[:3], 200, np.uint8)

    def core_kind(self) -> None:
        """It gives ids alone."""

    def close(self) -> None:
        """Nothing to free."""


@dataclass
class Stage:
    """A project without samples, and the backends by model."""

    root: Path
    backends: dict[str, ChannelBackend] = field(default_factory=dict)

    def model(self, name: str, channel: int, *, parent: str = "") -> Path:
        """A model of the user's that answers with a channel of the image."""
        folder = paths.user_models_dir() / name
        folder.mkdir(parents=True)
        (folder / "model.onnx").write_text(f"{name} {channel}")
        files = {"onnx": "model.onnx"}
        save_spec(ModelSpec(name, "mit_b0", PALETTE.names, "cityscapes", files, parent=parent), folder)
        self.backends[name] = ChannelBackend(channel)
        return folder

    def sample(self, key: str, old: Mask, new: Mask, truth: Mask | None = None) -> None:
        """An image that the models answer as given, with a mask or without."""
        rgb = np.stack([old, new, np.full_like(old, zlib.crc32(key.encode()) % 251)], axis=-1)
        images.write_image(self.root / "images" / f"{key}.png", rgb)
        if truth is not None:
            images.write_mask(self.root / "masks" / f"{key}.png", truth, PALETTE.colours())

    def open(self) -> Project:
        """The project as it is now; masks that were there before count as accepted."""
        return Project.open(self.root)


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stage:
    """The models "old" and "new"."""
    stage = Stage(tmp_path / "street")
    (stage.root / "images").mkdir(parents=True)

    def open_paper(folder: Path, spec: ModelSpec, *_: object) -> ChannelBackend:
        return stage.backends[spec.name]

    monkeypatch.setattr("segstudio.workflows.prove.contender.open_backend", open_paper)
    stage.model("old", 0)
    stage.model("new", 1, parent="old")
    return stage


def picture(seed: int, *, wrong: int, tall: int = 4) -> tuple[Mask, Mask]:
    """A truth of three classes 0, 1, 2 and an answer that calls some rows of class 1 by another name."""
    truth = np.zeros(SHAPE, np.uint8)
    truth[8:16], truth[16:] = 1, 2
    said = truth.copy()
    random = np.random.default_rng(seed)
    said[8 : 8 + tall, random.integers(0, 8) :] = wrong
    return truth, said


def accept(project: Project) -> None:
    """Everything with a mask is accepted."""
    keys = [sample.key for sample in project.samples() if sample.mask.exists()]
    project.set_status(keys, SampleStatus.ACCEPTED)
