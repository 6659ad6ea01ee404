"""Packs what differs between two states of a rectangle as runs along its rows: small, and quick to do."""

import zlib
from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.uint8]
COMPRESSION = 1
# Runs of a brush stroke pack to a third; millions of them are not worth the wait.
WORTH_PACKING = 2**20
PACKED, PLAIN = b"Z", b"P"
# Pixels that are worked on at once: they stay in the processor's cache.
BAND = 2**20
# A run holds its length, and the old and the new class of its pixels.
LENGTH, PAIR = np.dtype("<u2"), np.dtype("<u2")


def bands(height: int, width: int) -> Iterator[tuple[int, int]]:
    """(first row, row behind the last) of strips that hold about `BAND` pixels each."""
    rows = max(1, BAND // max(width, 1))
    for top in range(0, height, rows):
        yield top, min(top + rows, height)


class RunWriter:
    """Takes strips of a rectangle from top to bottom and packs the pixels that differ."""

    def __init__(self) -> None:
        self.pixels = 0
        self._lengths: list[NDArray[np.uint16]] = []
        self._pairs: list[NDArray[np.uint16]] = []

    def add(self, before: Mask, after: Mask, differs: Mask) -> None:
        """A strip uint8 [h,W] in both states, and 255 where they differ; W is the same for all strips."""
        count = cv2.countNonZero(differs)
        self.pixels += count
        if not count:
            height, width = before.shape
            self._lengths.append(np.full(height, width, LENGTH))
            self._pairs.append(np.zeros(height, PAIR))
            return
        # Old and new class of a changed pixel differ, so that 0 can stand for "as it was".
        old, new = cv2.bitwise_and(before, differs), cv2.bitwise_and(after, differs)
        pairs = cv2.merge([new, old]).view(PAIR)[..., 0]
        breaks = np.empty(pairs.shape, np.bool_)
        breaks[:, 0] = True
        np.not_equal(pairs[:, 1:], pairs[:, :-1], out=breaks[:, 1:])
        starts = np.flatnonzero(breaks)
        self._lengths.append(np.diff(starts, append=pairs.size).astype(LENGTH))
        self._pairs.append(pairs.ravel()[starts])

    def written(self) -> int | None:
        """The one class that all changed pixels have now; None when they have several, or none changed."""
        new = np.zeros(256, np.bool_)
        for pairs in self._pairs:
            new[pairs[pairs != 0] & 255] = True
        values = np.flatnonzero(new)
        return int(values[0]) if values.size == 1 else None

    def packed(self) -> bytes:
        """All runs; `RunReader` takes them."""
        parts = [part.tobytes() for part in (*self._lengths, *self._pairs)]
        content = b"".join(parts)
        if len(content) <= WORTH_PACKING:
            return PACKED + zlib.compress(content, COMPRESSION)
        return PLAIN + content


class RunReader:
    """Writes packed runs into a rectangle, one state or the other.

    Raises:
        ValueError: the runs are damaged, or belong to a rectangle of another size.
    """

    def __init__(self, packed: bytes, height: int, width: int) -> None:
        try:
            content = zlib.decompress(packed[1:]) if packed[:1] == PACKED else packed[1:]
        except zlib.error as error:
            raise ValueError(f"runs cannot be unpacked: {error}") from error
        count = len(content) // (LENGTH.itemsize + PAIR.itemsize)
        if packed[:1] not in (PACKED, PLAIN) or count * (LENGTH.itemsize + PAIR.itemsize) != len(content):
            raise ValueError("these are no runs")
        self._lengths = np.frombuffer(content, LENGTH, count)
        self._pairs = np.frombuffer(content, PAIR, count, count * LENGTH.itemsize)
        self._ends = np.cumsum(self._lengths, dtype=np.int64)
        if count == 0 or self._ends[-1] != height * width:
            raise ValueError(f"the runs are not of {width}x{height} pixels")

    def put(self, target: Mask, *, old: bool) -> None:
        """Writes the changed pixels, `old` ones or new ones, into the rectangle's part of a mask [h,W]."""
        height, width = target.shape
        first = 0
        for top, bottom in bands(height, width):
            # Runs end with their rows, so that every strip begins with a run.
            last = int(np.searchsorted(self._ends, bottom * width, side="left")) + 1
            pairs, lengths = self._pairs[first:last], self._lengths[first:last]
            first = last
            if not pairs.any():
                continue
            values = ((pairs >> 8) if old else (pairs & 255)).astype(np.uint8)
            pixels = np.repeat(values, lengths).reshape(bottom - top, width)
            changed = np.repeat(pairs != 0, lengths).reshape(bottom - top, width)
            np.copyto(target[top:bottom], pixels, where=changed)
