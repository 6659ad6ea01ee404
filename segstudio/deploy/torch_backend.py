"""The backend on PyTorch as others see it: whether it can be had, which needs no torch, and its opening."""

import ctypes
import importlib.metadata
import importlib.util
import platform
from pathlib import Path

from segstudio.inference.backend import Backend, Options, chosen_device
from segstudio.inference.spec import ModelSpec

NAME = "torch"
NEEDS = "weights"
USUAL = ("cuda", "cpu")
INSTALL = "install a build of torch for CUDA and NVIDIA's driver"
DRIVER = {"Linux": "libcuda.so.1", "Windows": "nvcuda.dll"}


def status() -> tuple[bool, str, str]:
    """Whether torch is installed, and its best device."""
    if importlib.util.find_spec(NAME) is None:
        return False, "", "torch is not installed: pip install torch"
    return True, devices()[0].upper(), ""


def open_model(folder: Path, spec: ModelSpec, options: Options) -> Backend:
    """Builds the network and loads its weights; imports torch.

    Raises:
        BackendError: the device or the precision is not here.
        ModelError: the model has no weights file, or that is no network.
    """
    device = chosen_device(NAME, devices(), options, USUAL, INSTALL)
    weights = spec.file(folder, "weights")
    from segstudio.deploy.torch_runner import TorchBackend

    return TorchBackend(weights, spec, device, options)


def devices() -> tuple[str, ...]:
    """The devices that torch can use here, the fastest first."""
    # A build for the CPU alone says so in its version.
    built = not importlib.metadata.version(NAME).endswith("+cpu")
    return ("cuda", "cpu") if built and gpus() else ("cpu",)


def gpus() -> int:
    """How many GPUs NVIDIA's driver shows to this process."""
    name = DRIVER.get(platform.system())
    if name is None:
        return 0
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return 0
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return 0
    return count.value
