"""Keeps decoded samples in memory that forked worker processes share."""

import mmap
import multiprocessing
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.jobs import cores

CHANNELS = 3
# Columns of the table of one sample: where it lies, its height, its width, whether it is complete.
OFFSET, HEIGHT, WIDTH, READY = range(4)
ABSENT = -1


class SampleCache:
    """Decoded samples up to a size, filled by whoever decodes one first, in any process forked from here.

    The memory is taken as it is filled. A copy that was pickled for a spawned process starts empty.
    """

    def __init__(self, samples: int, limit: int) -> None:
        """Room for `limit` bytes of `samples` samples, four bytes a pixel."""
        self._samples, self._limit = samples, limit
        self._allocate()

    def _allocate(self) -> None:
        self._lock = multiprocessing.Lock()
        try:
            self._memory = mmap.mmap(-1, max(1, self._limit))
        except OSError:
            # Some systems promise no more memory than they have: then samples are decoded every time.
            self._limit, self._memory = 0, mmap.mmap(-1, 1)
        shared = mmap.mmap(-1, 8 * (1 + 4 * max(1, self._samples)))
        numbers = np.frombuffer(shared, np.int64)
        # One number for the bytes in use, then the rows of the samples.
        self._used, self._table = numbers[:1], numbers[1:].reshape(-1, 4)
        self._table[:, OFFSET] = ABSENT

    def __getstate__(self) -> dict[str, Any]:
        """Sizes alone: shared memory cannot be pickled."""
        return {"_samples": self._samples, "_limit": self._limit}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """An empty cache; spawned processes share nothing, so that each has its part of the room."""
        self._samples, self._limit = state["_samples"], state["_limit"] // cores()
        self._allocate()

    def get(self, number: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]] | None:
        """Read-only image uint8 [H,W,3] and ids uint8 [H,W] of a sample, or None when it is not here."""
        with self._lock:
            offset, height, width, ready = self._table[number].tolist()
        if not ready:
            return None
        image, ids = self._views(offset, height, width)
        image.flags.writeable = ids.flags.writeable = False
        return image, ids

    def put(self, number: int, image: NDArray[np.uint8], ids: NDArray[np.uint8]) -> None:
        """Keeps a sample if there is room and nobody has it or is about to keep it."""
        height, width = ids.shape
        size = image.nbytes + ids.nbytes
        with self._lock:
            offset = int(self._used[0])
            if self._table[number, OFFSET] != ABSENT or offset + size > self._limit:
                return
            self._used[0] += size
            self._table[number] = (offset, height, width, 0)
        own_image, own_ids = self._views(offset, height, width)
        own_image[...], own_ids[...] = image, ids
        # The lock orders the writes before the mark on every kind of processor.
        with self._lock:
            self._table[number, READY] = 1

    def _views(self, offset: int, height: int, width: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        pixels = height * width
        image = np.frombuffer(self._memory, np.uint8, pixels * CHANNELS, offset)
        ids = np.frombuffer(self._memory, np.uint8, pixels, offset + pixels * CHANNELS)
        return image.reshape(height, width, CHANNELS), ids.reshape(height, width)
