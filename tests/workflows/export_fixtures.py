"""What exports are tested with: pictures whose masks are the tiny model's own answers, and quick settings."""

import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from segstudio.annotation.palette import load_palette
from segstudio.deploy import calibration, comparison, quantization
from segstudio.deploy.export import Exported
from segstudio.images import write_image, write_mask
from segstudio.inference.backend import Options, open_backend
from segstudio.workflows.exports import run
from tests.deploy import stand_in
from tests.inference.conftest import noise

COUNT = 6


@dataclass(frozen=True)
class Folders:
    """Images and masks of the same names."""

    images: Path
    masks: Path


@pytest.fixture(scope="module")
def drawn(tiny_model: Exported, tmp_path_factory: pytest.TempPathFactory) -> Folders:
    """Pictures and the model's answers to them; never to be changed."""
    root = tmp_path_factory.mktemp("pictures")
    colours = load_palette("cityscapes").colours()
    backend = open_backend(tiny_model.folder, tiny_model.spec, "onnx", Options(threads=1))
    for seed in range(COUNT):
        image = noise(64, 96, seed)
        write_image(root / "images" / f"{seed}.png", image)
        write_mask(root / "masks" / f"{seed}.png", backend.run(image[None])[0][0], colours)
    backend.close()
    return Folders(root / "images", root / "masks")


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few images, one backend, one quantizer that takes no time."""
    monkeypatch.setattr(calibration, "LEAST", 2)
    monkeypatch.setattr(comparison, "TIMED", 1)
    monkeypatch.setattr(comparison, "SCORED", 0)
    monkeypatch.setattr(comparison, "LATENCY", Options(threads=1))
    monkeypatch.setattr(run, "backend_names", lambda: ["onnx"])
    monkeypatch.setitem(sys.modules, "stand_in_quantizer", stand_in)
    monkeypatch.setattr(quantization, "QUANTIZERS", {"paper": ("stand_in_quantizer", "none")})
