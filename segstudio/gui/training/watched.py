"""Pictures of what a run predicted for a few samples after each validation, made in a worker."""

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage

from segstudio import images
from segstudio.errors import ImageError, MaskError
from segstudio.gui.samples.pictures import to_qimage
from segstudio.workflows.retrain.folder import RunFolder
from segstudio.workflows.retrain.runs import EventReader
from segstudio.workflows.retrain.watched import Watched

Rgb = NDArray[np.uint8]
Mask = NDArray[np.uint8]
# Pictures are no wider than a pane of the page is on a large screen.
LARGEST_WIDTH = 720
OPACITY = 0.6
KEPT = 6


@dataclass(frozen=True)
class WatchedPictures:
    """A sample at a step; None for what cannot be read."""

    key: str
    step: int
    image: QImage | None
    truth: QImage | None
    predicted: QImage | None


class WatchedReader:
    """Makes the pictures of one run; image and truth of a sample are read once, events as they come.

    For one worker.
    """

    def __init__(self, run: RunFolder) -> None:
        self.run = run
        self._events = EventReader(run)
        self._watched = Watched()
        self._kept: OrderedDict[str, tuple[Rgb | None, Mask | None]] = OrderedDict()

    def look(self) -> Watched:
        """What there is to look at by now."""
        for event in self._events.new():
            self._watched = self._watched.after(self.run, event)
        return self._watched

    def pictures(self, key: str, step: int, colours: NDArray[np.uint8]) -> WatchedPictures:
        """A sample at a step.

        Args:
            key: of the sample.
            step: of the validation.
            colours: uint8 [256,3] by class id.
        """
        image, truth = self._read(key)
        path = self._watched.pictures.get(step, {}).get(key)
        predicted = _mask(path) if path else None
        return WatchedPictures(
            key, step, _picture(image), _picture(_painted(image, truth, colours)),
            _picture(_painted(image, predicted, colours)),
        )  # fmt: skip

    def _read(self, key: str) -> tuple[Rgb | None, Mask | None]:
        known = self._kept.pop(key, None)
        if known is None:
            files = self._watched.samples.get(key)
            known = (_image(files[0]), _mask(files[1])) if files else (None, None)
        self._kept[key] = known
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return known


def _image(path: Path) -> Rgb | None:
    try:
        image = images.read_image(path)
    except ImageError:
        return None
    height, width = image.shape[:2]
    scale = min(1.0, LARGEST_WIDTH / width)
    if scale == 1:
        return image
    size = (round(width * scale), max(1, round(height * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def _mask(path: Path) -> Mask | None:
    try:
        return images.read_mask(path)
    except (ImageError, MaskError):
        return None


def _painted(image: Rgb | None, mask: Mask | None, colours: NDArray[np.uint8]) -> Rgb | None:
    """The image with the mask's colours over it; the mask alone where the image is gone."""
    if mask is None:
        return None
    if image is None:
        return np.ascontiguousarray(colours[mask])
    height, width = image.shape[:2]
    fitted = cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.addWeighted(colours[fitted], OPACITY, image, 1 - OPACITY, 0), np.uint8)


def _picture(rgb: Rgb | None) -> QImage | None:
    return None if rgb is None else to_qimage(np.ascontiguousarray(rgb))
