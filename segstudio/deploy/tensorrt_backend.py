"""The backend on TensorRT as others see it: whether it can be had, and its opening."""

from pathlib import Path

from segstudio.deploy import tensorrt_here
from segstudio.inference.backend import Backend, Options, chosen_device
from segstudio.inference.spec import ModelSpec

NAME = "tensorrt"
# Who names the backend gets an engine built from the model's ONNX file.
NEEDS = "engine"
DEVICES = ("cuda",)


def status() -> tuple[bool, str, str]:
    """Whether TensorRT and a GPU are here."""
    return tensorrt_here.status()


def open_model(folder: Path, spec: ModelSpec, options: Options) -> Backend:
    """Opens the model's engine, or one that was built before, or builds one from its ONNX file.

    Raises:
        BackendError: TensorRT or CUDA refuses, or the engine does not fit this machine and there is no ONNX
            file.
        NotBuiltError: there is no engine for this machine, and none may be built.
        ModelError: the model has neither an engine nor an ONNX file.
    """
    device = chosen_device(NAME, DEVICES, options, DEVICES, tensorrt_here.INSTALL)
    from segstudio.deploy.tensorrt_model import TensorrtBackend

    return TensorrtBackend(folder, spec, device, options)
