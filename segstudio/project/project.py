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
from segstudio.project.evaluation_store import EvaluationStore
from segstudio.project.evaluations import Evaluations
from segstudio.project.layout import MASK_SUFFIX, mask_files
from segstudio.project.lock import EditorLock, user_name
from segstudio.project.mask_files import MaskFiles
from segstudio.project.mask_files import OutsideChange as OutsideChange
from segstudio.project.model_name_store import ModelNameStore
from segstudio.project.overlay_thumbs import OverlayThumbs
from segstudio.project.prediction_files import PredictionFiles
from segstudio.project.promotion_store import PromotionStore
from segstudio.project.promotions import Promotions
from segstudio.project.queue_store import QueueStore
from segstudio.project.recovery import Recovery
from segstudio.project.review_store import ReviewStore
from segstudio.project.reviews import Reviews
from segstudio.project.sample import (
    Changes,
    ProjectInfo,
    Sample,
    SampleStatus,
    SpeedRecord,
    StoredPrediction,
)
from segstudio.project.sample_masks import SampleMasks
from segstudio.project.sample_queue import Readers, SampleQueue
from segstudio.project.scan import Scan
from segstudio.project.schema import open_database
from segstudio.project.slots import load_slots, save_slots
from segstudio.project.splits import divide
from segstudio.project.store import SampleRow, Store
from segstudio.project.thumbs import Thumbs
from segstudio.project.verdict_store import VerdictStore
from segstudio.project.verdicts import Verdicts
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
        self.evaluation = Evaluations(EvaluationStore(store.engine), folders.palette)
        self.queue = SampleQueue(QueueStore(store.engine), folders.palette, self._readers())
        self._sample_masks = SampleMasks(
            folders.facts, self._masks, store, self._versions, folders.palette, self.queue.note_mask
        )
        self._predictions = PredictionFiles(folders.facts, folders.palette, store, self.queue.note_prediction)
        self.recovery = Recovery(
            folders.facts / "journal", self.load_mask, self._keep_copy, lambda: self._lock is not None
        )
        self._thumbs = Thumbs(folders.facts / "thumbs")
        self.overlays = OverlayThumbs(
            folders.facts / "overlays", folders.palette, self.mask_path, self._predictions.path
        )
        self._scan = Scan(folders, store, self._masks)
        self.verdicts = Verdicts(VerdictStore(store.engine), folders.palette)
        self.review = Reviews(ReviewStore(store.engine))
        self.promotions = Promotions(PromotionStore(store.engine))
        self.model_names = ModelNameStore(store.engine)
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

    def first_samples(self, count: int, also: str = "") -> list[Sample]:
        """At most `count` samples from the first on, and the one of a key, in natural order."""
        return self._as_samples(self._store.first_rows(count, also))

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
        """Sets the status of samples, whatever the rules of review say; see `Reviews.set_status`."""
        return self.review.set_status(list(keys), status, initiator=initiator)

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

    def look_at_mask(self, key: str) -> tuple[NDArray[np.uint8] | None, str]:
        """A mask and its hash for `record`, by somebody who will not save it; what `save_mask` expects stays.

        Raises:
            MaskError: see `load_mask`. ProjectError: there is no such sample.
        """
        row = self._row(key)
        return self._sample_masks.look(key, row, self._size(row))

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
        self.queue.follow_prediction(key)
        chosen = frozenset({key})
        changes = Changes(predictions=chosen, statuses=chosen if moved else frozenset(), initiator=initiator)
        # What was measured of an older answer of this model is not true of the new one.
        return changes | self.evaluation.forget(model, key)

    def predicted_by(self, key: str) -> str | None:
        """The model that predicted a sample in the project's classes; None where none did."""
        known = self._store.prediction(key)
        return known[0] if known is not None and known[1] == self.palette.name else None

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

    def fingerprint(self, model: str) -> str:
        """What identifies the weights that a model of this name had when it was last evaluated; or ""."""
        return self._store.fact(f"weights:{model}")

    def note_fingerprint(self, model: str, fingerprint: str) -> None:
        """Notes with which weights a model is evaluated from now on."""
        self._store.note_fact(f"weights:{model}", fingerprint)

    # -- scores, speeds, runs -----------------------------------------------------------------------------

    def record_counts(
        self, key: str, model: str, counts: Counts, *, mask_hash: str | None = None, initiator: str = ""
    ) -> Changes:
        """Stores confusion counts int64 [K,K+1] of a sample and model alone; see `Evaluations.record`."""
        self._row(key)
        return self.evaluation.record_counts(key, model, counts, mask_hash, initiator=initiator)

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
            evaluated_models=tuple(self.evaluation.names()),
            warnings=tuple(self.warnings),
            images=self.images,
            masks=self._folders.masks,
            missing=self._store.missing(),
        )

    def _readers(self) -> Readers:
        return Readers(
            mask=self.look_at_mask,
            predicted=lambda key: self._predictions.ids(key),
            prediction=self.load_prediction,
            masked=lambda: [key for key, _ in mask_files(self._folders.masks)],
            counts=self.evaluation.counts,
        )

    def _keep_copy(self, key: str) -> None:
        if self.mask_path(key).exists():
            self._masks.keep_copy(key)

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
                row.assignee,
                row.reviewer,
                row.reason,
            )
            for row in rows
        ]
