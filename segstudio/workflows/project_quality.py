"""Judges a project without a truth: how good predictions probably are, and where masks may be wrong."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, InputError, MaskError
from segstudio.jobs import JobContext
from segstudio.metrics.label_suspects import Suspect
from segstudio.metrics.region_features import Evidence, PredictedRegions, measure_regions, region_ious
from segstudio.metrics.region_quality import QualityModel, Trust
from segstudio.metrics.segment_changes import SAME_BOX, overlaps
from segstudio.metrics.segment_table import SegmentTable
from segstudio.project.cache_file import write_cache
from segstudio.project.project import Project
from segstudio.project.sample import Changes, Sample, SampleStatus
from segstudio.workflows.quality import Look, suspects_of

Floats = NDArray[np.float32]
# Masks that somebody stands for; others may be what the model said.
REVIEWED = (SampleStatus.ACCEPTED, SampleStatus.SUBMITTED)
HINT = "accept masks of samples that the model predicted, then ask again"
LIMIT = 1000


@dataclass(frozen=True)
class ProjectQuality:
    """What was thought of a project's predictions.

    Attributes:
        model: whose predictions.
        learnt: reviewed samples that it was learnt from.
        judged: samples whose predictions were judged.
        trust: how well it holds on reviewed samples that it was not learnt from; None with too few of them.
        changes: samples with a new quality.
        skipped: samples that could not be used, and why.
    """

    model: str
    learnt: int
    judged: int
    trust: Trust | None
    changes: Changes
    skipped: tuple[tuple[str, str], ...]


def judge_project(project: Project, model: str, context: JobContext | None = None) -> ProjectQuality:
    """Learns from the reviewed samples how right a model's regions are, and judges all its predictions.

    A sample's quality is the mean of what is thought of its regions' IoU, weighted by their pixels. The
    reviewed samples are judged by what the others taught, so theirs is not too good.

    Raises:
        InputError: too few reviewed samples have predictions of the model.
        Cancelled: nothing is changed.
    """
    context = context or JobContext()
    predicted = [key for key, name in project.predicting_models().items() if name == model]
    samples = {sample.key: sample for sample in project.samples()}
    chosen = [samples[key] for key in predicted if key in samples]
    skipped: list[tuple[str, str]] = []
    regions: dict[str, PredictedRegions] = {}
    known: dict[str, Floats] = {}
    for number, sample in enumerate(chosen):
        context.check()
        context.progress(number, len(chosen), f"{number} of {len(chosen)}  ·  {sample.key}")
        try:
            said = _evidence(project, sample.key, model)
            regions[sample.key] = measure_regions(said, project.palette.count)
            if sample.status in REVIEWED and (mask := _mask(project, sample, said)) is not None:
                known[sample.key] = region_ious(
                    mask, said.ids, project.palette.count, project.palette.ignore_id
                )
        except (ImageError, MaskError) as error:
            skipped.append((sample.key, error.message))
    quality, trust = _judged(project.palette.names, regions, known)
    changes = project.queue.set_quality(quality)
    return ProjectQuality(model, len(known), len(quality), trust, changes, tuple(skipped))


def _judged(
    names: Sequence[str], regions: dict[str, PredictedRegions], known: dict[str, Floats]
) -> tuple[dict[str, float], Trust | None]:
    """The quality of every sample, and how well it holds where the truth is known."""
    whole = QualityModel.learn(names, [(regions[key], ious) for key, ious in known.items()])
    found = {key: _mean(whole, rows) for key, rows in regions.items() if key not in known}
    halves = [list(known)[0::2], list(known)[1::2]]
    guesses: list[tuple[Trust, int]] = []
    for ours, others in (halves, halves[::-1]):
        try:
            half = QualityModel.learn(names, [(regions[key], known[key]) for key in others])
        except InputError:
            half = whole
        found |= {key: _mean(half, regions[key]) for key in ours}
        if half is not whole and ours:
            features = np.concatenate([regions[key].features for key in ours])
            trust = half.trust(features, np.concatenate([known[key] for key in ours]))
            guesses.append((trust, trust.regions))
    return found, max(guesses, key=lambda guess: guess[1])[0] if len(guesses) == len(halves) else None


def _mean(quality: QualityModel, rows: PredictedRegions) -> float:
    """The mean IoU that regions are thought to have, by pixels; 0 without any region."""
    thought = quality.judge(rows).iou
    return float(np.average(thought, weights=rows.area)) if rows.count else 0.0


# -- label suspects ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProjectSuspects:
    """Where a project's masks may be wrong, the most suspect first.

    Attributes:
        model: which model contradicts them.
        samples: how many masks were looked at.
        suspects: ranked.
        skipped: samples that could not be used, and why.
        changes: samples of which it is known now how suspect they are.
    """

    model: str
    samples: int
    suspects: tuple[Suspect, ...]
    skipped: tuple[tuple[str, str], ...]
    changes: Changes


def project_suspects(
    project: Project, model: str, context: JobContext | None = None, limit: int = LIMIT
) -> ProjectSuspects:
    """Ranks where masks are contradicted by a model's stored predictions; kept for `suspicion`.

    Raises:
        InputError: no sample has both a mask and a prediction of the model.
        Cancelled: nothing is changed.
    """
    context = context or JobContext()
    skipped: list[tuple[str, str]] = []
    worst: dict[str, float] = {}

    def looks() -> Iterator[Look]:
        for look in _looks(project, model, skipped, context):
            worst[look.name] = 0.0
            yield look

    palette = project.palette
    found, count = suspects_of(looks(), palette.names, palette.ignore_id, limit)
    for entry in found:
        worst[entry.sample] = max(worst[entry.sample], entry.score)
    if not count:
        raise InputError(
            f"no sample of {project.root} has a mask and a prediction of {model}",
            hint="predict the samples first",
        )
    rows = [
        [entry.sample, entry.mask_class, entry.proposed, *entry.box, round(entry.score, 4)]
        for entry in found
        if entry.proposed is not None
    ]
    values = {"palette": palette.name, "rows": rows}
    write_cache(_file(project, model), json.dumps(values).encode())
    changes = project.queue.set_suspects(worst)
    return ProjectSuspects(model, count, tuple(found), tuple(skipped), changes)


def suspicion(project: Project, model: str, table: SegmentTable) -> NDArray[np.float32]:
    """float32 [n]: how suspect the mask is at each segment of a table, 0-1; 0 where it is not, NaN for all
    before anybody looked.
    """
    try:
        values = json.loads(_file(project, model).read_text(encoding="utf-8"))
        rows = values["rows"] if values["palette"] == project.palette.name else None
    except (OSError, ValueError, KeyError):
        rows = None
    if rows is None:
        return np.full(table.count, np.nan, np.float32)
    found = np.zeros(table.count, np.float32)
    places = {key: number for number, key in enumerate(table.samples)}
    begins = np.searchsorted(table.sample, np.arange(len(table.samples) + 1))
    for key, truth, proposed, x, y, width, height, score in rows:
        if key not in places:
            continue
        stretch = slice(begins[places[key]], begins[places[key] + 1])
        same = (table.rows.truth[stretch] == truth) & (table.rows.predicted[stretch] == proposed)
        numbers = int(stretch.start) + np.flatnonzero(same)
        shared = overlaps(table.rows.box[numbers], np.array([[x, y, width, height]], np.int32))
        if len(numbers) and shared.max() > SAME_BOX:
            found[numbers[int(shared.argmax())]] = score
    return found


def _file(project: Project, model: str) -> Path:
    return project.facts_dir / "suspects" / f"{model}.json"


def _looks(
    project: Project, model: str, skipped: list[tuple[str, str]], context: JobContext
) -> Iterator[Look]:
    """Every sample with a mask and a stored prediction of a model."""
    predicted = project.predicting_models()
    chosen = [
        sample for sample in project.samples() if predicted.get(sample.key) == model and sample.mask.exists()
    ]
    for number, sample in enumerate(chosen):
        context.check()
        context.progress(number, len(chosen), f"{number} of {len(chosen)}  ·  {sample.key}")
        try:
            said = _evidence(project, sample.key, model)
            mask = _mask(project, sample, said)
        except (ImageError, MaskError) as error:
            skipped.append((sample.key, error.message))
            continue
        if mask is not None:
            yield Look(sample.key, mask, said)


def _evidence(project: Project, key: str, model: str) -> Evidence:
    """What a model said of a sample.

    Raises:
        MaskError: its prediction is gone or damaged.
    """
    said = project.load_prediction(key)
    if said is None or said.model != model:
        raise MaskError(f"the prediction of {key} is gone", hint="predict it again")
    return Evidence(said.ids, said.confidence, said.second, said.margin)


def _mask(project: Project, sample: Sample, said: Evidence) -> NDArray[np.uint8] | None:
    """A sample's mask, None without one.

    Raises:
        MaskError: it cannot be read, or differs from the prediction in size.
    """
    mask, _ = project.look_at_mask(sample.key)
    if mask is not None and mask.shape != said.ids.shape:
        raise MaskError(f"mask {mask.shape[::-1]} and prediction {said.ids.shape[::-1]} differ in size")
    return mask
