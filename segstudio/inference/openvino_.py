"""Runs a model through OpenVINO on the CPU, in full float32 so that its answers equal the other backends'."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio import paths
from segstudio.errors import BackendError
from segstudio.inference.backend import Backend, Confidence, Ids
from segstudio.inference.spec import ModelSpec

OUTPUTS = ("ids", "confidence")


def status() -> tuple[bool, str, str]:
    """Whether OpenVINO is installed."""
    try:
        import openvino
    except ImportError as error:
        return False, "", f"openvino cannot be imported ({error}): pip install openvino"
    return bool(openvino.__version__), "CPU", ""


def open_model(folder: Path, spec: ModelSpec, threads: int) -> Backend:
    """Compiles the model's ONNX file; the compiled form is cached.

    Raises:
        BackendError: OpenVINO refuses the file.
        ModelError: the model has no ONNX file.
    """
    return OpenvinoBackend(spec.file(folder, "onnx"), threads)


class OpenvinoBackend:
    """A compiled model and one request."""

    name = "openvino"
    device = "CPU"

    def __init__(self, path: Path, threads: int) -> None:
        import openvino

        core = openvino.Core()
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            # On CPUs with bf16 units OpenVINO would otherwise compute in bf16.
            "INFERENCE_PRECISION_HINT": "f32",
            "CACHE_DIR": str(paths.user_cache_dir() / "openvino"),
        }
        try:
            self._model: Any = core.compile_model(str(path), "CPU", settings)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO refuses {path}: {' '.join(str(error).split())[:300]}") from error
        found = {name for output in self._model.outputs for name in output.names}
        if not set(OUTPUTS) <= found:
            raise BackendError(
                f"{path} is no deployment graph: it gives {sorted(found)}", hint="export it again"
            )
        self._request = self._model.create_infer_request()

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """See `Backend.run`."""
        self._request.infer([np.ascontiguousarray(images)])
        ids = self._request.get_tensor(self._model.output("ids")).data
        confidence = self._request.get_tensor(self._model.output("confidence")).data
        # The tensors belong to the request and change with its next run.
        return ids.astype(np.uint8, copy=True), confidence.astype(np.uint8, copy=True)

    def close(self) -> None:
        """Frees the compiled model."""
        self._request = None
        self._model = None
