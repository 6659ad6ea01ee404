"""Earlier states of masks, as indexed PNG files that any program reads, with who, when and why beside them.

`.segstudio/versions/<key>/` holds one file for each different content, and `index.jsonl` with one line for
each version. A file is written before its line and goes after it, so that a crash leaves at most a file
without a line; that one is listed too. Nothing here may stop a mask from being saved.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, MaskError, ProjectError, SegstudioError
from segstudio.images import read_mask
from segstudio.project.cache_file import write_cache

LOG = logging.getLogger(__name__)
Mask = NDArray[np.uint8]
INDEX = "index.jsonl"
SUFFIX = ".png"
ID_LENGTH = 16
LIMIT_BYTES = 2 * 2**30
# What is dropped at once when the bytes run out, so that not every save has to make room.
ROOM = 0.1
NEWEST = 20
HOUR, DAY = 3600.0, 86_400.0


class Why(Enum):
    """What made a state worth keeping."""

    FOUND = "found"
    SAVED = "saved"
    PREDICTION = "prediction"
    SUBMITTED = "submitted"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    RESTORED = "restored"
    BATCH = "batch"
    RECOVERED = "recovered"
    OUTSIDE = "outside"
    PUT_ASIDE = "put aside"


# Kept however old they are: the mask before the first edit, what people decided, what exists nowhere else.
ALWAYS = frozenset(
    {Why.FOUND, Why.PREDICTION, Why.SUBMITTED, Why.ACCEPTED, Why.REJECTED, Why.OUTSIDE, Why.PUT_ASIDE}
)


@dataclass(frozen=True)
class VersionNote:
    """Why a state is kept, and which model had a part in it ("" for none)."""

    why: Why
    model: str = ""


@dataclass(frozen=True)
class Version:
    """An earlier state of a mask.

    Attributes:
        file: its indexed PNG.
        when: seconds since 1970 at which the mask got this state or this verdict.
        who: the user, "" where nobody knows.
        note: why it is kept.
        pixels: how many differ from the version before; None for the first, or when that one is gone.
    """

    file: Path
    when: float
    who: str
    note: VersionNote
    pixels: int | None = None

    @property
    def id(self) -> str:
        """What names its content: 16 hexadecimal digits of the file's SHA-256."""
        return self.file.stem


def content_id(content: bytes) -> str:
    """The id of a version with this file content."""
    return hashlib.sha256(content).hexdigest()[:ID_LENGTH]


def thinned(versions: Sequence[Version], now: float) -> list[Version]:
    """Those to keep, in their order.

    Verdicts and their like stay (`ALWAYS`). Of the others the last 20 stay, then the last one of each hour of
    the past day, then the last one of each day.
    """
    kept: set[int] = set()
    hours: set[float] = set()
    days: set[float] = set()
    plain = [place for place, version in enumerate(versions) if version.note.why not in ALWAYS]
    for number, place in enumerate(reversed(plain)):
        when = versions[place].when
        spans, span = (hours, when // HOUR) if now - when < DAY else (days, when // DAY)
        if number < NEWEST or span not in spans:
            kept.add(place)
        spans.add(span)
    return [version for place, version in enumerate(versions) if place in kept or version.note.why in ALWAYS]


class VersionFiles:
    """The versions of a project's masks. Hold the sample's lock for whatever writes.

    Attributes:
        trouble: why the last version could not be kept, or None.
    """

    def __init__(self, folder: Path, limit_bytes: int = LIMIT_BYTES) -> None:
        self._folder = folder
        self._limit = limit_bytes
        self.trouble: SegstudioError | None = None

    def of(self, key: str) -> list[Version]:
        """The versions of a sample, oldest first; what is damaged or gone is left out."""
        folder = self._folder / key
        versions = list(_indexed(folder))
        named = {version.file.name for version in versions}
        for path in _pictures(folder):
            if path.name not in named:
                with contextlib.suppress(OSError):
                    versions.append(Version(path, path.stat().st_mtime, "", VersionNote(Why.SAVED)))
        return sorted(versions, key=lambda version: version.when)

    def find(self, key: str, version_id: str) -> Version:
        """The version whose id begins so.

        Raises:
            ProjectError: there is none, or several.
        """
        found = {version.id: version for version in self.of(key) if version.id.startswith(version_id)}
        if len(found) != 1 or not version_id:
            count = "no version" if not found else f"{len(found)} versions"
            raise ProjectError(
                f"{key} has {count} {version_id!r}", hint="give an id from the list of versions"
            )
        return next(iter(found.values()))

    def keep(self, key: str, content: bytes, note: VersionNote, who: str, when: float) -> Version | None:
        """Keeps a mask file's content as a version; None when the disk refuses (see `trouble`).

        The newest version stands for a second one of the same content and reason.
        """
        try:
            version = self._keep(key, content, note, who, when)
        except (OSError, ImageError) as error:
            reason = error.message if isinstance(error, ImageError) else f"{error.strerror or error}"
            self.trouble = ProjectError(
                f"no version of {key} is kept: {reason}", hint="its mask is saved; free some space"
            )
            LOG.warning("%s", self.trouble)
            return None
        self.trouble = None
        return version

    def _keep(self, key: str, content: bytes, note: VersionNote, who: str, when: float) -> Version:
        if not self._folder.parent.is_dir():
            # A disk that was pulled: its folders must not be made anew in its place.
            raise FileNotFoundError(errno.ENOENT, f"{self._folder.parent} is not there")
        before = self.of(key)
        folder = self._folder / key
        path = folder / f"{content_id(content)}{SUFFIX}"
        last = before[-1] if before else None
        if last is not None and last.file == path and note.why in (last.note.why, Why.SAVED):
            return last
        if not path.exists():
            write_cache(path, content)
        version = Version(path, round(when, 3), who, note, _changed(last, path))
        versions = thinned([*before, version], time.time())
        if len(versions) == len(before) + 1:
            _append(folder / INDEX, _line(version))
        else:
            self._write(folder, versions)
        return version

    def _write(self, folder: Path, versions: Sequence[Version]) -> None:
        """Makes these the versions of a folder; the files of others go."""
        write_cache(folder / INDEX, b"".join(map(_line, versions)))
        named = {version.file.name for version in versions}
        for path in _pictures(folder):
            if path.name not in named:
                path.unlink(missing_ok=True)

    # -- bytes --------------------------------------------------------------------------------------------

    @property
    def used(self) -> int:
        """Bytes of all versions."""
        return sum(size for _, size in self._files())

    def _files(self) -> Iterator[tuple[Path, int]]:
        for path in self._folder.rglob(f"*{SUFFIX}"):
            with contextlib.suppress(OSError):
                yield path, path.stat().st_size

    def keys(self) -> list[str]:
        """Samples with versions."""
        folders = {path.parent for path, _ in self._files()}
        return sorted(folder.relative_to(self._folder).as_posix() for folder in folders)

    def drop(self, key: str, gone: frozenset[Version]) -> None:
        """Drops versions of a sample.

        Raises:
            OSError, ImageError: the disk refuses.
        """
        self._write(self._folder / key, [version for version in self.of(key) if version not in gone])

    def to_drop(self) -> dict[str, frozenset[Version]]:
        """What goes so that the others take less than the limit: plain saves first, the oldest first."""
        excess = self.used - round(self._limit * (1 - ROOM))
        if excess <= self._limit * ROOM:
            return {}
        all_versions = [(key, version) for key in self.keys() for version in self.of(key)]
        all_versions.sort(key=lambda pair: (pair[1].note.why in ALWAYS, pair[1].when))
        uses: dict[Path, int] = {}
        for _, version in all_versions:
            uses[version.file] = uses.get(version.file, 0) + 1
        gone: dict[str, set[Version]] = {}
        for key, version in all_versions:
            if excess <= 0:
                break
            gone.setdefault(key, set()).add(version)
            uses[version.file] -= 1
            if not uses[version.file]:
                with contextlib.suppress(OSError):
                    excess -= version.file.stat().st_size
        return {key: frozenset(dropped) for key, dropped in gone.items()}


def _changed(last: Version | None, path: Path) -> int | None:
    """Pixels that differ between a version and a file; None when they cannot be compared."""
    if last is None:
        return None
    if last.file == path:
        return 0
    try:
        before, after = read_mask(last.file), read_mask(path)
    except MaskError:
        return None
    return int(np.count_nonzero(before != after)) if before.shape == after.shape else None


def _append(path: Path, line: bytes) -> None:
    """Adds a line, behind one that a crash may have cut short."""
    with path.open("a+b") as stream:
        if stream.seek(0, os.SEEK_END):
            stream.seek(-1, os.SEEK_END)
            if stream.read(1) != b"\n":
                line = b"\n" + line
        stream.write(line)


def _line(version: Version) -> bytes:
    values = {
        "file": version.file.name,
        "when": version.when,
        "who": version.who,
        "why": version.note.why.value,
        "model": version.note.model,
        "pixels": version.pixels,
    }
    return json.dumps(values, ensure_ascii=False).encode() + b"\n"


def _indexed(folder: Path) -> Iterator[Version]:
    """The versions of a folder's index whose files are there; lines that make no sense are passed over."""
    try:
        lines = (folder / INDEX).read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            values = json.loads(line)
            pixels = values["pixels"]
            version = Version(
                folder / os.path.basename(values["file"]),
                float(values["when"]),
                str(values["who"]),
                VersionNote(Why(values["why"]), str(values["model"])),
                None if pixels is None else int(pixels),
            )
        except (ValueError, KeyError, TypeError):
            continue
        if version.file.is_file():
            yield version


def _pictures(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            return [
                Path(entry.path)
                for entry in entries
                if entry.name.endswith(SUFFIX) and not entry.name.startswith(".") and entry.is_file()
            ]
    except OSError:
        return []
