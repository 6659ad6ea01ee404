"""Runs a model through OpenVINO, in full float32 unless asked otherwise: all backends answer alike."""

import queue
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio import paths
from segstudio.errors import BackendError
from segstudio.inference.backend import Backend, Confidence, Ids, Options, chosen_device
from segstudio.inference.spec import ModelSpec

NEEDS = "onnx"
OUTPUTS = ("ids", "confidence")
# Words of OpenVINO for our precisions, as a hint and among a device's capabilities.
HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
CAPABILITIES = {"fp32": "FP32", "bf16": "BF16", "fp16": "FP16"}
USUAL = ("cpu",)


def status() -> tuple[bool, str, str]:
    """Whether OpenVINO is installed."""
    try:
        import openvino
    except ImportError as error:
        return False, "", f"openvino cannot be imported ({error}): pip install openvino"
    return bool(openvino.__version__), "CPU", ""


def open_model(folder: Path, spec: ModelSpec, options: Options) -> Backend:
    """Compiles the model's ONNX file; the compiled form is cached.

    Raises:
        BackendError: OpenVINO refuses the file, or has not the device or precision.
        ModelError: the model has no ONNX file.
    """
    return OpenvinoBackend(spec.file(folder, "onnx"), options)


class OpenvinoBackend:
    """A compiled model and its requests: one, or for throughput as many as OpenVINO advises."""

    name = "openvino"

    def __init__(self, path: Path, options: Options) -> None:
        import openvino

        core = openvino.Core()
        there = tuple(device.lower() for device in core.available_devices)
        self.device = chosen_device(
            self.name, there, options, USUAL, "install the device's driver; see OpenVINO's manual"
        ).upper()
        require_precision(core, self.device, options.precision)
        settings: dict[str, str | int] = {
            "PERFORMANCE_HINT": options.purpose.upper(),
            # On CPUs with bf16 units OpenVINO would otherwise compute in bf16.
            "INFERENCE_PRECISION_HINT": HINTS[options.precision],
            "CACHE_DIR": str(paths.user_cache_dir() / "openvino"),
        }
        if self.device == "CPU":
            settings["INFERENCE_NUM_THREADS"] = options.threads_here
        try:
            self._model: Any = core.compile_model(str(path), self.device, settings)
        except RuntimeError as error:
            raise BackendError(f"OpenVINO refuses {path}: {' '.join(str(error).split())[:300]}") from error
        found = {name for output in self._model.outputs for name in output.names}
        if not set(OUTPUTS) <= found:
            raise BackendError(
                f"{path} is no deployment graph: it gives {sorted(found)}", hint="export it again"
            )
        several = options.purpose == "throughput"
        self.lanes = self._model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") if several else 1
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.lanes):
            self._free.put(self._model.create_infer_request())

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """See `Backend.run`."""
        request = self._free.get()
        try:
            request.infer([np.ascontiguousarray(images)])
            # The tensors belong to the request and change with its next run.
            ids, confidence = (request.get_tensor(self._model.output(name)).data for name in OUTPUTS)
            return ids.astype(np.uint8, copy=True), confidence.astype(np.uint8, copy=True)
        finally:
            self._free.put(request)

    def close(self) -> None:
        """Frees the compiled model."""
        self._free = queue.SimpleQueue()
        self._model = None


def require_precision(core: Any, device: str, precision: str) -> None:
    """Refuses arithmetic that a device has no units for.

    Raises:
        BackendError: names what it has.
    """
    there = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    if CAPABILITIES[precision] not in there:
        known = [name for name, word in CAPABILITIES.items() if word in there]
        raise BackendError(
            f"this {device} does not compute in {precision}", hint=f"it does in: {', '.join(known)}"
        )
