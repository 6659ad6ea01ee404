"""Finds the samples of a folder: a plain folder of frames, or TAO's images/<split> beside masks/<split>."""

import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from segstudio.errors import ProjectError
from segstudio.images import IMAGE_SUFFIXES, OWN_FOLDERS

FACTS_DIR = ".segstudio"
MASK_SUFFIX = ".png"
# Folders that split a data set, such as `train` or `val_extra`; any other is a sequence or a place.
SPLIT = re.compile(r"(train|training|val|valid|validation|trainval|test)([_-].*)?", re.IGNORECASE)
# How the splits that judge models begin.
HELD_OUT = ("val", "test")
DIGITS = re.compile(r"[0-9]+")


@dataclass(frozen=True, slots=True)
class FoundSample:
    """A sample on disk: its key, the image below the images folder (with /), and its split by folder."""

    key: str
    image: str
    split: str


def is_held_out(split: str) -> bool:
    """Whether samples of a split are for judging by its name: val, validation, test and their like."""
    return bool(SPLIT.fullmatch(split)) and split.casefold().startswith(HELD_OUT)


def images_folder(root: Path) -> Path:
    """Where a project's images are: `root/images` in TAO's layout, else the root itself.

    Raises:
        ProjectError: the folder cannot be listed.
    """
    tao = root / "images"
    try:
        with os.scandir(root) as entries:
            own = any(_is_image(entry.name) for entry in entries)
    except OSError as error:
        raise ProjectError(f"{root} cannot be listed: {error.strerror}", hint="check its rights") from error
    return tao if tao.is_dir() and not own else root


def list_files(images: Path) -> tuple[list[str], list[str]]:
    """Images below a folder, relative and with `/`, in no order; and what cannot be listed.

    Hidden folders are left out, and on the top level those that hold masks and predictions.

    Raises:
        ProjectError: the folder itself cannot be listed.
    """
    found: list[str] = []
    refused: list[str] = []
    try:
        _walk(str(images), "", found, refused, ())
    except OSError as error:
        raise ProjectError(
            f"{images} cannot be listed: {error.strerror}",
            hint="check that the disk is there, and its rights",
        ) from error
    return found, refused


def _walk(folder: str, prefix: str, found: list[str], refused: list[str], above: tuple[str, ...]) -> None:
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            if not name.isascii() and not _is_text(name):
                refused.append(f"{prefix}{name}".encode(errors="replace").decode())
            elif entry.is_dir():
                if prefix or name not in OWN_FOLDERS:
                    folders.append((entry.path, f"{prefix}{name}/", entry.is_symlink()))
            elif _is_image(name):
                found.append(prefix + name)
    for path, below, is_link in folders:
        trail = above
        if is_link:
            # A link to a folder above it would be walked for ever.
            real = os.path.realpath(path)
            if any(
                f"{part}{os.sep}".startswith(f"{real}{os.sep}") for part in (*above, os.path.realpath(folder))
            ):
                continue
            trail = (*above, os.path.realpath(folder))
        try:
            _walk(path, below, found, refused, trail)
        except OSError:
            refused.append(below.rstrip("/"))


def name_samples(files: list[str], known: Mapping[str, str], free: frozenset[str]) -> list[FoundSample]:
    """Gives every image its key, in natural order.

    An image that is known keeps its key. A new one is called by its path without suffix, or with it where
    another image differs in suffix alone. Keys differ in more than upper and lower case, since masks of the
    same name must not meet on a disk that ignores case.

    Args:
        files: images below the images folder, with `/`.
        known: the key of every image that had one, whether or not it is in `files`.
        free: keys of images that are gone: a new image of the same name (converted, say) takes its key over.
    """
    ordered = sorted(sorted(files), key=_natural)
    stems = [path[: path.rfind(".")] for path in ordered]
    plain = [stem.casefold() for stem in stems]
    rivals = Counter(name for name, path in zip(plain, ordered, strict=True) if path not in known)
    # A key stays reserved for its image; only a plain name is handed on, to its one successor.
    taken = {key.casefold() for key in known.values()}
    samples = []
    for path, stem, name in zip(ordered, stems, plain, strict=True):
        key = known.get(path)
        if key is None:
            alone = rivals[name] == 1
            key = stem if alone and (name not in taken or stem in free) else _longer_key(path, taken)
            taken.add(key.casefold())
        samples.append(FoundSample(key, path, _split(path)))
    return samples


def _longer_key(path: str, taken: set[str]) -> str:
    names = chain([path], (f"{path}.{number}" for number in count(2)))
    return next(name for name in names if name.casefold() not in taken)


def contested(samples: list[FoundSample]) -> dict[str, str]:
    """The keys (by image) that do not follow from the image's own name alone."""
    stems = [sample.image[: sample.image.rfind(".")] for sample in samples]
    rivals = Counter(stem.casefold() for stem in stems)
    return {
        sample.image: sample.key
        for sample, stem in zip(samples, stems, strict=True)
        if sample.key != stem or rivals[stem.casefold()] > 1
    }


def mask_files(masks: Path) -> Iterator[tuple[str, "os.DirEntry[str]"]]:
    """(key, entry) of every mask file below a folder; none when the folder is not there."""
    pending = [(str(masks), "")]
    while pending:
        folder, prefix = pending.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = entry.name
                    if name.startswith("."):
                        continue
                    if name.endswith(MASK_SUFFIX) and not entry.is_dir():
                        yield prefix + name.removesuffix(MASK_SUFFIX), entry
                    elif entry.is_dir(follow_symlinks=False):
                        pending.append((entry.path, f"{prefix}{name}/"))
        except FileNotFoundError:
            continue
        except OSError as error:
            raise ProjectError(
                f"{folder} cannot be listed: {error.strerror}", hint="check its rights"
            ) from error


def _natural(path: str) -> str:
    """Sorts frame2 before frame10; one string, since it is compared 17 times for each of 100,000 files."""
    return DIGITS.sub(lambda found: found.group().zfill(20), path.casefold())


def _is_image(name: str) -> bool:
    return name[name.rfind(".") :].lower() in IMAGE_SUFFIXES


def _is_text(name: str) -> bool:
    """Whether a name can be stored as text; on Linux it may be any bytes."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _split(path: str) -> str:
    first, slash, _ = path.partition("/")
    return first if slash and SPLIT.fullmatch(first) else ""
