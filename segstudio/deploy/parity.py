"""Proves that an exported file answers like the network it was made from, before anyone relies on it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ModelError
from segstudio.inference.backend import available_backends, open_backend
from segstudio.inference.spec import ModelSpec

if TYPE_CHECKING:
    from segstudio.deploy.graph import DeploymentGraph

Image = NDArray[np.uint8]
LEAST_AGREEMENT = 0.9999
LARGEST_CONFIDENCE_ERROR = 2


@dataclass(frozen=True)
class ParityReport:
    """How a backend compares with torch: share of equal ids, largest difference of confidence (of 255)."""

    backend: str
    images: int
    pixels: int
    agreement: float
    confidence_error: int

    @property
    def passed(self) -> bool:
        """Whether the file may be used."""
        return self.agreement >= LEAST_AGREEMENT and self.confidence_error <= LARGEST_CONFIDENCE_ERROR


def check_parity(
    graph: "DeploymentGraph", folder: Path, spec: ModelSpec, images: Sequence[Image]
) -> list[ParityReport]:
    """Compares every backend of this machine with torch on images uint8 [H,W,3] of any sizes."""
    import torch

    answers = [graph(torch.from_numpy(image)[None]) for image in images]
    expected = [(ids[0].numpy(), confidence[0].numpy()) for ids, confidence in answers]
    return [compare_backend(name, folder, spec, images, expected) for name in backend_names()]


def backend_names() -> list[str]:
    """The backends of this machine that run ONNX files."""
    return [status.name for status in available_backends() if status.available and status.needs == "onnx"]


def compare_backend(
    name: str, folder: Path, spec: ModelSpec, images: Sequence[Image], expected: Sequence[tuple[Image, Image]]
) -> ParityReport:
    """Compares a backend's ids and confidence with those expected, uint8 [H,W] each.

    Raises:
        BackendError: it refuses the model.
    """
    backend = open_backend(folder, spec, name)
    equal, error, pixels = 0, 0, 0
    try:
        for image, (ids, confidence) in zip(images, expected, strict=True):
            found_ids, found_confidence = backend.run(image[None])
            equal += int(np.count_nonzero(found_ids[0] == ids))
            difference = np.abs(found_confidence[0].astype(np.int16) - confidence.astype(np.int16))
            error = max(error, int(difference.max()))
            pixels += ids.size
    finally:
        backend.close()
    return ParityReport(name, len(images), pixels, equal / pixels, error)


def require_parity(reports: Sequence[ParityReport]) -> None:
    """Refuses a file that does not answer alike.

    Raises:
        ModelError: names the backend and by how much it differs.
    """
    for report in reports:
        if not report.passed:
            raise ModelError(
                f"the exported file differs in {report.backend}: {report.agreement:.4%} of the ids agree, "
                f"confidence is off by up to {report.confidence_error} of 255",
                hint="nothing was saved; report this with the model",
            )
