"""Counts pixels and regions of every class in a project's masks; masks that did not change count once."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from segstudio.annotation.palette import Palette
from segstudio.errors import SegstudioError
from segstudio.images import read_mask
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts
from segstudio.metrics.regions import count_regions
from segstudio.project.cache_file import write_cache
from segstudio.project.project import Project
from segstudio.project.sample_facts import histogram

FILE = "class_counts.npz"
VERSION = 1
# A class in fewer masks is learnt from a handful of scenes.
RARE_MASKS = 5


@dataclass(frozen=True, eq=False)
class SplitCounts:
    """Sums over the masks of a split: how many, and int64 [K] pixels, regions, and masks with a class."""

    masks: int
    pixels: Counts
    regions: Counts
    holding: Counts


@dataclass(frozen=True, eq=False)
class ClassBalance:
    """What the masks of a project hold, by split, "" being none; unreadable masks by key."""

    names: tuple[str, ...]
    by_split: Mapping[str, SplitCounts]
    unreadable: tuple[str, ...] = ()

    def of(self, split: str) -> SplitCounts:
        """One split; zeros for one without masks."""
        classes = len(self.names)
        return self.by_split.get(split) or add_up([], classes)

    @property
    def all(self) -> SplitCounts:
        """All masks together."""
        found = list(self.by_split.values())
        empty = add_up([], len(self.names))
        return SplitCounts(
            sum(one.masks for one in found),
            *(
                np.sum([getattr(one, name) for one in (empty, *found)], axis=0)
                for name in ("pixels", "regions", "holding")
            ),
        )

    @property
    def has_splits(self) -> bool:
        """Whether any mask is in train or val."""
        return bool(self.of("train").masks or self.of("val").masks)

    @property
    def rare(self) -> tuple[str, ...]:
        """Classes that some masks hold, but fewer than RARE_MASKS."""
        pairs = zip(self.names, self.all.holding, strict=True)
        return tuple(name for name, count in pairs if 0 < count < RARE_MASKS)

    @property
    def absent(self) -> tuple[str, ...]:
        """Classes that no mask holds."""
        return tuple(name for name, count in zip(self.names, self.all.holding, strict=True) if not count)

    @property
    def unlearnt(self) -> tuple[str, ...]:
        """Classes that masks of val hold and no mask of train."""
        train, val = self.of("train").holding, self.of("val").holding
        triples = zip(self.names, train, val, strict=True)
        return tuple(name for name, learnt, asked in triples if asked and not learnt)


@dataclass(frozen=True, eq=False)
class MaskCounts:
    """What one mask file held when it had a state: int64 [K] pixels and regions."""

    state: str
    pixels: Counts
    regions: Counts


def add_up(found: list[MaskCounts], classes: int) -> SplitCounts:
    """The sums over some masks."""
    pixels = np.zeros((len(found), classes), np.int64)
    regions = np.zeros_like(pixels)
    for number, one in enumerate(found):
        pixels[number], regions[number] = one.pixels, one.regions
    return SplitCounts(len(found), pixels.sum(axis=0), regions.sum(axis=0), (pixels > 0).sum(axis=0))


def count_masks(project: Project, context: JobContext) -> ClassBalance:
    """Counts the masks of all samples; those whose files did not change since the last time are known.

    Raises:
        Cancelled: between two masks; what was counted by then is known the next time.
    """
    counted, unreadable = count_each(project, context)
    splits: dict[str, list[MaskCounts]] = {}
    for mark in project.review.marks():
        if mark.key in counted:
            splits.setdefault(mark.split, []).append(counted[mark.key])
    by_split = {split: add_up(found, project.palette.count) for split, found in splits.items()}
    return ClassBalance(project.palette.names, by_split, unreadable)


def count_each(project: Project, context: JobContext) -> tuple[dict[str, MaskCounts], tuple[str, ...]]:
    """What the mask of each sample holds, by key, and the keys of those that cannot be read.

    Raises:
        Cancelled: see `count_masks`.
    """
    path, palette = project.facts_dir / FILE, project.palette
    known = _read(path, palette)
    found: dict[str, MaskCounts] = {}
    unreadable: list[str] = []
    marks = project.review.marks()
    try:
        for number, mark in enumerate(marks):
            context.check()
            state = _state(project.mask_path(mark.key))
            if not state:
                continue
            counted = known.get(mark.key)
            if counted is None or counted.state != state:
                context.progress(number, len(marks), mark.key)
                counted = _count(project.mask_path(mark.key), state, palette)
            if counted is None:
                unreadable.append(mark.key)
                continue
            found[mark.key] = counted
    finally:
        if any(known.get(key) is not counted for key, counted in found.items()):
            _write(path, palette, {**known, **found})
    return found, tuple(unreadable)


def _state(path: Path) -> str:
    """What tells one state of a file from another; "" for no file."""
    try:
        found = path.stat()
    except OSError:
        return ""
    return f"{found.st_size}-{found.st_mtime_ns}"


def _count(path: Path, state: str, palette: Palette) -> MaskCounts | None:
    try:
        mask = read_mask(path)
    except SegstudioError:
        return None
    pixels = histogram(mask)[: palette.count].copy()
    if palette.ignore_id < palette.count:
        pixels[palette.ignore_id] = 0
    return MaskCounts(state, pixels, count_regions(mask, palette.count, palette.ignore_id))


def _read(path: Path, palette: Palette) -> dict[str, MaskCounts]:
    """What was counted before; nothing where the file is missing, damaged, or about other classes."""
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(stored["about"].tobytes())
            pixels, regions = stored["pixels"], stored["regions"]
        if about["version"] != VERSION or about["names"] != list(palette.names):
            return {}
        rows = zip(about["keys"], about["states"], pixels, regions, strict=True)
        return {key: MaskCounts(state, counted, parts) for key, state, counted, parts in rows}
    except (OSError, ValueError, KeyError, EOFError, TypeError, zipfile.BadZipFile, zlib.error):
        return {}


def _write(path: Path, palette: Palette, found: Mapping[str, MaskCounts]) -> None:
    about = {
        "version": VERSION,
        "names": palette.names,
        "keys": list(found),
        "states": [one.state for one in found.values()],
    }
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        about=np.frombuffer(json.dumps(about).encode(), np.uint8),
        pixels=np.stack([one.pixels for one in found.values()]),
        regions=np.stack([one.regions for one in found.values()]),
    )
    write_cache(path, stream.getvalue())
