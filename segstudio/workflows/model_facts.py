"""Gathers what is known of models: lineage, scores on a project, speed, exports, data, disk use."""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from segstudio.errors import InputError, SpecError
from segstudio.inference.catalog import ModelEntry, list_models
from segstudio.inference.lineage import Ancestor, Branch, Lineage
from segstudio.inference.model_changes import TrashedModel, list_trash, trashed_entry
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import scores
from segstudio.project.project import Project
from segstudio.project.promotions import Promotion
from segstudio.training.data import manifest as manifests
from segstudio.workflows.bench_history import BenchRecord, read_history
from segstudio.workflows.evaluate_project import fingerprint_of
from segstudio.workflows.export_history import ExportedFormat, ExportRecord, read_exports
from segstudio.workflows.model_disk import bytes_by_kind

# What a model was trained by, the first that is there; finetune.yaml is the last of two trainings.
SPEC_FILES = ("experiment.yaml", "finetune.yaml", "train.yaml")


@dataclass(frozen=True)
class Measured:
    """Scores of a model on a project's masks.

    Attributes:
        miou: fraction 0-1.
        classes: IoU by class, NaN for one that does not occur.
        samples: on how many samples.
        splits: how many of them in each split, "" for none.
        by_split: mIoU in each split, NaN where no class occurs.
        when: ISO time of the last one, UTC.
        project: the folder's name.
        outdated: whether the model had other weights then.
    """

    miou: float
    classes: Mapping[str, float]
    samples: int
    splits: Mapping[str, int]
    by_split: Mapping[str, float]
    when: str
    project: str
    outdated: bool


@dataclass(frozen=True)
class MeasuredSpeed:
    """Images a second; where the time was taken, of what size, when, and by bench or on a project."""

    fps: float
    backend: str
    device: str
    width: int
    height: int
    when: str
    by: str


@dataclass(frozen=True)
class ManifestSummary:
    """The frozen samples that a model was trained on: how many, in which splits, of which project."""

    samples: int
    splits: Mapping[str, int]
    project: str
    file: Path


@dataclass(frozen=True)
class ModelFacts:
    """All that is known of one model.

    Attributes:
        entry: its folder, spec and notes.
        parents: what it came from, the nearest first.
        children: names of models that were made from it.
        measured: on the project that was asked about; None if it was not evaluated there.
        speeds: newest first.
        exports: formats with their export, newest first.
        manifest: None where the model does not say.
        spec_file: the experiment file; None where there is none.
        bytes: by kind of file.
        fingerprint: of its weights, see `fingerprint_of`; "" without a project, or if it cannot be used.
    """

    entry: ModelEntry
    parents: tuple[Ancestor, ...]
    children: tuple[str, ...]
    measured: Measured | None
    speeds: tuple[MeasuredSpeed, ...]
    exports: tuple[tuple[ExportRecord, ExportedFormat], ...]
    manifest: ManifestSummary | None
    spec_file: Path | None
    bytes: Mapping[str, int]
    fingerprint: str

    @property
    def name(self) -> str:
        """The model's name."""
        return self.entry.name

    @property
    def size(self) -> int:
        """Bytes of the folder."""
        return sum(self.bytes.values())

    def to_json(self) -> dict[str, Any]:
        """A JSON-ready form; what is not known is null."""
        notes, measured, speed = self.entry.notes, self.measured, next(iter(self.speeds), None)
        spec = self.entry.spec
        return {
            "name": self.name,
            "folder": str(self.entry.folder),
            "bundled": self.entry.bundled,
            "problem": self.entry.problem,
            "tags": list(notes.tags),
            "archived": notes.archived,
            "notes": notes.text,
            "former_names": list(notes.former_names),
            "architecture": spec.architecture if spec else "",
            "precision": spec.precision if spec else "",
            "classes": list(spec.classes) if spec else [],
            "licence": spec.licence if spec else "",
            "created": spec.created if spec else "",
            "fingerprint": self.fingerprint,
            "parents": [{"name": one.name, "presence": one.presence.value} for one in self.parents],
            "children": list(self.children),
            "measured": None if measured is None else _plain(vars(measured)),
            "speed": None if speed is None else _plain(vars(speed)),
            "exports": [
                {"when": record.when, "page": record.page, "there": one.is_there, **_plain(vars(one))}
                for record, one in self.exports
            ],
            "manifest": None
            if self.manifest is None
            else {**vars(self.manifest), "file": str(self.manifest.file)},
            "spec_file": str(self.spec_file) if self.spec_file else None,
            "bytes": dict(self.bytes),
        }


@dataclass(frozen=True)
class CatalogFacts:
    """The whole catalog, as one look found it.

    Attributes:
        models: by name, archived ones too.
        tree: who came from whom.
        trash: deleted models, the last one first.
        promotions: the project's models in use, newest first; empty without a project.
    """

    models: tuple[ModelFacts, ...]
    tree: tuple[Branch, ...]
    trash: tuple[TrashedModel, ...]
    promotions: tuple[Promotion, ...]


@dataclass(frozen=True)
class _Judge:
    """A project with what is the same for all models: the split of each sample, who was evaluated when."""

    project: Project
    split_of: Mapping[str, str]
    when: Mapping[str, str]
    context: JobContext

    @classmethod
    def of(cls, project: Project, context: JobContext) -> "_Judge":
        split_of = {sample.key: sample.split for sample in project.samples()}
        return cls(project, split_of, {one.model: one.when for one in project.evaluation.models()}, context)

    def measured(self, model: str, fingerprint: str) -> Measured | None:
        """The scores of a model, or None for one that was not evaluated."""
        found = self.project.evaluation.totals(model, self.split_of, self.context)
        if not found:
            return None
        counted = np.sum([total for _, total in found.values()], axis=0)
        score, noted = scores(counted), self.project.fingerprint(model)
        return Measured(
            score.miou,
            dict(zip(self.project.palette.names, map(float, score.iou), strict=True)),
            sum(number for number, _ in found.values()),
            {split: number for split, (number, _) in found.items()},
            {split: scores(total).miou for split, (_, total) in found.items()},
            self.when.get(model, ""),
            self.project.root.name,
            bool(noted) and noted != fingerprint,
        )


def read_catalog(project: Project | None = None, context: JobContext | None = None) -> CatalogFacts:
    """Reads all models, and how they did on a project.

    Raises:
        InputError: a history cannot be read. Cancelled: between two models.
    """
    context = context or JobContext()
    entries, trash = list_models(archived=True), list_trash()
    lineage = Lineage(entries, [trashed_entry(one) for one in trash])
    records, exports = read_history().records, read_exports()
    judge = _Judge.of(project, context) if project is not None else None
    found = []
    for number, entry in enumerate(entries):
        context.check()
        context.progress(number, len(entries), entry.name)
        found.append(_facts(entry, lineage, judge, records, exports))
    history = tuple(project.promotions.history()) if project is not None else ()
    return CatalogFacts(tuple(found), lineage.tree(), tuple(trash), history)


def _facts(
    entry: ModelEntry,
    lineage: Lineage,
    judge: _Judge | None,
    records: tuple[BenchRecord, ...],
    exports: list[ExportRecord],
) -> ModelFacts:
    # Only a project asks for it, and all files are read for it.
    project = judge.project if judge is not None else None
    spec = entry.spec if project is not None else None
    fingerprint = fingerprint_of(entry.folder, spec) if spec is not None else ""
    return ModelFacts(
        entry,
        lineage.chain(entry),
        tuple(child.name for child in lineage.children(entry)),
        judge.measured(entry.name, fingerprint) if judge is not None else None,
        _speeds(entry, records, project),
        tuple(
            (record, one)
            for record in exports
            if is_about(entry, record.model, record.weights_sha256)
            for one in record.formats
        ),
        _manifest(entry.folder),
        next((entry.folder / name for name in SPEC_FILES if (entry.folder / name).is_file()), None),
        bytes_by_kind(entry),
        fingerprint,
    )


def is_about(entry: ModelEntry, name: str, weights_sha256: str) -> bool:
    """Whether a record is about a model: by one of its names, and not about other weights of that name."""
    own = entry.spec.weights_sha256 if entry.spec is not None else ""
    same = not own or not weights_sha256 or own == weights_sha256
    return same and name in (entry.name, *entry.notes.former_names)


def _speeds(
    entry: ModelEntry, records: tuple[BenchRecord, ...], project: Project | None
) -> tuple[MeasuredSpeed, ...]:
    found = []
    for record in records:
        result = record.result
        if is_about(entry, result.model, result.weights_sha256):
            found += [
                MeasuredSpeed(
                    row.fps, result.backend, result.device, row.width, row.height, record.when, "bench"
                )
                for row in result.rows
            ]
    for speed in project.speeds() if project is not None else ():
        if speed.model == entry.name:
            found.append(
                MeasuredSpeed(
                    speed.fps, speed.backend, speed.device, speed.width, speed.height, speed.when, "project"
                )
            )
    return tuple(sorted(found, key=lambda one: one.when, reverse=True))


def _manifest(folder: Path) -> ManifestSummary | None:
    path = folder / manifests.FILE
    if not path.is_file():
        return None
    try:
        found = manifests.read_manifest(path)
    except SpecError:
        return None
    splits = Counter(sample.split for sample in found.samples)
    return ManifestSummary(len(found.samples), dict(splits), found.project, path)


def find_facts(facts: CatalogFacts, name: str) -> ModelFacts:
    """One model of the catalog.

    Raises:
        InputError: there is none of that name.
    """
    found = next((one for one in facts.models if one.name == name), None)
    if found is None:
        raise InputError(f"there is no model {name!r}", hint="see `segstudio models list --archived`")
    return found


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN."""

    def plain(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: plain(one) for key, one in value.items()}
        return None if isinstance(value, float) and not math.isfinite(value) else value

    return {key: plain(value) for key, value in values.items()}
