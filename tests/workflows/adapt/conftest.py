"""A project of drawn frames, and a model that mistakes green for blue."""

from pathlib import Path

import numpy as np
import pytest

from segstudio import images, paths
from segstudio.annotation.palette import load_palette
from segstudio.inference.spec import ModelSpec
from segstudio.project.project import Project
from tests.colour_model import drawn_frame, make_wrong_model

PALETTE = load_palette("cityscapes")
FRAMES = 6


@pytest.fixture
def wrong_model() -> ModelSpec:
    """In the user's models, named "wrong"."""
    return make_wrong_model(paths.user_models_dir() / "wrong")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Frames 0 to 5 with masks, which count as accepted."""
    root = tmp_path / "street"
    for number in range(FRAMES):
        image, mask = drawn_frame(number)
        images.write_image(root / f"frame_{number}.png", image)
        images.write_mask(root / "masks" / f"frame_{number}.png", mask, PALETTE.colours())
    return Project.open(root, palette="cityscapes")


def share_right(said: np.ndarray, mask: np.ndarray) -> float:
    """The share of a mask's pixels that an answer has right."""
    return float(np.mean(said == mask))
