"""Finds the images of a split and the masks that belong to them: folders and list files."""

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from segstudio.errors import SpecError
from segstudio.images import list_images

T = TypeVar("T")

ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".7z", ".rar")
# What Cityscapes and its kin add to the common name; of several masks of one image the first kind is taken.
IMAGE_ENDINGS = ("_leftImg8bit", "_rgb_anon", "_image", "_img")
MASK_ENDINGS = (
    "_gtFine_labelTrainIds", "_gtFine_labelIds", "_gtFine_color", "_gtCoarse_labelTrainIds",
    "_gtCoarse_labelIds", "_gtCoarse_color", "_labelTrainIds", "_labelIds", "_mask", "_label", "_seg", "_L",
)  # fmt: skip
# Instances and polygons' outlines are no class masks.
NO_MASKS = ("_instanceIds", "_instanceTrainIds")


@dataclass(frozen=True)
class Pairs:
    """Images and masks that belong together, those without a partner, and lines that name no file."""

    pairs: tuple[tuple[Path, Path], ...]
    images_without_mask: tuple[Path, ...] = ()
    masks_without_image: tuple[Path, ...] = ()
    skipped: tuple[tuple[Path, str], ...] = field(default=())


def pair_by_stem(images: Path, masks: Path) -> Pairs:
    """Pairs the images below one folder with the masks below another by relative path without suffix.

    Where no mask has just the image's name, upper and lower case, a second suffix (`a.jpg.png`) and the
    endings of common data sets (`a_leftImg8bit`, `a_gtFine_labelIds`) make no difference. Both may be in one
    folder: then masks are the files with such an ending, else the PNG files beside others.

    Raises:
        SpecError: a folder does not exist, or is an archive.
    """
    for folder in (images, masks):
        require_folder(folder, "give the folders of the images and of the masks")
    found_images, found_masks = _listed(images, masks)
    exact = _by_name((_key(path, masks), path) for path in found_masks)
    loose = _by_name((_loose(path, masks, MASK_ENDINGS), path) for path in sorted(found_masks, key=_rank))
    names = {image: (_key(image, images), _loose(image, images, IMAGE_ENDINGS)) for image in found_images}
    chosen: dict[Path, Path] = {}
    used = set[Path]()
    for place, by_name in enumerate((exact, loose)):
        for image in found_images:
            mask = by_name.get(names[image][place])
            if mask and image not in chosen and mask not in used:
                chosen[image] = mask
                used.add(mask)
    served = {names[image][1] for image in chosen}
    # Other kinds of masks of a paired image lack nothing.
    rest = [
        path
        for path in found_masks
        if path not in used and (not _rank(path) or _loose(path, masks, MASK_ENDINGS) not in served)
    ]
    pairs = tuple((image, chosen[image]) for image in found_images if image in chosen)
    return Pairs(pairs, tuple(image for image in found_images if image not in chosen), tuple(rest))


def _listed(images: Path, masks: Path) -> tuple[list[Path], list[Path]]:
    """The images below one folder and the masks below the other, which may be the same folder."""
    found_masks = [path for path in list_images(masks) if not path.stem.endswith(NO_MASKS)]
    if images.resolve() != masks.resolve():
        return list_images(images), found_masks
    with_ending = {path for path in found_masks if _rank(path)}
    own = with_ending or {path for path in found_masks if path.suffix.lower() == ".png"}
    return [path for path in found_masks if path not in own], [path for path in found_masks if path in own]


def read_list(path: Path) -> Pairs:
    """Reads lines of `image,mask` (comma, semicolon, tab or blanks), relative to the file.

    A first line of `image,mask` is a heading, `#` begins a remark, and a line may name an image alone.

    Raises:
        SpecError: the file cannot be read, or a line has more than two parts.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError(
            f"{path} cannot be read: {error}", hint="give a text file of image,mask lines"
        ) from error
    pairs, lonely, skipped = list[tuple[Path, Path]](), list[Path](), list[tuple[Path, str]]()
    for number, parts in _rows(lines):
        if len(parts) > 2:
            raise SpecError(f"{path}, line {number}: {len(parts)} parts", hint="write image,mask")
        files = [path.parent / part for part in parts if part]
        absent = [file for file in files if not file.is_file()]
        if absent:
            skipped.append((absent[0], f"line {number} of {path.name} names it, and it is not there"))
        elif len(files) == 2:
            pairs.append((files[0], files[1]))
        else:
            lonely.append(files[0])
    return Pairs(tuple(pairs), tuple(lonely), (), tuple(skipped))


def require_folder(folder: Path, hint: str) -> None:
    """Refuses what is no folder.

    Raises:
        SpecError: says so, and what to do where it is an archive.
    """
    if folder.is_dir():
        return
    for part in (folder, *folder.parents):
        if part.name.lower().endswith(ARCHIVES) and part.is_file():
            raise SpecError(f"{part} is an archive", hint="unpack it and give the folder")
    raise SpecError(f"{folder} is no folder", hint=hint)


def split_folders(root: Path) -> list[str]:
    """The splits that a root in TAO's layout has images of."""
    images = root / "images"
    return sorted(path.name for path in images.iterdir() if path.is_dir()) if images.is_dir() else []


def evenly(found: tuple[T, ...], limit: int) -> tuple[T, ...]:
    """At most `limit` of them, evenly spread; 0 takes all."""
    if not limit or len(found) <= limit:
        return found
    return tuple(found[number * len(found) // limit] for number in range(limit))


def _rows(lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        mark = next((mark for mark in ",;\t" if mark in text), None)
        parts = next(csv.reader([text], delimiter=mark, skipinitialspace=True)) if mark else text.split()
        parts = [part.strip() for part in parts]
        if number == 1 and parts[0].lower() in ("image", "images", "img"):
            continue
        yield number, parts


def _by_name(named: Iterable[tuple[str, Path]]) -> dict[str, Path]:
    """Paths by name; the first of a name counts."""
    found: dict[str, Path] = {}
    for name, path in named:
        found.setdefault(name, path)
    return found


def _key(path: Path, folder: Path) -> str:
    return path.relative_to(folder).with_suffix("").as_posix()


def _loose(path: Path, folder: Path, endings: tuple[str, ...]) -> str:
    relative = path.relative_to(folder).with_suffix("")
    if relative.suffix.lower() in (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff"):
        relative = relative.with_suffix("")
    name = relative.as_posix()
    ending = next((ending for ending in endings if name.endswith(ending)), "")
    return name.removesuffix(ending).casefold()


def _rank(path: Path) -> int:
    """Prefers masks of the plain name, then by the order of MASK_ENDINGS."""
    stem = path.stem
    return next((n for n, ending in enumerate(MASK_ENDINGS, start=1) if stem.endswith(ending)), 0)
