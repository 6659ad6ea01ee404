"""Draws confirmed pixels with what a model's classifier reads there, and keeps them on the disk."""

import contextlib
import hashlib
import io
import logging
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, MaskError
from segstudio.images import read_image
from segstudio.inference.features import FeatureSegmenter
from segstudio.inference.resample import places
from segstudio.project.cache_file import write_cache
from segstudio.project.confirmations import UNKNOWN
from segstudio.workflows.adapt.confirmed import ConfirmedSample

LOG = logging.getLogger(__name__)
Floats = NDArray[np.float32]
PIXELS = 2000
# Of a few images, which are no blocks enough, each is cut into as many columns.
COLUMNS = 4
KEPT_FILES = 256
# Each model has a folder of its own, and nobody goes on with one of long ago.
KEPT_MODELS = 3


@dataclass(frozen=True, eq=False)
class DrawnPixels:
    """Some confirmed pixels of one image.

    Attributes:
        features: float16 [n,C], what the classifier reads there.
        truth: uint8 [n], the confirmed class.
        weight: float32 [n], how many pixels of the image each stands for.
        column: uint8 [n], 0-3, the quarter of the image's width.
    """

    features: NDArray[np.float16]
    truth: NDArray[np.uint8]
    weight: Floats
    column: NDArray[np.uint8]


class PixelSource:
    """Draws pixels with a model's features; what was drawn once is read from the disk the next time.

    Args:
        seeing: looks at images.
        folder: where drawn pixels are kept; None keeps nothing. At most 256 files of about a megabyte, and
            beside it the folders of the two models that were adapted last.
    """

    def __init__(self, seeing: FeatureSegmenter, folder: Path | None = None) -> None:
        self._seeing = seeing
        self._folder = folder

    def draw(self, confirmed: ConfirmedSample) -> DrawnPixels:
        """The pixels of one sample; the same ones every time.

        Raises:
            ImageError: the image cannot be read. MaskError: it is of another size than the mask.
        """
        path = self._path(confirmed)
        known = _load(path) if path else None
        if known is not None:
            return known
        image = read_image(confirmed.sample.image)
        if image.shape[:2] != confirmed.mask.shape:
            raise MaskError(
                f"mask {confirmed.mask.shape[::-1]} and image {image.shape[1::-1]} differ in size"
            )
        _, features = self._seeing.look(image)
        drawn = draw_pixels(features, confirmed.mask, int(confirmed.digest[:8], 16))
        if path:
            self._keep(path, drawn)
        return drawn

    def _path(self, confirmed: ConfirmedSample) -> Path | None:
        if self._folder is None:
            return None
        image = confirmed.sample.image
        try:
            about = image.stat()
        except OSError:
            return None
        text = f"{image}\n{about.st_size}\n{about.st_mtime_ns}\n{confirmed.digest}"
        return self._folder / f"{hashlib.sha256(text.encode()).hexdigest()[:32]}.npz"

    def _keep(self, path: Path, drawn: DrawnPixels) -> None:
        stream = io.BytesIO()
        np.savez(stream, features=drawn.features, truth=drawn.truth, weight=drawn.weight, column=drawn.column)
        try:
            write_cache(path, stream.getvalue())
        except ImageError as error:
            # The next adaptation looks at the image again.
            LOG.warning("%s", error)
            return
        files = sorted(path.parent.glob("*.npz"), key=_changed)
        for old in files[:-KEPT_FILES]:
            with contextlib.suppress(OSError):
                old.unlink()
        models = sorted((one for one in path.parent.parent.iterdir() if one.is_dir()), key=_changed)
        for other in models[:-KEPT_MODELS]:
            shutil.rmtree(other, ignore_errors=True)


def draw_pixels(features: Floats, mask: NDArray[np.uint8], seed: int) -> DrawnPixels:
    """Draws at most 2000 of a mask's pixels that are not 255, with the features float32 [C,h,w] at them.

    Rare classes are drawn more densely, by the root of their area, and weigh as much less: sums over the
    pixels stay those of all pixels. Features are interpolated as the deployment graph restores scores: both
    are linear, so that the classifier gives the very score of the pixel.
    """
    random = np.random.default_rng(seed)
    flat = mask.ravel()
    where, weights = [], []
    counts = np.bincount(flat, minlength=256)[:UNKNOWN]
    roots = np.sqrt(counts)
    for class_id in np.flatnonzero(counts):
        own = np.flatnonzero(flat == class_id)
        wanted = min(len(own), max(1, round(PIXELS * roots[class_id] / roots.sum())))
        chosen = own if wanted == len(own) else random.choice(own, wanted, replace=False)
        where.append(np.sort(chosen))
        weights.append(np.full(wanted, len(own) / wanted, np.float32))
    chosen = np.concatenate(where)
    rows, columns = np.divmod(chosen, mask.shape[1])
    column = (columns * COLUMNS // mask.shape[1]).astype(np.uint8)
    found = features_at(features, rows, columns, (mask.shape[0], mask.shape[1]))
    return DrawnPixels(found.astype(np.float16), flat[chosen], np.concatenate(weights), column)


def features_at(
    features: Floats, rows: NDArray[np.int64], columns: NDArray[np.int64], size: tuple[int, int]
) -> Floats:
    """Features float32 [n,C] at pixels of an image of (height, width), from a map [C,h,w]."""
    down = places(0, size[0], size[0], features.shape[1])
    beside = places(0, size[1], size[1], features.shape[2])
    share = beside.share[columns]

    def between(row: NDArray[np.int64]) -> Floats:
        left, right = features[:, row, beside.before[columns]], features[:, row, beside.after[columns]]
        mixed: Floats = left + (right - left) * share
        return mixed

    upper = between(down.before[rows])
    lower = between(down.after[rows])
    found: Floats = upper + (lower - upper) * down.share[rows]
    return np.ascontiguousarray(found.T)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _load(path: Path) -> DrawnPixels | None:
    """What was kept; None without it, or if it is damaged."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            found = {name: stored[name] for name in ("features", "truth", "weight", "column")}
    except (OSError, ValueError, KeyError, zipfile.BadZipFile, EOFError):
        return None
    return DrawnPixels(**found)
