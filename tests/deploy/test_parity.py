"""The proof before a file is saved: its figures are right, and a graph that differs does not pass."""

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from segstudio.deploy import parity
from segstudio.deploy.export import Exported
from segstudio.deploy.graph import DeploymentGraph
from segstudio.deploy.model_folder import parity_images
from segstudio.deploy.parity import ParityReport, check_parity, require_parity
from segstudio.errors import ModelError
from segstudio.inference.backend import BackendStatus, available_backends
from segstudio.inference.spec import ModelSpec
from segstudio.networks.architecture import Architecture
from segstudio.networks.segformer import SegFormer
from tests.inference.conftest import noise

Bytes = NDArray[np.uint8]


def images() -> list[Bytes]:
    return [noise(70, 90, 1), noise(33, 47, 2)]


class KnownGraph(DeploymentGraph):
    """Says id 1 with confidence 100 everywhere."""

    def __init__(self, spec: ModelSpec) -> None:
        super().__init__(torch.nn.Identity(), spec)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        ids = torch.ones(images.shape[:3], dtype=torch.uint8)
        return ids, ids * 100


class NearlyBackend:
    """Says so too, but for the first pixels of an image and by some confidence in the last one."""

    name = "nearly"
    device = "paper"
    lanes = 1

    def __init__(self, wrong: int, off: int) -> None:
        self.wrong, self.off, self.closed = wrong, off, False

    def run(self, images: Bytes) -> tuple[Bytes, Bytes]:
        ids = np.ones(images.shape[:3], np.uint8)
        confidence = ids * np.uint8(100)
        ids.reshape(-1)[: self.wrong] = 0
        confidence[0, -1, -1] = 100 + self.off
        return ids, confidence

    def core_kind(self) -> None:
        """It gives ids alone."""

    def scores(self, pixels: object) -> NDArray[np.float32]:
        raise AssertionError("there are none")

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def nearly(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], NearlyBackend]:
    """Puts one such backend, and one that is not available, in the place of the real ones."""

    def put(wrong: int, off: int) -> NearlyBackend:
        backend = NearlyBackend(wrong, off)
        statuses = [
            BackendStatus("absent", False, "", "not here"),
            BackendStatus("nearly", True, "paper", ""),
        ]
        monkeypatch.setattr(parity, "available_backends", lambda: statuses)
        monkeypatch.setattr(parity, "open_backend", lambda folder, spec, name: backend)
        return backend

    return put


@pytest.mark.parametrize("off", [-7, 7])
def test_figures_are_those_of_all_images(
    nearly: Callable[[int, int], NearlyBackend], tiny_model: Exported, off: int, tmp_path: Path
) -> None:
    backend = nearly(3, off)
    pictures = [np.zeros((4, 5, 3), np.uint8), np.zeros((8, 10, 3), np.uint8)]
    (report,) = check_parity(KnownGraph(tiny_model.spec), tmp_path, tiny_model.spec, pictures)
    assert report == ParityReport("nearly", 2, 100, 0.94, 7)
    assert not report.passed
    assert backend.closed


@pytest.mark.parametrize(
    ("agreement", "error", "passed"),
    [(1.0, 0, True), (0.9999, 2, True), (0.99989, 0, False), (1.0, 3, False)],
)
def test_what_passes(agreement: float, error: int, passed: bool) -> None:
    assert ParityReport("onnx", 1, 100, agreement, error).passed is passed


def test_every_available_backend_is_proved(tiny_model: Exported, tiny_network: SegFormer) -> None:
    graph = DeploymentGraph(tiny_network, tiny_model.spec)
    reports = check_parity(graph, tiny_model.folder, tiny_model.spec, images())
    assert [report.backend for report in reports] == [
        one.name for one in available_backends() if one.available and one.needs == "onnx"
    ]
    for report in reports:
        assert (report.images, report.pixels) == (2, 70 * 90 + 33 * 47)
        assert report.passed
    require_parity(reports)


def test_other_weights_fail_the_proof(tiny_model: Exported) -> None:
    torch.manual_seed(99)
    other = SegFormer(Architecture("mit_b0", len(tiny_model.spec.classes))).eval()
    reports = check_parity(
        DeploymentGraph(other, tiny_model.spec), tiny_model.folder, tiny_model.spec, images()
    )
    assert not any(report.passed for report in reports)
    with pytest.raises(ModelError, match=reports[0].backend) as caught:
        require_parity(reports)
    assert f"{reports[0].agreement:.4%}" in caught.value.message
    assert "nothing was saved" in caught.value.hint


@pytest.mark.parametrize(
    "change",
    [{"mean": (0.406, 0.456, 0.485)}, {"std": (0.25, 0.25, 0.25)}],
    ids=["channels swapped in the mean", "another deviation"],
)
def test_wrong_normalisation_fails_the_proof(
    tiny_model: Exported, tiny_network: SegFormer, change: dict[str, tuple[float, float, float]]
) -> None:
    spec = dataclasses.replace(tiny_model.spec, **change)  # type: ignore[arg-type]  # mean and std are triples
    reports = check_parity(DeploymentGraph(tiny_network, spec), tiny_model.folder, spec, images())
    assert not any(report.passed for report in reports)


def test_wrong_resize_fails_the_proof(tiny_model: Exported, tiny_network: SegFormer) -> None:
    rule = dataclasses.replace(tiny_model.spec.resize, size=96)
    spec = dataclasses.replace(tiny_model.spec, resize=rule)
    reports = check_parity(DeploymentGraph(tiny_network, spec), tiny_model.folder, spec, images())
    assert not any(report.passed for report in reports)


def test_images_of_the_proof_differ_in_size_and_kind() -> None:
    pictures = parity_images()
    assert len({picture.shape for picture in pictures}) == len(pictures) >= 4
    assert any(picture.shape[0] > picture.shape[1] for picture in pictures)
    assert any(picture.shape[0] % 2 and picture.shape[1] % 2 for picture in pictures)
    assert all(picture.dtype == np.uint8 and picture.std() > 10 for picture in pictures)
