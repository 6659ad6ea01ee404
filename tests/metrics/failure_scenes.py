"""Small masks and predictions, and the tables of what is wrong in them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts
from segstudio.metrics.sample_evaluation import SampleEvaluation, evaluate_sample
from segstudio.metrics.segment_table import SegmentTable
from segstudio.metrics.segments import extract
from segstudio.metrics.true_regions import TrueRegions

NAMES = ("road", "car", "rider", "tree")
CLASSES = len(NAMES)
Mask = NDArray[np.uint8]


@dataclass(frozen=True)
class Scenes:
    """Samples that were measured, with every wrong pixel in a row."""

    masks: tuple[tuple[Mask, Mask], ...]
    table: SegmentTable
    confusion: Counts
    regions: TrueRegions
    region_sample: NDArray[np.int32]


def scenes(*masks: tuple[Mask, Mask]) -> Scenes:
    """Measures (truth, predicted) pairs; the samples are called a, b, c and so on."""
    found = [evaluate_sample(truth, said, CLASSES) for truth, said in masks]
    rows = [(chr(97 + number), extract(truth, said, CLASSES)) for number, (truth, said) in enumerate(masks)]
    return Scenes(
        masks,
        SegmentTable.of(NAMES, rows),
        np.stack([one.confusion for one in found]),
        joined([one.regions for one in found]),
        owners(found),
    )


def joined(parts: list[TrueRegions]) -> TrueRegions:
    """The regions of several samples."""
    return TrueRegions(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("truth", "area", "box", "hit", "called")
        )
    )


def owners(found: list[SampleEvaluation]) -> NDArray[np.int32]:
    """Which sample each region is of."""
    return np.repeat(np.arange(len(found), dtype=np.int32), [one.regions.count for one in found])


def noise(seed: int, height: int = 24, width: int = 30) -> tuple[Mask, Mask]:
    """A truth of blocks and a prediction that is wrong in a third of the pixels; both have unknown ids."""
    random = np.random.default_rng(seed)
    truth = np.kron(random.integers(0, CLASSES, (height // 6, width // 6)), np.ones((6, 6))).astype(np.uint8)
    truth[:2, :5] = 255
    said = np.where(random.random(truth.shape) < 0.33, random.integers(0, CLASSES, truth.shape), truth)
    said[-2:, -3:] = 255
    return truth, said.astype(np.uint8)
