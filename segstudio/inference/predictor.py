"""Predictor: from an image of any size to a Prediction, whole or by windows, with or without other views."""

import time
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.inference.backend import Backend
from segstudio.inference.core import Kind
from segstudio.inference.prediction import Prediction
from segstudio.inference.resample import restored
from segstudio.inference.runner_up import quick_runner_up
from segstudio.inference.spec import ModelSpec
from segstudio.inference.views import BATCH, View, cut_view, score_rows, whole_view

Image = NDArray[np.uint8]
Window = Literal["whole", "slide"]
WINDOWS: tuple[Window, ...] = ("whole", "slide")
# Beyond this many pixels the deployment graph would take gigabytes: scores are restored in strips instead.
LARGEST_WHOLE = 2**23
# A strip longer than this multiple of its shorter side is padded: scaled by its shorter side alone, a line of
# 4000 pixels would become a network input of gigabytes.
LONGEST = 8


class Predictor:
    """Runs a backend over images.

    One view of an image that fits into memory goes through the deployment graph. All else goes through the
    core of the graph: the scores of overlapping windows are averaged, as are the probabilities of several
    views (mirrored, other sizes), and images of any size are answered in strips.

    Args:
        backend: what runs the model.
        spec: the model's.
        window: whole, or slide: windows of the network's size, each 1.5 times as large in the image.
        tta: also shows the mirror image.
        scales: factors of the network's size; each is a view.
        runner_up: also says which class comes second, and the margin.
        quick: where the deployment graph answers, its ids and confidence stay, and the runner-up comes from
            the scores at their own resolution, a fraction of the time; a model without scores gives none.

    Raises:
        InputError: the model gives ids alone, and scores are needed; or no scale at all.
    """

    def __init__(
        self,
        backend: Backend,
        spec: ModelSpec,
        window: Window = "whole",
        *,
        tta: bool = False,
        scales: Sequence[float] = (1.0,),
        runner_up: bool = False,
        quick: bool = False,
    ) -> None:
        self.backend = backend
        self.spec = spec
        self.window = window
        self.runner_up = runner_up
        self.quick = quick
        self.seconds = 0.0
        if not scales or min(scales) <= 0:
            raise InputError(f"scales {list(scales)}", hint="give factors above 0, such as 0.75,1,1.25")
        self._views = [(scale, mirrored) for scale in scales for mirrored in ((False, True)[: 1 + tta])]
        if not self._is_plain:
            self._require_core()

    def predict(self, image: Image) -> Prediction:
        """One RGB image uint8 [H,W,3]; the time it took is then in `seconds`."""
        began = time.perf_counter()
        height, width = image.shape[:2]
        padded = self._padded(image)
        small = height * width <= LARGEST_WHOLE
        if self._is_plain and (small or self.backend.core_kind() is None):
            answer = self._whole(padded)
        else:
            answer = self._in_pieces(padded)
        if padded is not image:
            answer = _cut(answer, height, width)
        self.seconds = time.perf_counter() - began
        return answer

    def close(self) -> None:
        """Frees the backend."""
        self.backend.close()

    @property
    def _is_plain(self) -> bool:
        """Whether the deployment graph itself answers what is asked."""
        exact = self.runner_up and not self.quick
        return self.window == "whole" and self._views == [(1.0, False)] and not exact

    def _whole(self, image: Image) -> Prediction:
        ids, confidence = (planes[0] for planes in self.backend.run(image[None]))
        kind = self.backend.core_kind() if self.runner_up else None
        if kind is None or len(self.spec.classes) == 1:
            return Prediction(ids, confidence)
        (view,) = self._views_of((image.shape[0], image.shape[1]))
        rows = score_rows(image, view, self.backend.scores, 1)
        second, margin = quick_runner_up(rows.take(0, rows.height - 1), kind, ids, confidence)
        return Prediction(ids, confidence, second, margin)

    def _in_pieces(self, image: Image) -> Prediction:
        kind, size = self._require_core(), (image.shape[0], image.shape[1])
        batch = 1 if self.backend.device == "CPU" else BATCH
        maps = [score_rows(image, view, self.backend.scores, batch) for view in self._views_of(size)]
        return restored(maps, size, kind, len(self.spec.classes), runner_up=self.runner_up)

    def _views_of(self, size: tuple[int, int]) -> list[View]:
        rule = self.spec.resize
        # At its own size such an image would be too large for the network too.
        cut = self.window == "slide" or (rule.mode == "native" and size[0] * size[1] > LARGEST_WHOLE)
        make = cut_view if cut else whole_view
        return [make(rule, size, scale, mirrored=mirrored) for scale, mirrored in self._views]

    def _require_core(self) -> Kind:
        kind = self.backend.core_kind()
        if kind is None:
            raise InputError(
                f"model {self.spec.name} gives class ids without scores",
                hint="predict it whole and without --tta",
            )
        return kind

    def _padded(self, image: Image) -> Image:
        """A long strip filled up with its edge, other images as they are."""
        height, width = image.shape[:2]
        least = -(-max(height, width) // LONGEST)
        if self.spec.resize.mode != "short_side" or min(height, width) >= least:
            return image
        missing = ((0, max(0, least - height)), (0, max(0, least - width)), (0, 0))
        return np.pad(image, missing, mode="edge")


def _cut(answer: Prediction, height: int, width: int) -> Prediction:
    def part(plane: Image) -> Image:
        return np.ascontiguousarray(plane[:height, :width])

    second = None if answer.second is None else part(answer.second)
    margin = None if answer.margin is None else part(answer.margin)
    return Prediction(part(answer.ids), part(answer.confidence), second, margin)


def window_named(name: str) -> Window:
    """The way of windowing of that name.

    Raises:
        InputError: there is none.
    """
    for window in WINDOWS:
        if window == name:
            return window
    raise InputError(f"window {name!r}", hint=f"use one of: {', '.join(WINDOWS)}")
