"""Evaluates a model against a folder of masks in any palette."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, load_palette, mapping
from segstudio.errors import InputError, MaskError
from segstudio.images import read_image, read_mask
from segstudio.inference.backend import AUTO, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor, Window
from segstudio.inference.spec import ModelSpec
from segstudio.inference.views import cut_side, stride_of
from segstudio.jobs import JobContext
from segstudio.training.data.files import pair_by_stem
from segstudio.workflows.evaluation_result import EvaluateResult, made_result
from segstudio.workflows.model_palette import palette_of_model
from segstudio.workflows.scoring import Corruption, Pair, Scorer


def evaluate_folders(
    model: str | Path,
    images: Path,
    masks: Path,
    palette: str = "",
    *,
    backend: str = AUTO,
    window: Window = "whole",
    tta: bool = False,
    scales: Sequence[float] = (1.0,),
    context: JobContext | None = None,
    corruptions: Sequence[Corruption] = (),
) -> EvaluateResult:
    """Evaluates on images with masks whose ids are those of `palette` (default: the model's own).

    The model's classes are brought to the palette by the mapping of the model's palette, else by name.

    Args:
        model: name or folder of a model.
        images: a folder.
        masks: a folder with a mask of the same name for each image.
        palette: name or path; "" is the model's own.
        backend: what runs the model.
        window, tta, scales: see `Predictor`.
        context: progress and cancellation.
        corruptions: kinds and severities with which every image is scored again.

    Raises:
        InputError: a folder is missing, no image has a mask, or none of the pairs can be used.
    """
    context = context or JobContext()
    contest = contest_of(model, images, masks, palette)
    spec, lookup = contest.spec, contest.lookup
    scorer = Scorer(contest.palette, corruptions=corruptions)
    opened = open_backend(contest.folder, spec, backend)
    began = time.perf_counter()
    try:
        predictor = Predictor(opened, spec, window, tta=tta, scales=scales)
        share = scorer.score(contest.pairs, lambda image: lookup[predictor.predict(image).ids], context)
    finally:
        opened.close()
    seconds = time.perf_counter() - began
    protocol = protocol_of(spec, window, tta=tta, scales=scales)
    return made_result(
        [share], scorer, model=spec.name, protocol=protocol, seconds=seconds, orphans=contest.orphans
    )


@dataclass(frozen=True)
class Contest:
    """A model and the samples that it is judged on.

    Attributes:
        folder: the model's.
        spec: the model's.
        palette: the classes of the masks.
        lookup: uint8 [256], the masks' id for every id that the model gives.
        pairs: images with masks.
        orphans: images without masks, and masks without images.
    """

    folder: Path
    spec: ModelSpec
    palette: Palette
    lookup: NDArray[np.uint8]
    pairs: tuple[Pair, ...]
    orphans: tuple[str, ...]


def contest_of(model: str | Path, images: Path, masks: Path, palette: str = "") -> Contest:
    """Brings a model and a folder of images with masks together; "" is the model's own palette.

    Raises:
        InputError: a folder is missing, no image has a mask, or the classes have nothing in common.
    """
    for folder in (images, masks):
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder")
    model_folder, spec = find_model(model)
    own = palette_of_model(spec)
    target = load_palette(palette) if palette else own
    found = pair_by_stem(images, masks)
    if not found.pairs:
        raise InputError(f"no image in {images} has a mask of the same name in {masks}")
    pairs = tuple(
        Pair(
            image.relative_to(images).with_suffix("").as_posix(),
            str(image),
            partial(read_pair, image, mask),
            mask,
        )
        for image, mask in found.pairs
    )
    orphans = tuple(str(path) for path in (*found.images_without_mask, *found.masks_without_image))
    return Contest(model_folder, spec, target, class_lookup(own, target), pairs, orphans)


def read_pair(image_path: Path, mask_path: Path) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """An image and the ids of its mask.

    Raises:
        ImageError, MaskError: a file cannot be read, or the two differ in size.
    """
    image, truth = read_image(image_path), read_mask(mask_path)
    if truth.shape != image.shape[:2]:
        raise MaskError(f"mask {truth.shape[::-1]} and image {image.shape[1::-1]} differ in size")
    return image, truth


def protocol_of(spec: ModelSpec, window: Window, *, tta: bool, scales: Sequence[float]) -> dict[str, object]:
    """How a finished model looks at images; window_size and stride are pixels of what the network sees."""
    side = cut_side(spec.resize)
    return {
        "protocol": "original",
        "resize": {"mode": spec.resize.mode, "size": spec.resize.size, "width": spec.resize.width},
        "window": window,
        "window_size": side if window == "slide" else None,
        "stride": stride_of(side) if window == "slide" else None,
        "flip": tta,
        "scales": list(scales),
    }


def class_lookup(model: Palette, target: Palette) -> NDArray[np.uint8]:
    """uint8 [256]: the target's id for every id that the model gives.

    Raises:
        InputError: no class of the model has a counterpart.
    """
    if model.name == target.name and model.count == target.count:
        return np.arange(256, dtype=np.uint8)
    lookup = mapping(model, target)
    if not np.any(lookup[: model.count] != 255):
        raise InputError(
            f"no class of palette {model.name} has a counterpart in {target.name}",
            hint=f"add a mapping for {target.name} to the palette {model.name}",
        )
    return lookup
