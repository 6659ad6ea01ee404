"""What models take of the disk, by kind of file, and what of it may be freed."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path
from typing import Any

from segstudio import paths
from segstudio.errors import ModelError
from segstudio.inference.catalog import ModelEntry, list_models, trash_dir
from segstudio.inference.model_changes import STAMP, empty_trash
from segstudio.workflows.export_history import ExportedFormat, ExportRecord, read_exports

OTHER = "other"
# How a spec's files are called, by the start of their kind.
KINDS = ("weights", "onnx", "openvino", "tensorrt")
# What backends compiled; they do it again when they need it.
CACHES = ("openvino", "onnxruntime", "tensorrt")


class Freeable(Enum):
    """What can be freed without losing a model."""

    CACHES = "caches"
    TRASH = "trash"
    EXPORTS = "exports"


@dataclass(frozen=True)
class DiskUse:
    """Bytes on the disk.

    Attributes:
        models: of each model by kind of file, see `bytes_by_kind`.
        caches: what backends compiled, by backend.
        trash: deleted models, and exports that were discarded.
        old_exports: folders of formats that a later export of the same weights made again in the same way,
            elsewhere.
        exports: all exports that are still where they were put.
    """

    models: Mapping[str, Mapping[str, int]]
    caches: Mapping[str, int]
    trash: int
    old_exports: Mapping[str, int]
    exports: int

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form."""
        return asdict(self)


def exports_trash() -> Path:
    """Where discarded exports are, each below the path that it had; it need not be there."""
    return paths.user_data_dir() / "discarded-exports"


def bytes_by_kind(entry: ModelEntry) -> dict[str, int]:
    """Bytes of a model's folder: weights, onnx, openvino, tensorrt, and other files."""
    kinds: dict[Path, str] = {}
    for name, file in (entry.spec.files if entry.spec is not None else {}).items():
        kind = next((kind for kind in KINDS if name.startswith(kind)), OTHER)
        for path in (entry.folder / file, (entry.folder / file).with_suffix(".bin")):
            kinds[path] = kind
    found = Counter[str]()
    for path in entry.folder.rglob("*"):
        if path.is_file():
            found[kinds.get(path, OTHER)] += path.stat().st_size
    return dict(found)


def disk_use() -> DiskUse:
    """What the catalog, its caches and its exports take."""
    models = {entry.name: bytes_by_kind(entry) for entry in list_models(archived=True)}
    caches = {name: _size(paths.user_cache_dir() / name) for name in CACHES}
    exports = read_exports()
    old = {folder: _size(Path(folder)) for folder in _old_exports(exports)}
    folders = {one.folder for record in exports for one in record.formats if one.is_there}
    return DiskUse(
        models,
        caches,
        _size(trash_dir()) + _size(exports_trash()),
        old,
        sum(_size(Path(one)) for one in folders),
    )


def free(what: Freeable) -> int:
    """Frees some of it; returns how many bytes. Old exports go to the trash, the rest for good.

    Raises:
        ModelError: the disk refuses.
    """
    before = disk_use()
    if what is Freeable.CACHES:
        _remove(paths.user_cache_dir() / name for name in CACHES)
        return sum(before.caches.values())
    if what is Freeable.TRASH:
        empty_trash()
        _remove([exports_trash()])
        return before.trash
    for folder in before.old_exports:
        _discard(Path(folder))
    return sum(before.old_exports.values())


def _old_exports(records: list[ExportRecord]) -> list[str]:
    """Folders that hold nothing but a format which a later export made again from the same, in the same way.

    One that holds another export, or any file that its export did not write, is not among them; nor is one
    whose files were not noted.
    """
    # What lies in a folder is what was put there last.
    there: dict[str, tuple[str, ExportedFormat]] = {}
    for record in records:
        for one in record.formats:
            there.setdefault(one.folder, (record.weights_sha256, one))
    newest: dict[tuple[str, str, str], str] = {}
    old = []
    for folder, (weights, one) in there.items():
        if one.files and Path(folder).is_dir() and _files(Path(folder)) == set(one.files):
            latest = newest.setdefault((weights, one.format, one.choices), folder)
            if latest != folder:
                old.append(folder)
    return [folder for folder in old if not any(Path(folder) in Path(other).parents for other in there)]


def _files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


def _discard(folder: Path) -> None:
    """Moves a folder to the trash, below the place that it had."""
    stamp = datetime.now(UTC).strftime(STAMP)
    target = exports_trash() / stamp / folder.relative_to(folder.anchor)
    try:
        target.parent.mkdir(parents=True)
        shutil.move(folder, target)
    except OSError as error:
        raise ModelError(
            f"{folder} cannot be moved to the trash: {error.strerror}",
            hint="close what uses it, or check its rights",
        ) from error


def _remove(folders: Iterable[Path]) -> None:
    for folder in folders:
        try:
            if folder.is_dir():
                shutil.rmtree(folder)
        except OSError as error:
            raise ModelError(
                f"{folder} cannot be deleted: {error.strerror}",
                hint="close what uses it, or check its rights",
            ) from error


def _size(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where it is not."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
