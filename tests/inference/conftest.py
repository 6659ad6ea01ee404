"""A tiny model with random weights, exported once a session, and each backend opened once on it."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from segstudio.annotation.palette import load_palette
from segstudio.deploy.export import Exported, export_model
from segstudio.inference.backend import Backend, Options, available_backends, open_backend
from segstudio.inference.spec import ModelSpec, ResizeRule
from segstudio.networks.architecture import Architecture
from segstudio.networks.decode_head import DecodeHead
from segstudio.networks.segformer import SegFormer
from segstudio.networks.weights import save_network_weights

Image = NDArray[np.uint8]
SHORT_SIDE = 64
# All of them, also those that this machine lacks: their tests then say so.
BACKEND_NAMES = ("tensorrt", "openvino", "onnx", "torch")


def random_weights(path: Path, seed: int = 0) -> Path:
    """Weights of a mit_b0 of 19 classes whose scores lie far apart, so that its ids are no coin tosses."""
    torch.manual_seed(seed)
    network = SegFormer(
        Architecture("mit_b0", load_palette("cityscapes").count), drop_path=0.0, head_dropout=0.0
    )
    head = network.decode_head
    assert isinstance(head, DecodeHead)
    norm = head.linear_fuse.bn
    norm.momentum = 1.0
    with torch.no_grad():
        head.linear_pred.weight.normal_(0, 0.3)
        head.linear_pred.bias.normal_(0, 0.3)  # type: ignore[union-attr]  # it has one
        norm.weight.uniform_(0.5, 1.5)
        norm.bias.uniform_(-0.5, 0.5)
        # One pass in training sets the running statistics to those of noise.
        network.train()(torch.randn(2, 3, 64, 96))
    save_network_weights(network.state_dict(), path)
    return path


def noise(height: int, width: int, seed: int = 0) -> Image:
    """Smooth blobs with a little noise, uint8 [height,width,3]."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (-(-height // 16), -(-width // 16), 3))
    blobs = np.kron(coarse, np.ones((16, 16, 1), np.int64))[:height, :width]
    pixels: Image = np.clip(blobs + random.integers(-20, 21, blobs.shape), 0, 255).astype(np.uint8)
    return pixels


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other cost more than such a small network takes."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Caches of what lives as long as the session."""
    return tmp_path_factory.mktemp("session_home")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory, session_home: Path) -> Exported:
    """A model folder that sees images at a shorter side of 64 pixels; never to be changed."""
    folder = tmp_path_factory.mktemp("models")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSTUDIO_HOME", str(session_home))
        return export_model(
            random_weights(folder / "random.safetensors"),
            folder / "tiny",
            name="tiny",
            resize=ResizeRule("short_side", SHORT_SIDE),
        )


def opened(name: str, folder: Path, spec: ModelSpec, home: Path) -> Backend:
    """A backend on one thread, or a skip with the reason why it cannot be had."""
    status = next(entry for entry in available_backends() if entry.name == name.partition(":")[0])
    if not status.available:
        pytest.skip(status.reason)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEGSTUDIO_HOME", str(home))
        return open_backend(folder, spec, name, Options(threads=1))


@pytest.fixture(scope="session", params=BACKEND_NAMES)
def backend(request: pytest.FixtureRequest, tiny_model: Exported, session_home: Path) -> Iterator[Backend]:
    """Every backend in turn, on the tiny model."""
    runner = opened(request.param, tiny_model.folder, tiny_model.spec, session_home)
    yield runner
    runner.close()


@pytest.fixture
def make_spec() -> Callable[..., ModelSpec]:
    """Makes a spec without files; arguments take the place of its values."""

    def make(**values: object) -> ModelSpec:
        base: dict[str, object] = {
            "name": "paper",
            "architecture": "mit_b0",
            "classes": ("road", "sky"),
            "palette": "cityscapes",
            "files": {"onnx": "model.onnx"},
        }
        return ModelSpec(**{**base, **values})  # type: ignore[arg-type]  # the values' types are the test's

    return make
