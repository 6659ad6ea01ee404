"""Judges predicted regions without a truth, and masks by a model: region quality and label suspects."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import ImageError, InputError, MaskError
from segstudio.inference.backend import AUTO, open_backend
from segstudio.inference.prediction import Prediction
from segstudio.inference.predictor import Predictor
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.metrics.label_suspects import Suspect, rank_suspects
from segstudio.metrics.mask_doubts import MaskDoubts, find_doubts
from segstudio.metrics.region_features import (
    Evidence,
    PredictedRegions,
    feature_names,
    measure_regions,
    region_ious,
)
from segstudio.metrics.region_quality import QualityModel, Trust, auroc
from segstudio.workflows.evaluate import Contest, contest_of
from segstudio.workflows.store_prediction import other_class

Mask = NDArray[np.uint8]
Floats = NDArray[np.float32]
Skip = tuple[str, str]


@dataclass(frozen=True)
class Look:
    """A sample with a mask and what the model says of it, in the mask's classes.

    Attributes:
        name: the sample's name.
        mask: uint8 [H,W].
        said: the prediction.
    """

    name: str
    mask: Mask
    said: Evidence


@dataclass(frozen=True)
class Trusts:
    """How well region quality holds on some samples.

    Attributes:
        everything: measured on all regions.
        inner: measured on regions with inner pixels alone, as MetaSeg's figures are.
        plain_auroc: what the mean confidence of a region reaches by itself; None as in `Trust`.
    """

    everything: Trust
    inner: Trust
    plain_auroc: float | None


@dataclass(frozen=True)
class MeasuredQuality:
    """How well region quality, learnt from some samples, holds on others.

    Attributes:
        model: the segmentation model's name.
        palette: name of the classes.
        learnt: images that it was learnt from.
        images: images that it was measured on.
        quality: what was learnt.
        trusts: measured on those.
        skipped: files that could not be used, and why.
    """

    model: str
    palette: str
    learnt: int
    images: int
    quality: QualityModel
    trusts: Trusts
    skipped: tuple[Skip, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, fractions 0-1."""
        trust, inner = self.trusts.everything, self.trusts.inner
        return {
            "model": self.model,
            "palette": self.palette,
            "train_images": self.learnt,
            "train_regions": len(self.quality.ious),
            "images": self.images,
            "regions": trust.regions,
            "missing": trust.missing,
            "auroc": trust.auroc,
            "r2": trust.r2,
            "confidence_auroc": self.trusts.plain_auroc,
            "inner": {"regions": inner.regions, "auroc": inner.auroc, "r2": inner.r2},
            "skipped": skipped_json(self.skipped),
        }


@dataclass(frozen=True)
class FoundSuspects:
    """The label suspects of some masks, the most suspect first.

    Attributes:
        model: the segmentation model's name.
        palette: name of the classes.
        names: the classes.
        images: how many were looked at.
        suspects: ranked.
        skipped: files that could not be used, and why.
    """

    model: str
    palette: str
    names: tuple[str, ...]
    images: int
    suspects: tuple[Suspect, ...]
    skipped: tuple[Skip, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, scores 0-1."""
        return {
            "model": self.model,
            "palette": self.palette,
            "images": self.images,
            "suspects": [suspect.row(self.names) for suspect in self.suspects],
            "skipped": skipped_json(self.skipped),
        }


def measure_quality(
    model: str | Path,
    learn_from: tuple[Path, Path],
    judge: tuple[Path, Path],
    palette: str = "",
    *,
    backend: str = AUTO,
    context: JobContext | None = None,
) -> MeasuredQuality:
    """Learns region quality on one folder of images with masks, and measures it on another.

    Args:
        model: name or folder of a model.
        learn_from: folders of images and of masks with ids of `palette`.
        judge: likewise; none of its images should be, or look like, one of the others.
        palette: name or path; "" is the model's own.
        backend: what runs the model.
        context: progress and cancellation.

    Raises:
        InputError: a folder is missing, no image has a mask, none of the pairs can be used, or the regions
            are too few to learn from.
    """
    context = context or JobContext()
    contests = [contest_of(model, *folders, palette) for folders in (learn_from, judge)]
    total, skipped = sum(len(contest.pairs) for contest in contests), list[Skip]()
    first, second = contests
    known = [regions_of(look, first) for look in looks_of(first, backend, skipped, _shown(context, 0, total))]
    quality = QualityModel.learn(first.palette.names, known)
    done = _shown(context, len(first.pairs), total)
    judged = [regions_of(look, second) for look in looks_of(second, backend, skipped, done)]
    return MeasuredQuality(
        model=first.spec.name,
        palette=first.palette.name,
        learnt=len(known),
        images=len(judged),
        quality=quality,
        trusts=trust_in(quality, judged),
        skipped=tuple(skipped),
    )


def trust_in(quality: QualityModel, judged: Sequence[tuple[PredictedRegions, Floats]]) -> Trusts:
    """How well it holds on the regions of some samples, of which it is known how right they are."""
    columns = feature_names(len(quality.names))
    features = np.concatenate(
        [np.zeros((0, len(columns)), np.float32), *(regions.features for regions, _ in judged)]
    )
    ious = np.concatenate([np.zeros(0, np.float32), *(ious for _, ious in judged)])
    inner = np.concatenate([np.zeros(0, np.int32), *(regions.inner for regions, _ in judged)]) > 0
    known = ~np.isnan(ious)
    plain = auroc(features[known, columns.index("confidence_mean")], ious[known] > 0)
    return Trusts(quality.trust(features, ious), quality.trust(features[inner], ious[inner]), plain)


def find_suspects(
    model: str | Path,
    images: Path,
    masks: Path,
    palette: str = "",
    *,
    limit: int = 1000,
    backend: str = AUTO,
    context: JobContext | None = None,
) -> FoundSuspects:
    """Predicts images with masks whose ids are those of `palette`, and lists where the masks may be wrong.

    Args:
        model: name or folder of a model.
        images: a folder.
        masks: a folder with a mask of the same name for each image.
        palette: name or path; "" is the model's own.
        limit: suspects at most.
        backend: what runs the model.
        context: progress and cancellation.

    Raises:
        InputError: a folder is missing, no image has a mask, or none of the pairs can be used.
    """
    context = context or JobContext()
    contest, skipped = contest_of(model, images, masks, palette), list[Skip]()
    names, ignore = contest.palette.names, contest.palette.ignore_id
    shown = _shown(context, 0, len(contest.pairs))
    looks = looks_of(contest, backend, skipped, shown)
    suspects, count = suspects_of(looks, names, ignore, limit)
    return FoundSuspects(
        contest.spec.name, contest.palette.name, tuple(names), count, tuple(suspects), tuple(skipped)
    )


def suspects_of(
    looks: Iterable[Look], names: Sequence[str], ignore: int = 255, limit: int = 1000
) -> tuple[list[Suspect], int]:
    """The label suspects of samples that were looked at, ranked, and how many samples there were."""
    classes = len(names)
    total: Counts = np.zeros((classes, classes + 1), np.int64)
    found: list[MaskDoubts] = []
    for look in looks:
        total += count_confusion(look.mask, look.said.ids, classes, ignore)
        found.append(find_doubts(look.name, look.mask, look.said, classes, ignore))
    return rank_suspects(found, total, names, limit), len(found)


def regions_of(look: Look, contest: Contest) -> tuple[PredictedRegions, Floats]:
    """The predicted regions of a sample and how right each is."""
    classes, ignore = contest.palette.count, contest.palette.ignore_id
    return measure_regions(look.said, classes), region_ious(look.mask, look.said.ids, classes, ignore)


def evidence_of(said: Prediction, lookup: Mask) -> Evidence:
    """A prediction in other classes: uint8 [256], their id for every id of the model; see `class_lookup`."""
    ids = lookup[said.ids]
    second = None if said.second is None else other_class(ids, lookup[said.second])
    return Evidence(ids, said.confidence, second, said.margin)


def looks_of(
    contest: Contest, backend: str, skipped: list[Skip], shown: Callable[[int, str], None]
) -> Iterator[Look]:
    """Predicts every pair that can be read; the others are added to `skipped`.

    Raises:
        InputError: none of them can.
    """
    used = 0
    opened = open_backend(contest.folder, contest.spec, backend)
    try:
        predictor = Predictor(opened, contest.spec, runner_up=True, quick=True)
        for number, pair in enumerate(contest.pairs):
            shown(number, pair.name)
            try:
                image, mask = pair.load()
            except (ImageError, MaskError) as error:
                skipped.append((pair.path, error.message))
                continue
            used += 1
            yield Look(pair.name, mask, evidence_of(predictor.predict(image), contest.lookup))
    finally:
        opened.close()
    if not used:
        reason = skipped[-1][1] if skipped else ""
        raise InputError(f"none of the {len(contest.pairs)} images could be used: {reason}")


def skipped_json(skipped: Sequence[Skip]) -> list[dict[str, str]]:
    """As every command prints them."""
    return [{"path": path, "reason": reason} for path, reason in skipped]


def _shown(context: JobContext, done: int, total: int) -> Callable[[int, str], None]:
    """Progress of a part of the work, after which a cancelled one ends."""

    def show(number: int, name: str) -> None:
        context.check()
        context.progress(done + number, total, name)

    return show
