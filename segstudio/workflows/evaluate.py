"""Evaluates a model: against a folder of masks in any palette, or against the masks of a project."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, load_palette, mapping
from segstudio.errors import ImageError, InputError, MaskError
from segstudio.images import list_images, read_image, read_mask
from segstudio.inference.backend import AUTO, open_backend
from segstudio.inference.catalog import find_model
from segstudio.inference.predictor import Predictor
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, count_confusion, scores
from segstudio.project.project import Project
from segstudio.project.sample import Changes


@dataclass(frozen=True)
class EvaluateResult:
    """Summed confusion counts int64 [K,K+1] in the classes of a palette, and what could not be used."""

    model: str
    palette: str
    classes: tuple[str, ...]
    counts: Counts
    images: int
    seconds: float
    orphans: tuple[str, ...]
    skipped: tuple[tuple[str, str], ...]

    def to_json(self) -> dict[str, Any]:
        """Scores as fractions 0-1; null for a class that never occurs."""
        result = scores(self.counts)
        return {
            "model": self.model,
            "palette": self.palette,
            "images": self.images,
            "miou": number(result.miou),
            "macc": number(result.macc),
            "aacc": number(result.aacc),
            "per_class": {
                name: {
                    "iou": number(result.iou[i]),
                    "acc": number(result.acc[i]),
                    "f1": number(result.f1[i]),
                    "pixels": int(result.support_pixels[i]),
                }
                for i, name in enumerate(self.classes)
            },
            "confusion": self.counts.tolist(),
            "orphans": list(self.orphans),
            "skipped": [{"path": path, "reason": reason} for path, reason in self.skipped],
            "seconds": round(self.seconds, 3),
            "fps": round(self.images / self.seconds, 3) if self.seconds else 0.0,
        }


def number(value: float | np.float64) -> float | None:
    """A plain float, or None for NaN."""
    return None if np.isnan(value) else float(value)


def pair_masks(images: Path, masks: Path) -> tuple[list[tuple[Path, Path]], list[str]]:
    """Pairs by relative path without suffix, and the names of images and masks without a partner."""
    by_key = {path.relative_to(masks).with_suffix("").as_posix(): path for path in list_images(masks)}
    pairs, orphans = [], []
    for image in list_images(images):
        mask = by_key.pop(image.relative_to(images).with_suffix("").as_posix(), None)
        if mask is None:
            orphans.append(str(image))
        else:
            pairs.append((image, mask))
    return pairs, orphans + [str(path) for path in by_key.values()]


def evaluate_folders(
    model: str | Path,
    images: Path,
    masks: Path,
    palette: str = "",
    *,
    backend: str = AUTO,
    context: JobContext | None = None,
) -> EvaluateResult:
    """Evaluates on images with masks whose ids are those of `palette` (default: the model's own).

    The model's classes are brought to the palette by the mapping of the model's palette, else by name.

    Raises:
        InputError: a folder is missing, or no image has a mask.
    """
    context = context or JobContext()
    for folder in (images, masks):
        if not folder.is_dir():
            raise InputError(f"{folder} is no folder")
    model_folder, spec = find_model(model)
    target = load_palette(palette or spec.palette)
    lookup = class_lookup(load_palette(spec.palette), target)
    pairs, orphans = pair_masks(images, masks)
    if not pairs:
        raise InputError(f"no image in {images} has a mask of the same name in {masks}")
    predictor = Predictor(open_backend(model_folder, spec, backend), spec)
    total = np.zeros((target.count, target.count + 1), np.int64)
    skipped: list[tuple[str, str]] = []
    began = time.perf_counter()
    try:
        for position, (image_path, mask_path) in enumerate(pairs):
            context.check()
            context.progress(position, len(pairs), image_path.name)
            try:
                image, truth = read_image(image_path), read_mask(mask_path)
                if truth.shape != image.shape[:2]:
                    raise MaskError(f"mask {truth.shape[::-1]} and image {image.shape[1::-1]} differ in size")
            except (ImageError, MaskError) as error:
                skipped.append((str(image_path), error.message))
                continue
            predicted = lookup[predictor.predict(image).ids]
            total += count_confusion(truth, predicted, target.count, target.ignore_id)
    finally:
        predictor.close()
    seconds = time.perf_counter() - began
    evaluated = len(pairs) - len(skipped)
    return EvaluateResult(
        spec.name, target.name, target.names, total, evaluated, seconds, tuple(orphans), tuple(skipped)
    )


def class_lookup(model: Palette, target: Palette) -> NDArray[np.uint8]:
    """uint8 [256]: the target's id for every id that the model gives.

    Raises:
        InputError: no class of the model has a counterpart.
    """
    if model.name == target.name:
        return np.arange(256, dtype=np.uint8)
    lookup = mapping(model, target)
    if not np.any(lookup[: model.count] != 255):
        raise InputError(
            f"no class of palette {model.name} has a counterpart in {target.name}",
            hint=f"add a mapping for {target.name} to the palette {model.name}",
        )
    return lookup


def evaluate_project(
    project: Project, model: str, context: JobContext | None = None, *, initiator: str = ""
) -> Changes:
    """Compares stored predictions of a model with the masks that people made; counts go to the project.

    Samples without a mask, or whose prediction comes from another model, are left out; samples that have
    counts already are not counted again.
    """
    context = context or JobContext()
    changes = Changes(initiator=initiator)
    known = project.counts(model)
    todo = [sample for sample in project.samples() if sample.key not in known and sample.mask.exists()]
    for position, sample in enumerate(todo):
        context.check()
        context.progress(position, len(todo), sample.key)
        prediction = project.load_prediction(sample.key)
        if prediction is None or prediction.model != model:
            continue
        mask, digest = project.load_mask(sample.key), project.mask_hash(sample.key)
        if mask is None or mask.shape != prediction.ids.shape:
            continue
        counts = count_confusion(mask, prediction.ids, project.palette.count, project.palette.ignore_id)
        # Nothing is stored if the mask was saved meanwhile: the counts would be those of the old one.
        changes |= project.record_counts(sample.key, model, counts, mask_hash=digest)
    return changes
