"""Finds the samples of a folder: a plain folder of frames, or TAO's images/<split> beside masks/<split>."""

import os
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from segstudio.errors import ProjectError
from segstudio.images import IMAGE_SUFFIXES, OWN_FOLDERS, natural_key

FACTS_DIR = ".segstudio"


@dataclass(frozen=True)
class FoundSample:
    """A sample on disk: its key, the image below the images folder (with /), and its split by folder."""

    key: str
    image: str
    split: str


def images_folder(root: Path) -> Path:
    """Where a project's images are: `root/images` in TAO's layout, else the root itself."""
    tao = root / "images"
    return tao if tao.is_dir() and not _has_image(root) else root


def find_samples(images: Path, *, splits: bool) -> list[FoundSample]:
    """All images below a folder, by natural order of their keys; `splits` takes the first folder as split.

    Raises:
        ProjectError: the folder cannot be listed.
    """
    try:
        relative = sorted(_walk(images, ""), key=natural_key)
    except OSError as error:
        raise ProjectError(f"{images} cannot be listed: {error.strerror}") from error
    stems = Counter(os.path.splitext(path)[0] for path in relative)
    found = []
    for path in relative:
        stem = os.path.splitext(path)[0]
        key = stem if stems[stem] == 1 else path
        split = path.split("/", 1)[0] if splits and "/" in path else ""
        found.append(FoundSample(key, path, split))
    return found


def _walk(folder: Path | str, prefix: str) -> list[str]:
    found = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                if not (prefix == "" and entry.name in OWN_FOLDERS):
                    found += _walk(entry.path, f"{prefix}{entry.name}/")
            elif os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:
                found.append(f"{prefix}{entry.name}")
    return found


def _has_image(folder: Path) -> bool:
    with os.scandir(folder) as entries:
        return any(os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES for entry in entries)
