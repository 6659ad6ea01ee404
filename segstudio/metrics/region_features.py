"""What a prediction tells of each of its regions, in numbers, and how right each is by a known truth."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.error_scene import Scene
from segstudio.metrics.segments import boxes, centres
from segstudio.run_lengths import Indices, Runs, find_runs

Mask = NDArray[np.uint8]
Floats = NDArray[np.float32]
Sums = NDArray[np.float64]

# Below this a pixel is unsure, of 255.
UNSURE = 128
FORM = ("area", "rim", "roughness", "depth", "width", "height", "filled", "row", "column", "at_border")
PLACE = ("of_class", "of_largest", "neighbours", "beside_most")
OF_PLANE = ("mean", "spread", "inner", "rim", "unsure", "least", "most", "outside")
SECOND = ("second_class", "second_share", "second_beside", "wanted_outside")


@dataclass(frozen=True)
class Evidence:
    """What a model said of one image; uint8 [H,W] each, None where it is not known.

    Attributes:
        ids: the predicted class; ids outside 0..K-1 are no class.
        confidence: the class's probability times 255.
        second: the class that comes next; 255 where none is known.
        margin: by how much the first one's probability is larger, times 255.
    """

    ids: Mask
    confidence: Mask | None = None
    second: Mask | None = None
    margin: Mask | None = None


@dataclass(frozen=True)
class PredictedRegions:
    """The regions of a prediction, a row each, in the order of their first pixels.

    Attributes:
        class_id: uint8 [n].
        area: int32 [n], pixels.
        inner: int32 [n], pixels with no other region beside them.
        box: int32 [n,4], x, y, width and height.
        centre: float32 [n,2], x and y of the centroid in pixels; the first pixel's centre is 0.5.
        features: float32 [n,F], see `feature_names`; NaN for what is not known.
    """

    class_id: NDArray[np.uint8]
    area: NDArray[np.int32]
    inner: NDArray[np.int32]
    box: NDArray[np.int32]
    centre: Floats
    features: Floats

    @property
    def count(self) -> int:
        """How many regions there are."""
        return len(self.class_id)


def feature_names(classes: int) -> tuple[str, ...]:
    """The names of the features of K classes, in order: 35 + K + 1.

    class: the id. area: logarithm of pixels; rim: of the pixel edges shared with other regions; roughness:
    edges / sqrt(area); depth: area / edges; width, height, row, column: of the box and the centroid, shares
    of the image; filled: area / box; at_border: 1 where it touches the image's edge.

    of_class, of_largest: its share of all pixels of its class in the image, and of their largest region;
    neighbours: how many; beside_most: the largest one's share of the edges.

    Of confidence and margin, each: mean, spread (standard deviation), means of inner and rim pixels (MetaSeg,
    arXiv 1811.00648, has both apart: borders are unsure anywhere), share of unsure pixels, least, most, and
    the mean of what lies outside of the edges.

    second_class: the most frequent runner-up; second_share: its share; second_beside: share of pixels whose
    runner-up is a class beside it; wanted_outside: logarithm of how many pixels of its neighbours have its
    class second, over its area. The last K + 1: each class's share of the edges, and that of no class.
    """
    planes = [f"{plane}_{word}" for plane in ("confidence", "margin") for word in OF_PLANE]
    return ("class", *FORM, *PLACE, *planes, *SECOND, *(f"beside_{number}" for number in range(classes + 1)))


def measure_regions(said: Evidence, classes: int) -> PredictedRegions:
    """All regions of a prediction with their features: 4-connected pixels of one of K classes, 1-255.

    Raises:
        ValueError: the planes differ in shape.
    """
    for plane in (said.confidence, said.second, said.margin):
        if plane is not None and plane.shape != said.ids.shape:
            raise ValueError(f"ids are {said.ids.shape}, another plane is {plane.shape}")
    scene = _RegionScene.of(said.ids, classes)
    columns = [
        scene.class_id[:, None],
        _form(scene),
        _place(scene),
        _plane(scene, said.confidence),
        _plane(scene, said.margin),
        _second(scene, said.ids, said.second),
        scene.edges / np.maximum(scene.rim, 1)[:, None],
    ]
    features = np.concatenate(columns, axis=1).astype(np.float32)
    kept = scene.class_id < classes
    return PredictedRegions(
        scene.class_id[kept].astype(np.uint8),
        scene.area[kept].astype(np.int32),
        scene.inner[kept].astype(np.int32),
        scene.box[kept],
        scene.centre[kept],
        features[kept],
    )


def region_ious(truth: Mask, ids: Mask, classes: int, ignore: int = 255) -> Floats:
    """float32 [n]: how right each region of a prediction is, 0-1, in the order of `measure_regions`.

    It is MetaSeg's adjusted IoU (arXiv 1811.00648, section 2): of the region and all true regions of its
    class that it touches, without those true pixels that other predicted regions of the class have found; so
    parts of one thing are not blamed for each other. Pixels without truth count neither way, and a region
    that has none in more than half of its pixels is NaN.

    Args:
        truth: uint8 [H,W]; `ignore` and ids outside 0..classes-1 have no truth.
        ids: uint8 [H,W], the prediction.
        classes: number of classes K, 1-255.
        ignore: the id that stands for "no truth here".

    Raises:
        ValueError: the shapes differ.
    """
    if truth.shape != ids.shape:
        raise ValueError(f"truth is {truth.shape}, prediction is {ids.shape}")
    scene = Scene.of(truth, ids, classes, ignore)
    areas, right = scene.pixels(scene.predicted_region), scene.pixels(scene.predicted_region, scene.right)
    counted = scene.pixels(scene.predicted_region, scene.truth < classes)
    missed = scene.pixels(scene.true_region, scene.wrong)
    met = scene.predicted_region[scene.right] * len(missed) + scene.true_region[scene.right]
    pairs = np.unique(met)
    most = max(len(missed), 1)
    beyond = np.bincount(pairs // most, missed[pairs % most], minlength=len(areas))
    ious = np.full(len(areas), np.nan)
    np.divide(right, counted + beyond, out=ious, where=(2 * counted >= areas) & (counted > 0))
    one = np.unique(scene.predicted_region, return_index=True)[1]
    return ious[scene.predicted[one] < classes].astype(np.float32)


@dataclass(frozen=True)
class _RegionScene:
    """A prediction as runs, its regions, and the pixel edges between them.

    Attributes:
        runs: the runs.
        region: int64 [n], number of each run's region.
        class_id: int64 [r], K for no class.
        area, inner, rim: float64 [r], pixels, those with no other region beside them, edges with others.
        box, centre: see `PredictedRegions`.
        inside: bool [H,W], the inner pixels.
        first, second: int64 [m], runs on both sides of an edge, each edge twice.
        length: float64 [m], pixels of that edge.
        edges: float64 [r,K+1], edges with each class.
    """

    runs: Runs
    region: Indices
    class_id: Indices
    area: Sums
    inner: Sums
    rim: Sums
    box: NDArray[np.int32]
    centre: Floats
    inside: NDArray[np.bool_]
    first: Indices
    second: Indices
    length: Sums
    edges: Sums

    @classmethod
    def of(cls, ids: Mask, classes: int) -> "_RegionScene":
        known = np.minimum(ids, classes)
        runs = find_runs(known)
        values = known.ravel()[runs.starts].astype(np.int64)
        _, one, region = np.unique(runs.connected(values), return_index=True, return_inverse=True)
        region = region.astype(np.int64)
        inside = _inside(known)
        area = _summed(region, runs.lengths)
        first, second, length = _edges(runs, values)
        keys = region[first] * (classes + 1) + values[second]
        edges = _summed(keys, length, len(area) * (classes + 1)).reshape(-1, classes + 1)
        inner = _summed(region, runs.sums(inside), len(area))
        return cls(
            runs, region, values[one], area, inner, edges.sum(axis=1), boxes(runs, region, len(area)),
            centres(runs, region, area), inside, first, second, length, edges,
        )  # fmt: skip

    def total(self, of_runs: NDArray[np.float64]) -> Sums:
        """float64 [r]: what the runs of each region sum to."""
        return _summed(self.region, of_runs, len(self.area))


def _summed(groups: Indices, values: NDArray[Any], count: int = 0) -> Sums:
    """float64 [count or as many as there are]: the sum of each group's values."""
    return np.bincount(groups, values, minlength=count).astype(np.float64)


def _inside(ids: Mask) -> NDArray[np.bool_]:
    """bool [H,W]: pixels whose four neighbours have the same id; beyond the image's edge there is none."""
    inside = np.ones(ids.shape, bool)
    down, across = ids[1:] == ids[:-1], ids[:, 1:] == ids[:, :-1]
    inside[1:] &= down
    inside[:-1] &= down
    inside[:, 1:] &= across
    inside[:, :-1] &= across
    return inside


def _edges(runs: Runs, values: Indices) -> tuple[Indices, Indices, Sums]:
    """Runs of different values that lie beside each other, both ways round, and along how many pixels."""
    begins, ends = runs.columns, runs.columns + runs.lengths
    left, right = runs.beside()
    over = np.minimum(ends[runs.upper], ends[runs.lower]) - np.maximum(begins[runs.upper], begins[runs.lower])
    first, second = np.concatenate([runs.upper, left]), np.concatenate([runs.lower, right])
    length = np.concatenate([over, np.ones(len(left), np.int64)]).astype(np.float64)
    apart = values[first] != values[second]
    first, second, length = first[apart], second[apart], length[apart]
    return np.concatenate([first, second]), np.concatenate([second, first]), np.concatenate([length, length])


def _form(scene: _RegionScene) -> Sums:
    width, height = scene.runs.width, len(scene.inside)
    x, y, across, down = scene.box.T.astype(np.float64)
    area, edges = scene.area, np.maximum(scene.rim, 1)
    at_border = (x == 0) | (y == 0) | (x + across == width) | (y + down == height)
    return np.stack(
        [
            np.log(area), np.log(edges), edges / np.sqrt(area), area / edges, across / width, down / height,
            area / (across * down), scene.centre[:, 1] / height, scene.centre[:, 0] / width, at_border,
        ],
        axis=1,
    )  # fmt: skip


def _place(scene: _RegionScene) -> Sums:
    of_class = np.bincount(scene.class_id, scene.area)
    largest = np.zeros(len(of_class))
    np.maximum.at(largest, scene.class_id, scene.area)
    count = len(scene.area)
    keys = scene.region[scene.first] * count + scene.region[scene.second]
    pairs, place = np.unique(keys, return_inverse=True)
    owner = pairs // max(count, 1)
    most = np.zeros(count)
    np.maximum.at(most, owner, np.bincount(place, scene.length, minlength=len(pairs)))
    return np.stack(
        [
            scene.area / of_class[scene.class_id],
            scene.area / largest[scene.class_id],
            np.bincount(owner, minlength=count),
            most / np.maximum(scene.rim, 1),
        ],
        axis=1,
    )


def _plane(scene: _RegionScene, plane: Mask | None) -> Sums:
    """float64 [r,8]: see OF_PLANE, 0-1."""
    count = len(scene.area)
    if plane is None or not count:
        return np.full((count, len(OF_PLANE)), np.nan)
    runs, area = scene.runs, scene.area
    of_runs = runs.sums(plane)
    total, within = scene.total(of_runs), scene.total(runs.sums(plane * scene.inside))
    mean = total / area
    squares = scene.total(runs.sums(np.square(plane, dtype=np.uint16))) / area
    least, most = np.full(count, 255.0), np.zeros(count)
    np.minimum.at(least, scene.region, np.minimum.reduceat(plane.ravel(), runs.starts))
    np.maximum.at(most, scene.region, runs.greatest(plane))
    inner = np.full(count, np.nan)
    np.divide(within, scene.inner, out=inner, where=scene.inner > 0)
    beside = (of_runs / runs.lengths)[scene.second] * scene.length
    outside = np.bincount(scene.region[scene.first], beside, minlength=count) / np.maximum(scene.rim, 1)
    rim = (total - within) / np.maximum(area - scene.inner, 1)
    unsure = scene.total(runs.sums(plane < UNSURE)) / area
    spread = np.sqrt(np.maximum(squares - np.square(mean), 0))
    return np.stack([mean, spread, inner, rim, 255 * unsure, least, most, outside], axis=1) / 255


def _second(scene: _RegionScene, ids: Mask, second: Mask | None) -> Sums:
    """float64 [r,4]: see SECOND."""
    count, classes = len(scene.area), scene.edges.shape[1] - 1
    if second is None or not count:
        return np.full((count, len(SECOND)), np.nan)
    known = np.minimum(second, classes)
    parts = find_runs(np.minimum(ids, classes).astype(np.uint16) * 256 + known)
    owner = scene.region[np.searchsorted(scene.runs.starts, parts.starts, side="right") - 1]
    keys = owner * (classes + 1) + known.ravel()[parts.starts]
    counts = np.bincount(keys, parts.lengths, minlength=count * (classes + 1)).reshape(count, -1)
    top = counts[:, :classes].argmax(axis=1)
    share = counts[np.arange(count), top] / scene.area
    beside = (counts * (scene.edges > 0)).sum(axis=1) / scene.area
    pairs = np.unique(scene.region[scene.first] * count + scene.region[scene.second])
    here, there = pairs // count, pairs % count
    wanted = np.bincount(here, counts[there, scene.class_id[here]], minlength=count)
    most = np.where(share > 0, top, np.nan)
    return np.stack([most, share, beside, np.log1p(wanted) - np.log(scene.area)], axis=1)
