"""Turns planned draws into augmented tensors; a sample that cannot be read any more is replaced and told."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from segstudio.errors import ImageError, InputError, MaskError
from segstudio.training.augment.sets import augmenter
from segstudio.training.data.draw import Draw
from segstudio.training.data.plan import crop_stages
from segstudio.training.data.split import Split
from segstudio.training.spec.schema import ExperimentSpec


class AugmentedSamples(Dataset[tuple[Tensor, Tensor]]):
    """Turns a `Draw` into an augmented sample: uint8 [3,h,w] and uint8 [h,w]."""

    def __init__(self, split: Split, spec: ExperimentSpec) -> None:
        self._split = split
        self._augmenters = {stage.scale: augmenter(spec, stage.scale) for stage in crop_stages(spec)}
        # Shared memory, through which worker processes tell what they could not read.
        self._lost = [torch.zeros(len(source), dtype=torch.uint8) for source in split.sources]
        for flags in self._lost:
            flags.share_memory_()  # type: ignore[no-untyped-call]  # torch says no types of it
        self._told: set[tuple[int, int]] = set()

    def __getitem__(self, draw: Draw) -> tuple[Tensor, Tensor]:
        """The same draw always gives the same sample, as long as its files can be read.

        Raises:
            ImageError, MaskError: no sample of the source can be read any more.
        """
        image, mask = self._load(draw)
        generator = np.random.default_rng(draw.seed)
        augment = self._augmenters[draw.scale]
        crop, target = augment(image, mask, (draw.height, draw.width), generator, draw.focus)
        return torch.from_numpy(crop).permute(2, 0, 1), torch.from_numpy(target)

    def lost(self) -> list[tuple[Path | None, str]]:
        """Samples that could not be read since the last call, each told once, with the reason."""
        found: list[tuple[Path | None, str]] = []
        for place, flags in enumerate(self._lost):
            for number in torch.nonzero(flags).flatten().tolist():
                if (place, number) not in self._told:
                    self._told.add((place, number))
                    source = self._split.sources[place]
                    found.append((source.paths(number)[0], self._reason(place, number)))
        return found

    def _load(self, draw: Draw) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        source = self._split.sources[draw.source]
        problem: InputError | None = None
        for step in range(len(source)):
            number = (draw.number + step) % len(source)
            try:
                return source.load(number)
            except (ImageError, MaskError) as error:
                # One bad file must not end a run of days: the next sample takes its place, and `lost` tells.
                self._lost[draw.source][number] = 1
                problem = error
        assert problem is not None
        raise problem

    def _reason(self, place: int, number: int) -> str:
        try:
            self._split.sources[place].load(number)
        except (ImageError, MaskError) as error:
            return error.message
        return "could not be read for a while"
