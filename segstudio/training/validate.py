"""Measures a network on whole validation images while it is trained, resized and restored as at inference."""

from collections.abc import Callable

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


class Validation:
    """The validation samples of a spec; scores are in the classes of their own palette.

    It is falsy where the spec has no validation samples.

    Attributes:
        split: the samples.
        palette: of their masks.
        model_names: the network's classes.

    Raises:
        SpecError: there is a validation split, and it cannot be used.
    """

    def __init__(self, spec: ExperimentSpec, context: JobContext | None = None) -> None:
        own = model_palette(spec)
        self.split = open_split(spec, "validation", context or JobContext())
        self.palette, self.model_names = self.split.palette, own.names
        self.pairs = [(source, n) for source in self.split.sources for n in range(len(source))]
        self._lookup = mapping(own, self.palette)
        self._spec = spec

    def __bool__(self) -> bool:
        """Whether there is anything to validate on."""
        return bool(self.pairs)

    def counts(
        self,
        network: nn.Module,
        device: torch.device,
        check: Callable[[], None] = lambda: None,
        rank: int = 0,
        ranks: int = 1,
    ) -> Counts:
        """Confusion counts int64 [K,K+1] of this rank's share of the samples, in the palette's classes.

        Samples whose files have vanished since the split was opened do not count.

        Args:
            network: is put into evaluation mode.
            device: where it lies.
            check: called before each image; may raise to stop.
            rank: of this process; it takes every `ranks`-th sample.
            ranks: how many processes share the samples; the sum of their counts is that of one process.
        """
        augmentation = self._spec.dataset.segment.augmentation
        segmenter = make_segmenter(self._spec, network, device, augmentation.mean, augmentation.std)
        size = scored_size(self._spec)
        total = np.zeros((self.palette.count, self.palette.count + 1), np.int64)
        for source, number in self.pairs[rank::ranks]:
            check()
            try:
                image, truth = source.load(number)
            except (ImageError, MaskError):
                continue
            predicted = self._lookup[segmenter.ids(image, size)]
            total += count_confusion(nearest(truth, size) if size else truth, predicted, self.palette.count)
        return total
