"""Runs a model through ONNX Runtime, on the preferred of the devices that its installed package supports."""

import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio import paths
from segstudio.errors import BackendError
from segstudio.inference.backend import Backend, Confidence, Ids, Options, chosen_device
from segstudio.inference.core import RESIZED, Kind, LazyCore
from segstudio.inference.spec import ModelSpec

NEEDS = "onnx"
PROVIDERS = {
    "tensorrt": "TensorrtExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "cpu": "CPUExecutionProvider",
}
# TensorRT and OpenVINO compile for minutes or answer otherwise: only who asks for them gets them.
USUAL = ("cuda", "cpu")
INSTALL = (
    "pip install onnxruntime-gpu for cuda and tensorrt, onnxruntime-openvino for openvino,"
    " each in place of onnxruntime"
)
DAMAGED = "if the file is incomplete, export or import the model again"
OUTPUTS = ["ids", "confidence"]
# Kept memory makes runs a third shorter; what larger images needed is given back after each: sooner in the
# window, and elsewhere where the arena would hold gigabytes.
KEPT_IN_WINDOW, KEPT_ELSEWHERE = 2**20, 2**22


def status() -> tuple[bool, str, str]:
    """Whether ONNX Runtime is installed, and its best device."""
    try:
        import onnxruntime
    except ImportError as error:
        return False, "", f"onnxruntime cannot be imported ({error}): pip install onnxruntime"
    cuda = PROVIDERS["cuda"] in onnxruntime.get_available_providers()
    return True, "CUDA" if cuda else "CPU", ""


def open_model(folder: Path, spec: ModelSpec, options: Options) -> Backend:
    """Opens a session on the model's ONNX file.

    Raises:
        BackendError: ONNX Runtime refuses the file or has not the device, or it is no deployment graph.
        ModelError: the model has no ONNX file.
    """
    return OnnxBackend(spec.file(folder, "onnx"), options)


class OnnxBackend:
    """A session; its memory is given back after large images, since it lives in the window's process."""

    name = "onnx"

    def __init__(self, path: Path, options: Options) -> None:
        import onnxruntime

        if options.precision != "fp32":
            raise BackendError(
                f"onnx computes in the precision of its file, not in {options.precision}",
                hint="use --backend openvino or torch for another precision",
            )
        built = onnxruntime.get_available_providers()
        there = tuple(device for device, provider in PROVIDERS.items() if provider in built)
        device = chosen_device(self.name, there, options, USUAL, INSTALL)
        self._kept_pixels = KEPT_IN_WINDOW if options.in_window else KEPT_ELSEWHERE
        self._core = LazyCore(path)
        self._core_session: Any = None
        self._opening = threading.Lock()
        # Several images at once need no threads within one.
        aside = options.purpose == "throughput" and device == "cpu"
        self.lanes = options.threads_here if aside else 1
        self._open = partial(_opened, path, 1 if aside else options.threads_here, _providers(device))
        self._session: Any = self._open(str(path))
        found = {output.name for output in self._session.get_outputs()}
        if not set(OUTPUTS) <= found:
            raise BackendError(
                f"{path} is no deployment graph: it gives {sorted(found)}", hint="export it again"
            )
        used = self._session.get_providers()
        if PROVIDERS[device] not in used and device in options.devices:
            # Its libraries are missing; ONNX Runtime only warns, and would compute on the CPU.
            raise BackendError(f"ONNX Runtime cannot use {device} here", hint="see its messages above")
        self._input = self._session.get_inputs()[0].name
        self.device = next(name.upper() for name, provider in PROVIDERS.items() if provider in used)

    def run(self, images: NDArray[np.uint8]) -> tuple[Ids, Confidence]:
        """See `Backend.run`."""
        ids, confidence = self._run(self._session, OUTPUTS, {self._input: np.ascontiguousarray(images)})
        return ids, confidence

    def core_kind(self) -> Kind | None:
        """See `Backend.core_kind`."""
        return self._core.kind

    def scores(self, pixels: NDArray[np.float32]) -> NDArray[np.float32]:
        """See `Backend.scores`."""
        core = self._core.get()
        with self._opening:
            if self._core_session is None:
                self._core_session = self._open(core.content)
        found: NDArray[np.float32] = self._run(self._core_session, [core.output], {RESIZED: pixels})[0]
        return found

    def _run(self, session: Any, outputs: list[str], given: dict[str, NDArray[Any]]) -> list[Any]:
        import onnxruntime

        options = onnxruntime.RunOptions()
        (array,) = given.values()
        if self.device == "CPU" and array.size > 3 * self._kept_pixels:
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        found: list[Any] = session.run(outputs, given, options)
        return found

    def close(self) -> None:
        """Frees the sessions."""
        self._session = self._core_session = None


def _opened(
    path: Path, threads: int, providers: list[tuple[str, dict[str, str]]], source: str | bytes
) -> Any:
    """A session on a file or its content."""
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(source, _session_options(threads), providers=providers)
    except runtime_errors() as error:
        raise BackendError(
            f"ONNX Runtime refuses {path}: {' '.join(str(error).split())[:300]}", hint=DAMAGED
        ) from error


def _session_options(threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return options


def _providers(device: str) -> list[tuple[str, dict[str, str]]]:
    """The device's provider with its settings, and the CPU for what it does not know."""
    cache = str(paths.user_cache_dir() / "onnxruntime")
    settings = {
        "tensorrt": {"trt_engine_cache_enable": "1", "trt_engine_cache_path": cache},
        "openvino": {"cache_dir": cache},
    }
    names = dict.fromkeys((device, "cpu"))
    return [(PROVIDERS[name], settings.get(name, {})) for name in names]


def runtime_errors() -> tuple[type[Exception], ...]:
    """What ONNX Runtime raises; its own classes have no base that could be caught instead."""
    from onnxruntime.capi import onnxruntime_pybind11_state

    members = vars(onnxruntime_pybind11_state).values()
    own = (one for one in members if isinstance(one, type) and issubclass(one, Exception))
    return (RuntimeError, ValueError, *own)
