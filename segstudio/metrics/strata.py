"""How well the regions of a class are found by their size and place: "rider under 24 px high"."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from segstudio.metrics.true_regions import TrueRegions

Chosen = NDArray[np.int64]
Values = NDArray[np.float64]
# Below this share of right pixels a region counts as missed, as in `segments.CutOffs`.
MISSED = 0.1
HEIGHTS = (0, 8, 16, 24, 32, 48, 64, 96, 128, 192, 256, 512)
BANDS = 10


@dataclass(frozen=True)
class Stratum:
    """The regions whose size or place lies between two bounds.

    Attributes:
        low: the bound that belongs to it.
        high: the bound that belongs to the next one; infinite for the last.
        regions: how many.
        pixels: theirs together.
        found: the mean over regions of the share that was predicted right, 0-1; NaN without any.
        missed: the share of regions of which less than a tenth was right, 0-1; NaN without any.
    """

    low: float
    high: float
    regions: int
    pixels: int
    found: float
    missed: float


def by_area(regions: TrueRegions, chosen: Chosen, parts: int = 10) -> tuple[Stratum, ...]:
    """The chosen regions in up to `parts` groups of about equal count, smallest first.

    Regions of one area are never parted, so that there may be fewer groups.
    """
    areas = np.sort(regions.area[chosen])
    if not len(areas):
        return ()
    bounds = np.unique(areas[np.arange(parts) * len(areas) // parts]).astype(np.float64)
    return _strata(regions, chosen, regions.area[chosen].astype(np.float64), [*bounds, np.inf])


def by_height(regions: TrueRegions, chosen: Chosen, bounds: Sequence[int] = HEIGHTS) -> tuple[Stratum, ...]:
    """The chosen regions by the height of their boxes in pixels; empty groups at both ends are left out."""
    values = regions.box[chosen, 3].astype(np.float64)
    found = _strata(regions, chosen, values, [*bounds, np.inf])
    there = [place for place, stratum in enumerate(found) if stratum.regions]
    return found[there[0] : there[-1] + 1] if there else ()


def by_band(places: Values, regions: TrueRegions, chosen: Chosen, bands: int = BANDS) -> tuple[Stratum, ...]:
    """The chosen regions by where their middle lies between the image's top (0) and bottom (1).

    Args:
        places: float64 [n], that place of every region; see `middles`.
        regions: the regions.
        chosen: int64 [m], numbers of regions.
        bands: how many equal bands.
    """
    if not len(chosen):
        return ()
    inside = np.clip(places[chosen], 0, np.nextafter(1, 0))
    return _strata(regions, chosen, inside, [band / bands for band in range(bands + 1)])


def middles(boxes: NDArray[np.int32], heights: NDArray[np.int32]) -> Values:
    """float64 [n]: the middles of boxes [n,4] between top (0) and bottom (1) of images `heights` [n] high."""
    return (boxes[:, 1] + boxes[:, 3] / 2) / np.maximum(heights, 1)


def _strata(
    regions: TrueRegions, chosen: Chosen, values: Values, bounds: Sequence[float]
) -> tuple[Stratum, ...]:
    groups = np.searchsorted(np.asarray(bounds), values, "right") - 1
    return tuple(
        Stratum(float(low), float(high), *_figures(regions, chosen[groups == place]))
        for place, (low, high) in enumerate(pairwise(bounds))
    )


def _figures(regions: TrueRegions, chosen: Chosen) -> tuple[int, int, float, float]:
    """Count, pixels, mean found share and missed share of some regions."""
    if not len(chosen):
        return 0, 0, float("nan"), float("nan")
    hit = regions.hit[chosen].astype(np.float64)
    pixels = int(regions.area[chosen].sum(dtype=np.int64))
    return len(chosen), pixels, float(hit.mean()), float((hit < MISSED).mean())
