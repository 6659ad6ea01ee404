"""The cache of small pictures: one file for each sample and size, true to one state of its image."""

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segstudio.errors import ImageError
from segstudio.images import thumbnail
from segstudio.project.cache_file import write_cache

QUALITY = 88


class Thumbs:
    """Small JPEG pictures below a folder; each carries the time of its image, so any change is noticed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, key: str, size: int) -> Path:
        """The cached picture of a sample at a size."""
        return self._folder / str(size) / f"{key}.jpg"

    def get(self, key: str, image: Path, size: int) -> NDArray[np.uint8]:
        """RGB uint8 [H,W,3] whose longer side is at most `size`, from the cache where it is still true.

        Raises:
            ImageError: the image cannot be read.
        """
        cached = self.path(key, size)
        try:
            changed = image.stat().st_mtime_ns
        except OSError as error:
            raise ImageError(f"{image} cannot be read: {error.strerror}") from error
        try:
            if cached.stat().st_mtime_ns == changed:
                return thumbnail(cached, size)
        except (OSError, ImageError):
            pass  # no cache yet, or a damaged one: made below
        small = thumbnail(image, size)
        stream = io.BytesIO()
        Image.fromarray(small).save(stream, "JPEG", quality=QUALITY)
        write_cache(cached, stream.getvalue(), changed)
        return small
