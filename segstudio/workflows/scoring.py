"""Scores whatever answers images against masks: measures image by image, clean and corrupted."""

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Palette
from segstudio.corruptions.corrupt import KINDS, PROTOCOL, corrupt
from segstudio.errors import ImageError, InputError, MaskError
from segstudio.jobs import JobContext
from segstudio.metrics.boundary import BOUNDARY_SHARE
from segstudio.metrics.cityscapes import instance_rules, instances_beside
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.metrics.measures import ImageMeasures, measure_image

Pixels = NDArray[np.uint8]
Predict = Callable[[Pixels], Pixels]
Corruption = tuple[str, int]


@dataclass(frozen=True)
class Pair:
    """An image with its mask: a name that no other pair has, its path, and both decoded on demand.

    `load` gives RGB uint8 [H,W,3] and class ids uint8 [h,w], which are of another size only where the ids
    are to be predicted at that size; it raises ImageError or MaskError for files that cannot be used. `mask`
    is the mask's file, beside which Cityscapes keeps a map of instances.
    """

    name: str
    path: str
    load: Callable[[], tuple[Pixels, Pixels]]
    mask: Path | None = None


@dataclass(frozen=True)
class Answer:
    """One scored image, for whoever wants to see it."""

    position: int
    name: str
    image: Pixels
    truth: Pixels
    predicted: Pixels


@dataclass
class Share:
    """What one process has measured: rows by position, what it skipped, counts of corrupted images."""

    rows: dict[int, tuple[str, ImageMeasures]] = field(default_factory=dict)
    skipped: list[tuple[str, str]] = field(default_factory=list)
    corrupted: dict[Corruption, Counts] = field(default_factory=dict)


@dataclass(frozen=True)
class Scorer:
    """How images are scored.

    Attributes:
        palette: the classes of the masks and of the answers.
        boundary_share: half width of the band of boundary IoU, as a share of the diagonal.
        corruptions: kinds and severities with which every image is scored again.
        is_shown: whether the image of a position is handed to `show`.
        show: called with those.
    """

    palette: Palette
    boundary_share: float = BOUNDARY_SHARE
    corruptions: Sequence[Corruption] = ()
    is_shown: Callable[[int], bool] = lambda _: False
    show: Callable[[Answer], None] = lambda _: None

    def score(
        self, pairs: Sequence[Pair], predict: Predict, context: JobContext, rank: int = 0, ranks: int = 1
    ) -> Share:
        """Scores this process's share of the pairs: every `ranks`-th one.

        Raises:
            Cancelled: the job was cancelled.
        """
        share = Share()
        steps = 1 + len(self.corruptions)
        for position in range(rank, len(pairs), ranks):
            pair = pairs[position]
            context.check()
            context.progress(position * steps, len(pairs) * steps, pair.name)
            try:
                image, truth = pair.load()
                instances = self._instances(pair, truth)
            except (ImageError, MaskError) as error:
                share.skipped.append((pair.path, error.message))
                continue
            predicted = predict(image)
            share.rows[position] = pair.name, self._measured(truth, predicted, instances)
            if self.is_shown(position):
                self.show(Answer(position, pair.name, image, truth, predicted))
            for number, corruption in enumerate(self.corruptions):
                context.check()
                context.progress(position * steps + 1 + number, len(pairs) * steps, pair.name)
                self._add_corrupted(share, corruption, pair.name, image, truth, predict)
        return share

    def _instances(self, pair: Pair, truth: Pixels) -> NDArray[np.int32] | None:
        """The instances of an image, where they are known at the size of its truth."""
        if pair.mask is None or instance_rules(self.palette.names) is None:
            return None
        found = instances_beside(pair.mask)
        return found if found is not None and found.shape == truth.shape else None

    def _measured(
        self, truth: Pixels, predicted: Pixels, instances: NDArray[np.int32] | None
    ) -> ImageMeasures:
        return measure_image(
            truth,
            predicted,
            self.palette.count,
            self.palette.ignore_id,
            boundary_share=self.boundary_share,
            instances=instances,
            rules=instance_rules(self.palette.names),
        )

    def _add_corrupted(
        self, share: Share, corruption: Corruption, name: str, image: Pixels, truth: Pixels, predict: Predict
    ) -> None:
        kind, severity = corruption
        predicted = predict(corrupt(image, kind, severity, seed_of(name, kind, severity)))
        counts = count_confusion(truth, predicted, self.palette.count, self.palette.ignore_id)
        share.corrupted[corruption] = share.corrupted.get(corruption, np.zeros_like(counts)) + counts


def seed_of(name: str, kind: str, severity: int) -> int:
    """The seed of a corruption: the same image is always spoilt in the same way."""
    return zlib.crc32(f"{name} {kind} {severity}".encode())


def chosen_corruptions(kinds: Sequence[str] = (), severities: Sequence[int] = ()) -> tuple[Corruption, ...]:
    """The corruptions of the protocol, of some kinds and severities alone where they are given.

    Raises:
        InputError: there is no such kind, or the protocol has none of these severities for it.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise InputError(f"there is no corruption {kind!r}", hint=f"use some of: {', '.join(KINDS)}")
    found = tuple(
        (kind, severity)
        for kind, severity in PROTOCOL
        if (not kinds or kind in kinds) and (not severities or severity in severities)
    )
    if not found:
        raise InputError(
            f"no corruption of severity {', '.join(map(str, severities))}", hint="severities are 1 to 5"
        )
    return found
