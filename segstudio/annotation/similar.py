"""Regions by a few clicks: pixels that a network sees like those that were clicked."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.annotation.segmenter import Click

Floats = NDArray[np.float32]
# Directions of the features that are kept; more change no region, and take longer.
KEPT_DIRECTIONS = 64
# How alike class scores must be to those of the first click, from 0 to 1, and how sharply that divides.
ALIKE, SHARPNESS = 0.87, 4.0
# How far a click reaches: in the features' cosine, and in the image's longer side.
FEATURE_REACH, PLACE_REACH = 0.15, 0.25
# Clicks may contradict each other a little.
DOUBT = 0.05
# Places along a side that stand for what a box holds, in its middle half, and for what lies around it.
PLACES = 6
# Most of what is boxed is wanted.
FAVOUR = 0.05
# Pixels in which a region is found; larger ones are found in a smaller picture.
LARGEST = 2**21


class SimilarRegions:
    """What a network saw in one image, made ready for clicks.

    The answer is a Gaussian process (Rasmussen and Williams, 2006, section 2.2) of 1 on included and -1 on
    excluded clicks, cut at 0. Its mean is how alike the class scores are to those of the first click
    (Bhattacharyya's coefficient); every click then corrects what has like features and lies near. What is not
    connected to an included click is left out.

    Args:
        shares: probabilities of classes, float32 [K,h,w].
        features: of the network at the same places, float32 [C,h,w].
        size: (width, height) of the image.
    """

    def __init__(self, shares: Floats, features: Floats, size: tuple[int, int]) -> None:
        self._size = size
        self._rows, self._columns = int(shares.shape[1]), int(shares.shape[2])
        self._roots = np.ascontiguousarray(np.sqrt(shares.reshape(len(shares), -1)))
        self._features = _directions(features.reshape(len(features), -1))
        y, x = np.mgrid[0 : self._rows, 0 : self._columns].astype(np.float32)
        unit = 1 / max(size)
        self._x = x.ravel() * np.float32(size[0] / self._columns * unit)
        self._y = y.ravel() * np.float32(size[1] / self._rows * unit)
        self.nbytes = self._roots.nbytes + self._features.nbytes + self._x.nbytes + self._y.nbytes

    def mask(self, clicks: Sequence[Click], box: Rect | None = None) -> Region | None:
        """See `Embedding.mask`."""
        bounds = Rect(0, 0, *self._size)
        if box is not None:
            bounds = bounds.intersection(box)
        clicks = [click for click in clicks if _holds(bounds, click) or not click.include]
        seeds = [click for click in clicks if click.include]
        if bounds.is_empty or not (seeds or box is not None):
            return None
        mean = self._mean(seeds[0]) if box is None else self._mean_of_box(bounds)
        score = self._corrected(mean, clicks).reshape(self._rows, self._columns)
        return self._region(score, seeds, bounds)

    def _mean(self, first: Click) -> Floats:
        alike = self._roots[:, self._node(first)] @ self._roots
        mean: Floats = np.clip(SHARPNESS * (alike - ALIKE), -1, 1)
        return mean

    def _mean_of_box(self, box: Rect) -> Floats:
        """Above 0 where the middle of the box is more alike than what lies around it."""
        around = [click for click in _ring(box) if _holds(Rect(0, 0, *self._size), click)]
        if not around:
            return np.ones(self._rows * self._columns, np.float32)
        more = self._like_mean_of(_middle(box)) - self._like_mean_of(around)
        mean: Floats = np.clip(SHARPNESS * (more + np.float32(FAVOUR)), -1, 1)
        return mean

    def _like_mean_of(self, places: Sequence[Click]) -> Floats:
        """How alike class scores are to the mean of those at some places, from 0 to 1."""
        nodes = sorted({self._node(place) for place in places})
        mean = np.sqrt(np.square(self._roots[:, nodes]).mean(axis=1))
        alike: Floats = mean @ self._roots
        return alike

    def _corrected(self, mean: Floats, clicks: Sequence[Click]) -> Floats:
        """The mean, bent to what every click says."""
        if not clicks:
            return mean
        nodes = [self._node(click) for click in clicks]
        reaches = np.stack([self._reach(node) for node in nodes])
        wanted = np.array([1.0 if click.include else -1.0 for click in clicks])
        known = reaches[:, nodes] + DOUBT * np.eye(len(nodes))
        weights = np.linalg.solve(known, wanted - mean[nodes]).astype(np.float32)
        return mean + weights @ reaches

    def _reach(self, node: int) -> Floats:
        """How much a click on a node says of every other one, from 0 to 1."""
        unlike = (1 - self._features[:, node] @ self._features) / np.float32(FEATURE_REACH)
        away = np.square(self._x - self._x[node]) + np.square(self._y - self._y[node])
        reach: Floats = np.exp(-unlike - away / np.float32(2 * PLACE_REACH**2))
        return reach

    def _node(self, click: Click) -> int:
        column = click.x * self._columns // self._size[0]
        return click.y * self._rows // self._size[1] * self._columns + column

    def _region(self, score: Floats, seeds: Sequence[Click], bounds: Rect) -> Region | None:
        """The parts of the positive score with a seed; without seeds all parts."""
        if seeds:
            bounds = bounds.intersection(self._around(score, seeds))
        if bounds.is_empty:
            return None
        shrink = max(1.0, (bounds.width * bounds.height / LARGEST) ** 0.5)
        width, height = math.ceil(bounds.width / shrink), math.ceil(bounds.height / shrink)
        inside = (_enlarged(score, self._size, bounds, (width, height)) > 0).view(np.uint8)
        if seeds:
            places = [((seed.x - bounds.x) * width // bounds.width,
                       (seed.y - bounds.y) * height // bounds.height)
                      for seed in seeds if _holds(bounds, seed)]  # fmt: skip
            inside = _connected(inside, places)
        if (width, height) != (bounds.width, bounds.height):
            size = (bounds.width, bounds.height)
            inside = np.asarray(cv2.resize(inside, size, interpolation=cv2.INTER_NEAREST), np.uint8)
        box = Rect(*cv2.boundingRect(inside))
        if box.is_empty:
            return None
        found = inside[box.slices].astype(np.bool_)
        rect = Rect(box.x + bounds.x, box.y + bounds.y, box.width, box.height)
        return Region(0, rect, found, int(np.count_nonzero(found)))

    def _around(self, score: Floats, seeds: Sequence[Click]) -> Rect:
        """A rectangle of the image in which all parts of the positive score with a seed lie."""
        # Between places the score is above 0 only where one of the four around is.
        near = cv2.dilate((score > 0).view(np.uint8), np.ones((3, 3), np.uint8))
        places = [divmod(self._node(seed), self._columns)[::-1] for seed in seeds]
        box = Rect(*cv2.boundingRect(_connected(np.asarray(near, np.uint8), places)))
        across, down = self._size[0] / self._columns, self._size[1] / self._rows
        left, top = math.floor(box.x * across), math.floor(box.y * down)
        return Rect(left, top, math.ceil(box.right * across) - left, math.ceil(box.bottom * down) - top)


def _connected(inside: NDArray[np.uint8], places: Sequence[tuple[int, int]]) -> NDArray[np.uint8]:
    """1 in the 4-connected parts of 1 (uint8 [h,w]) that hold a place, its column and row."""
    height, width = inside.shape
    marks = np.zeros((height + 2, width + 2), np.uint8)
    for x, y in places:
        if inside[y, x] and not marks[y + 1, x + 1]:
            cv2.floodFill(inside, marks, (x, y), 0, flags=4 | cv2.FLOODFILL_MASK_ONLY | (1 << 8))
    return np.ascontiguousarray(marks[1:-1, 1:-1])


def _directions(features: Floats) -> Floats:
    """Unit vectors [c,n] whose products are nearly the cosines of the features, [C,n]."""
    units = _as_units(features)
    if len(units) <= KEPT_DIRECTIONS:
        return np.ascontiguousarray(units)
    # Eigenvalues come in ascending order: the last directions say most.
    _, vectors = np.linalg.eigh(units @ units.T)
    return _as_units(np.ascontiguousarray(vectors[:, -KEPT_DIRECTIONS:].T @ units))


def _as_units(vectors: Floats) -> Floats:
    lengths = np.sqrt(np.einsum("cn,cn->n", vectors, vectors))
    units: Floats = vectors / np.maximum(lengths, np.float32(1e-12))
    return units


def _enlarged(score: Floats, size: tuple[int, int], part: Rect, wanted: tuple[int, int]) -> Floats:
    """A part of the image of that size at (width, height) wanted: bilinear, centres on centres."""
    rows, columns = score.shape
    across, down = columns / size[0], rows / size[1]
    wide, high = part.width / wanted[0] * across, part.height / wanted[1] * down
    left, top = part.x * across + wide / 2 - 0.5, part.y * down + high / 2 - 0.5
    place = np.array([[wide, 0, left], [0, high, top]], np.float64)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(score, place, wanted, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def _middle(box: Rect) -> list[Click]:
    """Places in the middle half of a box."""
    apart = [0.25 + (step + 0.5) / PLACES / 2 for step in range(PLACES)]
    return [Click(box.x + int(x * box.width), box.y + int(y * box.height)) for x in apart for y in apart]


def _ring(box: Rect) -> list[Click]:
    """Places just outside of a box; some may lie outside of the image."""
    apart = [(step + 0.5) / PLACES for step in range(PLACES)]
    gap = 1 + max(box.width, box.height) // 32
    across, down = [int(x * box.width) + box.x for x in apart], [int(y * box.height) + box.y for y in apart]
    points = [(x, y) for x in across for y in (box.y - gap, box.bottom + gap)]
    points += [(x, y) for y in down for x in (box.x - gap, box.right + gap)]
    return [Click(x, y, include=False) for x, y in points]


def _holds(rect: Rect, click: Click) -> bool:
    return rect.x <= click.x < rect.right and rect.y <= click.y < rect.bottom
