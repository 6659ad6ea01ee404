"""All regions of a plane of values at once, found along the runs of its rows; their pixels on demand.

Finding costs little more than one look at every pixel, however many values and regions there are.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import Region
from segstudio.run_lengths import find_runs

Plane = NDArray[np.uint8]
Codes = NDArray[np.uint8] | NDArray[np.uint16]
Numbers = NDArray[np.int64]
# The value of pixels that belong to no region.
NOTHING = 0


@dataclass(frozen=True)
class RunRegions:
    """N regions in the order of their first pixels, made of M runs, which are sorted by region.

    Attributes:
        values: int64 [N], what all pixels of a region have.
        areas: int64 [N], pixels.
        boxes: int64 [N,4], x, y, width and height.
        first: int64 [N+1], where the runs of each region begin.
        rows, begins, ends: int64 [M], row, first column and the column behind the last, of each run.
        order: int64 [M], the number of each run in scan order.
        starts: int64 [M], the flat index of each run's first pixel, in scan order.
    """

    values: Numbers
    areas: Numbers
    boxes: Numbers
    first: Numbers
    rows: Numbers
    begins: Numbers
    ends: Numbers
    order: Numbers
    starts: Numbers

    @property
    def count(self) -> int:
        """How many regions there are."""
        return len(self.values)

    def region(self, number: int, class_id: int) -> Region:
        """The pixels of a region, which is to go under a class."""
        x, y, width, height = (int(value) for value in self.boxes[number])
        part = slice(self.first[number], self.first[number + 1])
        steps = np.zeros((height, width + 1), np.int8)
        steps[self.rows[part] - y, self.begins[part] - x] = 1
        # Runs of one region and row have a gap between them, so nothing is written twice.
        steps[self.rows[part] - y, self.ends[part] - x] = -1
        inside = np.cumsum(steps[:, :width], axis=1, dtype=np.int8).astype(bool)
        return Region(class_id, Rect(x, y, width, height), inside, int(self.areas[number]))

    def sums(self, plane: Plane) -> Numbers:
        """int64 [N]: the sum of a plane's values over each region."""
        return self._over_regions(self._over_runs(plane))

    def shares(self, chosen: NDArray[np.bool_]) -> Numbers:
        """int64 [N]: how many chosen pixels, bool [H,W], each region has."""
        return self._over_regions(self._over_runs(chosen.view(np.uint8)))

    def _over_runs(self, plane: Plane) -> Numbers:
        """Sums over the runs, in the order of the regions."""
        if not len(self.starts):
            return np.zeros(0, np.int64)
        lengths = (self.ends - self.begins)[np.argsort(self.order)]
        # Every second piece is what lies between two runs; the end of the last run may be the plane's.
        edges = np.stack([self.starts, self.starts + lengths], axis=1).ravel()
        flat = plane.ravel()
        inner = edges[:-1] if edges[-1] == flat.size else edges
        pieces = np.add.reduceat(flat, inner, dtype=np.int64)
        # `reduceat` gives an empty piece the value at its place; those are gaps, which are left out here.
        found: Numbers = pieces[::2][self.order]
        return found

    def _over_regions(self, runs: Numbers) -> Numbers:
        if not self.count:
            return np.zeros(0, np.int64)
        found: Numbers = np.add.reduceat(runs, self.first[:-1])
        return found


def find_regions(codes: Codes) -> RunRegions:
    """The 4-connected components of equal values of a plane [H,W]; 0 forms none."""
    runs = find_runs(codes)
    values = codes.ravel()[runs.starts]
    kept = np.flatnonzero(values != NOTHING)
    starts, lengths = runs.starts[kept], runs.lengths[kept]
    _, numbers = np.unique(runs.connected(values)[kept], return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    sizes = np.bincount(numbers) if len(numbers) else np.zeros(0, np.int64)
    first = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    rows, begins = np.divmod(starts[order], runs.width)
    lengths = lengths[order]
    if not len(starts):
        nothing = np.zeros(0, np.int64)
        return RunRegions(nothing, nothing, np.zeros((0, 4), np.int64), first, *[nothing] * 5)
    at = first[:-1]
    left, top = np.minimum.reduceat(begins, at), np.minimum.reduceat(rows, at)
    right, bottom = np.maximum.reduceat(begins + lengths, at), np.maximum.reduceat(rows, at) + 1
    boxes = np.stack([left, top, right - left, bottom - top], axis=1)
    areas = np.add.reduceat(lengths, at)
    own = values[kept][order][at].astype(np.int64)
    return RunRegions(own, areas, boxes, first, rows, begins, begins + lengths, order, starts)
