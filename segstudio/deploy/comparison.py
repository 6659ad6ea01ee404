"""Measures a changed model beside the float one on real images: answers, scores by class, speed."""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import onnx
from numpy.typing import NDArray

from segstudio.deploy.calibration import as_seen, at_size
from segstudio.deploy.gate import ClassIou, Evidence, Speed
from segstudio.deploy.onnx_graph import real_inputs
from segstudio.errors import BackendError
from segstudio.inference.backend import Backend, Options, open_backend
from segstudio.inference.onnx_ import runtime_errors
from segstudio.inference.spec import ModelSpec
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

    def at_size(self, size: tuple[int, int]) -> "Judged":
        """The same, brought to a height and width."""
        return Judged(self.name, lambda: both_at_size(*self.load(), size))


def both_at_size(image: Bytes, mask: Bytes | None, size: tuple[int, int]) -> tuple[Bytes, Bytes | None]:
    """An image uint8 [H,W,3] and its mask at a height and width; ids are those of the nearest pixel."""
    if mask is not None and size != mask.shape:
        mask = np.asarray(cv2.resize(mask, size[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    return at_size(image, size), mask


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

    @property
    def batch(self) -> int:
        """How many images its ONNX graph takes at a time; 1 where that is free.

        Raises:
            ModelError: it has no ONNX file.
        """
        model = onnx.load_model(self.spec.file(self.folder, "onnx"), load_external_data=False)
        return real_inputs(model.graph)[0].type.tensor_type.shape.dim[0].dim_value or 1


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

    Graphs of a fixed batch are given one image as often as that.

    Args:
        before, after: the float model, with an ONNX file, and the changed one, of the same batch.
        images: real ones.
        truth: how their masks are read; None: there are none.
        backends: that run both.
        context: progress and cancellation.
        reference: the backend whose answers of the float model count; "": the first of `backends`.

    Raises:
        BackendError: a backend refuses one of the models, or fails.
        ImageError, MaskError: an image or mask cannot be read.
    """
    with _opened(((before, reference or backends[0]), (after, backends[0]))) as (first, second):
        batch = before.batch
        tally = _Tally(truth)
        for number, judged in enumerate(images):
            context.check()
            context.progress(number, len(images), judged.name)
            image, mask = judged.load()
            shown = np.repeat(image[None], batch, axis=0)
            tally.add(first.run(shown), second.run(shown), mask)
        errors = score_errors(first, second, images[:SCORED], before.spec, batch)
    # A backend may prepare itself for each size anew, which is no part of its speed.
    loaded = [judged.load()[0] for judged in images[:TIMED]]
    alike = [np.repeat(image[None], batch, axis=0) for image in loaded if image.shape == loaded[0].shape]
    speeds = [timed(name, before, after, alike, context) for name in backends]
    speeds.sort(key=lambda speed: -speed.after)
    return replace(
        tally.evidence(backends[0], errors), bytes_before=before.bytes, bytes_after=after.bytes,
        speeds=tuple(speeds),
    )  # fmt: skip


@contextmanager
def _opened(sides: Sequence[tuple[Side, str]]) -> Iterator[list[Backend]]:
    """Sides in backends, for a while; what these raise while they run becomes a BackendError."""
    with ExitStack() as stack:
        opened = []
        for side, name in sides:
            opened.append(open_backend(side.folder, side.spec, name, LATENCY))
            stack.callback(opened[-1].close)
        try:
            yield opened
        except runtime_errors() as error:
            names = " or ".join(dict.fromkeys(name for _, name in sides))
            reason = " ".join(str(error).split())[:200]
            raise BackendError(
                f"{names} fails: {reason}", hint="try smaller images, or another format"
            ) from error


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
        """Counts one image: ids and confidence uint8 [N,H,W] of both, N times the same, and its mask."""
        before, after = (before[0][:1], before[1][:1]), (after[0][:1], after[1][:1])
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
        """All of it; sizes and speeds are not known here.

        A class that no mask shows has no IoU on either side: one stray pixel would make it 0 on one of them.
        """
        names = self._truth.classes if self._truth and self._shown.any() else ()
        before, after = scores(self._before), scores(self._after)
        for iou in (before.iou, after.iou):
            iou[self._shown == 0] = np.nan
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
    first: Backend, second: Backend, images: Sequence[Judged], spec: ModelSpec, batch: int = 1
) -> tuple[float, float]:
    """Largest difference of the networks' scores, and signal to noise in dB; NaN where there are none."""
    if first.core_kind() is None or second.core_kind() is None:
        return float("nan"), float("nan")
    largest, signal, noise = 0.0, 0.0, 0.0
    for judged in images:
        pixels = as_seen(judged.load()[0], spec, batch)
        expected, found = first.scores(pixels), second.scores(pixels)
        difference = (found - expected).astype(np.float64)
        largest = max(largest, float(np.abs(difference).max()))
        signal += float((expected.astype(np.float64) ** 2).sum())
        noise += float((difference**2).sum())
    if noise == 0 or signal == 0:
        return largest, float("inf") if noise == 0 else float("-inf")
    return largest, 10 * float(np.log10(signal / noise))


def timed(backend: str, before: Side, after: Side, images: Sequence[Bytes], context: JobContext) -> Speed:
    """Images a second of both sides in one backend, which take turns; medians.

    Args:
        backend: its name.
        before, after: the two sides.
        images: batches of one shape, uint8 [N,H,W,3].
        context: cancellation.

    Raises:
        BackendError: it refuses one of the models, or fails.
        Cancelled: the context was cancelled.
    """
    seconds: list[list[float]] = [[], []]
    with _opened(((before, backend), (after, backend))) as sides:
        for one in sides:
            # The second call of a shape may compile for it.
            for _ in range(3):
                one.run(images[0])
        for number in range(TIMED):
            context.check()
            batch = images[number % len(images)]
            for one, times in zip(sides, seconds, strict=True):
                began = time.perf_counter()
                one.run(batch)
                times.append(time.perf_counter() - began)
        found = [round(len(images[0]) / statistics.median(times), 3) for times in seconds]
        return Speed(backend, sides[0].device, *found)
