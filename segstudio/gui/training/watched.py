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
from segstudio.training.data.manifest import Manifest, read_manifest
from segstudio.workflows.retrain.folder import RunFolder

Rgb = NDArray[np.uint8]
Mask = NDArray[np.uint8]
STEP_PREFIX = "step_"
# Pictures are no wider than a pane of the page is on a large screen.
LARGEST_WIDTH = 720
OPACITY = 0.6
KEPT = 6


@dataclass(frozen=True)
class Watched:
    """The validations that left predictions, oldest first, and the samples that they are of."""

    steps: tuple[int, ...] = ()
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class WatchedPictures:
    """A sample at a step; None for what cannot be read."""

    key: str
    step: int
    image: QImage | None
    truth: QImage | None
    predicted: QImage | None


def find_watched(run: RunFolder) -> Watched:
    """What there is to look at."""
    folders = {int(path.name.removeprefix(STEP_PREFIX)): path for path in run.watched.glob(f"{STEP_PREFIX}*")
               if path.name.removeprefix(STEP_PREFIX).isdecimal()}  # fmt: skip
    if not folders:
        return Watched()
    steps = tuple(sorted(folders))
    last = folders[steps[-1]]
    keys = sorted(path.relative_to(last).with_suffix("").as_posix() for path in last.rglob("*.png"))
    return Watched(steps, tuple(keys))


def step_folder(run: RunFolder, step: int) -> Path:
    """Where the predictions of a step are, however many digits it is written with."""
    named = (path for path in run.watched.glob(f"{STEP_PREFIX}*{step}"))
    exact = (path for path in named if path.name.removeprefix(STEP_PREFIX).lstrip("0") == str(step))
    return next(exact, run.watched / f"{STEP_PREFIX}{step:05d}")


class WatchedReader:
    """Makes the pictures of one run; the image and the truth of a sample are read once. For one worker."""

    def __init__(self, run: RunFolder) -> None:
        self._run = run
        self._kept: OrderedDict[str, tuple[Rgb | None, Mask | None]] = OrderedDict()
        self._manifest: Manifest | None = None

    def pictures(self, key: str, step: int) -> WatchedPictures:
        """A sample at a step.

        Raises:
            SpecError: the run's manifest cannot be read.
        """
        if self._manifest is None:
            self._manifest = read_manifest(self._run.manifest)
        colours = self._manifest.palette.colours()
        image, truth = self._read(key)
        predicted = _mask(step_folder(self._run, step) / f"{key}.png")
        return WatchedPictures(
            key, step, _picture(image), _picture(_painted(image, truth, colours)),
            _picture(_painted(image, predicted, colours)),
        )  # fmt: skip

    def _read(self, key: str) -> tuple[Rgb | None, Mask | None]:
        known = self._kept.pop(key, None)
        if known is None:
            assert self._manifest is not None
            sample = next((one for one in self._manifest.samples if one.key == key), None)
            root = self._run.data
            image = _image(root / sample.image) if sample else None
            known = image, _mask(root / sample.mask) if sample else None
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
