"""Evaluates a model on a project's masks: what changed since the last time, with error segments."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, MaskError
from segstudio.images import read_image
from segstudio.inference.predictor import Predictor
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext
from segstudio.metrics.sample_evaluation import USUAL, evaluate_sample
from segstudio.metrics.segments import CutOffs
from segstudio.project.project import Project
from segstudio.project.sample import Changes, Sample
from segstudio.workflows.store_prediction import other_class

Pixels = NDArray[np.uint8]
NO_PREDICTION = "the model has not predicted it"


@dataclass(frozen=True)
class Said:
    """What a model says about an image in the project's classes, uint8 [H,W] each; see `StoredPrediction`."""

    ids: Pixels
    confidence: Pixels
    second: Pixels | None = None
    margin: Pixels | None = None


Ask = Callable[[Path], Said]


@dataclass(frozen=True)
class ProjectEvaluation:
    """What an evaluation did.

    Attributes:
        model: its name.
        changes: samples with new scores.
        measured: samples that were measured now.
        kept: samples whose measures were still good.
        unmasked: samples without a mask, which cannot be evaluated.
        skipped: samples that could not be used, and why.
    """

    model: str
    changes: Changes
    measured: int
    kept: int
    unmasked: int
    skipped: tuple[tuple[str, str], ...]


def asking(predictor: Predictor, lookup: Pixels) -> Ask:
    """Asks a model about image files; see `class_lookup` for the lookup uint8 [256]."""

    def ask(path: Path) -> Said:
        said = predictor.predict(read_image(path))
        ids = lookup[said.ids]
        second = None if said.second is None else other_class(ids, lookup[said.second])
        return Said(ids, said.confidence, second, said.margin)

    return ask


def evaluate_project(
    project: Project,
    model: str,
    context: JobContext | None = None,
    *,
    ask: Ask | None = None,
    fingerprint: str = "",
    cut_offs: CutOffs = USUAL,
    keys: Collection[str] | None = None,
    keep_answers: bool = True,
    initiator: str = "",
) -> ProjectEvaluation:
    """Compares what a model predicts with the masks that people made; measures go to the project.

    Stored predictions of the model are used where there are some. Other samples are predicted; what is said
    of those without any prediction is stored, the predictions of other models stay. Samples that were
    measured already, and whose masks did not change, are left alone.

    Args:
        project: whose samples.
        model: its name.
        context: progress and cancellation.
        ask: gives the predictions that are not stored; None leaves those samples out.
        fingerprint: of the model's weights, see `fingerprint_of`. Where it is another one than at the last
            evaluation, everything is measured and predicted anew: the name stands for another model now.
        cut_offs: where kinds of errors end; another choice measures everything again.
        keys: these samples alone; None means all.
        keep_answers: False stores no predictions: nobody sees what a model says that is only tried.
        initiator: who asks.

    Raises:
        Cancelled: what was measured until then is kept.
    """
    context = context or JobContext()
    changes, is_new = _of_other_weights(project, model, fingerprint)
    known = project.evaluation.known(model, cut_offs)
    samples = [sample for sample in project.samples() if keys is None or sample.key in keys]
    masked = [sample for sample in samples if sample.key in known or sample.mask.exists()]
    todo = [sample for sample in masked if sample.key not in known]
    predicting = project.predicting_models()
    changes, skipped, measured = Changes(initiator=initiator) | changes, [], 0
    for position, sample in enumerate(todo):
        context.check()
        context.progress(position, len(todo), f"{position} of {len(todo)}  ·  {sample.key}")
        try:
            predicted_by = predicting.get(sample.key)
            asked = None if predicted_by == model and not is_new else ask
            found = _measure(project, sample, model, asked, cut_offs, anew=is_new, keep=keep_answers)
            changes |= found
            measured += bool(found.scores)
        except (ImageError, MaskError) as error:
            skipped.append((sample.key, error.message))
    # Not before: what a cancelled evaluation left is of the old weights, and must be measured anew. Nor
    # while predictions of the old ones are left, which would pass for the new ones' later.
    if is_new and keys is None and keep_answers:
        project.note_fingerprint(model, fingerprint)
    return ProjectEvaluation(
        model, changes, measured, len(masked) - len(todo), len(samples) - len(masked), tuple(skipped)
    )


def _measure(
    project: Project, sample: Sample, model: str, ask: Ask | None, cut_offs: CutOffs, *,
    anew: bool, keep: bool,
) -> Changes:  # fmt: skip
    mask, digest = project.look_at_mask(sample.key)
    if mask is None:
        raise MaskError("its mask is gone", hint="look for new images")
    stored = None if anew and ask is not None else _stored(project, sample.key, model)
    said = stored or (ask(sample.image) if ask else None)
    if said is None:
        raise MaskError(NO_PREDICTION, hint="predict it first")
    if mask.shape != said.ids.shape:
        raise MaskError(f"mask {mask.shape[::-1]} and prediction {said.ids.shape[::-1]} differ in size")
    palette = project.palette
    found = evaluate_sample(
        mask,
        said.ids,
        palette.count,
        palette.ignore_id,
        confidence=said.confidence,
        margin=said.margin,
        cut_offs=cut_offs,
    )
    changes = Changes()
    # Asked last: another model may have predicted it meanwhile, and what that said stays.
    if keep and stored is None and project.predicted_by(sample.key) in (None, model):
        changes = project.save_prediction(
            sample.key, said.ids, said.confidence, model, second=said.second, margin=said.margin
        )
    # Nothing is stored if the mask was saved meanwhile: the measures would be those of the old one.
    return changes | project.evaluation.record(sample.key, model, found, mask_hash=digest, cut_offs=cut_offs)


def _of_other_weights(project: Project, model: str, fingerprint: str) -> tuple[Changes, bool]:
    """Forgets what an older model of the same name got; says whether there may have been one.

    What was stored under the name when nobody noted the weights may be anybody's.
    """
    before = project.fingerprint(model)
    if not fingerprint or fingerprint == before:
        return Changes(), False
    if before or model in project.predicting_models().values() or model in project.evaluation.names():
        return project.evaluation.forget(model), True
    project.note_fingerprint(model, fingerprint)
    return Changes(), False


def fingerprint_of(folder: Path, spec: ModelSpec) -> str:
    """SHA-256 over the files of a model that its spec names; those that are gone do not count."""
    found = hashlib.sha256()
    for kind in sorted(spec.files):
        path = folder / spec.files[kind]
        # The numbers of an OpenVINO file lie beside it.
        for part in (path, path.with_suffix(".bin")):
            if part.is_file():
                known = part.stat()
                found.update(_digest(part, (known.st_size, known.st_mtime_ns, known.st_ino)))
    return found.hexdigest()


@lru_cache(maxsize=512)
def _digest(path: Path, stamp: tuple[int, ...]) -> bytes:
    """SHA-256 of a file; read again once its size, time or place on the disk (`stamp`) is another one."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").digest()


def _stored(project: Project, key: str, model: str) -> Said | None:
    found = project.load_prediction(key)
    if found is None or found.model != model:
        return None
    return Said(found.ids, found.confidence, found.second, found.margin)
