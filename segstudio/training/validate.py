"""Measures a network on whole validation images while it is trained, resized and restored as at inference."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from segstudio.annotation.palette import mapping
from segstudio.errors import ImageError, MaskError
from segstudio.jobs import JobContext
from segstudio.metrics.confusion import Counts, count_confusion
from segstudio.training.data.split import open_split
from segstudio.training.segment import make_segmenter, nearest, scored_size
from segstudio.training.spec.derived import model_palette
from segstudio.training.spec.schema import ExperimentSpec


@dataclass(frozen=True)
class Tally:
    """What a validation counts over its samples, to be added up over processes.

    Attributes:
        counts: confusion int64 [K,K+1] in the classes of the masks.
        loss: sum of the cross-entropy over the pixels that count; NaN where the masks have other classes
            than the network.
        pixels: how many these are.
    """

    counts: Counts
    loss: float
    pixels: float

    @property
    def mean_loss(self) -> float:
        """Cross-entropy a pixel; NaN where there is none."""
        return self.loss / self.pixels if self.pixels else math.nan


class Validation:
    """The validation samples of a spec; scores are in the classes of their own palette.

    It is falsy where the spec has no validation samples.

    Attributes:
        split: the samples.
        palette: of their masks.
        model_names: the network's classes.
        lookup: uint8 [256], the id in the palette for every id of the network.

    Raises:
        SpecError: there is a validation split, and it cannot be used.
    """

    def __init__(self, spec: ExperimentSpec, context: JobContext | None = None) -> None:
        own = model_palette(spec)
        self.split = open_split(spec, "validation", context or JobContext())
        self.palette, self.model_names = self.split.palette, own.names
        self.pairs = [(source, n) for source in self.split.sources for n in range(len(source))]
        self.lookup = mapping(own, self.palette)
        self._own_classes = self.palette == own
        self._spec = spec

    def __bool__(self) -> bool:
        """Whether there is anything to validate on."""
        return bool(self.pairs)

    def tally(
        self,
        network: nn.Module,
        device: torch.device,
        check: Callable[[], None] = lambda: None,
        rank: int = 0,
        ranks: int = 1,
    ) -> Tally:
        """What this rank's share of the samples counts.

        Samples whose files have vanished since the split was opened do not count.

        Args:
            network: is put into evaluation mode.
            device: where it lies.
            check: called before each image; may raise to stop.
            rank: of this process; it takes every `ranks`-th sample.
            ranks: how many processes share the samples; the sum of what they count is that of one process.
        """
        augmentation = self._spec.dataset.segment.augmentation
        segmenter = make_segmenter(self._spec, network, device, augmentation.mean, augmentation.std)
        size = scored_size(self._spec)
        total = np.zeros((self.palette.count, self.palette.count + 1), np.int64)
        loss, pixels = (0.0 if self._own_classes else math.nan), 0
        for source, number in self.pairs[rank::ranks]:
            check()
            try:
                image, truth = source.load(number)
            except (ImageError, MaskError):
                continue
            truth = nearest(truth, size) if size else truth
            ids, surprise = segmenter.judged(image, truth if self._own_classes else None, size)
            counts = count_confusion(truth, self.lookup[ids], self.palette.count)
            total += counts
            loss += surprise
            pixels += int(counts.sum())
        return Tally(total, loss, pixels)
