"""Regions that a person confirmed in masks that are not accepted yet: unfinished work to learn from."""

import threading
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import MaskError, ProjectError
from segstudio.images import mask_bytes, read_mask
from segstudio.project.cache_file import write_cache
from segstudio.project.project import Project
from segstudio.project.sample import Changes

Mask = NDArray[np.uint8]
# x, y, width, height in pixels.
Box = tuple[int, int, int, int]
FOLDER, SUFFIX = "confirmed", ".png"
UNKNOWN = 255


class Confirmations:
    """The classes that a person confirmed, pixel by pixel, as indexed PNG files below the project's facts.

    A pixel counts for as long as its mask still says what was confirmed: whatever is painted, predicted or
    restored over it later has to be confirmed again.

    Args:
        folder: the project's facts.
        palette: its classes.
    """

    def __init__(self, folder: Path, palette: Palette) -> None:
        self._folder = folder / FOLDER
        self._palette = palette
        self._lock = threading.Lock()

    @classmethod
    def of(cls, project: Project) -> "Confirmations":
        """Those of a project."""
        return cls(project.facts_dir, project.palette)

    def keys(self) -> list[str]:
        """Samples in which something was confirmed, sorted."""
        files = self._folder.rglob(f"*{SUFFIX}") if self._folder.is_dir() else ()
        return sorted(
            path.relative_to(self._folder).as_posix().removesuffix(SUFFIX)
            for path in files
            if not path.name.startswith(".")
        )

    def confirm(self, key: str, mask: Mask, box: Box, *, initiator: str = "") -> Changes:
        """A person looked at a box of a mask uint8 [H,W] and says that it is right as it is there.

        Raises:
            ProjectError: the box lies outside the mask. ImageError: the disk refuses.
        """
        x, y, width, height = box
        there = (slice(max(0, y), max(0, y + height)), slice(max(0, x), max(0, x + width)))
        if not mask[there].size:
            raise ProjectError(
                f"the box {box} lies outside the mask of {key}", hint="confirm what can be seen"
            )
        with self._lock:
            known = self._read(key, mask.shape)
            known[there] = mask[there]
            write_cache(self._path(key), mask_bytes(known, self._palette.colours()))
        return Changes(reviews=frozenset({key}), initiator=initiator)

    def confirmed(self, key: str, mask: Mask) -> Mask:
        """The confirmed pixels of a mask as it is now, uint8 [H,W]; 255 where nobody confirmed anything."""
        known = self._read(key, mask.shape)
        return np.where(known == mask, known, np.uint8(UNKNOWN))

    def forget(self, key: str, *, initiator: str = "") -> Changes:
        """Takes back what was confirmed in a sample."""
        with self._lock:
            self._path(key).unlink(missing_ok=True)
        return Changes(reviews=frozenset({key}), initiator=initiator)

    def _read(self, key: str, shape: tuple[int, ...]) -> Mask:
        """What is on the disk; nothing where there is none, or where it fits the mask no longer."""
        path = self._path(key)
        if path.is_file():
            try:
                found = read_mask(path)
                if found.shape == shape:
                    return found
            except MaskError:
                # A file that a crash of the system spoilt: it is confirmed again, or not at all.
                pass
        return np.full(shape, UNKNOWN, np.uint8)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}{SUFFIX}"
