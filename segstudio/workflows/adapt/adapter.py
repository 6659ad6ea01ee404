"""Adapts a model to confirmed pixels in seconds: its encoder stays, its classifier is refitted."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.errors import ImageError, InputError, MaskError
from segstudio.inference.catalog import find_model
from segstudio.inference.classifier import Classifier, read_classifier
from segstudio.inference.core import LazyCore
from segstudio.inference.features import FeatureSegmenter
from segstudio.inference.prediction import Prediction
from segstudio.inference.resample import Rows, restored
from segstudio.inference.spec import ModelSpec
from segstudio.jobs import JobContext, PartContext
from segstudio.metrics.confusion import quotient
from segstudio.metrics.refit import Evidence, Refit, grouped, refit
from segstudio.project.project import Project
from segstudio.workflows.adapt.confirmed import ConfirmedSample, find_confirmed
from segstudio.workflows.adapt.pixels import COLUMNS, DrawnPixels, PixelSource
from segstudio.workflows.evaluate import class_lookup
from segstudio.workflows.evaluate_project import fingerprint_of
from segstudio.workflows.model_palette import palette_of_model

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
FOLDER = "adapt"
# From so many images on, an image is a block of its own when pixels are held out.
BLOCKS = 4
# A class that falls by more than this on held-out pixels is said in words.
FALL = 0.02


@dataclass(frozen=True)
class ClassChange:
    """What an adaptation does to a class on confirmed pixels that the fit did not see.

    Attributes:
        name: the class.
        before, after: IoU 0-1; NaN where it does not occur.
        pixels: that were confirmed.
        blocks: images that it was confirmed in, or quarters of a few images.
    """

    name: str
    before: float
    after: float
    pixels: int
    blocks: int

    @property
    def change(self) -> float:
        """By how much the IoU rises, as a fraction."""
        return self.after - self.before

    @property
    def falls(self) -> bool:
        """Whether it falls by more than two points."""
        return self.change < -FALL


@dataclass(frozen=True, eq=False)
class Adaptation:
    """A refitted classifier that is not a model yet.

    Attributes:
        folder, spec: of the model that was adapted.
        palette: the project's classes.
        lookup: uint8 [256], the project's class of each of the model's.
        old, classifier: of the model's classes, as it is and refitted.
        samples: what it was fitted to.
        left: samples that were left out, and why.
        refit: how strongly it was held to the old weights, and what it does on held-out pixels.
        classes: that, class by class; those without a confirmed pixel are left out.
        seconds: by part of the work.
        project: where the samples come from.
        lacking: confirmed classes that the model does not have; their pixels were left out.
    """

    folder: Path
    spec: ModelSpec
    palette: Palette
    lookup: NDArray[np.uint8]
    old: Classifier
    classifier: Classifier
    samples: tuple[ConfirmedSample, ...]
    left: tuple[tuple[str, str], ...]
    refit: Refit
    classes: tuple[ClassChange, ...]
    seconds: dict[str, float]
    project: str
    lacking: tuple[str, ...] = ()

    @property
    def miou(self) -> tuple[float, float]:
        """Mean IoU on held-out confirmed pixels before and after, over the classes that were confirmed."""
        known = [one for one in self.classes if not np.isnan(one.before)]
        before, after = ([getattr(one, name) for one in known] for name in ("before", "after"))
        return float(np.mean(before)), float(np.mean(after))

    @property
    def untouched(self) -> tuple[str, ...]:
        """Classes of the project that stay as they are, for nothing of them is confirmed."""
        touched = {one.name for one in self.classes}.union(self.lacking)
        return tuple(name for name in self.palette.names if name not in touched)

    def warnings(self) -> tuple[str, ...]:
        """What the user should know before it is kept."""
        falls = [
            f"{one.name} falls by {-100 * one.change:.1f} points of IoU on held-out confirmed pixels"
            for one in sorted(self.classes, key=lambda one: one.change)
            if one.falls
        ]
        if self.lacking:
            names = ", ".join(self.lacking)
            falls.append(f"pixels left out, for {self.spec.name} does not have these classes: {names}")
        if len(self.samples) < BLOCKS:
            count = "one image" if len(self.samples) == 1 else f"{len(self.samples)} images"
            falls.append(f"this rests on {count} alone: how it does elsewhere is hardly known")
        return tuple(falls)

    def to_json(self) -> dict[str, Any]:
        """Plain values; fractions 0-1."""
        before, after = self.miou
        return {
            "model": self.spec.name,
            "seconds": {name: round(value, 3) for name, value in self.seconds.items()},
            "samples": [one.sample.key for one in self.samples],
            "pixels": sum(one.pixels for one in self.samples),
            "strength": self.refit.strength,
            "held_out": {
                "miou_before": before,
                "miou_after": after,
                "classes": {
                    one.name: {
                        "before": _known(one.before),
                        "after": _known(one.after),
                        "pixels": one.pixels,
                        "blocks": one.blocks,
                    }
                    for one in self.classes
                },
            },
            "untouched": list(self.untouched),
            "lacking": list(self.lacking),
            "warnings": list(self.warnings()),
            "left": [{"key": key, "reason": reason} for key, reason in self.left],
        }


class Adapter:
    """Adapts one model, as often as the user likes; images that did not change are looked at once.

    Args:
        model: name or folder of a model.
        palette: the classes of the masks.
        facts: a folder in which drawn pixels may be kept; None keeps none.

    Raises:
        ModelError: the model has no classifier of floats.
        BackendError: its file is refused, or gives ids alone.
        InputError: its classes and the palette's have nothing in common.
    """

    def __init__(self, model: str | Path, palette: Palette, facts: Path | None = None) -> None:
        self.folder, self.spec = find_model(model)
        self.palette = palette
        self.lookup = class_lookup(palette_of_model(self.spec), palette)
        self.old = read_classifier(self.spec.file(self.folder, "onnx"))
        self._seeing = FeatureSegmenter(self.folder, self.spec, largest=None)
        self._kind = LazyCore(self.spec.file(self.folder, "onnx")).kind
        cache = facts / FOLDER / fingerprint_of(self.folder, self.spec)[:16] if facts else None
        self._source = PixelSource(self._seeing, cache)

    def adapt(
        self, project: Project, keys: Sequence[str] = (), context: JobContext | None = None
    ) -> Adaptation:
        """Adapts to the confirmed pixels of a project; see `find_confirmed`.

        Raises:
            InputError: nothing is confirmed, or nothing that is confirmed speaks against the model.
            Cancelled: between two images.
        """
        context = context or JobContext()
        found = find_confirmed(project, keys, PartContext(context))
        return self.adapt_to(found.samples, found.left, context, str(project.root))

    def adapt_to(
        self,
        samples: Sequence[ConfirmedSample],
        left: Sequence[tuple[str, str]] = (),
        context: JobContext | None = None,
        project: str = "",
    ) -> Adaptation:
        """Adapts to confirmed pixels; see `adapt`."""
        context = context or JobContext()
        began = time.perf_counter()
        used, drawn, refused = self._drawn(samples, context)
        seen = time.perf_counter()
        context.progress(len(samples), len(samples) + 1, "fitting")
        evidence, lacking = self.evidence(drawn), self._lacking(drawn)
        if lacking and not evidence.count:
            raise InputError(
                f"{self.spec.name} has none of the confirmed classes: {', '.join(lacking)}",
                hint="train a model of the project's classes",
            )
        if len(np.unique(evidence.block)) < 2:
            raise InputError("too little is confirmed to adapt to", hint="confirm regions of more images")
        found = refit(evidence)
        seconds = {"features": seen - began, "fit": time.perf_counter() - seen}
        if np.isinf(found.strength):
            raise InputError(
                f"nothing that is confirmed speaks against {self.spec.name}: there is nothing to adapt",
                hint="correct regions where it is wrong, and confirm them",
            )
        return Adaptation(
            self.folder,
            self.spec,
            self.palette,
            self.lookup,
            self.old,
            self._refitted(found.shift),
            tuple(used),
            (*left, *refused),
            found,
            self._changes(found, evidence),
            seconds,
            project,
            lacking,
        )

    def predict(self, image: Image, classifier: Classifier) -> Prediction:
        """What the model says of an image RGB uint8 [H,W,3] with a classifier, in the project's classes."""
        _, features = self._seeing.look(image)
        said = self.restored(features, classifier, (image.shape[0], image.shape[1]))
        return Prediction(self.lookup[said.ids], said.confidence)

    def compare(self, image: Image, classifier: Classifier) -> tuple[Prediction, Prediction]:
        """What the model says of an image before and after, in the project's classes; see `predict`."""
        _, features = self._seeing.look(image)
        size = (image.shape[0], image.shape[1])
        before, after = (self.restored(features, one, size) for one in (self.old, classifier))
        return (
            Prediction(self.lookup[before.ids], before.confidence),
            Prediction(self.lookup[after.ids], after.confidence),
        )

    def look(self, image: Image) -> Floats:
        """The features float32 [C,h,w] of an image RGB uint8 [H,W,3]."""
        return self._seeing.look(image)[1]

    def restored(self, features: Floats, classifier: Classifier, size: tuple[int, int]) -> Prediction:
        """The answer in the model's classes at (height, width), by the operators of the deployment graph."""
        scores = classifier.scores(features)
        if self._kind == "probabilities":
            scores = np.exp(scores - scores.max(axis=0))
            scores /= scores.sum(axis=0)
        rows = Rows(iter([scores]), scores.shape[1])
        return restored([rows], size, self._kind or "logits", len(self.spec.classes))

    def evidence(self, drawn: Sequence[DrawnPixels]) -> Evidence:
        """Drawn pixels of several images as the fit wants them, without those of classes the model lacks."""
        few = len(drawn) < BLOCKS
        truth = np.concatenate([one.truth for one in drawn])
        known = np.isin(truth, self.lookup[: len(self.spec.classes)]) & (truth < self.palette.count)
        features = np.concatenate([one.features for one in drawn])[known].astype(np.float32)
        blocks = [number * COLUMNS + one.column * few for number, one in enumerate(drawn)]
        scores = features @ self.old.weight.T + self.old.bias
        groups = [int(self.lookup[number]) for number in range(len(self.spec.classes))]
        base, best = grouped(scores, groups, self.palette.count)
        return Evidence(
            features,
            base,
            best,
            truth[known].astype(np.int64),
            np.concatenate([one.weight for one in drawn])[known],
            np.concatenate(blocks)[known].astype(np.int32),
        )

    def _lacking(self, drawn: Sequence[DrawnPixels]) -> tuple[str, ...]:
        """Classes that were confirmed and that no class of the model stands for."""
        there = {int(number) for one in drawn for number in np.unique(one.truth)}
        lacking = there.difference(self.lookup[: len(self.spec.classes)].tolist())
        return tuple(name for number, name in enumerate(self.palette.names) if number in lacking)

    def _drawn(
        self, samples: Sequence[ConfirmedSample], context: JobContext
    ) -> tuple[list[ConfirmedSample], list[DrawnPixels], list[tuple[str, str]]]:
        used: list[ConfirmedSample] = []
        drawn: list[DrawnPixels] = []
        refused: list[tuple[str, str]] = []
        for number, one in enumerate(samples):
            context.check()
            context.progress(number, len(samples) + 1, one.sample.key)
            try:
                drawn.append(self._source.draw(one))
                used.append(one)
            except (ImageError, MaskError) as error:
                refused.append((one.sample.key, error.message))
        if not drawn:
            reason = f": {refused[0][1]}" if refused else ""
            raise InputError(f"no confirmed image can be used{reason}", hint="look for new images")
        return used, drawn, refused

    def _refitted(self, shift: Floats) -> Classifier:
        """The model's classifier with the shift of the project's classes."""
        weight, bias = self.old.weight.copy(), self.old.bias.copy()
        for number in range(len(bias)):
            own = int(self.lookup[number])
            if own < self.palette.count:
                weight[number] += shift[own, :-1]
                bias[number] += shift[own, -1]
        return Classifier(weight, bias)

    def _changes(self, found: Refit, evidence: Evidence) -> tuple[ClassChange, ...]:
        before, after = _ious(found.held_out.before), _ious(found.held_out.after)
        changes = []
        for number, name in enumerate(self.palette.names):
            own = evidence.truth == number
            if own.any():
                blocks = len(np.unique(evidence.block[own]))
                pixels = round(float(evidence.weight[own].sum()))
                changes.append(ClassChange(name, float(before[number]), float(after[number]), pixels, blocks))
        return tuple(changes)


def _ious(confusion: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64 [K] of a confusion in pixels [K,K+1]; NaN for classes without truth."""
    hits = np.diagonal(confusion)
    truth = confusion.sum(axis=1)
    union = truth + confusion[:, :-1].sum(axis=0) - hits
    return np.where(truth > 0, quotient(hits, union), np.nan)


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value
