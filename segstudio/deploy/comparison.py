"""Measures a changed model beside the float one on real images: answers, scores by class, speed."""

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.deploy.gate import ClassIou, Evidence, Speed
from segstudio.inference.backend import Backend, Options, open_backend
from segstudio.inference.resample import shrunk
from segstudio.inference.spec import ModelSpec, network_size
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import count_confusion, scores

Bytes = NDArray[np.uint8]
TIMED = 12
LATENCY = Options()
# Scores of so many images are compared, at the network's size.
SCORED = 4


@dataclass(frozen=True)
class Judged:
    """A real image and, where there is one, its mask.

    Attributes:
        name: for messages.
        load: gives RGB uint8 [H,W,3], and class ids uint8 [H,W] or None.
    """

    name: str
    load: Callable[[], tuple[Bytes, Bytes | None]]


@dataclass(frozen=True)
class Truth:
    """How the masks are to be read.

    Attributes:
        classes: names of the masks' classes, whose ids are 0..K-1.
        lookup: uint8 [256], the masks' id for each id that the model gives.
        ignore: the id that stands for "no truth here".
    """

    classes: tuple[str, ...]
    lookup: Bytes
    ignore: int = 255


@dataclass(frozen=True)
class Side:
    """A model folder of one of the two sides.

    Attributes:
        folder, spec: the model.
    """

    folder: Path
    spec: ModelSpec

    @property
    def bytes(self) -> int:
        """Of the files that a backend needs; weights for a training are none of them."""
        kinds = [kind for kind in self.spec.files if kind not in ("weights", "report", "palette")]
        return sum(self.spec.file(self.folder, kind).stat().st_size for kind in kinds)


def compare(
    before: Side,
    after: Side,
    images: Sequence[Judged],
    truth: Truth | None,
    backends: Sequence[str],
    context: JobContext,
    *,
    reference: str = "",
) -> Evidence:
    """Runs both sides over the images with the first backend, and times both with each of them in turns.

    Args:
        before, after: the float model and the changed one.
        images: real ones.
        truth: how their masks are read; None: there are none.
        backends: that run both.
        context: progress and cancellation.
        reference: the backend whose answers of the float model count; "": the first of `backends`.

    Raises:
        BackendError: a backend refuses one of the models.
        ImageError, MaskError: an image or mask cannot be read.
    """
    first = open_backend(before.folder, before.spec, reference or backends[0], LATENCY)
    second = open_backend(after.folder, after.spec, backends[0], LATENCY)
    try:
        tally = _Tally(truth)
        for number, judged in enumerate(images):
            context.check()
            context.progress(number, len(images), judged.name)
            image, mask = judged.load()
            tally.add(first.run(image[None]), second.run(image[None]), mask)
        errors = score_errors(first, second, images[:SCORED], before.spec)
    finally:
        first.close()
        second.close()
    chosen = [judged.load()[0] for judged in images[:TIMED]]
    speeds = [timed(name, before, after, chosen, context) for name in backends]
    speeds.sort(key=lambda speed: -speed.after)
    return replace(
        tally.evidence(backends[0], errors), bytes_before=before.bytes, bytes_after=after.bytes,
        speeds=tuple(speeds),
    )  # fmt: skip


class _Tally:
    """Sums over images."""

    def __init__(self, truth: Truth | None) -> None:
        self._truth = truth
        self._images = self._pixels = self._equal = self._largest = 0
        self._error = 0.0
        classes = len(truth.classes) if truth else 0
        self._before, self._after = (np.zeros((classes, classes + 1), np.int64) for _ in range(2))
        self._shown = np.zeros(classes, np.int64)

    def add(self, before: tuple[Bytes, Bytes], after: tuple[Bytes, Bytes], mask: Bytes | None) -> None:
        """Counts one image: ids and confidence uint8 [1,H,W] of both, and its mask."""
        self._images += 1
        self._pixels += before[0].size
        self._equal += int(np.count_nonzero(before[0] == after[0]))
        difference = np.abs(before[1].astype(np.int16) - after[1])
        self._largest = max(self._largest, int(difference.max()))
        self._error += float(difference.sum())
        if self._truth is None or mask is None:
            return
        counted = [
            count_confusion(mask, self._truth.lookup[ids[0]], len(self._truth.classes), self._truth.ignore)
            for ids in (before[0], after[0])
        ]
        self._before += counted[0]
        self._after += counted[1]
        self._shown += counted[0].sum(axis=1) > 0

    def evidence(self, backend: str, errors: tuple[float, float]) -> Evidence:
        """All of it; sizes and speeds are not known here."""
        names = self._truth.classes if self._truth and self._shown.any() else ()
        before, after = scores(self._before), scores(self._after)
        classes = tuple(
            ClassIou(
                name, float(before.iou[number]), float(after.iou[number]),
                int(before.support_pixels[number]), int(self._shown[number]),
            )
            for number, name in enumerate(names)
        )  # fmt: skip
        return Evidence(
            backend=backend, images=self._images, pixels=self._pixels,
            agreement=self._equal / max(1, self._pixels),
            confidence_error=(self._largest, self._error / max(1, self._pixels)),
            logit_error=errors[0], logit_snr=errors[1], classes=classes, bytes_before=0, bytes_after=0,
        )  # fmt: skip


def score_errors(
    first: Backend, second: Backend, images: Sequence[Judged], spec: ModelSpec
) -> tuple[float, float]:
    """Largest difference of the networks' scores, and signal to noise in dB; NaN where there are none."""
    if first.core_kind() is None or second.core_kind() is None:
        return float("nan"), float("nan")
    largest, signal, noise = 0.0, 0.0, 0.0
    for judged in images:
        image = judged.load()[0]
        size = network_size(spec.resize, image.shape[0], image.shape[1])
        pixels = shrunk(image, size, (slice(0, size[0]), slice(0, size[1])))[None]
        expected, found = first.scores(pixels), second.scores(pixels)
        difference = (found - expected).astype(np.float64)
        largest = max(largest, float(np.abs(difference).max()))
        signal += float((expected.astype(np.float64) ** 2).sum())
        noise += float((difference**2).sum())
    return largest, float("inf") if noise == 0 else 10 * float(np.log10(signal / noise))


def timed(backend: str, before: Side, after: Side, images: Sequence[Bytes], context: JobContext) -> Speed:
    """Images a second of both sides in one backend, which take turns; medians.

    Raises:
        BackendError: it refuses one of the models.
        Cancelled: the context was cancelled.
    """
    sides = [open_backend(side.folder, side.spec, backend, LATENCY) for side in (before, after)]
    seconds: list[list[float]] = [[], []]
    try:
        for one in sides:
            # The second call of a shape may compile for it.
            for _ in range(3):
                one.run(images[0][None])
        for number in range(TIMED):
            context.check()
            image = images[number % len(images)][None]
            for one, times in zip(sides, seconds, strict=True):
                began = time.perf_counter()
                one.run(image)
                times.append(time.perf_counter() - began)
        return Speed(backend, sides[0].device, *(round(1 / statistics.median(times), 3) for times in seconds))
    finally:
        for one in sides:
            one.close()
