"""Where a model contradicts one sample's mask: every connected contradiction, measured for a ranking."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.error_scene import Floats, Mask, Scene
from segstudio.metrics.region_features import Evidence
from segstudio.metrics.segments import boxes, centres, means
from segstudio.run_lengths import Indices

Sums = NDArray[np.float64]

# Smaller contradictions are no suspects: a share of the image's pixels, but never fewer than so many.
SMALLEST_SHARE, SMALLEST = 5e-5, 4
# Islands are whole regions of the mask below this share of the image.
ISLAND = 2e-3
# A thing of its own: the contradiction holds more than this share of a region.
WHOLE = 0.5
# No pixel of a strip is farther from a border of the mask than this share of the image's diagonal.
STRIP, NARROWEST = 0.015, 3.0
# Whole regions that a model misses are mostly thin ones, and its fault: this deep, as a share of the image's
# diagonal, one stands alone even where the model's region reaches beyond it.
THICK = 0.05
# How much less a strip says than a thing of its own: rims are never exact.
STRIP_WEIGHT = 0.3
# Contradictions of so many pixels are 1 - 1/e solid, as a share of the image's.
SOLID = 6e-4


class Doubt(IntEnum):
    """What may be wrong with the mask; see `find_doubts`."""

    OTHER_CLASS = 0
    DROPPED = 1
    ISLAND = 2
    BORDER = 3
    PART = 4
    LONE_CLASS = 5


@dataclass(frozen=True)
class MaskClasses:
    """What each of K classes has in a mask; zeros where it is absent.

    Attributes:
        pixels: int64 [K].
        agreed: int64 [K], those of them that were predicted so.
        box: int32 [K,4], x, y, width and height.
        seed: int32 [K,2], column and row of its first pixel.
    """

    pixels: NDArray[np.int64]
    agreed: NDArray[np.int64]
    box: NDArray[np.int32]
    seed: NDArray[np.int32]


@dataclass(frozen=True)
class MaskDoubts:
    """The contradictions between one sample's mask and its prediction, a row each, and its classes.

    Attributes:
        sample: its name.
        kind: uint8 [n], values of Doubt.
        mask_class: uint8 [n], the class in the mask.
        proposed: uint8 [n], the class that was predicted.
        area: int32 [n], pixels.
        box: int32 [n,4], x, y, width and height.
        centre: float32 [n,2], x and y of the centroid; the first pixel's centre is 0.5.
        seed: int32 [n,2], column and row of its first pixel: what is connected to it, with the same two
            classes, is the contradiction.
        confidence: float32 [n], mean confidence 0-1; 0.5 where none is known.
        doubt: float32 [n], how far the model itself hesitates between the two classes, 0-1.
        alone: float32 [n], how far it is a thing of its own and not the rim of an agreement, 0-1.
        solid: float32 [n], how large it is, 0-1; a thousandth of the image gives 0.8.
        classes: what each class has in the mask.
    """

    sample: str
    kind: NDArray[np.uint8]
    mask_class: NDArray[np.uint8]
    proposed: NDArray[np.uint8]
    area: NDArray[np.int32]
    box: NDArray[np.int32]
    centre: Floats
    seed: NDArray[np.int32]
    confidence: Floats
    doubt: Floats
    alone: Floats
    solid: Floats
    classes: MaskClasses

    @property
    def count(self) -> int:
        """How many contradictions there are."""
        return len(self.kind)


def find_doubts(sample: str, mask: Mask, said: Evidence, classes: int, ignore: int = 255) -> MaskDoubts:
    """Every 4-connected contradiction of a mask and a prediction, with its kind; the first that fits counts.

    - island: a small region of the mask, most of it one other class in the prediction, that lies within it.
    - other class: more than half of a region of the mask is one other class.
    - dropped: more than half of a predicted region lies on one other class of the mask: a thing was painted
      over, or never painted.
    - border: a thin strip between regions that are otherwise agreed on; the more one-sided, the more suspect.
    - part: everything else.

    Args:
        sample: its name.
        mask: uint8 [H,W]; `ignore` and ids outside 0..classes-1 are in no contradiction.
        said: what the model says.
        classes: number of classes K, 1-255.
        ignore: the id that stands for "no truth here".

    Raises:
        ValueError: the shapes differ.
    """
    for plane in (said.ids, said.confidence, said.second, said.margin):
        if plane is not None and plane.shape != mask.shape:
            raise ValueError(f"mask is {mask.shape}, prediction is {plane.shape}")
    scene = Scene.of(mask, said.ids, classes, ignore)
    one = np.unique(scene.segment, return_index=True)[1].astype(np.int64)
    area = scene.pixels(scene.segment)
    least = max(SMALLEST, SMALLEST_SHARE * mask.size)
    kept = np.flatnonzero(scene.wrong[one] & (scene.predicted[one] < classes) & (area >= least))
    kind, alone = _kinds(scene, one, area)
    return MaskDoubts(
        sample=sample,
        kind=kind[kept],
        mask_class=scene.truth[one][kept].astype(np.uint8),
        proposed=scene.predicted[one][kept].astype(np.uint8),
        area=area[kept].astype(np.int32),
        box=boxes(scene.runs, scene.segment, len(area))[kept],
        centre=centres(scene.runs, scene.segment, area)[kept],
        seed=_places(scene, one[kept]),
        confidence=_confidence(scene, area, said)[kept],
        doubt=_doubt(scene, area, mask, said)[kept],
        alone=alone[kept].astype(np.float32),
        solid=(1 - np.exp(-area[kept] / (SOLID * mask.size))).astype(np.float32),
        classes=_classes(scene),
    )


def _places(scene: Scene, chosen: Indices) -> NDArray[np.int32]:
    """int32 [n,2]: column and row of the first pixel of some runs."""
    return np.stack([scene.runs.columns[chosen], scene.runs.rows[chosen]], axis=1).astype(np.int32)


def _confidence(scene: Scene, area: Sums, said: Evidence) -> Floats:
    """float32 [segments]: the mean confidence, 0-1."""
    if said.confidence is None:
        return np.full(len(area), 0.5, np.float32)
    return means(scene.runs, scene.segment, area, said.confidence)


def _doubt(scene: Scene, area: Sums, mask: Mask, said: Evidence) -> Floats:
    """float32 [segments]: the mean of 1 - margin where the runner-up is what the mask says, of 0 elsewhere.

    Without a runner-up it is as if it were always the mask's class, and all probability were these two's.
    """
    if said.second is None or said.margin is None:
        return np.asarray(np.minimum(1, 2 * (1 - _confidence(scene, area, said))), np.float32)
    hesitates = np.where(said.second == mask, 255 - said.margin, 0).astype(np.uint8)
    return means(scene.runs, scene.segment, area, hesitates)


def _kinds(scene: Scene, one: Indices, area: Sums) -> tuple[NDArray[np.uint8], Sums]:
    """The kind of every segment, uint8, and how far it is a thing of its own, 0-1."""
    true_region, predicted_region = scene.true_region[one], scene.predicted_region[one]
    true_area = scene.pixels(scene.true_region)
    # Pixels without truth are in no contradiction, and in no agreement either.
    counted = np.maximum(scene.pixels(scene.predicted_region, scene.truth < scene.classes), 1)
    true_hit = (scene.pixels(scene.true_region, scene.right) / true_area)[true_region]
    own_hit = (scene.pixels(scene.predicted_region, scene.right) / counted)[predicted_region]
    whole = area / true_area[true_region] > WHOLE
    height, width = scene.distance.shape
    depth = np.zeros(len(area))
    np.maximum.at(depth, scene.segment, scene.runs.greatest(scene.distance))
    diagonal = float(np.hypot(height, width))
    strip = depth <= max(NARROWEST, STRIP * diagonal)
    strip &= (true_hit > WHOLE) & (own_hit > WHOLE)
    small = true_area[true_region] <= ISLAND * height * width
    kinds = np.select(
        [whole & small & (own_hit > WHOLE), whole, area / counted[predicted_region] > WHOLE, strip],
        [Doubt.ISLAND, Doubt.OTHER_CLASS, Doubt.DROPPED, Doubt.BORDER],
        Doubt.PART,
    )
    alone = np.maximum(1 - own_hit, whole * np.minimum(depth / max(THICK * diagonal, 1), 1))
    sided = STRIP_WEIGHT * _one_sided(scene, one, area * strip)
    return kinds.astype(np.uint8), np.where(kinds == Doubt.BORDER, sided, alone)


def _one_sided(scene: Scene, one: Indices, area: Sums) -> Sums:
    """float64 [segments]: 1 where two regions dispute pixels on one side of their border alone, 0 on both.

    What a region of the mask loses to a class is weighed against what the model's region in its place takes
    from that class; the areas of segments that are no strips are 0.
    """
    classes = scene.classes + 1
    mask_class, proposed = scene.truth[one], scene.predicted[one]
    found_in = _main_region(scene)[scene.predicted_region[one]]
    lost, taken = scene.true_region[one] * classes + proposed, found_in * classes + mask_class
    taken = np.where(found_in < 0, -1, taken)
    keys, places = np.unique(np.concatenate([lost, taken]), return_inverse=True)
    losing, taking = places[: len(one)], places[len(one) :]
    net = np.abs(np.bincount(losing, area, len(keys)) - np.bincount(taking, area, len(keys)))
    gross = np.bincount(losing, area, len(keys)) + np.bincount(taking, area, len(keys))
    share = net / np.maximum(gross, 1)
    sided: Sums = np.maximum(share[losing], np.where(found_in < 0, 0, share[taking]))
    return sided


def _main_region(scene: Scene) -> Indices:
    """int64 [predicted regions]: the region of the mask that agrees with most of each, -1 where none does."""
    count = int(scene.true_region.max(initial=0)) + 1
    right = scene.right
    pairs, place = np.unique(
        scene.predicted_region[right] * count + scene.true_region[right], return_inverse=True
    )
    pixels = np.bincount(place, scene.runs.lengths[right], minlength=len(pairs))
    order = np.argsort(pixels, kind="stable")
    main = np.full(int(scene.predicted_region.max(initial=-1)) + 1, -1, np.int64)
    # The last one that is written stays: the largest.
    main[pairs[order] // count] = pairs[order] % count
    return main


def _classes(scene: Scene) -> MaskClasses:
    count, lengths = scene.classes, scene.runs.lengths
    pixels = np.bincount(scene.truth, lengths, minlength=count + 1)[:count].astype(np.int64)
    agreed = np.bincount(scene.truth, lengths * scene.right, minlength=count + 1)[:count].astype(np.int64)
    box = boxes(scene.runs, scene.truth, count + 1)[:count]
    box[pixels == 0] = 0
    values, first = np.unique(scene.truth, return_index=True)
    seed = np.zeros((count + 1, 2), np.int32)
    seed[values] = _places(scene, first.astype(np.int64))
    return MaskClasses(pixels, agreed, box, seed[:count])
