"""Reads every file of a source once and keeps what was found: classes, sizes, digests, what is wrong."""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio import paths
from segstudio.errors import ImageError, MaskError
from segstudio.images import atomic_write, read_image
from segstudio.jobs import JobContext, cores
from segstudio.training.data.leakage import difference_hash
from segstudio.training.data.masks import MaskCodec

# Raised whenever what is kept of a file changes.
VERSION = 1
# A JPEG as a mask has thousands of colours without meaning; these suffice to show what is wrong.
KEPT_VALUES = 64
OTHER_VALUES = -1
Keep = Callable[[int, NDArray[np.uint8], NDArray[np.uint8]], None]


@dataclass(frozen=True)
class FilePair:
    """An image and its mask; digests are those that the files must have, "" where any will do.

    `visits` says how often an epoch of training shows the pair.
    """

    image: Path
    mask: Path
    image_digest: str = ""
    mask_digest: str = ""
    visits: int = 1


@dataclass(frozen=True)
class FileFacts:
    """What is known of a pair of files.

    Attributes:
        height: pixels.
        width: pixels.
        pixels: of each class id that occurs, IGNORED included.
        unmatched: pixels of numbers or colour codes without meaning; OTHER_VALUES are all beyond the most.
        image_digest: SHA-256 of the image file.
        mask_digest: SHA-256 of the mask file.
        view: the difference hash; None where it says nothing.
        problem: why the pair cannot be used; "" where it can.
    """

    height: int = 0
    width: int = 0
    pixels: dict[int, int] = field(default_factory=dict)
    unmatched: dict[int, int] = field(default_factory=dict)
    image_digest: str = ""
    mask_digest: str = ""
    view: int | None = None
    problem: str = ""


class Reader:
    """Decodes the pairs of a source: images as RGB or grey, masks by their codec."""

    def __init__(self, codec: MaskCodec, *, grayscale: bool) -> None:
        self.codec, self.grayscale = codec, grayscale

    def image(self, path: Path) -> NDArray[np.uint8]:
        """RGB uint8 [H,W,3]; three equal channels where images are read as grey.

        Raises:
            ImageError: it cannot be read.
        """
        rgb = read_image(path)
        return as_grey(rgb) if self.grayscale else rgb

    def pair(self, pair: FilePair) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """RGB uint8 [H,W,3] and ids uint8 [H,W].

        Raises:
            ImageError: the image cannot be read. MaskError: nor the mask, or their sizes differ.
        """
        image, decoded = self.image(pair.image), self.codec.read(pair.mask)
        require_equal_sizes(image, decoded.ids, pair.mask)
        return image, decoded.ids

    def examine(
        self, pair: FilePair, keep: Callable[[NDArray[np.uint8], NDArray[np.uint8]], None]
    ) -> FileFacts:
        """Reads a pair and describes it; hands on what was decoded."""
        try:
            image_digest, mask_digest = _digest(pair.image), _digest(pair.mask)
            for path, wanted, found in (
                (pair.image, pair.image_digest, image_digest), (pair.mask, pair.mask_digest, mask_digest)
            ):  # fmt: skip
                if wanted and wanted != found:
                    return FileFacts(problem=f"{path} has changed since it was frozen")
            image, decoded = self.image(pair.image), self.codec.read(pair.mask)
            require_equal_sizes(image, decoded.ids, pair.mask)
        except (ImageError, MaskError) as error:
            return FileFacts(problem=error.message)
        except OSError as error:
            return FileFacts(problem=f"{error.filename} cannot be read: {error.strerror}")
        keep(image, decoded.ids)
        counts = np.bincount(decoded.ids.ravel(), minlength=256)
        strange = sorted(decoded.unmatched.items(), key=lambda pair: -pair[1])
        most = dict(strange[:KEPT_VALUES])
        if rest := sum(count for _, count in strange[KEPT_VALUES:]):
            most[OTHER_VALUES] = rest
        return FileFacts(
            decoded.ids.shape[0],
            decoded.ids.shape[1],
            {int(value): int(counts[value]) for value in np.flatnonzero(counts)},
            most,
            image_digest,
            mask_digest,
            difference_hash(image),
        )


def as_grey(rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The luminance of an image uint8 [H,W,3], three times."""
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    return np.ascontiguousarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), np.uint8)


def require_equal_sizes(image: NDArray[np.uint8], ids: NDArray[np.uint8], mask: Path) -> None:
    """Refuses a mask of another size than its image.

    Raises:
        MaskError: names both sizes, width first.
    """
    if image.shape[:2] != ids.shape:
        own, wanted = ids.shape[::-1], image.shape[1::-1]
        raise MaskError(f"{mask} is {own[0]}x{own[1]}, its image is {wanted[0]}x{wanted[1]}")


def scan(
    name: str, pairs: Sequence[FilePair], reader: Reader, context: JobContext, keep: Keep
) -> list[FileFacts]:
    """The facts of every pair, in order; files that did not change since the last scan are not read again.

    Args:
        name: of what is read, for progress.
        pairs: the files.
        reader: how they are decoded.
        context: progress and cancellation.
        keep: gets number, image and ids of every pair that was decoded; from several threads.

    Raises:
        Cancelled: what was found until then is kept.
    """
    store = FactStore(pairs, reader)
    facts: dict[int, FileFacts] = {}
    for number, pair in enumerate(pairs):
        if (known := store.get(pair)) is not None:
            facts[number] = known
    missing = [number for number in range(len(pairs)) if number not in facts]
    try:
        for number, found in _examined(missing, pairs, reader, context, keep):
            facts[number] = found
            if not found.problem:
                store.put(pairs[number], found)
            context.progress(len(facts), len(pairs), f"reading {name}")
    finally:
        if missing:
            store.save()
    return [facts[number] for number in range(len(pairs))]


def _examined(
    numbers: Sequence[int], pairs: Sequence[FilePair], reader: Reader, context: JobContext, keep: Keep
) -> Iterator[tuple[int, FileFacts]]:
    """(number, facts) as threads finish them, with few images in memory at a time."""
    workers = min(8, cores())
    left = iter(numbers)
    with ThreadPoolExecutor(workers) as pool:

        def start(number: int) -> Future[FileFacts]:
            return pool.submit(reader.examine, pairs[number], lambda image, ids: keep(number, image, ids))

        running = {start(number): number for number in islice(left, 2 * workers)}
        while running:
            context.check()
            done, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in done:
                number = running.pop(future)
                if (following := next(left, None)) is not None:
                    running[start(following)] = following
                yield number, future.result()


class FactStore:
    """Facts of files from earlier scans, in one file of the user's cache a source and codec."""

    def __init__(self, pairs: Sequence[FilePair], reader: Reader) -> None:
        grey = "grey" if reader.grayscale else "rgb"
        first = f"{pairs[0].image.absolute().parent}|{pairs[0].mask.absolute().parent}" if pairs else ""
        name = hashlib.sha256(f"{VERSION}|{first}|{reader.codec.fingerprint}|{grey}".encode()).hexdigest()[
            :24
        ]
        self._path = paths.user_cache_dir() / "scans" / f"{name}.json"
        self._known: dict[str, Any] = _load(self._path)
        self._now: dict[str, Any] = {}

    def get(self, pair: FilePair) -> FileFacts | None:
        """What is known of a pair whose files have not changed."""
        key, stamp = _stamp(pair)
        entry = self._known.get(key)
        if stamp is None or not entry or entry["stamp"] != stamp:
            return None
        self._now[key] = entry
        values = dict(entry["facts"])
        for part in ("pixels", "unmatched"):
            values[part] = {int(value): count for value, count in values[part].items()}
        facts = FileFacts(**values)
        frozen = (pair.image_digest, facts.image_digest), (pair.mask_digest, facts.mask_digest)
        return None if any(wanted and wanted != found for wanted, found in frozen) else facts

    def put(self, pair: FilePair, facts: FileFacts) -> None:
        """Remembers what was found now."""
        key, stamp = _stamp(pair)
        if stamp is not None:
            self._now[key] = {"stamp": stamp, "facts": asdict(facts)}

    def save(self) -> None:
        """Writes the facts of files that are still there; a cache that cannot be written is left alone."""
        others = {key: entry for key, entry in self._known.items() if Path(key.partition("|")[0]).exists()}
        try:
            atomic_write(self._path, json.dumps(others | self._now, separators=(",", ":")).encode())
        except ImageError:
            # A full or read-only disk costs the next start its time, and this one nothing.
            return


def _load(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _stamp(pair: FilePair) -> tuple[str, list[int] | None]:
    try:
        image, mask = pair.image.stat(), pair.mask.stat()
    except OSError:
        return "", None
    key = f"{pair.image.absolute()}|{pair.mask.absolute()}"
    return key, [image.st_size, image.st_mtime_ns, mask.st_size, mask.st_mtime_ns]


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
