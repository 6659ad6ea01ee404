"""The journal of one mask: every edit is on disk before the next one, so that a crash costs one stroke.

A record holds the pixels that an edit (or its undo) wrote. Writing all records over any state of the mask
between the first and the last of them gives the last state, so a replay is right whether or not the crash
came before, during or after a save.
"""

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.history import Edit
from segstudio.annotation.rect import Rect
from segstudio.errors import MaskError
from segstudio.images import atomic_write

Mask = NDArray[np.uint8]
MAGIC = b"SGJ1"
HEADER = struct.Struct("<4sIII")
RECORD = struct.Struct("<4sIIIII")
RECORD_MAGIC = b"EDIT"
CHECK = struct.Struct("<I")


@dataclass(frozen=True)
class Record:
    """Pixels that were written: a rectangle and its bytes, zlib-packed."""

    rect: Rect
    packed: bytes


@dataclass(frozen=True)
class JournalContent:
    """What a journal file holds: the size and checksum of the mask it began with, and its whole records."""

    width: int
    height: int
    base_crc: int
    records: tuple[Record, ...]


class Journal:
    """Appends the edits of one open mask; the file appears with the first edit and goes with a save."""

    def __init__(self, path: Path, base: Mask) -> None:
        self._path = path
        self._shape = (int(base.shape[0]), int(base.shape[1]))
        self._base_crc = checksum(base)
        self._records: list[bytes] = []
        self._descriptor: int | None = None

    @property
    def length(self) -> int:
        """Records since the last rebase."""
        return len(self._records)

    def append(self, edit: Edit, *, undo: bool = False) -> None:
        """Writes an edit's new pixels, or with `undo` its old ones; on return the system has them.

        Raises:
            MaskError: the disk refuses.
        """
        record = _pack(edit.rect, edit.before if undo else edit.after)
        try:
            if self._descriptor is None:
                self._open()
            assert self._descriptor is not None
            _write_all(self._descriptor, record)
        except OSError as error:
            raise MaskError(
                f"{self._path} cannot be written: {error.strerror}",
                hint="free some space; save as soon as you can",
            ) from error
        self._records.append(record)

    def rebase(self, saved: Mask, written: int) -> None:
        """After a save: begins anew from the saved pixels, keeping records after the first `written` ones."""
        self._records = self._records[written:]
        self._base_crc = checksum(saved)
        self._close_file()
        if self._records:
            atomic_write(self._path, self._header() + b"".join(self._records))
        else:
            self._path.unlink(missing_ok=True)

    def close(self) -> None:
        """Lets the file go; unsaved records stay in it for the next start."""
        self._close_file()
        self._records = []

    def _open(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if not self._records and self._path.exists():
            # Edits of an earlier crash that nobody replayed or discarded are put aside, not written over.
            os.replace(self._path, self._path.with_suffix(".old"))
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._path, flags, 0o644)
        if os.fstat(self._descriptor).st_size == 0:
            _write_all(self._descriptor, self._header())

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
        found, x, y, w, h, length = RECORD.unpack_from(content, position)
        end = position + RECORD.size + length
        if found != RECORD_MAGIC or end + CHECK.size > len(content) or x + w > width or y + h > height:
            break
        if zlib.crc32(content[position:end]) != CHECK.unpack_from(content, end)[0]:
            break
        records.append(Record(Rect(x, y, w, h), content[position + RECORD.size : end]))
        position = end + CHECK.size
    return JournalContent(width, height, base_crc, tuple(records))


def replay(mask: Mask, content: JournalContent) -> Mask:
    """A copy of a mask with all records written over it.

    Raises:
        MaskError: the journal belongs to a mask of another size.
    """
    if mask.shape != (content.height, content.width):
        raise MaskError(
            f"the journal is for {content.width}x{content.height}, not {mask.shape[1]}x{mask.shape[0]}",
            hint="discard the journal",
        )
    result = mask.copy()
    for record in content.records:
        pixels = np.frombuffer(zlib.decompress(record.packed), np.uint8)
        result[record.rect.slices] = pixels.reshape(record.rect.height, record.rect.width)
    return result


def checksum(mask: Mask) -> int:
    """CRC-32 of a mask's pixels."""
    return zlib.crc32(np.ascontiguousarray(mask).data)


def _pack(rect: Rect, packed: bytes) -> bytes:
    body = RECORD.pack(RECORD_MAGIC, rect.x, rect.y, rect.width, rect.height, len(packed)) + packed
    return body + CHECK.pack(zlib.crc32(body))


def _write_all(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]
