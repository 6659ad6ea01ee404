"""OpenVINO models compiled for the shapes that come, beside one that takes any; and their requests."""

import math
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

Shape = tuple[int, ...]
# So many shapes at a time have a model of their own, which takes half a second to make and keeps its memory.
SHAPES = 4
# Images of more pixels are rare enough, and their memory large enough, to leave them to the common model.
LARGEST_FIXED = 2**22
# Compiled models that are kept on disk for the next start.
LARGEST_CACHE = 2**30


class Shaped:
    """A model for inputs of any shape, and beside it one for each of the shapes that come again.

    Where OpenVINO knows the shape it joins more operators into one and plans their memory beforehand: a
    quarter less time.

    Args:
        compiled: makes the model of a shape; of None, that for any shape.
        always_fixed: whether even a shape that is seen once needs a model of its own.
    """

    def __init__(self, compiled: Callable[[Shape | None], "Requests"], *, always_fixed: bool = False) -> None:
        self._compiled = compiled
        self._always_fixed = always_fixed
        self._any = compiled(None)
        self._fixed: OrderedDict[Shape, Requests] = OrderedDict()
        self._last_shape: Shape = ()
        self._choosing, self._making = threading.Lock(), threading.Lock()
        self.lanes, self.outputs = self._any.count, self._any.outputs

    def run(self, given: NDArray[Any], names: Sequence[str]) -> list[NDArray[Any]]:
        """The named outputs for the one input."""
        return self._chosen(given.shape).run(given, names)

    def _chosen(self, shape: Shape) -> "Requests":
        with self._choosing:
            again, self._last_shape = shape == self._last_shape, shape
            if shape in self._fixed:
                self._fixed.move_to_end(shape)
                return self._fixed[shape]
        if self._always_fixed:
            with self._making:
                return self._made(shape)
        # Other threads go on with the common model while one makes the new one.
        if again and math.prod(shape) <= 3 * LARGEST_FIXED and self._making.acquire(blocking=False):
            try:
                return self._made(shape)
            finally:
                self._making.release()
        return self._any

    def _made(self, shape: Shape) -> "Requests":
        """The model of a shape, which another thread may have made meanwhile."""
        with self._choosing:
            if shape in self._fixed:
                return self._fixed[shape]
        made = self._compiled(shape)
        with self._choosing:
            while len(self._fixed) >= SHAPES:
                self._fixed.popitem(last=False)
            self._fixed[shape] = made
        return made


class Requests:
    """A compiled model and its requests, each of which one thread at a time uses."""

    def __init__(self, compiled: Any, *, several: bool) -> None:
        self._compiled = compiled
        self.count: int = compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS") if several else 1
        self._free: queue.SimpleQueue[Any] = queue.SimpleQueue()
        for _ in range(self.count):
            self._free.put(compiled.create_infer_request())

    @property
    def outputs(self) -> set[str]:
        """The names of what it gives."""
        return {name for output in self._compiled.outputs for name in output.names}

    def run(self, given: NDArray[Any], names: Sequence[str]) -> list[NDArray[Any]]:
        """The named outputs for the one input."""
        request = self._free.get()
        try:
            request.infer([given])
            # The tensors belong to the request and change with its next run.
            return [request.get_tensor(self._compiled.output(name)).data.copy() for name in names]
        finally:
            self._free.put(request)


def drop_idle_resizes(model: Any) -> None:
    """Takes changes of size out of a model of fixed shape that change nothing."""
    for node in model.get_ordered_ops():
        if node.get_type_name() == "Interpolate":
            given, made = node.input(0).get_partial_shape(), node.output(0).get_partial_shape()
            if given.is_static and given == made:
                node.output(0).replace(node.input_value(0))


def prune_cache(folder: Path, most: int = LARGEST_CACHE) -> None:
    """Removes the compiled models that were unused longest until the rest takes at most so many bytes."""
    found = []
    for path in folder.glob("*.blob"):
        try:
            facts = path.stat()
        except FileNotFoundError:
            # Another process prunes as well.
            continue
        found.append((facts.st_mtime, facts.st_size, path))
    total = 0
    for _, size, path in sorted(found, reverse=True):
        total += size
        if total > most:
            path.unlink(missing_ok=True)
