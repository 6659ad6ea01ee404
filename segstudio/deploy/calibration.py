"""What a network is shown so that its quantizer learns the ranges of its activations."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.images import read_image
from segstudio.inference.resample import shrunk
from segstudio.inference.spec import ModelSpec, network_size
from segstudio.jobs import JobContext

Floats = NDArray[np.float32]
# Ranges of fewer images are those of these images, not of the world that the model will see.
LEAST = 16
USUAL = 64
# A class that has less of an image is hardly seen there.
SEEN_SHARE = 0.001


class CalibrationInputs(Sequence[Floats]):
    """Images as the network sees them, float32 [batch,3,h,w] of 0-1, each read when it is asked for.

    They are resized as for training, evaluation and the deployment graph.

    Args:
        paths: image files.
        spec: the model's, for the resize rule.
        size: height and width that images are brought to first; None: their own.
        batch: how often an image is repeated, for graphs of a fixed batch.
        context: asked before each image whether to stop: quantizers do not ask.

    Raises:
        InputError: fewer than LEAST.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        spec: ModelSpec,
        *,
        size: tuple[int, int] | None = None,
        batch: int = 1,
        context: JobContext | None = None,
    ) -> None:
        if len(paths) < LEAST:
            raise InputError(
                f"{len(paths)} images are too few to calibrate int8 with: {LEAST} at least",
                hint=f"give a folder of {USUAL} or more images of the kind that the model will see",
            )
        self._paths, self._spec = tuple(paths), spec
        self._size, self._batch, self._context = size, batch, context or JobContext()

    def __len__(self) -> int:
        return len(self._paths)

    @overload
    def __getitem__(self, number: int) -> Floats: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[Floats]: ...
    def __getitem__(self, number: int | slice) -> Floats | Sequence[Floats]:
        if isinstance(number, slice):
            return [self._shown(path) for path in self._paths[number]]
        return self._shown(self._paths[number])

    def __iter__(self) -> Iterator[Floats]:
        return map(self._shown, self._paths)

    def _shown(self, path: Path) -> Floats:
        self._context.check()
        return as_seen(at_size(read_image(path), self._size), self._spec, self._batch)


def as_seen(image: NDArray[np.uint8], spec: ModelSpec, batch: int = 1) -> Floats:
    """An image as the network sees it: uint8 [H,W,3] to float32 [batch,3,h,w] of 0-1, repeated."""
    size = network_size(spec.resize, image.shape[0], image.shape[1])
    seen = shrunk(image, size, (slice(0, size[0]), slice(0, size[1])))
    return np.repeat(seen[None], batch, axis=0)


def at_size(image: NDArray[np.uint8], size: tuple[int, int] | None) -> NDArray[np.uint8]:
    """An image uint8 [H,W,3] at a height and width; None leaves it."""
    if size is None or size == image.shape[:2]:
        return image
    return np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)


def spread(count: int, wanted: int) -> list[int]:
    """Up to `wanted` numbers of 0..count-1 at even distances: neighbours of a video look alike."""
    if count <= wanted:
        return list(range(count))
    return sorted({int(position) for position in np.linspace(0, count - 1, wanted).round()})


def balanced(pixels: NDArray[np.int64], wanted: int) -> list[int]:
    """Numbers of up to `wanted` images among which every class is seen about equally often.

    One image after the other is taken: the one with most classes that none of the chosen images shows; of
    equals the one that adds most, where each class counts 1 / (1 + how many of the chosen images show it).

    Args:
        pixels: int64 [N,K], how many pixels of each class an image has.
        wanted: at most so many.
    """
    seen = pixels >= np.maximum(1, SEEN_SHARE * pixels.sum(axis=1, keepdims=True))
    shown = np.zeros(pixels.shape[1])
    left = np.ones(len(pixels), bool)
    chosen: list[int] = []
    while len(chosen) < min(wanted, len(pixels)):
        # A new class is worth more than all others together.
        worth = np.where(shown, 1 / (1 + shown), len(shown))
        gains = np.where(left, seen @ worth, -1.0)
        # Of equals that which lies farthest from the last one in the folder.
        best = np.flatnonzero(gains >= gains.max() - 1e-12)
        last = chosen[-1] if chosen else 0
        one = int(best[np.argmax(np.abs(best - last))])
        chosen.append(one)
        left[one] = False
        shown += seen[one]
    return sorted(chosen)
