"""Finds the real images that an export is calibrated on and judged by."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, load_palette
from segstudio.deploy.calibration import USUAL, CalibrationInputs, balanced, spread
from segstudio.deploy.comparison import Judged, Truth
from segstudio.errors import InputError
from segstudio.images import list_images, read_image, read_mask
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.training.data.files import pair_by_stem
from segstudio.workflows.evaluate import class_lookup, read_pair

Bytes = NDArray[np.uint8]
Size = tuple[int, int]
# Masks that are read to balance the classes of a calibration.
MOST_COUNTED = 1000
DRAWN = 8
DRAWN_SIZE = (360, 480)


@dataclass(frozen=True)
class Pictures:
    """Where images are, and their masks.

    Attributes:
        images: a folder; None: no images.
        masks: a folder with masks of the same names; None: none.
        palette: of the masks, a name or path; "": the model's own.
    """

    images: Path | None = None
    masks: Path | None = None
    palette: str = ""

    def listed(self) -> list[tuple[Path, Path | None]]:
        """Every image, with its mask where masks are given; those without one are left out then.

        Raises:
            InputError: no such folder, or nothing in it.
        """
        if self.images is None:
            return []
        if not self.images.is_dir():
            raise InputError(f"{self.images} is no folder")
        found: list[tuple[Path, Path | None]]
        if self.masks is None:
            found = [(path, None) for path in list_images(self.images)]
        else:
            found = list(pair_by_stem(self.images, self.masks).pairs)
        if not found:
            beside = f" with a mask of the same name in {self.masks}" if self.masks else ""
            raise InputError(f"there is no image in {self.images}{beside}")
        return found


@dataclass(frozen=True)
class Evidence:
    """What an export rests on.

    Attributes:
        judged: images that both sides answer.
        truth: how their masks are read; None without masks.
        calibration: image files to calibrate with.
        words: where all that is from.
        notes: what to know about it.
    """

    judged: tuple[Judged, ...]
    truth: Truth | None
    calibration: tuple[Path, ...]
    words: str
    notes: tuple[str, ...] = field(default=())

    def inputs(self, spec: ModelSpec) -> CalibrationInputs:
        """The calibration's images as the network sees them.

        Raises:
            InputError: too few.
        """
        if not self.calibration:
            raise InputError(
                "int8 needs images to calibrate with", hint="give --images, or --calibration, with a folder"
            )
        return CalibrationInputs(self.calibration, spec)


def gather(
    spec: ModelSpec,
    pictures: Pictures,
    calibration: Pictures,
    *,
    size: Size | None = None,
    wanted: int = USUAL,
    context: JobContext | None = None,
) -> Evidence:
    """The images to judge by and to calibrate on.

    Without images of its own the calibration takes every other one of those to judge by, which then does
    without them: nothing is judged by what it was fitted to.

    Args:
        spec: the model's.
        pictures: to judge by; without any, drawn scenes take their place.
        calibration: to calibrate on.
        size: height and width that images are brought to, where the export has a fixed size.
        wanted: images to calibrate on.
        context: cancellation.

    Raises:
        InputError: a folder is missing or empty, or no class of the masks is one of the model's.
    """
    found, fitted = pictures.listed(), calibration.listed()
    notes = []
    if not found:
        drawn = tuple(
            Judged(f"drawn scene {seed}", partial(_drawn, seed, size or DRAWN_SIZE)) for seed in range(DRAWN)
        )
        note = "no images were given: only drawn scenes were compared, and no scores"
        chosen = _chosen(fitted, calibration, spec, wanted, context)
        return Evidence(drawn, None, chosen, f"{DRAWN} drawn scenes", (note,))
    if not fitted and len(found) > 1:
        found, fitted = found[::2], found[1::2]
        calibration = pictures
        notes.append("half of the images calibrate, the others judge: give --calibration to use all of them")
    palette = load_palette(pictures.palette or spec.palette)
    truth = truth_of(spec, palette) if pictures.masks else None
    judged = tuple(Judged(path.name, partial(_loaded, path, mask, size)) for path, mask in found)
    words = f"{len(judged)} images of {pictures.images}" + (f", masks in {palette.name}" if truth else "")
    if truth is None:
        notes.append("no masks were given: ids were compared, scores were not")
    return Evidence(judged, truth, _chosen(fitted, calibration, spec, wanted, context), words, tuple(notes))


def truth_of(spec: ModelSpec, palette: Palette) -> Truth:
    """How masks of a palette are compared with the ids of a model.

    Raises:
        InputError: no class has a counterpart.
    """
    return Truth(palette.names, class_lookup(load_palette(spec.palette), palette), palette.ignore_id)


def _chosen(
    found: Sequence[tuple[Path, Path | None]],
    pictures: Pictures,
    spec: ModelSpec,
    wanted: int,
    context: JobContext | None,
) -> tuple[Path, ...]:
    """Image files to calibrate on: by classes where masks tell them, else at even distances."""
    if not found or found[0][1] is None:
        return tuple(found[number][0] for number in spread(len(found), wanted))
    near = [found[number] for number in spread(len(found), MOST_COUNTED)]
    count = load_palette(pictures.palette or spec.palette).count
    pixels = np.zeros((len(near), count), np.int64)
    for row, (_, mask) in zip(pixels, near, strict=True):
        if context:
            context.check()
        if mask is not None:
            row[:] = np.bincount(read_mask(mask).ravel(), minlength=256)[:count]
    return tuple(near[number][0] for number in balanced(pixels, wanted))


def _loaded(path: Path, mask: Path | None, size: Size | None) -> tuple[Bytes, Bytes | None]:
    image, truth = read_pair(path, mask) if mask else (read_image(path), None)
    if size is not None and size != image.shape[:2]:
        image = np.asarray(cv2.resize(image, size[::-1], interpolation=cv2.INTER_AREA), np.uint8)
        if truth is not None:
            truth = np.asarray(cv2.resize(truth, size[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    return image, truth


def _drawn(seed: int, size: Size) -> tuple[Bytes, Bytes | None]:
    return draw_scene(seed, *size).image, None
