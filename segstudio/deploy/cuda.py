"""The calls of CUDA's runtime that an engine needs, each checked, and memory that both sides see."""

import ctypes
import importlib
import math
import os
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from segstudio.errors import BackendError

MODULE = "cuda.bindings.runtime"
PACKAGE = "cuda-bindings"
MEGABYTE = 2**20


@dataclass(frozen=True)
class Gpu:
    """One device: its name, compute capability such as 8.6, and memory in megabytes."""

    name: str
    capability: str
    memory_mb: int


class Cuda:
    """One device of this machine.

    Raises:
        BackendError: there is no such device, no driver, or the package is not installed.
    """

    def __init__(self, device: int = 0) -> None:
        # Kernels of a module are loaded when they are first used: seconds and hundreds of megabytes less.
        os.environ.setdefault("CUDA_MODULE_LOADING", "LAZY")
        try:
            self._runtime: Any = importlib.import_module(MODULE)
        except ImportError as error:
            raise BackendError(
                f"CUDA's Python package cannot be imported ({error})", hint=f"pip install {PACKAGE}"
            ) from error
        self.device = device
        count: int = self._call("cudaGetDeviceCount")
        if device >= count:
            hint = "use gpu_id 0" if count else "see `nvidia-smi`"
            raise BackendError(f"there is no GPU {device}: CUDA finds {count}", hint=hint)

    def use(self) -> None:
        """Makes the device that of the calling thread, which each thread must; takes memory on it."""
        self._call("cudaSetDevice", self.device)

    @property
    def gpu(self) -> Gpu:
        """What the device is."""
        found = self._call("cudaGetDeviceProperties", self.device)
        name = found.name.decode() if isinstance(found.name, bytes) else str(found.name)
        return Gpu(name.strip("\0 "), f"{found.major}.{found.minor}", found.totalGlobalMem // MEGABYTE)

    @property
    def free_mb(self) -> int:
        """Megabytes of the device's memory that nobody uses."""
        return int(self._call("cudaMemGetInfo")[0]) // MEGABYTE

    def stream(self, owner: ExitStack) -> Any:
        """A stream that lives as long as its owner."""
        made = self._call("cudaStreamCreateWithFlags", self._runtime.cudaStreamNonBlocking)
        owner.callback(self._call, "cudaStreamDestroy", made)
        return made

    def memory(self, size: int, owner: ExitStack) -> int:
        """The address of memory on the device, of that many bytes, for as long as its owner lives."""
        made = int(self._call("cudaMalloc", max(1, size)))
        owner.callback(self._call, "cudaFree", made)
        return made

    def pinned(self, size: int, owner: ExitStack) -> int:
        """The address of memory on the CPU's side that the device reads and writes by itself."""
        made = int(self._call("cudaHostAlloc", max(1, size), self._runtime.cudaHostAllocDefault))
        owner.callback(self._call, "cudaFreeHost", made)
        return made

    def copy(self, target: int, source: int, size: int, stream: Any, *, to_device: bool) -> None:
        """Copies bytes when the stream comes to it."""
        kinds = self._runtime.cudaMemcpyKind
        kind = kinds.cudaMemcpyHostToDevice if to_device else kinds.cudaMemcpyDeviceToHost
        self._call("cudaMemcpyAsync", target, source, size, kind, stream)

    def synchronize(self, stream: Any) -> None:
        """Waits until all work of a stream is done."""
        self._call("cudaStreamSynchronize", stream)

    def begin_recording(self, stream: Any) -> None:
        """From now on work of this thread on the stream is written down instead of done."""
        mode = self._runtime.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal
        self._call("cudaStreamBeginCapture", stream, mode)

    def end_recording(self, stream: Any, owner: ExitStack) -> Any:
        """What was written down, ready to be replayed for as long as its owner lives."""
        graph = self._call("cudaStreamEndCapture", stream)
        try:
            made = self._call("cudaGraphInstantiate", graph, 0)
        finally:
            self._call("cudaGraphDestroy", graph)
        owner.callback(self._call, "cudaGraphExecDestroy", made)
        return made

    def replay(self, recording: Any, stream: Any) -> None:
        """Does what was written down."""
        self._call("cudaGraphLaunch", recording, stream)

    def _call(self, name: str, *arguments: Any) -> Any:
        """What a function of the runtime gives besides its status: nothing, one value or several.

        Raises:
            BackendError: CUDA's own words.
        """
        status, *values = getattr(self._runtime, name)(*arguments)
        if status != self._runtime.cudaError_t.cudaSuccess:
            words = self._runtime.cudaGetErrorString(status)[1]
            text = words.decode() if isinstance(words, bytes) else str(words)
            out_of_memory = status == self._runtime.cudaError_t.cudaErrorMemoryAllocation
            raise BackendError(
                f"CUDA: {text} ({name})",
                hint="close other programs on the GPU, or use smaller images or batches"
                if out_of_memory
                else "",
            )
        return values[0] if len(values) == 1 else tuple(values) or None


class Buffer:
    """One tensor on both sides: `here` is its pinned array on the CPU's side, `there` its device address."""

    def __init__(self, cuda: Cuda, shape: tuple[int, ...], dtype: DTypeLike, owner: ExitStack) -> None:
        self._cuda = cuda
        count = math.prod(shape)
        self.size = count * np.dtype(dtype).itemsize
        self._address = cuda.pinned(self.size, owner)
        self.there = cuda.memory(self.size, owner)
        raw = (ctypes.c_uint8 * max(1, self.size)).from_address(self._address)
        self.here: NDArray[Any] = np.frombuffer(memoryview(raw), dtype, count).reshape(shape)

    def send(self, stream: Any) -> None:
        """To the device, when the stream comes to it."""
        self._cuda.copy(self.there, self._address, self.size, stream, to_device=True)

    def fetch(self, stream: Any) -> None:
        """From the device, when the stream comes to it."""
        self._cuda.copy(self._address, self.there, self.size, stream, to_device=False)
