"""Both changes of size outside of the graph, in pieces: for images whose scores would not fit into memory."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.inference.core import Kind
from segstudio.inference.prediction import Prediction
from segstudio.inference.restore_graph import PLANES, Wanted, restore_session

Floats = NDArray[np.float32]
Bytes = NDArray[np.uint8]
# Scores of a strip of the image that are held at once.
STRIP_VALUES = 8 << 20


@dataclass(frozen=True)
class Places:
    """Where pixels of an axis lie between those of another length: two neighbours, and the second's share.

    Centres fall on centres (align_corners False), beyond the border the border counts.
    """

    before: NDArray[np.int64]
    after: NDArray[np.int64]
    share: Floats


def places(first: int, last: int, length: int, given: int) -> Places:
    """Where pixels first..last-1 of `length` lie among `given` ones."""
    exact = (np.arange(first, last) + 0.5) * (given / length) - 0.5
    exact = exact.clip(0, given - 1)
    before = exact.astype(np.int64)
    return Places(before, np.minimum(before + 1, given - 1), (exact - before).astype(np.float32))


def shrunk(image: Bytes, size: tuple[int, int], window: tuple[slice, slice]) -> Floats:
    """A window of an image uint8 [H,W,3] brought to `size`: float32 [3,h,w] of 0-1, bilinear, no antialias.

    Only the pixels that are read count: the image at its new size need not exist.
    """
    rows, columns = (
        places(part.start, part.stop, new, old)
        for part, new, old in zip(window, size, image.shape[:2], strict=True)
    )
    down, beside = rows.share[:, None, None], columns.share[None, :, None]

    def between(row: NDArray[np.int64]) -> Floats:
        left = image[row[:, None], columns.before[None]].astype(np.float32)
        return left + (image[row[:, None], columns.after[None]] - left) * beside

    upper = between(rows.before)
    mixed = (upper + (between(rows.after) - upper) * down) / np.float32(255)
    return np.ascontiguousarray(mixed.transpose(2, 0, 1))


class Rows:
    """The rows of a score map that comes in bands from top to bottom; what lies behind is let go.

    Args:
        bands: float32 [K,r,w], one below the other.
        height: rows of all together.
    """

    def __init__(self, bands: Iterator[Floats], height: int) -> None:
        self.height = height
        self._bands = bands
        self._held: Floats | None = None
        self._top = 0

    def take(self, first: int, last: int) -> Floats:
        """Rows first..last, float32 [K,n,w]; `first` never falls."""
        while self._held is None or self._top + self._held.shape[1] <= last:
            band = next(self._bands)
            if self._held is None:
                self._held = band
            else:
                gone = min(first - self._top, self._held.shape[1])
                self._held = np.concatenate([self._held[:, gone:], band], axis=1)
                self._top += gone
        return self._held[:, first - self._top : last + 1 - self._top]


def restored(
    views: list[Rows], size: tuple[int, int], kind: Kind, classes: int, *, runner_up: bool = False
) -> Prediction:
    """Brings score maps to the image's size and answers; of several views the mean probabilities count.

    Args:
        views: score maps of the same image.
        size: (height, width) of the image.
        kind: what the scores are.
        classes: K.
        runner_up: also say which class comes second, and by how much.
    """
    if classes == 1:
        return only_class(size, runner_up=runner_up)
    wanted: Wanted = "all" if runner_up else "answer"
    found = tuple(np.empty(size, np.uint8) for _ in PLANES[wanted])
    step = max(1, STRIP_VALUES // (classes * size[1]))
    for top in range(0, size[0], step):
        bottom = min(top + step, size[0])
        strips = [_strip(rows, top, bottom, *size) for rows in views]
        for target, values in zip(found, _answer(strips, kind, wanted), strict=True):
            target[top:bottom] = values
    return Prediction(*found)


def _answer(strips: list[dict[str, Any]], kind: Kind, wanted: Wanted) -> list[Bytes]:
    """The planes of one strip of the image, of all views of it."""
    planes: list[Bytes]
    if len(strips) == 1:
        planes = restore_session(kind, wanted).run(None, strips[0])
        return planes
    shares = restore_session(kind, "probabilities")
    total: Floats = shares.run(None, strips[0])[0]
    for strip in strips[1:]:
        total += shares.run(None, strip)[0]
    total /= np.float32(len(strips))
    planes = restore_session("probabilities", wanted).run(None, _unchanged(total))
    return planes


def only_class(size: tuple[int, int], *, runner_up: bool) -> Prediction:
    """What a model of one class answers."""
    certain = np.full(size, 255, np.uint8)
    nothing = (np.full(size, 255, np.uint8), certain.copy()) if runner_up else ()
    return Prediction(np.zeros(size, np.uint8), certain, *nothing)


def _strip(rows: Rows, top: int, bottom: int, height: int, width: int) -> dict[str, Any]:
    where = places(top, bottom, height, rows.height)
    first = int(where.before[0])
    return {
        "scores": np.ascontiguousarray(rows.take(first, int(where.after[-1]))),
        "before": where.before - first,
        "after": where.after - first,
        "share": where.share[:, None],
        "width": np.array([width], np.int64),
    }


def _unchanged(scores: Floats) -> dict[str, Any]:
    """The inputs with which scores [K,n,w] stay as they are."""
    count = np.arange(scores.shape[1])
    return {
        "scores": scores,
        "before": count,
        "after": count,
        "share": np.zeros((len(count), 1), np.float32),
        "width": np.array([scores.shape[2]], np.int64),
    }
