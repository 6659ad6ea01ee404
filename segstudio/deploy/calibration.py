"""What a network is shown so that its quantizer learns the ranges of its activations."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import overload

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.images import read_image
from segstudio.inference.resample import shrunk
from segstudio.inference.spec import ModelSpec, network_size

Floats = NDArray[np.float32]
# Ranges of fewer images are those of these images, not of the world that the model will see.
LEAST = 16
USUAL = 64
# A class that has less of an image is hardly seen there.
SEEN_SHARE = 0.001


class CalibrationInputs(Sequence[Floats]):
    """Images as the network sees them, float32 [1,3,h,w] of 0-1, each read when it is asked for.

    They are resized as for training, evaluation and the deployment graph.

    Args:
        paths: image files.
        spec: the model's, for the resize rule.

    Raises:
        InputError: fewer than LEAST.
    """

    def __init__(self, paths: Sequence[Path], spec: ModelSpec) -> None:
        if len(paths) < LEAST:
            raise InputError(
                f"{len(paths)} images are too few to calibrate int8 with: {LEAST} at least",
                hint=f"give a folder of {USUAL} or more images of the kind that the model will see",
            )
        self._paths, self._spec = tuple(paths), spec

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
        image = read_image(path)
        size = network_size(self._spec.resize, image.shape[0], image.shape[1])
        return shrunk(image, size, (slice(0, size[0]), slice(0, size[1])))[None]


def spread(count: int, wanted: int) -> list[int]:
    """Up to `wanted` numbers of 0..count-1 at even distances: neighbours of a video look alike."""
    if count <= wanted:
        return list(range(count))
    return sorted({int(position) for position in np.linspace(0, count - 1, wanted).round()})


def balanced(pixels: NDArray[np.int64], wanted: int) -> list[int]:
    """Numbers of up to `wanted` images among which every class is seen about equally often.

    One image after the other is taken: the one that adds most, where each class that it shows counts
    1 / (1 + how many of the chosen images show it).

    Args:
        pixels: int64 [N,K], how many pixels of each class an image has.
        wanted: at most so many.
    """
    seen = pixels >= np.maximum(1, SEEN_SHARE * pixels.sum(axis=1, keepdims=True))
    shown = np.zeros(pixels.shape[1])
    left = np.ones(len(pixels), bool)
    chosen: list[int] = []
    while len(chosen) < min(wanted, len(pixels)):
        gains = np.where(left, seen @ (1 / (1 + shown)), -1.0)
        # Of equals that which lies farthest from the last one in the folder.
        best = np.flatnonzero(gains >= gains.max() - 1e-12)
        last = chosen[-1] if chosen else 0
        one = int(best[np.argmax(np.abs(best - last))])
        chosen.append(one)
        left[one] = False
        shown += seen[one]
    return sorted(chosen)
