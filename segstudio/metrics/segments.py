"""Error segments: each connected region where a prediction is wrong in one way, measured, with its kind."""

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.confusion import Counts
from segstudio.metrics.error_scene import Flags, Floats, Mask, Scene
from segstudio.run_lengths import Indices, Runs


class Kind(IntEnum):
    """How a segment is wrong; see `extract`."""

    EDGE_SLACK = 0
    TAKEN_OVER = 1
    MISSED = 2
    INVENTED = 3
    SPLIT = 4
    MERGED = 5
    LEAK = 6


@dataclass(frozen=True)
class CutOffs:
    """Where one kind ends and the next begins; kept with an evaluation, for kinds mean nothing without them.

    Attributes:
        slack: pixels from the nearest border of the truth within which a segment is edge slack.
        hit: share of a region below which it counts as not found, 0-1.
        over: share of a region above which another class has taken it over, 0-1.
        part: pixels from which a part counts when regions are split or merged.
    """

    slack: float = 2.0
    hit: float = 0.1
    over: float = 0.5
    part: int = 20


@dataclass(frozen=True)
class Segments:
    """The error segments of one sample, a row each, and the ledger of all its wrong pixels.

    Attributes:
        kind: uint8 [n], values of Kind.
        truth: uint8 [n], the true class.
        predicted: uint8 [n], the class that was predicted; K stands for "no class".
        area: int32 [n], pixels.
        box: int32 [n,4], x, y, width and height.
        centre: float32 [n,2], x and y of the centroid, in pixels; the first pixel's centre is 0.5.
        share: float32 [n], the segment's share of the true region that it lies in, 0-1.
        hit: float32 [n], the share of that region that was predicted right, 0-1.
        edge_mean: float32 [n], mean distance to the nearest border of the truth, in pixels.
        edge_max: float32 [n], the largest one.
        at_border: bool [n], whether it touches the edge of the image.
        beside_ignore: bool [n], whether it touches pixels without truth.
        beside: uint8 [n], the true class along the longest part of its outline, its own and the predicted one
            apart; K where there is none.
        confidence: float32 [n], mean confidence 0-1; NaN where none was given.
        margin: float32 [n], mean margin over the runner-up 0-1; NaN where none was given.
        ledger: int64 [K,7,2], for each class and kind the pixels that it lost (missed, as the true class) and
            the pixels that it took (as the predicted one); no segment is too small for it.
    """

    kind: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    predicted: NDArray[np.uint8]
    area: NDArray[np.int32]
    box: NDArray[np.int32]
    centre: Floats
    share: Floats
    hit: Floats
    edge_mean: Floats
    edge_max: Floats
    at_border: Flags
    beside_ignore: Flags
    beside: NDArray[np.uint8]
    confidence: Floats
    margin: Floats
    ledger: Counts

    @property
    def count(self) -> int:
        """How many segments there are."""
        return len(self.kind)


def extract(
    truth: Mask,
    predicted: Mask,
    classes: int,
    *,
    ignore: int = 255,
    confidence: Mask | None = None,
    margin: Mask | None = None,
    smallest: int = 1,
    cut_offs: CutOffs = CutOffs(),
) -> Segments:
    """The error segments of a prediction: 4-connected pixels with one true and one other predicted class.

    The first kind that fits counts, in this order:

    - edge slack: no pixel is farther than `slack` from a border of the truth.
    - taken over: another class holds more than `over` of the true region, and the region that it predicts
      there lies mostly inside: the thing was found and called by another name. Or the other way round: more
      than `over` of a predicted region, part of it right, is one other class in truth.
    - missed: less than `hit` of the true region is right; the classes around it flowed over it.
    - invented: less than `hit` of the predicted region is of its class in truth.
    - split: it parts the right pixels of one true region, each part of `part` pixels or more.
    - merged: it joins true regions of the predicted class into one predicted region.
    - leak: everything else; a region that reaches too far or not far enough.

    Args:
        truth: uint8 [H,W]; `ignore` and ids outside 0..classes-1 have no truth and are never wrong.
        predicted: uint8 [H,W]; ids outside 0..classes-1 are "no class".
        classes: number of classes K, 1-255.
        ignore: the id that stands for "no truth here".
        confidence: uint8 [H,W], 255 is certain.
        margin: uint8 [H,W], likewise.
        smallest: segments with fewer pixels have no row; the ledger counts them.
        cut_offs: where kinds end.

    Raises:
        ValueError: the shapes differ.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {predicted.shape}")
    scene = Scene.of(truth, predicted, classes, ignore)
    return measure(scene, confidence, margin, smallest, cut_offs)


def measure(
    scene: Scene, confidence: Mask | None, margin: Mask | None, smallest: int, cut_offs: CutOffs
) -> Segments:
    """The error segments of a scene; see `extract`."""
    runs, segment = scene.runs, scene.segment
    one = _first_runs(segment)
    areas = scene.pixels(segment)
    edge_sum = np.bincount(segment, runs.sums(scene.distance), minlength=len(areas))
    edge_max = np.zeros(len(areas))
    np.maximum.at(edge_max, segment, runs.greatest(scene.distance))
    kinds = _kinds(scene, one, edge_max, cut_offs)
    wrong = scene.wrong[one]
    kept = np.flatnonzero(wrong & (areas >= smallest))
    true_areas, hits = scene.pixels(scene.true_region), scene.pixels(scene.true_region, scene.right)
    region = scene.true_region[one][kept]
    height = scene.distance.shape[0]
    box = boxes(runs, segment, len(areas))[kept]
    return Segments(
        kind=kinds[kept],
        truth=scene.truth[one][kept].astype(np.uint8),
        predicted=scene.predicted[one][kept].astype(np.uint8),
        area=areas[kept].astype(np.int32),
        box=box,
        centre=centres(runs, segment, areas)[kept],
        share=(areas[kept] / true_areas[region]).astype(np.float32),
        hit=(hits[region] / true_areas[region]).astype(np.float32),
        edge_mean=(edge_sum[kept] / areas[kept]).astype(np.float32),
        edge_max=edge_max[kept].astype(np.float32),
        at_border=(box[:, 0] == 0)
        | (box[:, 1] == 0)
        | (box[:, 0] + box[:, 2] == runs.width)
        | (box[:, 1] + box[:, 3] == height),
        beside_ignore=_beside_ignore(scene, len(areas))[kept],
        beside=_beside(scene, len(areas))[kept],
        confidence=means(runs, segment, areas, confidence)[kept],
        margin=means(runs, segment, areas, margin)[kept],
        ledger=_ledger(scene, one, areas, kinds, wrong),
    )


def _first_runs(groups: Indices) -> Indices:
    """int64 [groups]: the first run of each group."""
    return np.unique(groups, return_index=True)[1].astype(np.int64)


def _kinds(scene: Scene, one: Indices, edge_max: NDArray[np.float64], cut_offs: CutOffs) -> NDArray[np.uint8]:
    """uint8 [segments]: the kind of every segment; those that are right have one that means nothing."""
    true_region, predicted_region = scene.true_region[one], scene.predicted_region[one]
    true_areas = scene.pixels(scene.true_region)[true_region]
    true_hit = scene.pixels(scene.true_region, scene.right)[true_region] / true_areas
    counted = scene.truth < scene.classes
    own_areas = np.maximum(scene.pixels(scene.predicted_region, counted)[predicted_region], 1)
    own_hit = scene.pixels(scene.predicted_region, scene.right)[predicted_region] / own_areas
    held = _held(scene, scene.true_region, scene.predicted)[one] / true_areas
    claimed = _held(scene, scene.predicted_region, scene.truth)[one] / own_areas
    inside = _shared(scene)[one] / own_areas
    named = (held > cut_offs.over) & (inside > cut_offs.over)
    stolen = (claimed > cut_offs.over) & (own_hit >= cut_offs.hit)
    parted, joined = _parted(scene, len(one), cut_offs.part)
    kinds = np.select(
        [
            edge_max <= cut_offs.slack,
            named | stolen,
            true_hit < cut_offs.hit,
            (own_hit < cut_offs.hit) & (scene.predicted[one] < scene.classes),
            parted,
            joined,
        ],
        [Kind.EDGE_SLACK, Kind.TAKEN_OVER, Kind.MISSED, Kind.INVENTED, Kind.SPLIT, Kind.MERGED],
        Kind.LEAK,
    )
    return kinds.astype(np.uint8)


def _held(scene: Scene, regions: Indices, values: Indices) -> NDArray[np.float64]:
    """float64 [n]: for every run the pixels of its region that have the run's value of the other mask."""
    keys = regions * 256 + values
    _, groups = np.unique(keys, return_inverse=True)
    return scene.pixels(groups.astype(np.int64))[groups]


def _shared(scene: Scene) -> NDArray[np.float64]:
    """float64 [n]: for every run the pixels that its true and its predicted region share."""
    keys = scene.true_region * (int(scene.predicted_region.max(initial=0)) + 1) + scene.predicted_region
    _, groups = np.unique(keys, return_inverse=True)
    return scene.pixels(groups.astype(np.int64))[groups]


def _parted(scene: Scene, count: int, part: int) -> tuple[Flags, Flags]:
    """Which segments part the right pixels of a true region, and which join true regions: bool [segments]."""
    first, second = scene.runs.neighbours()
    first, second = np.concatenate([first, second]), np.concatenate([second, first])
    wrong, right = scene.wrong[first], scene.right[second]
    touching = wrong & right
    inner = touching & (scene.truth[first] == scene.truth[second])
    outer = touching & (scene.predicted[first] == scene.predicted[second])
    sizes = scene.pixels(scene.segment)
    large = sizes[scene.segment] >= part
    found = []
    for chosen, regions in ((inner, scene.predicted_region), (outer, scene.true_region)):
        chosen = chosen & large[second]
        width = int(regions.max(initial=0)) + 1
        pairs = np.unique(scene.segment[first[chosen]] * width + regions[second[chosen]])
        found.append(np.bincount(pairs // width, minlength=count) >= 2)
    return found[0], found[1]


def _beside_ignore(scene: Scene, count: int) -> Flags:
    first, second = scene.runs.neighbours()
    first, second = np.concatenate([first, second]), np.concatenate([second, first])
    beside = np.zeros(count, bool)
    beside[scene.segment[first[scene.truth[second] == scene.classes]]] = True
    return beside


def _beside(scene: Scene, count: int) -> NDArray[np.uint8]:
    """uint8 [count]: the class that most of each segment's outline runs along; see `Segments.beside`."""
    runs = scene.runs
    first, second = runs.neighbours()
    ends = runs.columns + runs.lengths
    shared = np.minimum(ends[first], ends[second]) - np.maximum(runs.columns[first], runs.columns[second])
    # Two runs of one row share a single edge, whatever their lengths.
    shared = np.maximum(shared, 1)
    first, second, shared = (
        np.concatenate([first, second]),
        np.concatenate([second, first]),
        np.concatenate([shared, shared]),
    )
    near = scene.truth[second]
    other = (near != scene.truth[first]) & (near != scene.predicted[first]) & (near < scene.classes)
    other &= scene.wrong[first]
    keys, inverse = np.unique(scene.segment[first[other]] * 256 + near[other], return_inverse=True)
    lengths = np.bincount(inverse, shared[other], minlength=len(keys))
    order = np.lexsort((keys % 256, -lengths, keys // 256))
    segments, places = np.unique(keys[order] // 256, return_index=True)
    beside = np.full(count, scene.classes, np.uint8)
    beside[segments] = (keys[order] % 256)[places]
    return beside


def boxes(runs: Runs, groups: Indices, count: int) -> NDArray[np.int32]:
    """int32 [count,4]: x, y, width and height of each group of runs."""
    left, top = np.full(count, runs.width), np.full(count, np.iinfo(np.int32).max)
    right, bottom = np.zeros(count, np.int64), np.zeros(count, np.int64)
    np.minimum.at(left, groups, runs.columns)
    np.minimum.at(top, groups, runs.rows)
    np.maximum.at(right, groups, runs.columns + runs.lengths)
    np.maximum.at(bottom, groups, runs.rows + 1)
    return np.stack([left, top, right - left, bottom - top], axis=1).astype(np.int32)


def centres(runs: Runs, groups: Indices, areas: NDArray[np.float64]) -> Floats:
    """float32 [count,2]: the centroid of each group of runs."""
    middle = runs.columns + runs.lengths / 2
    x = np.bincount(groups, middle * runs.lengths, minlength=len(areas)) / areas
    y = np.bincount(groups, (runs.rows + 0.5) * runs.lengths, minlength=len(areas)) / areas
    return np.stack([x, y], axis=1).astype(np.float32)


def means(runs: Runs, groups: Indices, areas: NDArray[np.float64], pixels: Mask | None) -> Floats:
    """float32 [count]: the mean of uint8 pixels in each group of runs, 0-1; NaN without any pixels."""
    if pixels is None:
        return np.full(len(areas), np.nan, np.float32)
    total = np.bincount(groups, runs.sums(pixels), minlength=len(areas))
    return (total / areas / 255).astype(np.float32)


def _ledger(
    scene: Scene, one: Indices, areas: NDArray[np.float64], kinds: NDArray[np.uint8], wrong: Flags
) -> Counts:
    """int64 [K,7,2]: pixels lost and taken by class and kind."""
    count, classes = len(Kind), scene.classes
    ledger = np.zeros((classes, count, 2), np.int64)
    for side, ids in enumerate((scene.truth[one], scene.predicted[one])):
        # "No class" takes pixels too, and has no row.
        chosen = wrong & (ids < classes)
        keys = ids[chosen] * count + kinds[chosen]
        ledger[:, :, side] = np.bincount(keys, areas[chosen], minlength=classes * count).reshape(
            classes, count
        )
    return ledger
