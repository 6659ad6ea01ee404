"""The protocol of what runs a model, the table of backends, and the choice among them."""

import importlib
import platform
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import BackendError
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import cores

Ids = NDArray[np.uint8]
Confidence = NDArray[np.uint8]
AUTO = "auto"


class Backend(Protocol):
    """Runs the deployment graph of one model; not safe for several threads at once."""

    name: str
    device: str

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """RGB uint8 [N,H,W,3] to class ids uint8 [N,H,W] and confidence uint8 [N,H,W].

        Confidence is the largest softmax probability times 255, rounded.
        """
        ...

    def close(self) -> None:
        """Frees the model."""
        ...


class BackendModule(Protocol):
    """What a backend's module provides besides its class."""

    def status(self) -> tuple[bool, str, str]:
        """(available, device, reason and what to do when it is not)."""
        ...

    def open_model(self, folder: Path, spec: ModelSpec, threads: int) -> Backend:
        """Loads a model."""
        ...


# In order of preference on a machine that has several. A new backend is one module and one line.
BACKENDS: dict[str, str] = {
    "openvino": "segstudio.inference.openvino_",
    "onnx": "segstudio.inference.onnx_",
}


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend can be used here, on what, and if not: why and how to get it."""

    name: str
    available: bool
    device: str
    reason: str


def available_backends() -> list[BackendStatus]:
    """The status of every backend, in order of preference."""
    return [BackendStatus(name, *_module(name).status()) for name in BACKENDS]


def open_backend(folder: Path, spec: ModelSpec, name: str = AUTO, threads: int = 0) -> Backend:
    """Loads a model with a backend.

    Args:
        folder: the model folder.
        spec: its spec.
        name: a key of BACKENDS, or "auto" for the first that works here.
        threads: CPU threads; 0 takes the number of cores.

    Raises:
        BackendError: no such backend, not available here, or it refuses the model.
        ModelError: the model lacks the file that the backend needs.
    """
    if name != AUTO and name not in BACKENDS:
        raise BackendError(f"there is no backend {name!r}", hint=f"use auto or one of: {', '.join(BACKENDS)}")
    problems = []
    for status in available_backends():
        if name in (AUTO, status.name):
            if status.available:
                return _module(status.name).open_model(folder, spec, threads or cores())
            problems.append(f"{status.name}: {status.reason}")
    raise BackendError(
        f"no backend can run {spec.name}: {'; '.join(problems)}", hint="see `segstudio doctor`"
    )


def cpu_name() -> str:
    """The processor's name, as people know it."""
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _module(name: str) -> BackendModule:
    module: BackendModule = importlib.import_module(BACKENDS[name])
    return module
