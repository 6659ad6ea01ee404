"""Finds the real images that an export is calibrated on and judged by."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, load_palette
from segstudio.deploy.calibration import USUAL, CalibrationInputs, balanced, spread
from segstudio.deploy.comparison import Judged, Truth, both_at_size
from segstudio.errors import ImageError, InputError, MaskError
from segstudio.images import list_images, read_image, read_mask
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.training.data.files import pair_by_stem, read_list
from segstudio.workflows.evaluate import class_lookup, read_pair
from segstudio.workflows.model_palette import palette_of_model

Bytes = NDArray[np.uint8]
Size = tuple[int, int]
# An image and its mask, if it has one.
Found = tuple[Path, Path | None]
# Masks that are read to balance the classes of a calibration.
MOST_COUNTED = 1000
DRAWN = 8
DRAWN_SIZE = (360, 480)


@dataclass(frozen=True)
class Pictures:
    """Where images are, and their masks.

    Attributes:
        images: a folder, or a file that lists images and their masks, see `read_list`; None: no images.
        masks: a folder with masks of the same names; None: none, or those of the list.
        palette: of the masks, a name or path; "": the model's own.
    """

    images: Path | None = None
    masks: Path | None = None
    palette: str = ""

    def listed(self) -> list[Found]:
        """Every image, with its mask where masks are given; those without one are left out then.

        Raises:
            InputError: no such folder or list, or nothing in it.
        """
        if self.images is None:
            if self.masks is not None:
                raise InputError(
                    f"masks in {self.masks} without images", hint="give the folder of the images"
                )
            return []
        if self.images.is_file():
            return _listed_in(self.images)
        if not self.images.is_dir():
            raise InputError(f"{self.images} is no folder")
        found: list[Found]
        if self.masks is None:
            found = [(path, None) for path in list_images(self.images)]
        else:
            found = list(pair_by_stem(self.images, self.masks).pairs)
        if not found:
            beside = f" with a mask of the same name in {self.masks}" if self.masks else ""
            raise InputError(f"there is no image in {self.images}{beside}")
        return found

    @property
    def words(self) -> str:
        """Where the images are, for people."""
        return self.images.name if self.images and self.images.is_file() else str(self.images)


@dataclass(frozen=True)
class Evidence:
    """What an export rests on.

    Attributes:
        judged: images that both sides answer.
        truth: how their masks are read; None without masks.
        calibration: image files to calibrate with.
        words: where all that is from.
        notes: what to know about it.
        size: height and width that images are brought to, where the export has a fixed size.
    """

    judged: tuple[Judged, ...]
    truth: Truth | None
    calibration: tuple[Path, ...]
    words: str
    notes: tuple[str, ...] = ()
    size: Size | None = None

    def inputs(self, spec: ModelSpec, batch: int, context: JobContext) -> CalibrationInputs:
        """The calibration's images as the network sees them, in a fixed batch.

        Raises:
            InputError: too few.
        """
        if not self.calibration:
            raise InputError(
                "int8 needs images to calibrate with", hint="give --images, or --calibration, with a folder"
            )
        return CalibrationInputs(self.calibration, spec, size=self.size, batch=batch, context=context)


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
    without them: nothing is judged by what it was fitted to. Every file that is chosen is read once, so that
    a damaged one is left out now and ends nothing later.

    Args:
        spec: the model's.
        pictures: to judge by; without any, drawn scenes take their place.
        calibration: to calibrate on.
        size: height and width that images are brought to, where the export has a fixed size.
        wanted: images to calibrate on; 0: nothing is calibrated.
        context: progress and cancellation.

    Raises:
        InputError: a folder is missing or empty, no image in it can be used, or no class of the masks is one
            of the model's.
    """
    context = context or JobContext()
    found, fitted = pictures.listed(), calibration.listed() if wanted else []
    notes = list[str]()
    if wanted and not fitted and len(found) > 1:
        found, fitted = found[::2], found[1::2]
        calibration = pictures
        notes.append("half of the images calibrate, the others judge: give --calibration to use all of them")
    chosen = _chosen(fitted, calibration, spec, wanted, notes, context)
    if not found:
        drawn = tuple(
            Judged(f"drawn scene {seed}", partial(_drawn, seed, size or DRAWN_SIZE)) for seed in range(DRAWN)
        )
        notes.append("no images were given: only drawn scenes were compared, and no scores")
        return Evidence(drawn, None, chosen, f"{DRAWN} drawn scenes", tuple(notes), size)
    palette = load_palette(pictures.palette) if pictures.palette else palette_of_model(spec)
    truth = truth_of(spec, palette) if any(mask for _, mask in found) else None
    found = _readable(found, notes, context)
    if not found:
        raise InputError(f"none of the images of {pictures.words} can be used: {notes[-1]}")
    judged = tuple(Judged(path.name, partial(_loaded, path, mask, size)) for path, mask in found)
    words = f"{len(judged)} images of {pictures.words}" + (f", masks in {palette.name}" if truth else "")
    if truth is None:
        notes.append("no masks were given: ids were compared, scores were not")
    return Evidence(judged, truth, chosen, words, tuple(notes), size)


def truth_of(spec: ModelSpec, palette: Palette) -> Truth:
    """How masks of a palette are compared with the ids of a model.

    Raises:
        InputError: no class has a counterpart.
    """
    return Truth(palette.names, class_lookup(palette_of_model(spec), palette), palette.ignore_id)


def _listed_in(file: Path) -> list[Found]:
    """The images of a list with their masks; those without one only where no line names a mask."""
    lines = read_list(file)
    found: list[Found] = [*lines.pairs]
    if not found:
        found = [(path, None) for path in lines.images_without_mask]
    if not found:
        raise InputError(f"{file} lists no image that is there", hint="write lines of image,mask")
    return found


def _chosen(
    found: Sequence[Found],
    pictures: Pictures,
    spec: ModelSpec,
    wanted: int,
    notes: list[str],
    context: JobContext,
) -> tuple[Path, ...]:
    """Image files to calibrate on: by classes where masks tell them, else at even distances."""
    if not found or found[0][1] is None:
        chosen = [found[number] for number in spread(len(found), wanted)]
    else:
        near = [found[number] for number in spread(len(found), MOST_COUNTED)]
        palette = load_palette(pictures.palette or spec.palette)
        pixels = np.zeros((len(near), palette.count), np.int64)
        for number, (row, (_, mask)) in enumerate(zip(pixels, near, strict=True)):
            context.check()
            context.progress(number, len(near), "classes of the masks")
            # A mask that cannot be read says nothing; its image may still be chosen, and is read then.
            with suppress(MaskError):
                row[:] = np.bincount(read_mask(mask).ravel(), minlength=256)[: palette.count] if mask else 0
        chosen = [near[number] for number in balanced(pixels, wanted)]
    readable = _readable([(path, None) for path, _ in chosen], notes, context)
    return tuple(path for path, _ in readable)


def _readable(found: Sequence[Found], notes: list[str], context: JobContext) -> list[Found]:
    """Those that can be read; a note tells of the others."""
    kept: list[Found] = []
    lost: list[str] = []
    for number, (path, mask) in enumerate(found):
        context.check()
        context.progress(number, len(found), f"reading {path.name}")
        try:
            _loaded(path, mask, None)
            kept.append((path, mask))
        except (ImageError, MaskError) as error:
            known = path.name in error.message
            lost.append(error.message if known else f"{path.name}: {error.message}")
    if lost:
        more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
        notes.append(f"left out: {lost[0]}{more}")
    return kept


def _loaded(path: Path, mask: Path | None, size: Size | None) -> tuple[Bytes, Bytes | None]:
    image, truth = read_pair(path, mask) if mask else (read_image(path), None)
    return both_at_size(image, truth, size) if size else (image, truth)


def _drawn(seed: int, size: Size) -> tuple[Bytes, Bytes | None]:
    return draw_scene(seed, *size).image, None
