"""Finds and replays the journals that a crash left: edits that are not in their mask files."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.journal import JournalContent, checksum, read_journal, replay
from segstudio.errors import MaskError

Mask = NDArray[np.uint8]
UNLABELLED_ID = 255
SUFFIX = ".journal"


class Recovery:
    """The journals below a folder, one for each sample with edits since its last save.

    `Project.recovery` is one. Only the editor may tidy: another process would remove the journal that the
    editor writes to.
    """

    def __init__(
        self,
        folder: Path,
        load_mask: Callable[[str], Mask | None],
        keep_copy: Callable[[str], None],
        may_tidy: Callable[[], bool],
    ) -> None:
        self._folder = folder
        self._load_mask = load_mask
        self._keep_copy = keep_copy
        self._may_tidy = may_tidy

    def path(self, key: str) -> Path:
        """The journal of a sample's unsaved edits."""
        return self._folder / f"{key}{SUFFIX}"

    def pending(self) -> list[str]:
        """Samples with edits that a crash kept out of their masks; an editor removes empty journals."""
        paths = sorted(self._folder.rglob(f"*{SUFFIX}")) if self._folder.is_dir() else []
        keys = [path.relative_to(self._folder).as_posix().removesuffix(SUFFIX) for path in paths]
        return [key for key in keys if self.is_pending(key)]

    def is_pending(self, key: str) -> bool:
        """Whether a crash kept edits of this sample out of its mask; no other one is looked at."""
        content = read_journal(self.path(key))
        if content is not None and content.records and self._is_unsaved(key, content):
            return True
        if self._may_tidy():
            self.path(key).unlink(missing_ok=True)
        return False

    def mask(self, key: str) -> Mask:
        """The mask with the journal's edits in it; save it to finish the recovery.

        A mask that is not the one the journal began with is copied to `.segstudio/replaced/`.

        Raises:
            MaskError: the journal or the mask cannot be read, or they do not fit.
        """
        content = read_journal(self.path(key))
        if content is None:
            raise MaskError(f"{key} has no journal", hint="there is nothing to recover")
        base = self._base(key, content)
        try:
            replayed = replay(base, content)
        except (zlib.error, ValueError) as error:
            raise MaskError(
                f"the journal of {key} is damaged: {error}", hint="discard it; the mask is untouched"
            ) from error
        if checksum(base) != content.base_crc:
            self._keep_copy(key)
        return replayed

    def discard(self, key: str) -> None:
        """Puts a journal aside; the next one that is put aside overwrites it."""
        path = self.path(key)
        if path.exists():
            os.replace(path, path.with_suffix(".old"))

    def _is_unsaved(self, key: str, content: JournalContent) -> bool:
        try:
            base = self._base(key, content)
            return not np.array_equal(replay(base, content), base)
        except (MaskError, zlib.error, ValueError):
            # What cannot be judged is for the user to judge.
            return True

    def _base(self, key: str, content: JournalContent) -> Mask:
        mask = self._load_mask(key)
        return np.full((content.height, content.width), UNLABELLED_ID, np.uint8) if mask is None else mask
