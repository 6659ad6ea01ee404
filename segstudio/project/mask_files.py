"""The mask files of a project: read with suspicion, written whole, never over somebody else's change."""

import hashlib
import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import ImageError, MaskError, ProjectError
from segstudio.images import atomic_write, mask_bytes, read_mask
from segstudio.project.cache_file import write_cache
from segstudio.project.key_locks import KeyLocks
from segstudio.project.layout import MASK_SUFFIX

Mask = NDArray[np.uint8]
IGNORE = 255
NEVER = -1
TRIES = 5


@dataclass(frozen=True)
class MaskStamp:
    """What identifies a state of a mask file: bytes, time of change (ns) and SHA-256."""

    size: int = NEVER
    mtime_ns: int = NEVER
    digest: str = ""

    @property
    def exists(self) -> bool:
        """Whether there was a file."""
        return self.size != NEVER

    def __str__(self) -> str:
        """For people: size and local time."""
        if not self.exists:
            return "no file"
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.mtime_ns / 1e9))
        return f"{self.size:,} bytes of {when}"


ABSENT = MaskStamp()


class OutsideChange(ProjectError):  # noqa: N818 - it names an event that the user decides about
    """The mask file is not the one that was last read or saved here.

    Attributes:
        path: the file.
        known: its state when it was last read or saved here.
        found: its state now.
    """

    def __init__(self, path: Path, known: MaskStamp, found: MaskStamp) -> None:
        super().__init__(
            f"{path} was changed by another program: here it was {known}, now it is {found}",
            hint="compare both, then save again to overwrite it or reload to take it",
        )
        self.path = path
        self.known = known
        self.found = found


class MaskFiles:
    """Reads and writes `folder/<key>.png`, and remembers which state of each file this process has seen."""

    def __init__(self, folder: Path, replaced: Path, palette: Palette) -> None:
        self._folder = folder
        self._replaced = replaced
        self._palette = palette
        self._known_ids = np.zeros(256, np.bool_)
        self._known_ids[: palette.count] = True
        self._known_ids[[palette.ignore_id, IGNORE]] = True
        self._seen: dict[str, MaskStamp] = {}
        self.locks = KeyLocks()

    def path(self, key: str) -> Path:
        """Where the mask of a sample is, or will be."""
        return self._folder / f"{key}{MASK_SUFFIX}"

    def seen(self, key: str) -> MaskStamp | None:
        """The state of a mask that this process last read or wrote; None when it did neither."""
        return self._seen.get(key)

    def load(self, key: str, size: tuple[int, int] | None) -> tuple[Mask | None, MaskStamp]:
        """Class ids uint8 [H,W] with the state of their file; None without a file. Hold the key's lock.

        Args:
            key: the sample.
            size: (width, height) that the mask must have; None when the image cannot be read.

        Raises:
            MaskError: it cannot be read, has another size, or holds ids that the palette does not have.
        """
        mask, stamp = self.look(key, size)
        self._seen[key] = stamp
        return mask, stamp

    def look(self, key: str, size: tuple[int, int] | None) -> tuple[Mask | None, MaskStamp]:
        """As `load`, by somebody who will not save: the state does not count as seen."""
        path = self.path(key)
        mask, stamp = self._read_settled(path)
        if mask is None:
            return None, ABSENT
        if size is not None and mask.shape != (size[1], size[0]):
            raise MaskError(
                f"{path} is {mask.shape[1]}x{mask.shape[0]}, its image {size[0]}x{size[1]}",
                hint="replace it by a mask of the image's size",
            )
        self.refuse_unknown_ids(path, mask)
        return mask, stamp

    def expect(self, key: str, known: MaskStamp) -> None:
        """What `check` goes by for a file that this process has not seen."""
        self._seen.setdefault(key, known)

    def check(self, key: str, mask: Mask, known: MaskStamp, *, force: bool) -> None:
        """Sees whether a mask may be written; hold the key's lock.

        Args:
            key: the sample.
            mask: class ids uint8 [H,W].
            known: the state of the file in the project's database, for one that this process never saw.
            force: allow a file that somebody else changed; a copy of it is kept.

        Raises:
            OutsideChange: the file is not in the state that was last seen (unless `force`).
            MaskError: an id is not in the palette, or no copy can be kept.
        """
        path = self.path(key)
        self.refuse_unknown_ids(path, mask)
        change = self._outside_change(path, self._seen.get(key, known))
        if change is not None:
            if not force:
                raise change
            self.keep_copy(key)

    def save(self, key: str, mask: Mask) -> tuple[MaskStamp, bytes]:
        """Writes a mask uint8 [H,W] in one step, after `check`; returns what it wrote. Hold the key's lock.

        Raises:
            MaskError: the disk refuses; the old file is untouched.
        """
        path = self.path(key)
        content = mask_bytes(mask, self._palette.colours())
        try:
            atomic_write(path, content)
            about = path.stat()
        except ImageError as error:
            raise MaskError(error.message, hint=error.hint) from error
        except OSError as error:
            raise MaskError(f"{path} cannot be read after writing: {error.strerror}") from error
        stamp = MaskStamp(len(content), about.st_mtime_ns, hashlib.sha256(content).hexdigest())
        self._seen[key] = stamp
        return stamp, content

    def stamp(self, path: Path, known: MaskStamp = ABSENT) -> MaskStamp:
        """The state of a file; its content is only read when size or time differ from a known state.

        Raises:
            OSError: it cannot be read.
        """
        try:
            about = path.stat()
        except FileNotFoundError:
            return ABSENT
        if known.exists and (about.st_size, about.st_mtime_ns) == (known.size, known.mtime_ns):
            return known
        return MaskStamp(about.st_size, about.st_mtime_ns, hashlib.sha256(path.read_bytes()).hexdigest())

    def _read_settled(self, path: Path) -> tuple[Mask | None, MaskStamp]:
        """Pixels and stamp of the same state of a file, even while another program replaces it."""
        for _ in range(TRIES):
            try:
                stamp = self.stamp(path)
                if not stamp.exists:
                    return None, ABSENT
                mask = read_mask(path)
                about = path.stat()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise MaskError(
                    f"{path} cannot be read: {error.strerror}", hint="check its rights and the disk"
                ) from error
            if (about.st_size, about.st_mtime_ns) == (stamp.size, stamp.mtime_ns):
                return mask, stamp
        raise MaskError(f"{path} changes all the time", hint="wait until the other program has finished")

    def refuse_unknown_ids(self, path: Path, mask: Mask) -> None:
        """Raises MaskError for a mask with ids that the palette does not have; names them."""
        if self._known_ids[mask].all():
            return
        present = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
        unknown = [int(number) for number in present if not self._known_ids[number]]
        named = ", ".join(map(str, unknown[:8])) + (" ..." if len(unknown) > 8 else "")
        raise MaskError(
            f"{path} holds ids that palette {self._palette.name} does not have: {named}",
            hint="open the project with the palette of its masks",
        )

    def _outside_change(self, path: Path, known: MaskStamp) -> OutsideChange | None:
        try:
            found = self.stamp(path, known)
        except OSError as error:
            raise MaskError(
                f"{path} cannot be read before it is replaced: {error.strerror}", hint="check its rights"
            ) from error
        # A file that is gone is made again: nothing of anybody is lost by that.
        if not found.exists or found.digest == known.digest:
            return None
        return OutsideChange(path, known, found)

    def keep_copy(self, key: str) -> None:
        """Copies a mask that somebody else may have made, before it is overwritten.

        Raises:
            MaskError: it cannot be read, or the disk refuses.
        """
        path = self.path(key)
        try:
            stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(path.stat().st_mtime))
            write_cache(self._replaced / f"{key}.{stamp}{MASK_SUFFIX}", path.read_bytes())
        except (OSError, ImageError) as error:
            raise MaskError(
                f"no copy of {path} could be kept before overwriting it: {error}", hint="free some space"
            ) from error


def size_on_disk(entry: "os.DirEntry[str]") -> tuple[int, int]:
    """(bytes, time of change in ns) of a listed file; (-1, -1) when it has just gone."""
    try:
        about = entry.stat()
    except OSError:
        return NEVER, NEVER
    return about.st_size, about.st_mtime_ns
