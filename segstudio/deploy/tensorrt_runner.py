"""Runs a TensorRT engine: one stream, pinned buffers, and for each shape a context with a recorded graph."""

import logging
from collections import OrderedDict
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from segstudio.deploy.cuda import Buffer, Cuda
from segstudio.deploy.tensorrt_here import Words, make_log, numpy_type, sides
from segstudio.errors import BackendError

if TYPE_CHECKING:
    import tensorrt as trt

LOG = logging.getLogger(__name__)
# Each shape of input has a context of its own, which keeps its memory.
SHAPES = 4


class EngineRunner:
    """One engine file on one device, for one thread at a time.

    Args:
        path: of the engine.
        device: number of the GPU.

    Raises:
        BackendError: TensorRT refuses the file: it was built by another version or for another GPU.
    """

    def __init__(self, path: Path, device: int = 0) -> None:
        import tensorrt as trt

        self._cuda, self._words = Cuda(device), Words()
        self._cuda.use()
        self._runs: OrderedDict[tuple[int, ...], ShapeRun] = OrderedDict()
        with ExitStack() as owner:
            # Freed in the reverse order: the engine before its runtime, the runtime before its log.
            self._log = make_log(self._words)
            try:
                self._runtime: trt.Runtime | None = trt.Runtime(self._log)
                content = path.read_bytes()
            except (TypeError, OSError) as error:
                raise BackendError(f"{path} cannot be read: {error}; {self._words.reason}") from error
            self._engine: trt.ICudaEngine | None = self._runtime.deserialize_cuda_engine(content)
            if self._engine is None:
                raise BackendError(
                    f"TensorRT refuses {path}: {self._words.reason}", hint="build the engine again"
                )
            self._stream = self._cuda.stream(owner)
            self._owner = owner.pop_all()
        names = [self._engine.get_tensor_name(number) for number in range(self._engine.num_io_tensors)]
        modes = {name: self._engine.get_tensor_mode(name) for name in names}
        self.inputs = tuple(name for name in names if modes[name] == trt.TensorIOMode.INPUT)
        self.outputs = tuple(name for name in names if name not in self.inputs)

    def takes(self, shape: tuple[int, ...]) -> bool:
        """Whether an input of that shape lies within the engine's profile."""
        assert self._engine is not None, "closed"
        fixed = sides(self._engine.get_tensor_shape(self.inputs[0]))
        if -1 not in fixed:
            return shape == fixed
        least, _, most = self._engine.get_tensor_profile_shape(self.inputs[0], 0)
        low, high = sides(least), sides(most)
        return len(low) == len(shape) and all(
            low[axis] <= side <= high[axis] for axis, side in enumerate(shape)
        )

    def run(self, given: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """The outputs by name, for the engine's one input.

        Raises:
            BackendError: TensorRT or CUDA fails, for lack of memory for example.
        """
        assert self._engine is not None, "closed"
        self._cuda.use()
        shape = given.shape
        if shape not in self._runs:
            while len(self._runs) >= SHAPES:
                self._runs.popitem(last=False)[1].close()
            self._runs[shape] = ShapeRun(self._engine, self._cuda, self._stream, self.inputs[0], shape)
        self._runs.move_to_end(shape)
        try:
            return self._runs[shape].run(given)
        except BackendError as error:
            reason = f"; TensorRT says: {self._words.reason}" if self._words.errors else ""
            raise BackendError(f"{error.message}{reason}", hint=error.hint) from error

    def close(self) -> None:
        """Frees contexts, buffers, the engine and the stream."""
        self._cuda.use()
        with self._owner.pop_all() as owner:
            for one in self._runs.values():
                owner.callback(one.close)
            self._runs = OrderedDict()
        self._engine = None
        self._runtime = None


class ShapeRun:
    """A context for one shape of input, its buffers, and a graph that replays copies and kernels at once."""

    def __init__(
        self, engine: "trt.ICudaEngine", cuda: Cuda, stream: Any, given: str, shape: tuple[int, ...]
    ) -> None:
        self._cuda, self._stream = cuda, stream
        with ExitStack() as owner:
            context = self._context = _context_for(engine, cuda, given, shape, owner)
            self._input = _buffer(engine, context, given, cuda, owner)
            self._outputs = {
                name: _buffer(engine, context, name, cuda, owner)
                for name in (engine.get_tensor_name(number) for number in range(engine.num_io_tensors))
                if name != given
            }
            # The first run chooses kernels and takes memory, which cannot be recorded.
            self._enqueue()
            cuda.synchronize(stream)
            self._graph = self._recorded(owner)
            self._owner = owner.pop_all()

    def run(self, given: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """See `EngineRunner.run`."""
        np.copyto(self._input.here, given, casting="no")
        if self._graph is not None:
            self._cuda.replay(self._graph, self._stream)
        else:
            self._enqueue()
        self._cuda.synchronize(self._stream)
        # The buffers change with the next run.
        return {name: buffer.here.copy() for name, buffer in self._outputs.items()}

    def close(self) -> None:
        """Frees the graph, the context and the buffers."""
        self._graph = None
        # The context lets go of the memory before it is freed.
        del self._context
        self._owner.close()

    def _enqueue(self) -> None:
        self._input.send(self._stream)
        if not self._context.execute_async_v3(int(self._stream)):
            raise BackendError("TensorRT cannot run the engine", hint="build the engine again")
        for buffer in self._outputs.values():
            buffer.fetch(self._stream)

    def _recorded(self, owner: ExitStack) -> Any:
        """The graph; None where an engine has steps that cannot be recorded, and is run step by step."""
        self._cuda.begin_recording(self._stream)
        try:
            try:
                self._enqueue()
            finally:
                graph = self._cuda.end_recording(self._stream, owner)
        except BackendError as error:
            LOG.info("the engine is run without a CUDA graph: %s", error)
            return None
        return graph


def _context_for(
    engine: "trt.ICudaEngine", cuda: Cuda, given: str, shape: tuple[int, ...], owner: ExitStack
) -> "trt.IExecutionContext":
    """A context set to a shape, with as much memory as that shape needs."""
    import tensorrt as trt

    context = engine.create_execution_context(trt.ExecutionContextAllocationStrategy.USER_MANAGED)
    if context is None:
        raise BackendError("TensorRT makes no context", hint="close other programs on the GPU")
    sizes = "x".join(str(side) for side in shape)
    if not context.set_input_shape(given, shape):
        raise BackendError(
            f"the engine takes no input of {sizes}",
            hint="build it with a larger profile: max_batch, height, width",
        )
    if unknown := context.infer_shapes():
        raise BackendError(f"the engine does not know the shapes of {', '.join(unknown)} for {sizes}")
    size = context.update_device_memory_size_for_shapes()
    context.set_device_memory(cuda.memory(size, owner), size)
    return context


def _buffer(
    engine: "trt.ICudaEngine", context: "trt.IExecutionContext", name: str, cuda: Cuda, owner: ExitStack
) -> Buffer:
    shape = sides(context.get_tensor_shape(name))
    buffer = Buffer(cuda, shape, numpy_type(engine.get_tensor_dtype(name)), owner)
    if not context.set_tensor_address(name, buffer.there):
        raise BackendError(f"TensorRT takes no memory for {name}")
    return buffer
