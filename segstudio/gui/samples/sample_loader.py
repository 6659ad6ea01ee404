"""Reads a sample's image, mask and prediction in a worker, the neighbours ahead of time."""

import logging
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QObject, Signal

from segstudio import images
from segstudio.errors import SegstudioError
from segstudio.gui.job_bridge import JobBridge, Replies
from segstudio.project.project import Project
from segstudio.project.sample import Sample, StoredPrediction

LOG = logging.getLogger(__name__)
# About 20 frames of 2 MP with mask and prediction.
LIMIT_BYTES = 240 * 2**20


@dataclass(frozen=True)
class LoadedSample:
    """What the files of a sample hold.

    Attributes:
        key: the sample's key.
        image: uint8 [H,W,3] RGB, or None when it cannot be read.
        mask: uint8 [H,W], or None when there is none yet (or it cannot be read).
        prediction: the model's answer, or None.
        problem: why the mask must not be edited, or None.
    """

    key: str
    image: NDArray[np.uint8] | None
    mask: NDArray[np.uint8] | None
    prediction: StoredPrediction | None
    problem: SegstudioError | None

    @property
    def nbytes(self) -> int:
        """Memory of all arrays."""
        arrays = [self.image, self.mask]
        if self.prediction is not None:
            arrays += self.prediction.planes
        return sum(array.nbytes for array in arrays if array is not None)


def load_sample(project: Project, sample: Sample) -> LoadedSample:
    """Reads everything of a sample; what cannot be read is told in `problem`, not raised."""
    image: NDArray[np.uint8] | None = None
    mask: NDArray[np.uint8] | None = None
    prediction: StoredPrediction | None = None
    problem: SegstudioError | None = None
    try:
        image = images.read_image(sample.image)
        mask = project.load_mask(sample.key)
        if mask is not None and mask.shape != image.shape[:2]:
            problem = SegstudioError(
                f"the mask of {sample.key} is {mask.shape[1]}×{mask.shape[0]}, "
                f"its image {image.shape[1]}×{image.shape[0]}",
                hint="replace the mask file by one of the image's size",
            )
            mask = None
    except SegstudioError as error:
        problem = error
    try:
        prediction = project.load_prediction(sample.key)
        if prediction is not None and image is not None and prediction.ids.shape != image.shape[:2]:
            prediction = None
    except SegstudioError as error:
        # A prediction can be made again at any time, so a damaged one counts as none.
        LOG.warning("%s", error)
    return LoadedSample(sample.key, image, mask, prediction, problem)


class SampleLoader(QObject):
    """Serves loaded samples by key, one read at a time: the wanted one first, then its neighbours."""

    loaded = Signal(object)

    def __init__(self, bridge: JobBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self._project: Project | None = None
        self._kept: OrderedDict[str, LoadedSample] = OrderedDict()
        self._wishes: list[Sample] = []
        self._reading: str | None = None
        # A result that was overtaken by a change of the files must not enter the cache.
        self._stale: set[str] = set()

    def set_project(self, project: Project | None) -> None:
        """Forgets everything and serves another project."""
        self._project = project
        self._kept.clear()
        self._wishes.clear()
        self._reading = None

    def get(self, key: str) -> LoadedSample | None:
        """A sample that was read before, or None."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    def want(self, samples: Iterable[Sample]) -> None:
        """Reads these samples next, in this order; earlier wishes are dropped."""
        self._wishes = [sample for sample in samples if sample.key not in self._kept]
        self._next()

    def set_mask(self, key: str, mask: NDArray[np.uint8]) -> None:
        """Follows a mask that was just saved, uint8 [H,W]."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept[key] = replace(kept, mask=mask)

    def forget(self, keys: Iterable[str]) -> None:
        """Drops samples whose files changed."""
        for key in keys:
            self._kept.pop(key, None)
            if key == self._reading:
                self._stale.add(key)

    def _next(self) -> None:
        if self._reading is not None or not self._wishes or self._project is None:
            return
        project, sample = self._project, self._wishes.pop(0)
        self._reading = sample.key

        def finish(result: LoadedSample | None) -> None:
            if project is self._project:
                self._finish(sample, result)

        replies = Replies(done=finish, failed=lambda _: finish(None), cancelled=lambda: finish(None))
        self._bridge.start(
            f"Read {sample.key}", lambda _: load_sample(project, sample), lane="io", replies=replies
        )

    def _finish(self, sample: Sample, result: LoadedSample | None) -> None:
        self._reading = None
        if sample.key in self._stale:
            self._stale.discard(sample.key)
            self._wishes.insert(0, sample)
        elif result is not None:
            self._keep(result)
            self.loaded.emit(result)
        self._next()

    def _keep(self, result: LoadedSample) -> None:
        self._kept[result.key] = result
        total = sum(entry.nbytes for entry in self._kept.values())
        while total > LIMIT_BYTES and len(self._kept) > 1:
            total -= self._kept.popitem(last=False)[1].nbytes
