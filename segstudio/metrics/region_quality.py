"""Region quality: from features of predicted regions to how right each probably is, without a truth."""

import io
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.errors import InputError
from segstudio.images import atomic_write
from segstudio.metrics.region_features import PredictedRegions, feature_names

Floats = NDArray[np.float32]
VERSION = 1
# Fewer regions, or fewer of either kind (with a true pixel and without), teach nothing that holds elsewhere.
LEAST, LEAST_OF_KIND = 100, 10
# More rows than this are thinned out by lot: they cost seconds and change little.
MOST = 20_000
SETTINGS = {"max_iter": 100, "learning_rate": 0.08, "max_leaf_nodes": 15, "max_features": 0.3}
# Features that are ids: no order lies in them.
CHOICES = ("class", "second_class")
# Regions that a leaf of a tree holds at least, where there are plenty.
LEAF = 50
FEW_HINT = "give more images with masks, or images on which the model makes mistakes"


@dataclass(frozen=True)
class Quality:
    """What is thought of regions, a row each.

    Attributes:
        found: float32 [n], probability that the region has a pixel of its class in truth, 0-1.
        iou: float32 [n], its expected adjusted IoU, 0-1.
    """

    found: Floats
    iou: Floats


@dataclass(frozen=True)
class Trust:
    """How well thoughts about regions hold, measured on regions with a truth.

    Attributes:
        regions: how many with a truth there were.
        missing: the share of them with an IoU of 0.
        auroc: probability that a region with an IoU above 0 has a larger `found` than one with 0; None where
            all regions are of one kind.
        r2: share of the IoU's variance that `iou` explains (1 - residual / total sum of squares); None where
            all are equal.
    """

    regions: int
    missing: float
    auroc: float | None
    r2: float | None


@dataclass(frozen=True, eq=False)
class QualityModel:
    """What is known of regions with a truth; the trees grow from it when they are first asked.

    Two ensembles of gradient-boosted trees (Friedman, 2001) with a fixed seed: the same rows give the same
    answers. What is stored are the rows, so a file holds no code; growing takes a few seconds.

    Attributes:
        names: the classes.
        features: float32 [n,F], see `feature_names`.
        ious: float32 [n], the adjusted IoU of each, 0-1.
    """

    names: tuple[str, ...]
    features: Floats
    ious: Floats

    @classmethod
    def learn(
        cls, names: Sequence[str], found: Sequence[tuple[PredictedRegions, Floats]], seed: int = 0
    ) -> "QualityModel":
        """From the regions of many images and how right they are (`region_ious`; NaN is left out).

        Raises:
            InputError: there are too few regions, or too few with or without a true pixel.
        """
        wide = len(feature_names(len(names)))
        features = np.concatenate(
            [np.zeros((0, wide), np.float32), *(regions.features for regions, _ in found)]
        )
        ious = np.concatenate([np.zeros(0, np.float32), *(ious for _, ious in found)])
        known = np.flatnonzero(~np.isnan(ious))
        right = int(np.count_nonzero(ious[known] > 0))
        if len(known) < LEAST or min(right, len(known) - right) < LEAST_OF_KIND:
            raise InputError(
                f"{len(known)} regions with a truth, {right} of them with right pixels, are too few to learn "
                f"from: it takes {LEAST}, and {LEAST_OF_KIND} each with and without right pixels",
                hint=FEW_HINT,
            )
        if len(known) > MOST:
            known = _thinned(known, ious[known] > 0, seed)
        return cls(tuple(names), features[known], ious[known])

    def judge(self, regions: PredictedRegions) -> Quality:
        """What is thought of the regions of one image, in their order; a few ms once the trees have grown."""
        return self.judge_features(regions.features)

    def judge_features(self, features: Floats) -> Quality:
        """Likewise, of features float32 [n,F]."""
        if not len(features):
            return Quality(np.zeros(0, np.float32), np.zeros(0, np.float32))
        columns, classifier, regressor = self._trees
        with _one_thread():
            found = classifier.predict_proba(features[:, columns])[:, 1]
            iou = np.clip(regressor.predict(features[:, columns]), 0, 1)
        return Quality(found.astype(np.float32), iou.astype(np.float32))

    def trust(self, features: Floats, ious: Floats) -> Trust:
        """How well it judges other regions: features float32 [n,F] and adjusted IoUs float32 [n], or NaN."""
        known = ~np.isnan(ious)
        quality, ious = self.judge_features(features[known]), ious[known]
        missing = float(np.mean(ious == 0)) if len(ious) else 0.0
        return Trust(len(ious), missing, auroc(quality.found, ious > 0), r2(quality.iou, ious))

    def save(self, path: Path) -> None:
        """Writes it as npz, whole or not at all.

        Raises:
            ImageError: the folder or the disk refuses.
        """
        content = io.BytesIO()
        np.savez_compressed(
            content,
            version=np.int64(VERSION),
            names=np.array(self.names),
            features=self.features,
            ious=self.ious,
        )
        atomic_write(path, content.getvalue())

    @classmethod
    def load(cls, path: Path) -> "QualityModel":
        """Reads what `save` wrote.

        Raises:
            InputError: there is no such file, or it is damaged or of another version.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                names = tuple(str(name) for name in stored["names"])
                version, features, ious = int(stored["version"]), stored["features"], stored["ious"]
        except (OSError, KeyError, ValueError, EOFError, TypeError, zipfile.BadZipFile, zlib.error) as error:
            raise InputError(f"{path} is no region quality: {error}", hint="learn it again") from error
        right = np.asarray(ious > 0) if ious.dtype == np.float32 else np.zeros(0, bool)
        shape = (right.size, len(feature_names(len(names))))
        whole = features.shape == shape and features.dtype == np.float32 and ious.ndim == 1
        if version != VERSION or not whole or right.all() or not right.any() or np.isnan(ious).any():
            raise InputError(f"{path} is a region quality of another version", hint="learn it again")
        return cls(names, features, ious)

    @cached_property
    def _trees(self) -> tuple[NDArray[np.int64], Any, Any]:
        """The features that are known of any region, and the trees of `found` and of `iou` on them."""
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        columns = np.flatnonzero(~np.isnan(self.features).all(axis=0))
        named = np.array(feature_names(len(self.names)))[columns]
        choices = {
            **SETTINGS,
            "random_state": 0,
            "early_stopping": False,
            "min_samples_leaf": max(5, min(LEAF, len(self.ious) // 20)),
            "categorical_features": np.isin(named, CHOICES),
        }
        known = self.features[:, columns]
        with _one_thread():
            classifier = HistGradientBoostingClassifier(**choices).fit(known, self.ious > 0)
            regressor = HistGradientBoostingRegressor(**choices).fit(known, self.ious)
        return columns, classifier, regressor


def _thinned(known: NDArray[np.int64], right: NDArray[np.bool_], seed: int) -> NDArray[np.int64]:
    """`MOST` of some rows by lot, ascending; of each kind at least as many as it takes to learn from."""
    draw = np.random.default_rng(seed)
    kinds = [draw.permutation(known[right]), draw.permutation(known[~right])]
    share = round(MOST * len(kinds[0]) / len(known))
    first = min(max(share, min(LEAST_OF_KIND, len(kinds[0]))), MOST - min(LEAST_OF_KIND, len(kinds[1])))
    return np.sort(np.concatenate([kinds[0][:first], kinds[1][: MOST - first]]))


@contextmanager
def _one_thread() -> Iterator[None]:
    """The trees are small: on a busy machine, threads that wait for each other cost more than they save."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1, user_api="openmp"):
        yield


def auroc(scores: Floats, truth: NDArray[np.bool_]) -> float | None:
    """The area under the ROC curve of scores [n] of what is true or not [n]; None with one kind alone.

    It is Mann and Whitney's statistic: the share of pairs (true, not) that are in order, ties being half.
    """
    wanted = int(np.count_nonzero(truth))
    if wanted in (0, len(truth)):
        return None
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    above = ranks[truth].sum() - wanted * (wanted + 1) / 2
    return float(above / (wanted * (len(truth) - wanted)))


def r2(guessed: Floats, truth: Floats) -> float | None:
    """The coefficient of determination of guesses [n]; None where all truths [n] are equal."""
    spread = float(np.square(truth - truth.mean(dtype=np.float64)).sum()) if len(truth) else 0.0
    if spread == 0:
        return None
    return 1 - float(np.square(truth.astype(np.float64) - guessed).sum()) / spread
