"""The protocol of what runs a model, the table of backends, and the choice among them."""

import importlib
import logging
import platform
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import BackendError
from segstudio.inference.core import Kind
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import cores

LOG = logging.getLogger(__name__)
Ids = NDArray[np.uint8]
Confidence = NDArray[np.uint8]
AUTO = "auto"
Purpose = Literal["latency", "throughput"]
Precision = Literal["fp32", "bf16", "fp16"]
PRECISIONS: tuple[Precision, ...] = ("fp32", "bf16", "fp16")


@dataclass(frozen=True)
class Options:
    """How a model is to be run.

    Attributes:
        threads: of the CPU; 0 takes the number of cores.
        purpose: latency, one image as soon as possible; throughput, many images, several at a time.
        devices: those that may be used, the preferred one first; empty: the backend's own order.
        precision: of the arithmetic; anything but fp32 answers a little differently from other backends.
        in_window: whether this is the window's process, which never imports torch: it would take a second
            and hundreds of megabytes.
        may_build: whether minutes may pass before the first answer, as TensorRT takes to build an engine.
    """

    threads: int = 0
    purpose: Purpose = "latency"
    devices: tuple[str, ...] = ()
    precision: Precision = "fp32"
    in_window: bool = False
    may_build: bool = True

    @property
    def threads_here(self) -> int:
        """The threads wished for, else as many as there are cores."""
        return self.threads or cores()


class NotBuiltError(BackendError):
    """A backend would have to build for minutes, which nobody asked for."""


class Backend(Protocol):
    """Runs the deployment graph of one model.

    Attributes:
        name: its key in BACKENDS.
        device: CPU, CUDA ...
        lanes: how many threads may be in `run` at the same time.
    """

    name: str
    device: str
    lanes: int

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """RGB uint8 [N,H,W,3] to class ids uint8 [N,H,W] and confidence uint8 [N,H,W].

        Confidence is the largest softmax probability times 255, rounded.
        """
        ...

    def core_kind(self) -> Kind | None:
        """What `scores` gives; None where it cannot be asked: the model gives ids alone."""
        ...

    def scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """RGB float32 [N,3,h,w] of 0-1, at a size of the network, to its scores [N,K,h',w']."""
        ...

    def close(self) -> None:
        """Frees the model."""
        ...


class BackendModule(Protocol):
    """What a backend's module provides besides its class.

    Attributes:
        NEEDS: the kind of a model's file that it runs, a key of `ModelSpec.files`.
    """

    NEEDS: str

    def status(self) -> tuple[bool, str, str]:
        """(available, device, reason and what to do when it is not)."""
        ...

    def open_model(self, folder: Path, spec: ModelSpec, options: Options) -> Backend:
        """Loads a model."""
        ...


# In order of preference on a machine that has several. A new backend is one module and one line. The modules
# are cheap to import: what they run on is imported later.
BACKENDS: dict[str, str] = {
    # Where a model has a built engine, which "auto" never builds. It converts graphs, as a higher room does.
    "tensorrt": "segstudio.deploy.tensorrt_backend",
    "openvino": "segstudio.inference.openvino_",
    "onnx": "segstudio.inference.onnx_",
    # It needs the networks, which are a higher room.
    "torch": "segstudio.deploy.torch_backend",
}
# What a backend runs as well, if a model has no file of the kind that it needs.
ALSO_RUNS = {"openvino": "openvino"}
# Not for the window's process.
OUTSIDE = ("torch",)


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend can be used here, on what, and if not: why and how to get it.

    `needs` is the kind of a model's file that it runs.
    """

    name: str
    available: bool
    device: str
    reason: str
    needs: str = "onnx"


def available_backends() -> list[BackendStatus]:
    """The status of every backend, in order of preference."""
    modules = {name: _module(name) for name in BACKENDS}
    return [BackendStatus(name, *module.status(), module.NEEDS) for name, module in modules.items()]


def open_backend(
    folder: Path,
    spec: ModelSpec,
    wanted: str = AUTO,
    options: Options = Options(),
) -> Backend:
    """Loads a model with a backend.

    Args:
        folder: the model folder.
        spec: its spec.
        wanted: a key of BACKENDS, or "auto" for the first that works here with the files that the model has;
            devices may follow in order of preference, as in "onnx:cuda,cpu".
        options: how it is to run; devices of `wanted` count more than those.

    Raises:
        BackendError: no such backend, not available here, or it refuses the model, a device or the precision.
        ModelError: the model lacks the file that the backend needs.
    """
    name, options = chosen_options(wanted, options)
    options = replace(options, may_build=options.may_build and name != AUTO)
    if name != AUTO and name not in BACKENDS:
        raise BackendError(f"there is no backend {name!r}", hint=f"use auto or one of: {', '.join(BACKENDS)}")
    problems = []
    for status in available_backends():
        if name not in (AUTO, status.name):
            continue
        reason = status.reason if not status.available else _unfit(status, spec, options, name)
        if not reason:
            try:
                return _module(status.name).open_model(folder, spec, options)
            except NotBuiltError as error:
                LOG.warning("%s", error)
                reason = error.message
        problems.append(f"{status.name}: {reason}")
    raise BackendError(
        f"no backend can run {spec.name}: {'; '.join(problems)}", hint="see `segstudio doctor`"
    )


def _unfit(status: BackendStatus, spec: ModelSpec, options: Options, name: str) -> str:
    """Why a backend that works here is not for this model or process; empty if it is."""
    if options.in_window and status.name in OUTSIDE:
        return f"runs outside of the window: segstudio predict --backend {status.name}"
    # Who names a backend is told by the model what is missing.
    fits = status.needs in spec.files or ALSO_RUNS.get(status.name) in spec.files
    return f"the model has no {status.needs} file" if name == AUTO and not fits else ""


def chosen_options(wanted: str, options: Options) -> tuple[str, Options]:
    """The backend's name and the options, of a text such as "onnx:cuda,cpu".

    Raises:
        BackendError: devices of no certain backend.
    """
    name, _, devices = wanted.partition(":")
    if devices:
        if name == AUTO:
            raise BackendError(f"backend {wanted!r}", hint=f"name the backend: onnx:{devices}")
        options = replace(options, devices=tuple(devices.split(",")))
    return name, options


def precision_named(name: str) -> Precision:
    """The precision of that name.

    Raises:
        BackendError: there is none.
    """
    for precision in PRECISIONS:
        if precision == name:
            return precision
    raise BackendError(f"precision {name!r}", hint=f"use one of: {', '.join(PRECISIONS)}")


def chosen_device(
    backend: str, there: tuple[str, ...], options: Options, usual: tuple[str, ...], install: str
) -> str:
    """The first device wished for (else the first usual one) that is there.

    Args:
        backend: for the message.
        there: devices that can be used here.
        options: with the devices wished for.
        usual: the backend's own order.
        install: what to do to get others.

    Raises:
        BackendError: none of them is there.
    """
    found = next((device for device in options.devices or usual if device in there), None)
    if found is None:
        raise BackendError(
            f"{backend} has no device {' or '.join(options.devices or usual)} here;"
            f" it has: {', '.join(there)}",
            hint=install,
        )
    return found


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
