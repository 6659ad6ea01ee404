"""Tiny samples on disk, and a spec that trains on them within seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from segstudio.images import write_image, write_mask
from segstudio.training.spec.load import merge, spec_from_dict
from segstudio.training.spec.schema import ExperimentSpec

SIDE = 64
SpecMaker = Callable[..., ExperimentSpec]


def tiny_sample(number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Sky above road, split at another height in every sample, with a little noise."""
    split = 20 + 12 * number
    mask = np.full((SIDE, SIDE + 8 * number), 10, np.uint8)
    mask[split:] = 0
    image = np.where(mask[:, :, None] == 10, (90, 150, 220), (90, 80, 70))
    noise = np.random.default_rng(number).integers(-12, 13, image.shape)
    return (image + noise).astype(np.uint8), mask


@pytest.fixture(scope="session")
def tiny_frames(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with images/{train,val} and masks/{train,val}, two samples each."""
    root = tmp_path_factory.mktemp("frames")
    colours = np.zeros((256, 3), np.uint8)
    for number in range(2):
        image, mask = tiny_sample(number)
        for split in ("train", "val"):
            write_image(root / "images" / split / f"frame_{number}.png", image)
            write_mask(root / "masks" / split / f"frame_{number}.png", mask, colours)
    return root


@pytest.fixture
def make_spec(tiny_frames: Path, tmp_path: Path) -> SpecMaker:
    """Makes a spec for the tiny frames; `studio`, `train` and `augmentation` take further keys."""

    def make(
        folder: str = "run",
        *,
        steps: int = 4,
        studio: dict[str, Any] | None = None,
        train: dict[str, Any] | None = None,
        augmentation: dict[str, Any] | None = None,
        workers: int = 0,
    ) -> ExperimentSpec:
        values = {
            "results_dir": str(tmp_path / folder),
            "dataset": {
                "segment": {
                    "root_dir": str(tiny_frames),
                    "img_size": SIDE,
                    "batch_size": 2,
                    "workers": workers,
                    "augmentation": augmentation or {},
                }
            },
            "train": {
                "seed": 3,
                "validation_interval": 1000,
                "checkpoint_interval": 1000,
                "checkpoint_interval_unit": "step",
                "optim": {"lr": 1e-3},
                **(train or {}),
            },
            "studio": {
                "preset": "studio",
                "optim": {"head_lr_factor": 1.0},
                "evaluation": {"short_side": SIDE, "bootstrap": 0},
                "max_steps": steps,
                "accelerator": "cpu",
                # Threads that wait for each other cost more than such small steps take.
                "threads": 1,
            },
        }
        return spec_from_dict(merge(values, {"studio": studio or {}}))

    return make
