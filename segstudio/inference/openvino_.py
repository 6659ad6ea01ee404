"""Runs a model through OpenVINO, in full float32 unless asked otherwise: all backends answer alike."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio import paths
from segstudio.errors import BackendError
from segstudio.inference.backend import Backend, Confidence, Ids, Options, chosen_device
from segstudio.inference.core import RESIZED, Kind, LazyCore
from segstudio.inference.onnx_ import DAMAGED
from segstudio.inference.openvino_core import IrCore
from segstudio.inference.openvino_shapes import Requests, Shape, Shaped, drop_idle_resizes, prune_cache
from segstudio.inference.spec import ModelSpec

NEEDS = "onnx"
# OpenVINO's own form, which a model may have instead.
IR = "openvino"
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
    """Compiles the model's IR, else its ONNX file; the compiled form is cached.

    Raises:
        BackendError: OpenVINO refuses the file, or has not the device or precision.
        ModelError: the model has neither.
    """
    return OpenvinoBackend(spec.file(folder, IR if IR in spec.files else NEEDS), options)


class OpenvinoBackend:
    """A compiled model; for throughput with as many requests as OpenVINO advises."""

    name = "openvino"

    def __init__(self, path: Path, options: Options) -> None:
        import openvino

        self._runtime: Any = openvino.Core()
        there = tuple(device.lower() for device in self._runtime.available_devices)
        self.device = chosen_device(
            self.name, there, options, USUAL, "install the device's driver; see OpenVINO's manual"
        ).upper()
        require_precision(self._runtime, self.device, options.precision)
        self._path, self._options = path, options
        self._cache = paths.user_cache_dir() / "openvino"
        prune_cache(self._cache)
        model = self._refusing(lambda: self._runtime.read_model(str(path)))
        self._whole: Shaped | None = self._compiled(model, "images")
        self.lanes = self._whole.lanes
        found = self._whole.outputs
        if not set(OUTPUTS) <= found:
            raise BackendError(
                f"{path} is no deployment graph: it gives {sorted(found)}", hint="export it again"
            )
        self._core = IrCore(model) if path.suffix == ".xml" else LazyCore(path)
        self._core_model: Shaped | None = None
        self._opening = threading.Lock()

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """See `Backend.run`."""
        assert self._whole is not None, "closed"
        ids, confidence = self._whole.run(np.ascontiguousarray(images), OUTPUTS)
        return ids.astype(np.uint8, copy=False), confidence.astype(np.uint8, copy=False)

    def core_kind(self) -> Kind | None:
        """See `Backend.core_kind`."""
        return self._core.kind

    def scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend.scores`."""
        core = self._core.get()
        with self._opening:
            if self._core_model is None:
                model = core.content
                if isinstance(model, bytes):
                    model = self._runtime.read_model(model)
                self._core_model = self._compiled(model, RESIZED)
        found: NDArray[np.float32] = self._core_model.run(pixels, (core.output,))[0]
        return found

    def close(self) -> None:
        """Frees the compiled model."""
        self._whole = self._core_model = None

    def _compiled(self, model: Any, given: str) -> Shaped:
        def compiled(shape: Shape | None) -> Requests:
            if shape is None:
                return self._requests(model)
            fixed = model.clone()
            fixed.reshape({given: list(shape)})
            drop_idle_resizes(fixed)
            return self._requests(fixed)

        # 8-bit graphs of free shape answer wrongly in OpenVINO 2026.4: 97 % of the ids instead of 99.8 %.
        eight_bit = any(node.get_type_name() == "FakeQuantize" for node in model.get_ops())
        return Shaped(compiled, always_fixed=eight_bit)

    def _requests(self, model: Any) -> Requests:
        options = self._options
        settings: dict[str, str | int] = {
            "PERFORMANCE_HINT": options.purpose.upper(),
            # On CPUs with bf16 units OpenVINO would otherwise compute in bf16.
            "INFERENCE_PRECISION_HINT": HINTS[options.precision],
            "CACHE_DIR": str(self._cache),
        }
        if self.device == "CPU":
            settings["INFERENCE_NUM_THREADS"] = options.threads_here
        compiled = self._refusing(lambda: self._runtime.compile_model(model, self.device, settings))
        return Requests(compiled, several=options.purpose == "throughput")

    def _refusing(self, act: Callable[[], Any]) -> Any:
        try:
            return act()
        except RuntimeError as error:
            reason = " ".join(str(error).split())[:300]
            raise BackendError(f"OpenVINO refuses {self._path}: {reason}", hint=DAMAGED) from error


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
