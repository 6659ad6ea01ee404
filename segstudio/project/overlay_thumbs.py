"""The cache of small masks and predictions: class ids as they lie over a thumbnail, true to one file each."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import ImageError, MaskError
from segstudio.images import mask_bytes, read_mask
from segstudio.project.cache_file import write_cache

Ids = NDArray[np.uint8]


class OverlayThumbs:
    """Small class ids by sample, kind and size; each file carries the time of the one it was made from."""

    def __init__(
        self, folder: Path, palette: Palette, mask: Callable[[str], Path], prediction: Callable[[str], Path]
    ) -> None:
        self._folder = folder
        self._palette = palette
        self._sources = {"mask": mask, "prediction": prediction}

    def get(self, key: str, size: int) -> Ids | None:
        """Class ids uint8 [H,W] whose longer side is at most `size`, of the mask or else of the prediction.

        None without either, or where neither can be read.
        """
        for kind, source in self._sources.items():
            small = self._small(source(key), self._folder / f"{kind}-{size}" / f"{key}.png", size)
            if small is not None:
                return small
        return None

    def _small(self, source: Path, cached: Path, size: int) -> Ids | None:
        try:
            changed = source.stat().st_mtime_ns
        except OSError:
            return None
        try:
            if cached.stat().st_mtime_ns == changed:
                return read_mask(cached)
        except (OSError, MaskError):
            pass  # no cache yet, or a damaged one: made below
        try:
            small = shrunk(read_mask(source), size)
        except MaskError:
            return None
        # A full disk costs the cache, not the picture.
        with suppress(ImageError):
            write_cache(cached, mask_bytes(small, self._palette.colours()), changed)
        return small


def shrunk(ids: Ids, size: int) -> Ids:
    """Every n-th pixel of a uint8 [H,W], so that the longer side is at most `size`; small ones stay."""
    height, width = ids.shape
    scale = size / max(height, width)
    if scale >= 1:
        return ids
    wanted = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(ids, wanted, interpolation=cv2.INTER_NEAREST), np.uint8)
