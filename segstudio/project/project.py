"""Project: the one door to a folder of samples, their masks, predictions, scores and facts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import ImageError, ProjectError, SegstudioError
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts
from segstudio.project.config import ProjectFolders, is_project, read_only, resolve
from segstudio.project.layout import MASK_SUFFIX
from segstudio.project.lock import EditorLock, user_name
from segstudio.project.mask_files import MaskFiles
from segstudio.project.mask_files import OutsideChange as OutsideChange
from segstudio.project.prediction_files import PredictionFiles
from segstudio.project.recovery import Recovery
from segstudio.project.sample import (
    Changes,
    Evaluation,
    ProjectInfo,
    Sample,
    SampleStatus,
    SpeedRecord,
    StoredPrediction,
)
from segstudio.project.sample_masks import SampleMasks
from segstudio.project.scan import Scan
from segstudio.project.schema import open_database
from segstudio.project.slots import load_slots, save_slots
from segstudio.project.splits import divide
from segstudio.project.store import SampleRow, Store
from segstudio.project.thumbs import Thumbs
from segstudio.project.versions import LIMIT_BYTES, Version, VersionFiles, VersionNote, Why

THUMB_SIZE = 256
SAVED = VersionNote(Why.SAVED)


class Project:
    """A folder of images with everything that is known about them; every mutation returns its `Changes`.

    Facts and caches are below `.segstudio/`; masks are indexed PNG files in `masks/`. Several threads may
    use one Project, and several processes one folder.
    """

    def __init__(
        self, folders: ProjectFolders, store: Store, warnings: Iterable[str], versions_bytes: int
    ) -> None:
        """Use `open`."""
        self.root = folders.root
        self.images = folders.images
        self.palette: Palette = folders.palette
        self._folders = folders
        self._store = store
        self._masks = MaskFiles(folders.masks, folders.facts / "replaced", folders.palette)
        self._versions = VersionFiles(folders.facts / "versions", versions_bytes)
        self._sample_masks = SampleMasks(folders.facts, self._masks, store, self._versions, folders.palette)
        self._predictions = PredictionFiles(folders.facts, folders.palette, store)
        self._recovery = Recovery(folders.facts / "journal", self.load_mask)
        self._thumbs = Thumbs(folders.facts / "thumbs")
        self._scan = Scan(folders, store, self._masks)
        self._warnings = list(warnings)
        self._lock: EditorLock | None = None

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        palette: str | None = None,
        images: Path | None = None,
        masks: Path | None = None,
        create: bool = True,
        editor: bool = False,
        versions_bytes: int = LIMIT_BYTES,
    ) -> "Project":
        """Opens the project of a folder, making one if needed. Reads names of files, never their content.

        Args:
            root: the folder of frames, of TAO's layout, or of an existing project.
            palette: a shipped name, or a YAML file, which is copied into the project; None keeps the
                project's own (cityscapes for a new one).
            images: the folder of images when it is not below root.
            masks: the folder of masks when it is not `root/masks`.
            create: False refuses a folder that is no project yet.
            editor: take the advisory lock that warns a second window.
            versions_bytes: what earlier states of masks may take on the disk.

        Raises:
            ProjectError: no folder, no rights, a newer database; `ProjectLocked`: another editor has it open.
            PaletteError: there is no such palette.
        """
        if not root.is_dir() and not (create and images is not None):
            raise ProjectError(f"{root} is no folder", hint="give a folder of images")
        if not create and not is_project(root):
            raise ProjectError(f"{root} is no project yet", hint=f"make one: `segstudio project init {root}`")
        folders = resolve(
            root.resolve(), palette, images.resolve() if images else None, masks.resolve() if masks else None
        )
        try:
            opened = open_database(folders.facts, folders.database, expected=folders.existed)
        except OSError as error:
            raise read_only(folders.root, error) from error
        project = cls(folders, Store(opened.engine), opened.warnings, versions_bytes)
        try:
            if editor:
                with project._store.exclusive():
                    project._lock = EditorLock.take(folders.facts)
            is_new = not folders.existed and not opened.rebuilt
            project._scan.files(fresh=is_new, rebuilt=opened.rebuilt)
        except BaseException:
            project.close()
            raise
        return project

    def close(self) -> None:
        """Lets the database and the lock go."""
        if self._lock:
            self._lock.release()
            self._lock = None
        self._store.close()

    def __enter__(self) -> "Project":
        """The project itself, closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Closes it."""
        self.close()

    @property
    def warnings(self) -> list[str]:
        """What the user should know about the project as a whole."""
        return [*self._warnings, *self._scan.warnings]

    def slots(self) -> tuple[int, ...]:
        """Class ids in the order of their keys, every class once."""
        return load_slots(self._folders.facts, self.palette)

    def set_slots(self, order: Sequence[int]) -> None:
        """Keeps the order of the classes on their keys.

        Raises:
            ProjectError: the disk refuses.
        """
        save_slots(self._folders.facts, self.palette, order)

    # -- samples ------------------------------------------------------------------------------------------

    def samples(self) -> list[Sample]:
        """All samples whose images are there, in natural order."""
        return self._as_samples(self._store.rows())

    def sample(self, key: str) -> Sample:
        """One sample.

        Raises:
            ProjectError: there is none of that key.
        """
        return self._as_samples([self._row(key)])[0]

    def rescan(self, context: JobContext | None = None) -> Changes:
        """Makes the facts match the files: images that came or went, their sizes, masks changed by others.

        Raises:
            Cancelled: what was found until then is kept.
        """
        context = context or JobContext()
        changes = self._scan.files() | self._scan.headers(context) | self._scan.masks(context)
        self._sample_masks.tidy(context)
        return changes

    def set_status(self, keys: Iterable[str], status: SampleStatus, *, initiator: str = "") -> Changes:
        """Sets the status of samples; who did it and when is kept with them.

        Raises:
            ProjectError: one of them does not exist; then none is changed.
        """
        chosen = frozenset(keys)
        self._store.change(chosen, {"status": status.value}, user_name())
        return Changes(statuses=chosen, initiator=initiator)

    def set_note(self, key: str, note: str, *, initiator: str = "") -> Changes:
        """Sets the note of a sample."""
        self._store.change([key], {"note": note}, user_name())
        return Changes(samples=frozenset({key}), initiator=initiator)

    def set_split(self, keys: Iterable[str], split: str, *, initiator: str = "") -> Changes:
        """Sets the split of samples, such as "train" or "val"."""
        chosen = frozenset(keys)
        self._store.change(chosen, {"split": split}, user_name())
        return Changes(samples=chosen, initiator=initiator)

    def assign_splits(
        self, fractions: Mapping[str, float], seed: int = 0, keys: Collection[str] | None = None, *,
        initiator: str = "",
    ) -> Changes:  # fmt: skip
        """Divides samples at random into splits; the same seed and samples give the same division.

        Args:
            fractions: the share of each split; they sum to 1.
            seed: another one, another division.
            keys: the samples to divide; None means all.
            initiator: who asks.

        Raises:
            ProjectError: the fractions are negative or do not sum to 1.
        """
        by_key = divide([row.key for row in self._store.rows(keys)], fractions, seed)
        self._store.assign_splits(by_key, user_name())
        return Changes(samples=frozenset(by_key), initiator=initiator)

    # -- masks --------------------------------------------------------------------------------------------

    def mask_path(self, key: str) -> Path:
        """Where the mask of a sample is or will be."""
        return self._masks.path(key)

    def load_mask(self, key: str) -> NDArray[np.uint8] | None:
        """Class ids uint8 [H,W], or None when no mask was saved yet. Its state is what `save_mask` expects.

        Raises:
            MaskError: it cannot be read, has not the image's size, or holds ids outside the palette.
        """
        rows = self._store.rows([key])
        return self._sample_masks.load(key, *((rows[0], self._size(rows[0])) if rows else (None, None)))

    def save_mask(
        self, key: str, mask: NDArray[np.uint8], *, note: VersionNote = SAVED, force: bool = False,
        initiator: str = "",
    ) -> Changes:  # fmt: skip
        """Writes a mask in one step; forgets scores of the sample, whose status may become in progress.

        The file that it replaces becomes a version before its first change, and later if it stood for a
        minute or no version was kept for ten; a version that cannot be kept is told by `version_trouble`.

        Args:
            key: the sample.
            mask: class ids uint8 [H,W] of the image's size.
            note: why; any other reason than a plain save makes the new mask a version too.
            force: overwrite a file that somebody else changed; a copy goes to `.segstudio/replaced/`.
            initiator: who asks.

        Raises:
            OutsideChange: the file is not the one that was last read or saved here (unless `force`).
            MaskError: wrong size, unknown ids, or the disk refuses; the old file is untouched.
            ProjectError: there is no such sample.
        """
        row = self._row(key)
        return self._sample_masks.save(row, mask, self._size(row), note, force=force, initiator=initiator)

    def mask_hash(self, key: str) -> str:
        """What identifies the mask that was last read or saved here; for `record_counts`."""
        seen = self._masks.seen(key)
        return seen.digest if seen else self._row(key).mask_hash

    # -- versions -----------------------------------------------------------------------------------------

    def versions(self, key: str) -> list[Version]:
        """Earlier states of a mask, oldest first; what is damaged or gone is left out."""
        return self._versions.of(key)

    def load_version(self, key: str, version_id: str) -> NDArray[np.uint8]:
        """Class ids uint8 [H,W] of a version, by its id or how that begins.

        Raises:
            ProjectError: there is no such sample or version.
            MaskError: its file is damaged, or fits neither image nor palette.
        """
        return self._sample_masks.load_version(key, version_id, self._size(self._row(key)))

    def keep_version(self, key: str, note: VersionNote) -> Version | None:
        """Makes a version of a mask file as it is now; None without one, or with `version_trouble`."""
        return self._sample_masks.keep(key, note)

    def keep_pixels(self, key: str, mask: NDArray[np.uint8], note: VersionNote) -> Version | None:
        """Makes a version of a mask uint8 [H,W] that is in no file; None with `version_trouble`."""
        return self._sample_masks.keep_pixels(key, mask, note)

    @property
    def version_trouble(self) -> SegstudioError | None:
        """Why the last version could not be kept, or None."""
        return self._versions.trouble

    # -- predictions --------------------------------------------------------------------------------------

    def save_prediction(
        self, key: str, ids: NDArray[np.uint8], confidence: NDArray[np.uint8], model: str, *,
        second: NDArray[np.uint8] | None = None, margin: NDArray[np.uint8] | None = None,
        initiator: str = "",
    ) -> Changes:  # fmt: skip
        """Stores what a model said, apart from the mask; an unlabelled sample becomes predicted.

        Args:
            key: the sample.
            ids: uint8 [H,W] in the project's palette.
            confidence: uint8 [H,W], 0-255.
            model: the model's name.
            second, margin: the runner-up uint8 [H,W] in the project's palette, 255 where there is none, and
                by how much the best class is more probable, 0-255; kept where both are given.
            initiator: who asks.

        Raises:
            ProjectError: there is no such sample. MaskError: the arrays differ in size.
            ImageError: the disk refuses.
        """
        self._row(key)
        said = StoredPrediction(ids, confidence, model, second, margin)
        moved = self._predictions.save(key, said)
        chosen = frozenset({key})
        return Changes(predictions=chosen, statuses=chosen if moved else frozenset(), initiator=initiator)

    def load_prediction(self, key: str) -> StoredPrediction | None:
        """The stored prediction; a damaged one is dropped and logged: it can be made again."""
        rows = self._store.rows([key])
        return self._predictions.load(key, self._size(rows[0])) if rows else None

    def drop_prediction(self, key: str, *, initiator: str = "") -> Changes:
        """Throws a prediction away; a sample that was only predicted is unlabelled again."""
        moved = self._predictions.drop(key)
        chosen = frozenset({key})
        return Changes(predictions=chosen, statuses=chosen if moved else frozenset(), initiator=initiator)

    def predicted_keys(self) -> frozenset[str]:
        """Samples with a stored prediction."""
        return frozenset(self.predicting_models())

    def predicting_models(self) -> dict[str, str]:
        """The name of the model that predicted each predicted sample."""
        return self._store.predicted(self.palette.name)

    # -- scores, speeds, runs -----------------------------------------------------------------------------

    def record_counts(
        self, key: str, model: str, counts: Counts, *, mask_hash: str | None = None, initiator: str = ""
    ) -> Changes:
        """Stores confusion counts int64 [K,K+1] of a sample and model, in the project's palette.

        With `mask_hash`, as it was when the mask was loaded, they are left out if the mask changed since.
        """
        self._row(key)
        if counts.shape != (self.palette.count, self.palette.count + 1):
            raise ValueError(
                f"counts are {counts.shape}, palette {self.palette.name} has {self.palette.count} classes"
            )
        stored = self._store.set_counts(key, model, self.palette.name, counts, mask_hash)
        return Changes(scores=frozenset({key}) if stored else frozenset(), initiator=initiator)

    def counts(self, model: str) -> dict[str, Counts]:
        """Confusion counts of a model by sample, for masks as they are now, in the project's palette."""
        return self._store.counts(model, self.palette.name, self.palette.count)

    def evaluations(self) -> list[Evaluation]:
        """Models that were compared with masks of this project, by name."""
        return self._store.evaluations(self.palette.name, self.palette.count)

    def evaluated_models(self) -> list[str]:
        """Models that have counts."""
        return [evaluation.model for evaluation in self.evaluations()]

    def record_speed(self, record: SpeedRecord) -> Changes:
        """Stores a measured speed."""
        self._store.add_speed(record)
        return Changes(scores=frozenset({""}))

    def speeds(self) -> list[SpeedRecord]:
        """Measured speeds, newest first."""
        return self._store.speeds()

    @property
    def facts_dir(self) -> Path:
        """The folder of the project's facts; it is gone when the disk was pulled."""
        return self._folders.facts

    @property
    def runs_dir(self) -> Path:
        """Where trainings of this project are kept."""
        return self._folders.facts / "runs"

    @property
    def batches_dir(self) -> Path:
        """Where changes of many masks at once are recorded, so that they can be undone."""
        return self._folders.facts / "batches"

    # -- crash recovery -----------------------------------------------------------------------------------

    def journal_path(self, key: str) -> Path:
        """The journal of a sample's unsaved edits."""
        return self._recovery.path(key)

    def pending_journals(self) -> list[str]:
        """Samples with edits that a crash kept out of their masks."""
        return self._recovery.pending(tidy=self._lock is not None)

    def recover(self, key: str) -> NDArray[np.uint8]:
        """The mask with the journal's edits in it; save it to finish the recovery.

        A mask that is not the one the journal began with is copied to `.segstudio/replaced/`.

        Raises:
            MaskError: the journal or the mask cannot be read, or they do not fit.
        """
        mask, as_it_was = self._recovery.replayed(key)
        if not as_it_was and self.mask_path(key).exists():
            self._masks.keep_copy(key)
        return mask

    def discard_journal(self, key: str) -> None:
        """Puts a journal aside; the next one that is put aside overwrites it."""
        self._recovery.discard(key)

    # -- thumbnails and facts -----------------------------------------------------------------------------

    def thumbnail(self, key: str, size: int = THUMB_SIZE) -> NDArray[np.uint8]:
        """A small picture, RGB uint8 [H,W,3] with a longer side of at most `size`; cached.

        Raises:
            ImageError: the image cannot be read. ProjectError: there is no such sample.
        """
        return self._thumbs.get(key, self.images / self._row(key).image, size)

    def info(self) -> ProjectInfo:
        """The project in numbers."""
        by_status = self._store.tally("status")
        return ProjectInfo(
            root=self.root,
            palette=self.palette.name,
            samples=sum(by_status.values()),
            by_status=by_status,
            by_split=self._store.tally("split"),
            predictions=len(self.predicted_keys()),
            evaluated_models=tuple(self.evaluated_models()),
            warnings=tuple(self.warnings),
            images=self.images,
            masks=self._folders.masks,
            missing=self._store.missing(),
        )

    def _row(self, key: str) -> SampleRow:
        rows = self._store.rows([key])
        if not rows:
            raise ProjectError(f"{self.root} has no sample {key!r}", hint="rescan the project")
        return rows[0]

    def _size(self, row: SampleRow) -> tuple[int, int] | None:
        """(width, height) of a sample's image as it is now; None when it cannot be read."""
        try:
            return self._scan.size(row)
        except ImageError:
            return None

    def _as_samples(self, rows: Iterable[SampleRow]) -> list[Sample]:
        images, masks = self.images.as_posix(), self._folders.masks.as_posix()
        return [
            Sample(
                row.key,
                f"{images}/{row.image}",
                f"{masks}/{row.key}{MASK_SUFFIX}",
                row.status,
                row.split,
                row.note,
                row.width,
                row.height,
            )
            for row in rows
        ]
