"""All samples of a project as columns: what queries are asked of and orders are made from."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from segstudio.project.sample import SampleStatus

STATUSES = tuple(SampleStatus)
Numbers = NDArray[np.float32]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class SampleTable:
    """N samples in the project's order, with K classes. What is not known of a sample is NaN.

    Attributes:
        names: of the classes.
        keys: of the samples.
        status: uint8 [N], places in STATUSES.
        split, assignee, note: of each sample, "" without.
        width, height: int32 [N] pixels, 0 until the image was read once.
        changed_at: float64 [N], when somebody last changed it, in s; 0 for never.
        has_mask, has_prediction: bool [N], whether the pixels of its mask or prediction are known.
        mask_pixels, predicted_pixels: int32 [N,K], pixels of each class; 0 where they are not known.
        confidence, margin, unsure: float32 [N], 0-1; see `PredictionFacts`.
        quality: float32 [N], predicted quality of the prediction, 0-1.
        differing: float32 [N], 0-1; see `MaskFacts`.
        suspect: float32 [N], 0-1, the score of the mask's worst suspect; 0 where none was found.
        comments: int32 [N], how many are open.
        iou: float32 [N], mean over the sample's classes, of one model against the mask.
        class_iou: float64 [K], of that model over all samples.
    """

    names: tuple[str, ...]
    keys: tuple[str, ...]
    status: NDArray[np.uint8]
    split: tuple[str, ...]
    assignee: tuple[str, ...]
    note: tuple[str, ...]
    width: NDArray[np.int32]
    height: NDArray[np.int32]
    changed_at: NDArray[np.float64]
    has_mask: Flags
    has_prediction: Flags
    mask_pixels: NDArray[np.int32]
    predicted_pixels: NDArray[np.int32]
    confidence: Numbers
    margin: Numbers
    unsure: Numbers
    quality: Numbers
    differing: Numbers
    suspect: Numbers
    comments: NDArray[np.int32]
    iou: Numbers
    class_iou: NDArray[np.float64]

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.keys)

    @cached_property
    def folded(self) -> tuple[str, ...]:
        """The keys without upper case."""
        return tuple(key.casefold() for key in self.keys)

    @cached_property
    def folder(self) -> tuple[str, ...]:
        """The folder of each sample below the images, "" for the top."""
        return tuple(key.rpartition("/")[0] for key in self.keys)

    @cached_property
    def pixels(self) -> NDArray[np.int32]:
        """int32 [N,K]: pixels of each class in the mask or, without a mask, in the prediction."""
        return np.where(self.has_mask[:, None], self.mask_pixels, self.predicted_pixels)

    @cached_property
    def shares(self) -> NDArray[np.float32]:
        """float32 [N,K]: what each class takes of the pixels that have one, 0-1."""
        total = self.pixels.sum(axis=1, dtype=np.int64)
        shares: Numbers = (self.pixels / np.maximum(total, 1)[:, None]).astype(np.float32)
        return shares

    def has_status(self, *statuses: SampleStatus) -> Flags:
        """bool [N]: which samples have one of some statuses."""
        return np.isin(self.status, [STATUSES.index(status) for status in statuses])
