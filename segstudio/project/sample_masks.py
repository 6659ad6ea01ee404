"""The masks of a project's samples: their files, what the database knows of them, and their versions."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import ImageError, MaskError, ProjectError
from segstudio.images import mask_bytes, read_mask
from segstudio.jobs import JobContext
from segstudio.project.lock import user_name
from segstudio.project.mask_files import MaskFiles, MaskStamp
from segstudio.project.sample import Changes, SampleStatus
from segstudio.project.store import SampleRow, Store
from segstudio.project.versions import Version, VersionFiles, VersionNote, Why

Mask = NDArray[np.uint8]
IGNORE = 255
# Saving a mask starts the work on these; what was submitted, accepted or skipped is left to people: an
# autosave that comes a moment after the verdict must not undo it.
BEFORE_WORK = (SampleStatus.UNLABELLED, SampleStatus.PREDICTED, SampleStatus.REJECTED)
# A mask that is overwritten becomes a version if it stood for this long: the end of a spell of work.
PAUSE_S = 60.0
# Without a pause, one version in this time.
SPELL_S = 600.0
Size = tuple[int, int]


class SampleMasks:
    """Loads, saves and restores masks; one lock a sample keeps what belongs together together."""

    def __init__(
        self,
        facts: Path,
        files: MaskFiles,
        store: Store,
        versions: VersionFiles,
        palette: Palette,
        measured: Callable[[str, Mask, str], None],
    ) -> None:
        """`measured` is told of every mask that was saved, with its hash, before anybody can replace it."""
        self._facts = facts
        self._measured = measured
        self._files = files
        self._store = store
        self._palette = palette
        self.versions = versions

    def load(self, key: str, row: SampleRow | None, size: Size | None) -> Mask | None:
        """See `Project.load_mask`; `size` is the image's (width, height), None when it cannot be read."""
        with self._files.locks.held(key):
            mask, stamp = self._files.load(key, size)
            if row is not None and mask is not None and known_stamp(row) != stamp:
                self._store.note_mask(key, (stamp.size, stamp.mtime_ns, stamp.digest))
        return mask

    def look(self, key: str, row: SampleRow, size: Size | None) -> tuple[Mask | None, str]:
        """See `Project.look_at_mask`."""
        with self._files.locks.held(key):
            mask, stamp = self._files.look(key, size)
            if mask is not None and known_stamp(row) != stamp:
                # Whoever saves later must still be told that the file is another one than it was.
                self._files.expect(key, known_stamp(row))
                self._store.note_mask(key, (stamp.size, stamp.mtime_ns, stamp.digest))
        return mask, stamp.digest

    def save(
        self, row: SampleRow, mask: Mask, size: Size | None, note: VersionNote, *, force: bool, initiator: str
    ) -> Changes:
        """See `Project.save_mask`."""
        key = row.key
        if mask.dtype != np.uint8 or mask.ndim != 2 or (size and mask.shape != (size[1], size[0])):
            raise MaskError(
                f"a mask of {mask.dtype} {mask.shape} does not fit {key}, an image of {size} (width, height)",
                hint="masks are uint8 [height, width]",
            )
        if not self._facts.is_dir():
            # Else the folders of a disk that was pulled would be made anew in its place.
            raise MaskError(f"{self._facts} is not there", hint="connect its disk again")
        with self._files.locks.held(key):
            self._files.check(key, mask, known_stamp(row), force=force)
            kept = self._keep_old(row, mask, note, force)
            stamp, content = self._write(key, mask, kept)
            moved = self._store.mask_saved(
                key,
                (stamp.size, stamp.mtime_ns, stamp.digest),
                SampleStatus.IN_PROGRESS,
                BEFORE_WORK,
                user_name(),
            )
            self._measured(key, mask, stamp.digest)
            if note.why is not Why.SAVED:
                self.versions.keep(key, content, note, user_name(), time.time())
        chosen = frozenset({key})
        statuses = chosen if moved else frozenset[str]()
        return Changes(masks=chosen, scores=chosen, statuses=statuses, initiator=initiator)

    def _write(self, key: str, mask: Mask, kept: Version | None) -> tuple[MaskStamp, bytes]:
        """Writes a mask; on a disk that has no room for both, the version that was just kept gives way."""
        try:
            return self._files.save(key, mask)
        except MaskError as error:
            if kept is None:
                raise
            self._drop(key, frozenset({kept}))
            written = self._files.save(key, mask)
            self.versions.trouble = ProjectError(
                f"no version of {key} is kept: {error.message}", hint="its mask is saved; free some space"
            )
            return written

    def _keep_old(self, row: SampleRow, mask: Mask, note: VersionNote, force: bool) -> Version | None:
        """Makes a version of the file that is about to be replaced, if the rule of pauses asks for it."""
        key, path = row.key, self._files.path(row.key)
        known = self.versions.of(key)
        try:
            about = path.stat()
        except OSError:
            if not known:
                nothing = mask_bytes(np.full_like(mask, IGNORE), self._palette.colours())
                return self.versions.keep(key, nothing, VersionNote(Why.FOUND), "", time.time())
            return None
        seen = self._files.seen(key) or known_stamp(row)
        is_ours = (about.st_size, about.st_mtime_ns) == (seen.size, seen.mtime_ns)
        when, now = about.st_mtime, time.time()
        waited = now - when >= PAUSE_S or (known and when - known[-1].when >= SPELL_S)
        if known and is_ours and not force and not waited and note.why is Why.SAVED:
            return None
        if known and is_ours and known[-1].id == seen.digest[: len(known[-1].id)]:
            return None
        try:
            content = path.read_bytes()
        except OSError:
            # The mask goes first: what cannot be read cannot be kept either.
            return None
        why = Why.FOUND if not known else Why.SAVED if is_ours else Why.OUTSIDE
        who = row.changed_by if is_ours and known else ""
        made = self.versions.keep(key, content, VersionNote(why), who, when)
        return made if made not in known else None

    # -- versions -----------------------------------------------------------------------------------------

    def keep(self, key: str, note: VersionNote) -> Version | None:
        """Makes a version of a mask file as it is now; None without a file, or when the disk refuses."""
        with self._files.locks.held(key):
            try:
                content = self._files.path(key).read_bytes()
            except OSError:
                return None
            return self.versions.keep(key, content, note, user_name(), time.time())

    def keep_pixels(self, key: str, mask: Mask, note: VersionNote) -> Version | None:
        """Makes a version of a mask uint8 [H,W] that is in no file."""
        with self._files.locks.held(key):
            content = mask_bytes(mask, self._palette.colours())
            return self.versions.keep(key, content, note, user_name(), time.time())

    def load_version(self, key: str, version_id: str, size: Size | None) -> Mask:
        """See `Project.load_version`."""
        version = self.versions.find(key, version_id)
        mask = read_mask(version.file)
        if size is not None and mask.shape != (size[1], size[0]):
            raise MaskError(
                f"version {version.id} of {key} is {mask.shape[1]}x{mask.shape[0]}, "
                f"its image {size[0]}x{size[1]}",
                hint="choose another version",
            )
        self._files.refuse_unknown_ids(version.file, mask)
        return mask

    def tidy(self, context: JobContext) -> None:
        """Drops old versions if all together take more bytes than they may; see `VersionFiles.to_drop`."""
        gone = self.versions.to_drop()
        for number, (key, versions) in enumerate(gone.items()):
            context.check()
            context.progress(number, len(gone), "dropping old versions")
            with self._files.locks.held(key):
                self._drop(key, versions)

    def _drop(self, key: str, versions: frozenset[Version]) -> None:
        try:
            self.versions.drop(key, versions)
        except (OSError, ImageError) as error:
            self.versions.trouble = ProjectError(f"old versions of {key} cannot be dropped: {error}")


def known_stamp(row: SampleRow) -> MaskStamp:
    """The state of a sample's mask in the database."""
    return MaskStamp(row.mask_size, row.mask_mtime, row.mask_hash)
