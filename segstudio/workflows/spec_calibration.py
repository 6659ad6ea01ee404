"""The images that a quantisation measures activations on, read and seen as the evaluation sees them."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import SpecError
from segstudio.jobs import JobContext
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import SourceSpec

if TYPE_CHECKING:
    from segstudio.training.data.split import Split

KEY = "dataset.segment.quant_calibration_dataset.images_dir"
# Ranges of fewer images miss what the next image brings; more than the most change nothing.
LEAST, USUAL, MOST = 16, 128, 512
# So many of them are compared before and after.
COMPARED = 16
IMAGES, MASKS, TEST = "images", "masks", "test"
Image = NDArray[np.uint8]


@dataclass(frozen=True)
class CalibrationSet:
    """At most MOST images, evenly spread over those that are there.

    Attributes:
        folder: where they lie.
        split: what reads them.
        masks: where masks lie beside them, None if nowhere.
    """

    folder: Path
    split: "Split"
    masks: Path | None

    def __len__(self) -> int:
        """Number of images."""
        return len(self.split)

    def __getitem__(self, number: int) -> Image:
        """One of them, RGB uint8 [H,W,3], read when it is asked for: all would be gigabytes.

        Raises:
            ImageError: it is damaged.
        """
        source, position = self.split.numbered()[number]
        return source.load_image(position)

    def images(self, most: int = MOST) -> Iterator[Image]:
        """At most so many of them, RGB uint8 [H,W,3] each, of any sizes.

        Raises:
            ImageError: one is damaged.
        """
        from segstudio.training.data.files import evenly

        for source, number in evenly(tuple(self.split.numbered()), most):
            yield source.load_image(number)


def open_calibration(spec: ExperimentSpec, context: JobContext) -> CalibrationSet | None:
    """The images of the spec's quant_calibration_dataset; None where it names none.

    Raises:
        SpecError: the folder is not there, or has no images.
    """
    from segstudio.training.data.split import open_split

    named = spec.dataset.segment.quant_calibration_dataset.images_dir
    if not named:
        return None
    folder = image_folder(Path(named))
    chosen = (SourceSpec(images=str(folder), limit=MOST),)
    split = open_split(replace(spec, studio=replace(spec.studio, predict=chosen)), "predict", context)
    return CalibrationSet(folder, split, masks_beside(folder))


def image_folder(named: Path) -> Path:
    """The folder of images that a path stands for: itself, or images/test below TAO's root of a data set.

    Raises:
        SpecError: there is no such folder.
    """
    if not named.is_dir():
        raise SpecError(f"{KEY}: there is no folder {named}", hint="give a folder of images")
    below = named / IMAGES
    for folder in (below / TEST, below):
        if folder.is_dir():
            return folder
    return named


def masks_beside(images: Path) -> Path | None:
    """The folder of masks that belongs to one of images: masks in the place of images in its path."""
    candidates = (
        images.parent.parent / MASKS / images.name if images.parent.name == IMAGES else None,
        images.parent / MASKS if images.name == IMAGES else None,
    )
    return next((folder for folder in candidates if folder is not None and folder.is_dir()), None)


def require_enough(found: CalibrationSet | None) -> CalibrationSet:
    """Refuses what is too little to measure ranges on.

    Raises:
        SpecError: no images are named, or too few are there.
    """
    if found is None:
        raise SpecError(
            f"{KEY} is not set: activations are measured on images", hint="give a folder of a few hundred"
        )
    if len(found) < LEAST:
        count = f"{len(found)} image{'s' if len(found) > 1 else ''}"
        raise SpecError(
            f"{found.folder} has {count} to calibrate on, and {LEAST} are the least:"
            " the ranges of fewer cut off what other images need",
            hint="give a few hundred images like those that the model will see",
        )
    return found


def labelled(
    spec: ExperimentSpec, found: CalibrationSet, context: JobContext
) -> "tuple[list[tuple[Image, Image]], Palette, str]":
    """At most COMPARED of the images with masks, ids of a palette, and why there are none; else [] and "".

    A mask that cannot be read takes nothing from the quantisation: it is told, and no class is compared.
    """
    from segstudio.training.data.split import open_split
    from segstudio.training.spec.derived import model_palette

    palette = model_palette(spec)
    if found.masks is None:
        return [], palette, ""
    chosen = (SourceSpec(images=str(found.folder), masks=str(found.masks), limit=COMPARED),)
    try:
        split = open_split(replace(spec, studio=replace(spec.studio, test=chosen)), "test", context)
    except SpecError as error:
        return [], palette, f"masks in {found.masks} are not compared: {error.message}"
    pairs = [source.load(number) for source, number in split.numbered()]
    return pairs, split.palette, ""
