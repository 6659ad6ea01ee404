"""Predictor: from an image of any size to a Prediction, whole or by windows, with or without flipping."""

import time
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.inference.backend import Backend
from segstudio.inference.spec import ModelSpec

Window = Literal["whole", "slide"]
WINDOWS: tuple[Window, ...] = ("whole", "slide")
# The window is this multiple of the network's size, and windows overlap by a quarter.
WINDOW_SCALE = 1.5
OVERLAP = 0.25
# Beyond this many pixels an image is always cut into windows, so that memory stays bounded.
LARGEST_WHOLE = 4096 * 4096
# A strip longer than this multiple of its shorter side is padded: scaled by its shorter side alone, a line of
# 4000 pixels would become a network input of gigabytes.
LONGEST = 8


@dataclass(frozen=True)
class Prediction:
    """Class ids uint8 [H,W] and confidence uint8 [H,W] (largest probability times 255) made by a model."""

    ids: NDArray[np.uint8]
    confidence: NDArray[np.uint8]


class Predictor:
    """Runs a backend over images.

    Where windows overlap, and between an image and its mirror image, each pixel takes the more confident
    answer: the deployment graph gives ids and confidence, not scores that could be summed.
    """

    def __init__(
        self, backend: Backend, spec: ModelSpec, window: Window = "whole", *, tta: bool = False
    ) -> None:
        self.backend = backend
        self.spec = spec
        self.window = window
        self.tta = tta
        self.seconds = 0.0

    def predict(self, image: NDArray[np.uint8]) -> Prediction:
        """One RGB image uint8 [H,W,3]; the time of the backend alone is then in `seconds`."""
        began = time.perf_counter()
        answer = self._one(image)
        if self.tta:
            mirrored = self._one(np.ascontiguousarray(image[:, ::-1]))
            flipped = Prediction(mirrored.ids[:, ::-1], mirrored.confidence[:, ::-1])
            answer = more_confident(answer, flipped)
        self.seconds = time.perf_counter() - began
        return answer

    def close(self) -> None:
        """Frees the backend."""
        self.backend.close()

    def _is_cut(self, image: NDArray[np.uint8]) -> bool:
        return self.window == "slide" or image.shape[0] * image.shape[1] > LARGEST_WHOLE

    def _one(self, image: NDArray[np.uint8]) -> Prediction:
        if not self._is_cut(image):
            ids, confidence = self._run(image[None])
            return Prediction(ids[0], confidence[0])
        height, width = image.shape[:2]
        side = self._window_side()
        result = Prediction(np.full((height, width), 255, np.uint8), np.zeros((height, width), np.uint8))
        for top in window_starts(height, side):
            for left in window_starts(width, side):
                place = (slice(top, min(top + side, height)), slice(left, min(left + side, width)))
                ids, confidence = self._run(np.ascontiguousarray(image[place])[None])
                here = Prediction(result.ids[place], result.confidence[place])
                best = more_confident(here, Prediction(ids[0], confidence[0]))
                result.ids[place], result.confidence[place] = best.ids, best.confidence
        return result

    def _run(self, images: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The backend on [N,H,W,3] of equal size; long strips are padded with their edge and cut again."""
        height, width = images.shape[1:3]
        least = -(-max(height, width) // LONGEST)
        if self.spec.resize.mode != "short_side" or min(height, width) >= least:
            return self.backend.run(images)
        missing = ((0, 0), (0, max(0, least - height)), (0, max(0, least - width)), (0, 0))
        ids, confidence = self.backend.run(np.pad(images, missing, mode="edge"))
        place = (slice(None), slice(height), slice(width))
        return np.ascontiguousarray(ids[place]), np.ascontiguousarray(confidence[place])

    def _window_side(self) -> int:
        rule = self.spec.resize
        side = rule.size if rule.mode != "native" else 1024
        return max(64, int(side * WINDOW_SCALE))


def window_named(name: str) -> Window:
    """The way of windowing of that name.

    Raises:
        InputError: there is none.
    """
    for window in WINDOWS:
        if window == name:
            return window
    raise InputError(f"window {name!r}", hint=f"use one of: {', '.join(WINDOWS)}")


def window_starts(length: int, side: int) -> list[int]:
    """Where windows begin along one axis: they overlap, and the last one ends with the image."""
    if length <= side:
        return [0]
    step = max(1, int(side * (1 - OVERLAP)))
    starts = list(range(0, length - side, step))
    return [*starts, length - side]


def more_confident(first: Prediction, second: Prediction) -> Prediction:
    """Per pixel the answer with the higher confidence; the first one's where they are equal."""
    better = second.confidence > first.confidence
    # A pixel that nobody answered yet takes any answer, also one of confidence 0.
    better |= first.ids == 255
    return Prediction(
        np.where(better, second.ids, first.ids).astype(np.uint8, copy=False),
        np.where(better, second.confidence, first.confidence).astype(np.uint8, copy=False),
    )
