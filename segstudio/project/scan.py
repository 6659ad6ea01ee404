"""Brings a project's facts up to date with its files: names at once, sizes and changed masks as a Job."""

import json
from contextlib import suppress
from pathlib import Path

from segstudio.errors import ImageError, ProjectError
from segstudio.images import image_size
from segstudio.jobs import JobContext
from segstudio.project.cache_file import sweep, write_cache
from segstudio.project.config import ProjectFolders
from segstudio.project.layout import contested, list_files, mask_files, name_samples
from segstudio.project.mask_files import ABSENT, MaskFiles, MaskStamp, size_on_disk
from segstudio.project.sample import Changes, SampleStatus
from segstudio.project.store import SampleRow, Store

KEYS_FILE = "keys.json"
BATCH = 200
WITHOUT_WORK = (SampleStatus.UNLABELLED, SampleStatus.PREDICTED)


class Scan:
    """Looks at the files of a project."""

    def __init__(self, folders: ProjectFolders, store: Store, masks: MaskFiles) -> None:
        self._folders = folders
        self._store = store
        self._masks = masks
        self.warnings: tuple[str, ...] = ()

    def files(self, *, fresh: bool = False, rebuilt: bool = False) -> Changes:
        """Lists images and masks; no file is opened.

        Args:
            fresh: a new project: masks that are there already come from elsewhere and count as accepted.
            rebuilt: the database is new, the project is not: keys come from `keys.json`.

        Raises:
            ProjectError: the images folder cannot be listed.
        """
        found, refused = list_files(self._folders.images)
        known, missing = self._store.keys_by_image()
        if rebuilt:
            known = {**self._kept_keys(), **known}
        came: frozenset[str] = frozenset()
        gone: frozenset[str] = frozenset()
        present = set(found)
        if rebuilt or present != {image for image, key in known.items() if key not in missing}:
            free = frozenset(key for image, key in known.items() if image not in present)
            samples = name_samples(found, known, free)
            self._keep_keys(contested(samples))
            came, gone = self._store.apply_scan(samples)
        keys = frozenset(known.values()) - gone | came
        masked = {key for key, _ in mask_files(self._folders.masks)}
        self._warn(len(found), refused, masked - keys)
        status = SampleStatus.ACCEPTED if fresh else SampleStatus.IN_PROGRESS
        begun = self._begun(masked & keys, status)
        return Changes(samples=came | gone, masks=begun, statuses=begun)

    def headers(self, context: JobContext) -> Changes:
        """Reads the sizes of images that are new or were replaced since they were read."""
        rows = self._store.rows()
        moved: set[str] = set()
        for position in range(0, len(rows), BATCH):
            context.check()
            context.progress(position, len(rows), "reading image headers")
            headers: dict[str, tuple[int, int, int]] = {}
            for row in rows[position : position + BATCH]:
                header = self._header(row)
                if header != (row.width, row.height, row.image_mtime):
                    headers[row.key] = header
            self._store.set_headers(headers)
            moved |= headers.keys()
        return Changes(samples=frozenset(moved))

    def masks(self, context: JobContext) -> Changes:
        """Notices masks that other programs replaced since they were last read or saved here."""
        rows = {row.key: row for row in self._store.rows() if row.mask_hash}
        changed: set[str] = set()
        if not rows:
            return Changes()
        for position, (key, entry) in enumerate(mask_files(self._folders.masks)):
            if position % BATCH == 0:
                context.check()
                context.progress(position, len(rows), "looking for changed masks")
            row = rows.get(key)
            if row and size_on_disk(entry) != (row.mask_size, row.mask_mtime) and self._is_changed(row):
                changed.add(key)
        for folder in (self._folders.masks, self._folders.facts):
            sweep(folder)
        return Changes(masks=frozenset(changed), scores=frozenset(changed))

    def size(self, row: SampleRow) -> tuple[int, int]:
        """(width, height) of a sample's image as it is now; noted when it is new.

        Raises:
            ImageError: the image cannot be read.
        """
        path = self._folders.images / row.image
        try:
            changed = path.stat().st_mtime_ns
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {error.strerror}") from error
        if row.width and changed == row.image_mtime:
            return row.width, row.height
        width, height = image_size(path)
        self._store.set_headers({row.key: (width, height, changed)})
        return width, height

    def _header(self, row: SampleRow) -> tuple[int, int, int]:
        path = self._folders.images / row.image
        try:
            changed = path.stat().st_mtime_ns
            return (
                (row.width, row.height, changed)
                if changed == row.image_mtime
                else (*image_size(path), changed)
            )
        except OSError:
            return row.width, row.height, row.image_mtime
        except ImageError:
            # Not looked at again until the file changes.
            return 0, 0, changed

    def _is_changed(self, row: SampleRow) -> bool:
        known = MaskStamp(row.mask_size, row.mask_mtime, row.mask_hash)
        with self._masks.locks.held(row.key):
            try:
                # The row may have been read before a save that has ended meanwhile.
                known = self._masks.seen(row.key) or known
                found = self._masks.stamp(self._masks.path(row.key), known)
            except OSError:
                return False
            if found in (ABSENT, known):
                return False
            return self._store.note_mask(row.key, (found.size, found.mtime_ns, found.digest))

    def _begun(self, masked: set[str], status: SampleStatus) -> frozenset[str]:
        if not masked:
            return frozenset()
        waiting = masked & self._store.keys_in(WITHOUT_WORK)
        return self._store.advance(waiting, status, WITHOUT_WORK) if waiting else frozenset()

    def _warn(self, images: int, refused: list[str], orphans: set[str]) -> None:
        warnings = []
        if not images:
            warnings.append(f"{self._folders.images} holds no images")
        if refused:
            warnings.append(f"{len(refused)} folders or files cannot be listed, such as {refused[0]}")
        if orphans:
            warnings.append(f"{len(orphans)} masks belong to no image, such as {min(orphans)}.png")
        self.warnings = tuple(warnings)

    def _kept_keys(self) -> dict[str, str]:
        with suppress(OSError, ValueError):
            values = json.loads((self._folders.facts / KEYS_FILE).read_text(encoding="utf-8"))
            if isinstance(values, dict):
                return {str(image): str(key) for image, key in values.items()}
        return {}

    def _keep_keys(self, keys: dict[str, str]) -> None:
        """Writes the keys that a new database could not find out from the files."""
        path: Path = self._folders.facts / KEYS_FILE
        if keys == self._kept_keys():
            return
        try:
            write_cache(path, json.dumps(keys, indent=0, ensure_ascii=False).encode())
        except ImageError as error:
            raise ProjectError(error.message, hint=error.hint) from error
