"""What files the sources of a spec name: folders, list files and manifests, given or by TAO's layout."""

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from segstudio.annotation.palette import Palette, load_palette
from segstudio.errors import SpecError
from segstudio.images import list_images
from segstudio.training.data.files import (
    Pairs,
    evenly,
    pair_by_stem,
    read_list,
    require_folder,
    split_folders,
)
from segstudio.training.data.manifest import FILE, read_manifest
from segstudio.training.data.scan import FilePair
from segstudio.training.spec.schema import ExperimentSpec
from segstudio.training.spec.studio import SourceSpec

# Each split's key below studio, and the key of its folder below dataset.segment.
SPLITS: Mapping[str, tuple[str, str]] = {
    "train": ("sources", "train_split"),
    "validation": ("validation", "validation_split"),
    "test": ("test", "test_split"),
    "predict": ("predict", "predict_split"),
}
# Splits that may have images without masks.
UNLABELLED_SPLITS = ("test", "predict")


@dataclass(frozen=True)
class Found:
    """The files of one source.

    Attributes:
        name: of the source, for messages.
        pairs: images with masks.
        images: images without masks, where that is wanted.
        orphans_images: images that lack a mask.
        orphans_masks: masks that lack an image.
        skipped: other files that cannot be used, with the reason.
        palette: of the masks, where the source says it itself.
        frozen: whether masks are ids of that palette for certain.
    """

    name: str
    pairs: tuple[FilePair, ...] = ()
    images: tuple[Path, ...] = ()
    orphans_images: tuple[Path, ...] = ()
    orphans_masks: tuple[Path, ...] = ()
    skipped: tuple[tuple[Path, str], ...] = ()
    palette: Palette | None = None
    frozen: bool = False


def wanted_sources(spec: ExperimentSpec, split: str) -> tuple[SourceSpec, ...]:
    """The sources of a split: studio's, else those of root_dir in TAO's layout.

    Validation may be absent: then there are none.

    Raises:
        SpecError: root_dir is no folder, or has no such split.
    """
    studio_key, segment_key = SPLITS[split]
    given: tuple[SourceSpec, ...] = getattr(spec.studio, studio_key)
    if given:
        return given
    segment = spec.dataset.segment
    folder = str(getattr(segment, segment_key))
    if not segment.root_dir:
        if split == "validation":
            return ()
        raise SpecError(
            f"nothing says where the {split} split is",
            hint=f"set dataset.segment.root_dir or studio.{studio_key}",
        )
    root = Path(segment.root_dir)
    require_folder(root, "dataset.segment.root_dir must hold images/<split> and masks/<split>")
    images, masks = root / "images" / folder, root / "masks" / folder
    if not images.is_dir():
        others = split_folders(root)
        if split == "validation" and set(others) <= {segment.train_split}:
            return ()
        there = f"it has images of: {', '.join(others)}" if others else "it must hold images/<split>"
        raise SpecError(
            f"{root} has no {Path('images') / folder}", hint=f"correct dataset.segment.{segment_key}; {there}"
        )
    unlabelled = split in UNLABELLED_SPLITS and not masks.is_dir()
    return (SourceSpec(images=str(images), masks="" if unlabelled else str(masks)),)


def find(entry: SourceSpec, split: str, split_name: str) -> Found:
    """The files of a source of kind folder, list or manifest, limited as it says.

    Args:
        entry: the source.
        split: train, validation, test or predict; the last takes images alone.
        split_name: what a manifest calls the split.

    Raises:
        SpecError: a folder or file cannot be used.
    """
    found = FINDERS[entry.kind](entry, split, split_name)
    if split == "predict":
        images = (*(pair.image for pair in found.pairs), *found.images, *found.orphans_images)
        found = Found(found.name, (), images, (), (), found.skipped)
    return dataclasses.replace(
        found, pairs=evenly(found.pairs, entry.limit), images=evenly(found.images, entry.limit)
    )


def _folder(entry: SourceSpec, split: str, _: str) -> Found:
    images = Path(entry.images)
    if entry.masks and split != "predict":
        return _paired(entry, str(images), pair_by_stem(images, Path(entry.masks)))
    if split not in UNLABELLED_SPLITS:
        raise SpecError(f"the source {images} names no masks", hint=f"{split} needs them: set its `masks`")
    require_folder(images, "give a folder of images")
    return Found(str(images), images=tuple(list_images(images)))


def _list(entry: SourceSpec, split: str, _: str) -> Found:
    pairs = read_list(Path(entry.path))
    found = _paired(entry, entry.path, pairs)
    if split in UNLABELLED_SPLITS and not pairs.pairs:
        return dataclasses.replace(found, images=pairs.images_without_mask, orphans_images=())
    return found


def _paired(entry: SourceSpec, name: str, pairs: Pairs) -> Found:
    return Found(
        name,
        tuple(FilePair(image, mask) for image, mask in pairs.pairs),
        (),
        pairs.images_without_mask,
        pairs.masks_without_image,
        pairs.skipped,
        load_palette(entry.palette) if entry.palette else None,
    )


def _manifest(entry: SourceSpec, _: str, split_name: str) -> Found:
    path = Path(entry.path)
    folder = path if path.is_dir() else path.parent
    manifest = read_manifest(path)
    pairs = tuple(
        FilePair(
            folder / sample.image,
            folder / sample.mask,
            sample.image_sha256,
            sample.mask_sha256,
            sample.visits,
        )
        for sample in manifest.of_split(split_name, folder / FILE)
    )
    return Found(entry.path, pairs, palette=manifest.palette, frozen=True)


FINDERS: Mapping[str, Callable[[SourceSpec, str, str], Found]] = {
    "folder": _folder,
    "list": _list,
    "manifest": _manifest,
}
