"""Runs a model through ONNX Runtime, on a CUDA device where its provider is, else on the CPU."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import BackendError
from segstudio.inference.backend import Backend, Confidence, Ids
from segstudio.inference.spec import ModelSpec

PROVIDERS = ("CUDAExecutionProvider", "CPUExecutionProvider")
OUTPUTS = ["ids", "confidence"]


def status() -> tuple[bool, str, str]:
    """Whether ONNX Runtime is installed, and its best device."""
    try:
        import onnxruntime
    except ImportError as error:
        return False, "", f"onnxruntime cannot be imported ({error}): pip install onnxruntime"
    cuda = PROVIDERS[0] in onnxruntime.get_available_providers()
    return True, "CUDA" if cuda else "CPU", ""


def open_model(folder: Path, spec: ModelSpec, threads: int) -> Backend:
    """Opens a session on the model's ONNX file.

    Raises:
        BackendError: ONNX Runtime refuses the file, or it is no deployment graph.
        ModelError: the model has no ONNX file.
    """
    return OnnxBackend(spec.file(folder, "onnx"), threads)


class OnnxBackend:
    """A session; its memory is given back after large images, since it lives in the window's process."""

    name = "onnx"

    def __init__(self, path: Path, threads: int) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.enable_cpu_mem_arena = False
        wanted = [name for name in PROVIDERS if name in onnxruntime.get_available_providers()]
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=wanted)
        except runtime_errors() as error:
            raise BackendError(
                f"ONNX Runtime refuses {path}: {' '.join(str(error).split())[:300]}"
            ) from error
        found = {output.name for output in self._session.get_outputs()}
        if not set(OUTPUTS) <= found:
            raise BackendError(
                f"{path} is no deployment graph: it gives {sorted(found)}", hint="export it again"
            )
        self._input = self._session.get_inputs()[0].name
        self.device = "CUDA" if "CUDAExecutionProvider" in self._session.get_providers() else "CPU"

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """See `Backend.run`."""
        ids, confidence = self._session.run(OUTPUTS, {self._input: np.ascontiguousarray(images)})
        return ids, confidence

    def close(self) -> None:
        """Frees the session."""
        self._session = None


def runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its own classes have no base that could be caught instead."""
    from onnxruntime.capi import onnxruntime_pybind11_state

    members = vars(onnxruntime_pybind11_state).values()
    own = (one for one in members if isinstance(one, type) and issubclass(one, Exception))
    return (RuntimeError, ValueError, *own)
