"""Stages of a work that overlap: threads that hand items on through short queues."""

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

LENGTH = 4
# How long a thread waits before it looks whether all is to stop, in seconds.
PATIENCE = 0.05

Given = TypeVar("Given")
Made = TypeVar("Made")


class Flow:
    """Stages one behind the other; leaving the block ends their threads and raises what one of them raised.

    ::

        with Flow() as flow:
            images = flow.stage(paths, decode)
            for answer in flow.stage(images, predict, workers=2):
                ...
    """

    def __init__(self, length: int = LENGTH) -> None:
        """`length` is how many items may wait between two stages."""
        self._length = length
        self._stop = threading.Event()
        self._errors: list[BaseException] = []
        self._threads: list[threading.Thread] = []

    def stopped(self) -> bool:
        """Whether an error or the end of the block has stopped all stages."""
        return self._stop.is_set()

    def stage(
        self, items: Iterable[Given], work: Callable[[Given], Made | None], workers: int = 1
    ) -> Iterator[Made]:
        """What `work` makes of each item, in the order in which it is ready; None is left out."""
        made: queue.Queue[Any] = queue.Queue(self._length)
        source = _Shared(items)
        end = _End(workers)

        def act() -> None:
            try:
                for item in source:
                    if self.stopped():
                        break
                    answer = work(item)
                    if answer is not None:
                        self._put(made, answer)
            except BaseException as error:  # noqa: BLE001 - raised again where the block ends
                self._errors.append(error)
                self._stop.set()
            finally:
                if end.is_reached():
                    self._put(made, end)

        for _ in range(workers):
            thread = threading.Thread(target=act, daemon=True)
            self._threads.append(thread)
            thread.start()
        return self._taken(made, end)

    def _put(self, made: queue.Queue[Any], item: object) -> None:
        while not self.stopped():
            with suppress(queue.Full):
                made.put(item, timeout=PATIENCE)
                return

    def _taken(self, made: queue.Queue[Any], end: "_End") -> Iterator[Any]:
        while not self.stopped():
            try:
                item = made.get(timeout=PATIENCE)
            except queue.Empty:
                continue
            if item is end:
                return
            yield item

    def __enter__(self) -> Self:
        """Nothing runs yet."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Ends the threads.

        Raises:
            BaseException: the first that a stage raised, unless the block itself raised one.
        """
        self._stop.set()
        for thread in self._threads:
            thread.join()
        if error is None and self._errors:
            raise self._errors[0]


class Budget:
    """Bytes that may be under way at once; one item may be larger, if it is alone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0
        self._changed = threading.Condition()

    def take(self, count: int, stopped: Callable[[], bool]) -> None:
        """Waits until there is room for so many bytes, or until all is stopped."""
        with self._changed:
            while self._taken and self._taken + count > self._limit and not stopped():
                self._changed.wait(PATIENCE)
            self._taken += count

    def give_back(self, count: int) -> None:
        """Makes room for others."""
        with self._changed:
            self._taken -= count
            self._changed.notify_all()


class _Shared(Iterator[Given]):
    """An iterator that several threads may draw from."""

    def __init__(self, items: Iterable[Given]) -> None:
        self._items = iter(items)
        self._lock = threading.Lock()

    def __next__(self) -> Given:
        with self._lock:
            return next(self._items)


class _End:
    """Stands behind the last item of a stage: when the last of its workers is done."""

    def __init__(self, workers: int) -> None:
        self._left = workers
        self._lock = threading.Lock()

    def is_reached(self) -> bool:
        with self._lock:
            self._left -= 1
            return self._left == 0
