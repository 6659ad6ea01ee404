"""What samples come from: files with masks, images alone, drawn streets."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette, load_palette, mapping
from segstudio.images import read_image
from segstudio.jobs import JobContext
from segstudio.scenes.street import draw_scene
from segstudio.training.data.cache import SampleCache
from segstudio.training.data.classes import IGNORED
from segstudio.training.data.finding import Found
from segstudio.training.data.scan import FileFacts, Reader, as_grey, scan
from segstudio.training.spec.studio import SourceSpec

Loaded = tuple[NDArray[np.uint8], NDArray[np.uint8]]


class Source(Protocol):
    """Samples by number, with ids of the split's palette.

    Attributes:
        title: what people call it.
        weight: share of the training samples drawn from here, relative to the other sources.
        labelled: whether its samples have masks.
        pixels: int64 [n,K], pixels of each class in each sample; zeros where there are no masks.
        visits: int64 [n], how often an epoch of training shows each sample.
        facts: of each sample.
    """

    title: str
    weight: float
    labelled: bool
    pixels: NDArray[np.int64]
    visits: NDArray[np.int64]
    facts: Sequence[FileFacts]

    def __len__(self) -> int:
        """Number of samples."""
        ...

    def load(self, number: int) -> Loaded:
        """RGB uint8 [H,W,3] and ids uint8 [H,W] (255 everywhere without a mask); may be read-only.

        Raises:
            ImageError, MaskError: the files are gone or damaged.
        """
        ...

    def load_image(self, number: int) -> NDArray[np.uint8]:
        """The image alone."""
        ...

    def name(self, number: int) -> str:
        """What identifies a sample to people."""
        ...

    def paths(self, number: int) -> tuple[Path | None, Path | None]:
        """The files of image and mask, None where there is none."""
        ...


class FileSource:
    """Pairs of files that were found usable; decoded samples are kept in memory as far as there is room."""

    labelled = True

    def __init__(
        self, found: Found, weight: float, reader: Reader, context: JobContext, classes: int, cache_bytes: int
    ) -> None:
        self.title, self.weight, self._reader = found.name, weight, reader
        cache = SampleCache(len(found.pairs), cache_bytes) if cache_bytes else None
        keep = cache.put if cache else _keep_nothing
        facts = scan(Path(found.name).name, found.pairs, reader, context, keep)
        usable = [number for number, entry in enumerate(facts) if not entry.problem]
        self.skipped = tuple(
            (pair.image, entry.problem)
            for pair, entry in zip(found.pairs, facts, strict=True)
            if entry.problem
        )
        self._cache, self._numbers = cache, np.array(usable, np.int64)
        self._pairs = [found.pairs[number] for number in usable]
        self.facts: Sequence[FileFacts] = [facts[number] for number in usable]
        self.pixels = pixel_table(self.facts, classes)
        self.visits = np.array([pair.visits for pair in self._pairs], np.int64)

    def __len__(self) -> int:
        """Number of usable pairs."""
        return len(self._pairs)

    def load(self, number: int) -> Loaded:
        """See `Source.load`."""
        original = int(self._numbers[number])
        if self._cache and (cached := self._cache.get(original)):
            return cached
        image, ids = self._reader.pair(self._pairs[number])
        if self._cache:
            self._cache.put(original, image, ids)
        return image, ids

    def load_image(self, number: int) -> NDArray[np.uint8]:
        """See `Source.load_image`."""
        return self._reader.image(self._pairs[number].image)

    def name(self, number: int) -> str:
        """The image's path."""
        return str(self._pairs[number].image)

    def paths(self, number: int) -> tuple[Path | None, Path | None]:
        """See `Source.paths`."""
        pair = self._pairs[number]
        return pair.image, pair.mask


class ImageSource:
    """Images without masks; nothing is read before it is asked for."""

    labelled = False

    def __init__(self, found: Found, weight: float, classes: int, *, grayscale: bool) -> None:
        self.title, self.weight, self._images, self._grayscale = found.name, weight, found.images, grayscale
        self.facts: Sequence[FileFacts] = [FileFacts()] * len(self._images)
        self.pixels = np.zeros((len(self._images), classes), np.int64)
        self.visits = np.ones(len(self._images), np.int64)

    def __len__(self) -> int:
        """Number of images."""
        return len(self._images)

    def load(self, number: int) -> Loaded:
        """See `Source.load`."""
        image = self.load_image(number)
        return image, np.full(image.shape[:2], IGNORED, np.uint8)

    def load_image(self, number: int) -> NDArray[np.uint8]:
        """See `Source.load_image`."""
        image = read_image(self._images[number])
        return as_grey(image) if self._grayscale else image

    def name(self, number: int) -> str:
        """The image's path."""
        return str(self._images[number])

    def paths(self, number: int) -> tuple[Path | None, Path | None]:
        """See `Source.paths`."""
        return self._images[number], None


class SceneSource:
    """Street scenes, drawn once from consecutive seeds; every third one has rare classes in focus."""

    RARE = (3, 6, 9, 12, 14, 15, 16, 17, 18)
    labelled = True

    def __init__(self, entry: SourceSpec, target: Palette, context: JobContext) -> None:
        self.title, self.weight, self._first = "scenes", entry.weight, entry.first_seed
        lookup = mapping(load_palette("cityscapes"), target)
        # Two large arrays, which forked workers share without copying.
        self._images = np.empty((entry.count, entry.height, entry.width, 3), np.uint8)
        self._masks = np.empty((entry.count, entry.height, entry.width), np.uint8)
        for number in range(entry.count):
            context.check()
            if number % 50 == 0:
                context.progress(number, entry.count, "drawing scenes")
            focus = (self.RARE[number // 3 % len(self.RARE)],) if number % 3 == 0 else None
            scene = draw_scene(entry.first_seed + number, entry.height, entry.width, focus=focus)
            self._images[number], self._masks[number] = scene.image, lookup[scene.mask]
        self.facts: Sequence[FileFacts] = [_facts_of(mask) for mask in self._masks]
        self.pixels = pixel_table(self.facts, target.count)
        self.visits = np.ones(entry.count, np.int64)

    def __len__(self) -> int:
        """Number of scenes."""
        return len(self._images)

    def load(self, number: int) -> Loaded:
        """See `Source.load`."""
        return self._images[number], self._masks[number]

    def load_image(self, number: int) -> NDArray[np.uint8]:
        """See `Source.load_image`."""
        image: NDArray[np.uint8] = self._images[number]
        return image

    def name(self, number: int) -> str:
        """The scene's seed."""
        return f"scene {self._first + number}"

    def paths(self, number: int) -> tuple[Path | None, Path | None]:
        """Scenes have no files."""
        return None, None


def pixel_table(facts: Sequence[FileFacts], classes: int) -> NDArray[np.int64]:
    """int64 [n,K]: pixels of each class in each sample."""
    table = np.zeros((len(facts), classes), np.int64)
    for row, entry in zip(table, facts, strict=True):
        for class_id, count in entry.pixels.items():
            if class_id < classes:
                row[class_id] = count
    return table


def _facts_of(mask: NDArray[np.uint8]) -> FileFacts:
    counts = np.bincount(mask.ravel(), minlength=256)
    return FileFacts(
        mask.shape[0], mask.shape[1], {int(value): int(counts[value]) for value in np.flatnonzero(counts)}
    )


def _keep_nothing(_number: int, _image: NDArray[np.uint8], _ids: NDArray[np.uint8]) -> None:
    return
