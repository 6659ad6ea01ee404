"""What models take of the disk, by kind of file, and what of it may be freed."""

import shutil
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from segstudio import paths
from segstudio.errors import ModelError
from segstudio.inference.catalog import ModelEntry, list_models
from segstudio.inference.model_changes import empty_trash, trash_dir
from segstudio.inference.spec import FILE
from segstudio.workflows.export_history import ExportRecord, read_exports

OTHER = "other"
REPORT_FILE = "report.json"
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
        trash: deleted models.
        old_exports: folders of formats that a later export of the same weights made again, elsewhere.
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
    return DiskUse(models, caches, _size(trash_dir()), old, sum(_size(Path(one)) for one in folders))


def free(what: Freeable) -> int:
    """Frees some of it; returns how many bytes.

    Raises:
        ModelError: the disk refuses.
    """
    before = disk_use()
    if what is Freeable.CACHES:
        _remove(paths.user_cache_dir() / name for name in CACHES)
        return sum(before.caches.values())
    if what is Freeable.TRASH:
        empty_trash()
        return before.trash
    _remove(Path(folder) for folder in before.old_exports)
    return sum(before.old_exports.values())


def _old_exports(records: list[ExportRecord]) -> list[str]:
    """Folders that hold nothing but a format which a later export of the same weights made again."""
    newest: dict[tuple[str, str], str] = {}
    old: dict[str, None] = {}
    for record in records:
        for one in record.formats:
            latest = newest.setdefault((record.weights_sha256, one.format), one.folder)
            # Somebody may have put other files in its place since.
            is_export = any((Path(one.folder) / name).is_file() for name in (REPORT_FILE, FILE))
            if latest != one.folder and is_export:
                old[one.folder] = None
    return [folder for folder in old if folder not in newest.values()]


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
