"""The journal of one mask: every edit is on disk before the next one, so that a crash costs one stroke.

A record holds the pixels that an edit (or its undo) changed. Writing all records over any state of the mask
between the first and the last of them gives the last state, so a replay is right whether or not the crash
came before, during or after a save.
"""

import contextlib
import errno
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.packed_changes import RunReader
from segstudio.annotation.rect import Rect
from segstudio.errors import MaskError

Mask = NDArray[np.uint8]
MAGIC = b"SGJ1"
HEADER = struct.Struct("<4sIII")
RECORD = struct.Struct("<4sIIIII")
# What a record holds: an edit's runs that were applied, or taken back; once, a rectangle's pixels by zlib.
DONE, UNDONE, PIXELS = b"DONE", b"UNDO", b"EDIT"
KINDS = (DONE, UNDONE, PIXELS)
CHECK = struct.Struct("<I")


@dataclass(frozen=True)
class Record:
    """Pixels that were written: a rectangle, one of KINDS, and the packed content."""

    rect: Rect
    kind: bytes
    packed: bytes


@dataclass(frozen=True)
class JournalContent:
    """What a journal file holds: the size and checksum of the mask it began with, and its whole records."""

    width: int
    height: int
    base_crc: int
    records: tuple[Record, ...]


class Journal:
    """Appends the edits of one open mask; the file appears with the first edit and goes with a save.

    A record that the disk refused is kept in memory, and is written with the next one.
    """

    def __init__(self, path: Path, base: Mask, home: Path | None = None) -> None:
        """`home` is a folder above `path` that must be there: it is never made, for its disk may be gone."""
        self._path = path
        self._home = home
        self._shape = (int(base.shape[0]), int(base.shape[1]))
        self._base_crc = checksum(base)
        self._records: list[bytes] = []
        self._descriptor: int | None = None
        self._dropped = 0
        self._behind = False
        # The file as it was when this was closed: whoever opens the sample next may begin another one.
        self._left: os.stat_result | None = None

    @property
    def length(self) -> int:
        """Records that were ever appended."""
        return self._dropped + len(self._records)

    @property
    def behind(self) -> bool:
        """Whether records are in memory only, since the disk refused them."""
        return self._behind

    def append(self, edit: Edit, *, undo: bool = False) -> None:
        """Writes an edit's new pixels, or with `undo` its old ones; on return the system has them.

        Raises:
            MaskError: the disk refuses; the record is written with the next one.
        """
        self._records.append(_pack(edit, UNDONE if undo else DONE))
        try:
            if self._behind or self._is_lost():
                self._write_anew()
                return
            if self._descriptor is None:
                self._open()
            assert self._descriptor is not None
            _write_all(self._descriptor, self._records[-1])
        except OSError as error:
            self._behind = True
            raise MaskError(
                f"the journal {self._path} cannot be written: {error.strerror or error}",
                hint="free some space; until then a crash costs the strokes since the last save",
            ) from error

    def rebase(self, saved_crc: int, written: int) -> None:
        """After a save: begins anew from the saved pixels, without the records that are in them.

        `written` is the `length` as it was when the pixels were taken. A disk that refuses keeps the old
        file: replaying it gives the same pixels. A closed journal goes if all of it was saved.
        """
        if self._left is not None:
            if written >= self.length and self._is_same(self._left):
                with contextlib.suppress(OSError):
                    self._path.unlink()
            return
        self._records = self._records[max(written - self._dropped, 0) :]
        self._dropped = max(self._dropped, written)
        self._base_crc = saved_crc
        try:
            if self._records:
                self._write_anew()
            else:
                self._close_file()
                self._path.unlink(missing_ok=True)
                self._behind = False
        except OSError:
            self._behind = bool(self._records)

    def close(self) -> None:
        """Lets the file go; unsaved records stay in it for the next start."""
        if self._descriptor is not None:
            self._left = os.fstat(self._descriptor)
        self._close_file()

    def _open(self) -> None:
        self._make_folder()
        if len(self._records) == 1 and self._path.exists():
            # Edits of an earlier crash that nobody replayed or discarded are put aside, not written over.
            os.replace(self._path, self._path.with_suffix(".old"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._path, flags, 0o644)
        if os.fstat(self._descriptor).st_size == 0:
            _write_all(self._descriptor, self._header())

    def _make_folder(self) -> None:
        if self._home is not None and not self._home.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"{self._home} is not there")
        self._path.parent.mkdir(parents=True, exist_ok=True)

    def _write_anew(self) -> None:
        """All records in a new file, in place of one that ends in half a record or is gone."""
        self._close_file()
        self._make_folder()
        # Not forced to the disk: it is for a crash of this program, and the window waits here.
        part = self._path.with_suffix(".part")
        part.write_bytes(self._header() + b"".join(self._records))
        os.replace(part, self._path)
        self._behind = False

    def _is_lost(self) -> bool:
        """Whether the open file was removed; it would take records to nowhere."""
        return self._descriptor is not None and not self._is_same(os.fstat(self._descriptor))

    def _is_same(self, about: os.stat_result) -> bool:
        """Whether that file is the one in the journal's place."""
        try:
            return os.path.samestat(about, os.stat(self._path))
        except FileNotFoundError:
            return False

    def _header(self) -> bytes:
        return HEADER.pack(MAGIC, self._shape[1], self._shape[0], self._base_crc)

    def _close_file(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def read_journal(path: Path) -> JournalContent | None:
    """The whole records of a journal, without a torn or damaged tail; None when there is no header."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    if len(content) < HEADER.size:
        return None
    magic, width, height, base_crc = HEADER.unpack_from(content)
    if magic != MAGIC:
        return None
    records, position = [], HEADER.size
    while position + RECORD.size + CHECK.size <= len(content):
        kind, x, y, w, h, length = RECORD.unpack_from(content, position)
        end = position + RECORD.size + length
        if kind not in KINDS or end + CHECK.size > len(content) or x + w > width or y + h > height:
            break
        if zlib.crc32(content[position:end]) != CHECK.unpack_from(content, end)[0]:
            break
        records.append(Record(Rect(x, y, w, h), kind, content[position + RECORD.size : end]))
        position = end + CHECK.size
    return JournalContent(width, height, base_crc, tuple(records))


def replay(mask: Mask, content: JournalContent) -> Mask:
    """A copy of a mask with all records written over it.

    Raises:
        MaskError: the journal belongs to a mask of another size.
        ValueError, zlib.error: a record is whole but makes no sense.
    """
    if mask.shape != (content.height, content.width):
        raise MaskError(
            f"the journal is for {content.width}x{content.height}, not {mask.shape[1]}x{mask.shape[0]}",
            hint="discard the journal",
        )
    result = mask.copy()
    for record in content.records:
        target = result[record.rect.slices]
        if record.kind == PIXELS:
            pixels = np.frombuffer(zlib.decompress(record.packed), np.uint8)
            target[:] = pixels.reshape(target.shape)
        else:
            RunReader(record.packed, *target.shape).put(target, old=record.kind == UNDONE)
    return result


def checksum(mask: Mask) -> int:
    """CRC-32 of a mask's pixels."""
    return zlib.crc32(np.ascontiguousarray(mask).data)


def _pack(edit: Edit, kind: bytes) -> bytes:
    rect = edit.rect
    body = RECORD.pack(kind, rect.x, rect.y, rect.width, rect.height, len(edit.packed)) + edit.packed
    return body + CHECK.pack(zlib.crc32(body))


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
