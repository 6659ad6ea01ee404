"""Project: the one door to a folder of samples, their masks, predictions, scores and facts."""

import getpass
import hashlib
import json
import os
import tomllib
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.journal import read_journal, replay
from segstudio.annotation.palette import Palette, load_palette
from segstudio.errors import ImageError, MaskError, ProjectError
from segstudio.images import (
    atomic_write,
    image_size,
    mask_bytes,
    read_mask,
    thumbnail,
    write_image,
    write_mask,
)
from segstudio.jobs import JobContext
from segstudio.metrics import Counts
from segstudio.project.layout import FACTS_DIR, find_samples, images_folder
from segstudio.project.lock import EditorLock
from segstudio.project.sample import (
    Changes,
    ProjectInfo,
    Sample,
    SampleStatus,
    SpeedRecord,
    StoredPrediction,
)
from segstudio.project.store import SampleRow, open_store

CONFIG = "project.toml"
UNLABELLED_ID = 255
GREY = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
# What saving a mask or a prediction does to a status; all others stay.
AFTER_SAVE = {SampleStatus.UNLABELLED, SampleStatus.PREDICTED, SampleStatus.REJECTED}


class OutsideChange(ProjectError):  # noqa: N818 - it names an event that the user decides about
    """The mask file was changed by something else since it was read."""


class Project:
    """A folder of images with everything that is known about them; every mutation returns its `Changes`.

    Facts and caches are below `.segstudio/`; masks are indexed PNG files in `masks/`. Several threads may
    call it.
    """

    def __init__(self, root: Path, *, palette: str | None = None, images: Path | None = None) -> None:
        self.root = root
        self._facts = root / FACTS_DIR
        config = self._read_config()
        self.images = (
            (root / str(config["images"])).resolve()
            if "images" in config
            else (images or images_folder(root))
        )
        self.palette: Palette = load_palette(palette or str(config.get("palette", "cityscapes")))
        try:
            self._facts.mkdir(parents=True, exist_ok=True)
            self._write_config()
            self._store, warnings = open_store(self._facts, str(config.get("database", "")))
        except (OSError, ImageError) as error:
            raise ProjectError(
                f"{root} cannot hold a project: {error}",
                hint="keep the project elsewhere: `segstudio project init DIR --images FOLDER`",
            ) from error
        self.warnings: list[str] = warnings
        self._lock: EditorLock | None = None
        self._sync()

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        palette: str | None = None,
        images: Path | None = None,
        create: bool = True,
        editor: bool = False,
    ) -> "Project":
        """Opens the project of a folder, making one if needed.

        Args:
            root: the folder of frames, of TAO's layout, or of an existing project.
            palette: name or path; None keeps the project's own (cityscapes for a new one).
            images: the folder of images when it is not below root.
            create: False refuses a folder that is no project yet.
            editor: take the advisory lock that warns a second window.

        Raises:
            ProjectError: no folder, no rights, a newer database, or another editor has it open.
        """
        if not root.is_dir() and not (create and images is not None):
            raise ProjectError(f"{root} is no folder", hint="give a folder of images")
        if not create and not (root / FACTS_DIR / CONFIG).exists():
            raise ProjectError(f"{root} is no project yet", hint=f"make one: `segstudio project init {root}`")
        project = cls(root.resolve(), palette=palette, images=images.resolve() if images else None)
        if editor:
            try:
                project._lock = EditorLock.take(project._facts)
            except ProjectError:
                project.close()
                raise
        return project

    def close(self) -> None:
        """Lets the database and the lock go."""
        if self._lock:
            self._lock.release()
            self._lock = None
        self._store.close()

    # -- samples ------------------------------------------------------------------------------------------

    def samples(self) -> list[Sample]:
        """All samples in natural order."""
        return [self._sample(row) for row in self._store.rows()]

    def sample(self, key: str) -> Sample:
        """One sample.

        Raises:
            ProjectError: there is none of that key.
        """
        return self._sample(self._row(key))

    def rescan(self, context: JobContext | None = None) -> Changes:
        """Makes the rows match the files: new and gone images, sizes, and masks that appeared or changed."""
        context = context or JobContext()
        changes = self._sync()
        rows = self._store.rows()
        for position, row in enumerate(rows):
            context.check()
            if position % 100 == 0:
                context.progress(position, len(rows), "reading image headers")
            if not row.width:
                try:
                    width, height = image_size(self.images / row.image)
                except ImageError:
                    continue
                self._store.change([row.key], {"width": width, "height": height})
                changes |= Changes(samples=frozenset({row.key}))
        return changes

    def set_status(self, keys: Iterable[str], status: SampleStatus, *, initiator: str = "") -> Changes:
        """Sets the status of samples."""
        chosen = frozenset(keys)
        self._store.change(chosen, {"status": status.value}, _user())
        return Changes(statuses=chosen, initiator=initiator)

    def set_note(self, key: str, note: str, *, initiator: str = "") -> Changes:
        """Sets the note of a sample."""
        self._store.change([key], {"note": note}, _user())
        return Changes(samples=frozenset({key}), initiator=initiator)

    def set_split(self, keys: Iterable[str], split: str, *, initiator: str = "") -> Changes:
        """Sets the split of samples, such as "train" or "val"."""
        chosen = frozenset(keys)
        self._store.change(chosen, {"split": split}, _user())
        return Changes(samples=chosen, initiator=initiator)

    # -- masks --------------------------------------------------------------------------------------------

    def mask_path(self, key: str) -> Path:
        """Where the mask of a sample is or will be."""
        return self.root / "masks" / f"{key}.png"

    def load_mask(self, key: str) -> NDArray[np.uint8] | None:
        """Class ids uint8 [H,W], or None when no mask was saved yet.

        Raises:
            MaskError: it cannot be read, or holds ids that the palette does not have.
        """
        path = self.mask_path(key)
        if not path.exists():
            return None
        mask = read_mask(path)
        self._check_ids(path, mask)
        self._note_mask_file(key)
        return mask

    def save_mask(
        self, key: str, mask: NDArray[np.uint8], *, force: bool = False, initiator: str = ""
    ) -> Changes:
        """Writes a mask atomically; scores of the sample are forgotten, and its status becomes in progress.

        Raises:
            OutsideChange: the file is not the one that was last read or saved here (unless `force`).
            MaskError: the disk refuses; the old file is untouched.
        """
        row, path = self._row(key), self.mask_path(key)
        if not force:
            self._refuse_outside_change(row, path)
        try:
            write_mask(path, mask, self.palette.colours())
        except ImageError as error:
            raise MaskError(error.message, hint=error.hint) from error
        self._note_mask_file(key)
        self._store.drop_counts(key)
        statuses: frozenset[str] = frozenset()
        if row.status in AFTER_SAVE:
            self._store.change([key], {"status": SampleStatus.IN_PROGRESS.value}, _user())
            statuses = frozenset({key})
        chosen = frozenset({key})
        return Changes(masks=chosen, scores=chosen, statuses=statuses, initiator=initiator)

    def _check_ids(self, path: Path, mask: NDArray[np.uint8]) -> None:
        present = np.flatnonzero(np.bincount(mask.ravel(), minlength=256))
        unknown = [
            int(i) for i in present if i >= self.palette.count and i not in (self.palette.ignore_id, 255)
        ]
        if unknown:
            raise MaskError(
                f"{path} holds ids {unknown[:8]} that palette {self.palette.name} does not have",
                hint="open the project with the palette of its masks",
            )

    def _note_mask_file(self, key: str) -> None:
        path = self.mask_path(key)
        about = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        self._store.change(
            [key], {"mask_size": about.st_size, "mask_mtime": about.st_mtime_ns, "mask_hash": digest}
        )

    def _refuse_outside_change(self, row: SampleRow, path: Path) -> None:
        if not path.exists():
            return
        about = path.stat()
        if (about.st_size, about.st_mtime_ns) == (row.mask_size, row.mask_mtime):
            return
        if row.mask_hash and hashlib.sha256(path.read_bytes()).hexdigest() == row.mask_hash:
            return
        raise OutsideChange(
            f"{path} was changed by another program since it was read",
            hint="compare both, then save again to overwrite or reload to take the file",
        )

    # -- predictions --------------------------------------------------------------------------------------

    def save_prediction(
        self,
        key: str,
        ids: NDArray[np.uint8],
        confidence: NDArray[np.uint8],
        model: str,
        *,
        initiator: str = "",
    ) -> Changes:
        """Stores what a model said, apart from the mask; an unlabelled sample becomes predicted."""
        row = self._row(key)
        write_mask(self._prediction_path(key), ids, self.palette.colours())
        atomic_write(self._confidence_path(key), mask_bytes(confidence, GREY))
        self._store.set_prediction(key, model)
        statuses: frozenset[str] = frozenset()
        if row.status is SampleStatus.UNLABELLED:
            self._store.change([key], {"status": SampleStatus.PREDICTED.value})
            statuses = frozenset({key})
        return Changes(predictions=frozenset({key}), statuses=statuses, initiator=initiator)

    def load_prediction(self, key: str) -> StoredPrediction | None:
        """The stored prediction; a damaged one is dropped, since it can be made again at any time."""
        path = self._prediction_path(key)
        if not path.exists():
            return None
        try:
            ids, confidence = read_mask(path), read_mask(self._confidence_path(key))
        except MaskError:
            self.drop_prediction(key)
            return None
        if ids.shape != confidence.shape:
            self.drop_prediction(key)
            return None
        return StoredPrediction(ids, confidence, self._store.prediction_models().get(key, ""))

    def drop_prediction(self, key: str, *, initiator: str = "") -> Changes:
        """Throws a prediction away."""
        self._prediction_path(key).unlink(missing_ok=True)
        self._confidence_path(key).unlink(missing_ok=True)
        self._store.set_prediction(key, None)
        return Changes(predictions=frozenset({key}), initiator=initiator)

    def predicted_keys(self) -> frozenset[str]:
        """Samples with a stored prediction."""
        return frozenset(self._store.prediction_models())

    def _prediction_path(self, key: str) -> Path:
        return self._facts / "predictions" / f"{key}.png"

    def _confidence_path(self, key: str) -> Path:
        return self._facts / "predictions" / f"{key}.confidence.png"

    # -- scores and speeds --------------------------------------------------------------------------------

    def record_counts(self, key: str, model: str, counts: Counts, *, initiator: str = "") -> Changes:
        """Stores confusion counts [K,K+1] of a sample and model."""
        self._store.set_counts(key, model, counts)
        return Changes(scores=frozenset({key}), initiator=initiator)

    def counts(self, model: str) -> dict[str, Counts]:
        """Confusion counts by sample of a model."""
        return self._store.counts(model)

    def evaluated_models(self) -> list[str]:
        """Models that have counts."""
        return self._store.evaluated_models()

    def record_speed(self, record: SpeedRecord) -> Changes:
        """Stores a measured speed."""
        self._store.add_speed(record)
        return Changes(scores=frozenset({""}))

    def speeds(self) -> list[SpeedRecord]:
        """Measured speeds, newest first."""
        return self._store.speeds()

    # -- crash recovery -----------------------------------------------------------------------------------

    def journal_path(self, key: str) -> Path:
        """The journal of a sample's unsaved edits."""
        return self._facts / "journal" / f"{key}.journal"

    def pending_journals(self) -> list[str]:
        """Samples with edits that a crash kept out of their masks; others' leftovers are removed."""
        folder = self._facts / "journal"
        pending = []
        for path in sorted(folder.rglob("*.journal")) if folder.is_dir() else []:
            key = path.relative_to(folder).as_posix().removesuffix(".journal")
            content = read_journal(path)
            if content is None or not content.records:
                path.unlink(missing_ok=True)
                continue
            try:
                base = self._journal_base(key, content.height, content.width)
                unsaved = not np.array_equal(replay(base, content), base)
            except (MaskError, zlib.error):
                unsaved = True
            if unsaved:
                pending.append(key)
            else:
                path.unlink(missing_ok=True)
        return pending

    def recover(self, key: str) -> NDArray[np.uint8]:
        """The mask with the journal's edits in it; save it to finish the recovery.

        Raises:
            MaskError: the journal or the mask cannot be read, or they do not fit.
        """
        content = read_journal(self.journal_path(key))
        if content is None:
            raise MaskError(f"{key} has no journal", hint="there is nothing to recover")
        return replay(self._journal_base(key, content.height, content.width), content)

    def discard_journal(self, key: str) -> None:
        """Puts a journal aside; the next one of the sample overwrites it."""
        path = self.journal_path(key)
        if path.exists():
            os.replace(path, path.with_suffix(".old"))

    def _journal_base(self, key: str, height: int, width: int) -> NDArray[np.uint8]:
        mask = self.load_mask(key)
        return np.full((height, width), UNLABELLED_ID, np.uint8) if mask is None else mask

    # -- thumbnails and facts -----------------------------------------------------------------------------

    def thumb_path(self, key: str) -> Path:
        """The cached small picture of a sample."""
        return self._facts / "thumbs" / f"{key}.jpg"

    def thumbnail(self, key: str, size: int) -> NDArray[np.uint8]:
        """A small RGB picture, from the cache when it is newer than the image.

        Raises:
            ImageError: the image cannot be read.
        """
        image, cached = self.images / self._row(key).image, self.thumb_path(key)
        try:
            if cached.stat().st_mtime_ns >= image.stat().st_mtime_ns:
                return thumbnail(cached, size)
        except (OSError, ImageError):
            pass  # no cache yet, or a damaged one: made below
        small = thumbnail(image, size)
        write_image(cached, small)
        return small

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
        )

    @property
    def runs_dir(self) -> Path:
        """Where trainings of this project are kept."""
        return self._facts / "runs"

    def _sync(self) -> Changes:
        found = find_samples(self.images, splits=self.images != self.root)
        came, gone = self._store.sync(found)
        labelled = [entry.key for entry in found if entry.key in came and self.mask_path(entry.key).exists()]
        if labelled:
            self._store.change(labelled, {"status": SampleStatus.ACCEPTED.value})
        return Changes(samples=came | gone, masks=frozenset(labelled))

    def _row(self, key: str) -> SampleRow:
        rows = self._store.rows([key])
        if not rows:
            raise ProjectError(f"{self.root} has no sample {key!r}", hint="rescan the project")
        return rows[0]

    def _sample(self, row: SampleRow) -> Sample:
        return Sample(
            row.key, self.images / row.image, self.mask_path(row.key), row.status, row.split, row.note,
            row.width, row.height,
        )  # fmt: skip

    def _read_config(self) -> dict[str, object]:
        path = self._facts / CONFIG
        try:
            return tomllib.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, tomllib.TOMLDecodeError) as error:
            raise ProjectError(f"{path} cannot be read: {error}", hint="correct or delete it") from error

    def _write_config(self) -> None:
        values = {**self._read_config(), "palette": self.palette.name}
        if not self.images.is_relative_to(self.root):
            values["images"] = Path(os.path.relpath(self.images, self.root)).as_posix()
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in sorted(values.items()))
        path = self._facts / CONFIG
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            atomic_write(path, text.encode())


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
