"""What the scripted corrector may do: each tool's uses at a place, through its public function."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.accept import accept_region
from segstudio.annotation.rect import Rect
from segstudio.annotation.regions import region_at
from segstudio.annotation.tools import (
    OPEN,
    Point,
    Protection,
    fill_value,
    paint_polygon,
    paint_region,
    paint_stroke,
    polygon_bounds,
    put_pixels,
    stroke_bounds,
)

# Beside a script that is run, Python finds modules by their bare name; the type checker wants the whole one.
if TYPE_CHECKING:
    from packaging.benchmarks.correction_shapes import Line, length, outline, strokes, thinned
    from packaging.benchmarks.corrector import IGNORE, Action, Finder, Mask, Place, Tool, View, pieces
else:
    from correction_shapes import Line, length, outline, strokes, thinned
    from corrector import IGNORE, Action, Finder, Mask, Place, Tool, View, pieces

RADII = (2.0, 4.0, 8.0, 16.0, 32.0)
TOLERANCES = (1.0, 2.0, 4.0, 8.0, 16.0)
# A hand that drags along a border strays about so far from it.
FREEHAND = 1.0
# Of each kind, the places with the most wrong pixels are looked at; the others bring less for the same price.
MOST_PLACES = 12
# Below these margins (times 255) the model doubts.
DOUBTS = (32, 64, 128, 192)
CLASSES = 256
Where = tuple[int, int]


# -- places ---------------------------------------------------------------------------------------------------


def wrong_pieces(view: View) -> list[Place]:
    """Connected wrong pixels that have one true class, the largest ones."""
    wrong, truth = view.wrong, view.frame.truth
    found = [
        piece
        for value in np.unique(truth[wrong]).tolist()
        for piece in pieces(wrong & (truth == value), "wrong", value)
    ]
    return sorted(found, key=lambda piece: -piece.area)[:MOST_PLACES]


def true_regions(view: View) -> list[Place]:
    """Regions of the truth, those with the most wrong pixels in them."""
    wrong, truth = view.wrong, view.frame.truth
    found = [
        (int(np.count_nonzero(wrong[piece.rect.slices] & piece.inside)), piece)
        for value in np.unique(truth[wrong]).tolist()
        for piece in pieces(truth == value, "true", value)
    ]
    return _most([pair for pair in found if pair[0] < pair[1].area])


def mask_regions(view: View) -> list[Place]:
    """Regions of the mask, those with the most wrong pixels in them; their value is what they are mostly."""
    return _regions_of(view, view.mask, "mask")


def _regions_of(view: View, ids: Mask, name: str) -> list[Place]:
    wrong, truth, found = view.wrong, view.frame.truth, []
    for value in np.unique(ids[wrong]).tolist():
        for piece in pieces(ids == value, name, value):
            inside = wrong[piece.rect.slices] & piece.inside
            bad = int(np.count_nonzero(inside))
            if bad:
                mostly = int(np.bincount(truth[piece.rect.slices][inside]).argmax())
                found.append((bad, Place(name, mostly, piece.rect, piece.inside, piece.area)))
    return _most(found)


def _most(found: list[tuple[int, Place]]) -> list[Place]:
    return [piece for _, piece in sorted(found, key=lambda pair: -pair[0])[:MOST_PLACES]]


def whole(view: View) -> list[Place]:
    """The whole image."""
    height, width = view.mask.shape
    return [Place("whole", IGNORE, Rect(0, 0, width, height), np.ones((height, width), bool), view.mask.size)]


# -- shapes that are drawn --------------------------------------------------------------------------------------


def brush(view: View, place: Place, over: int | None = None) -> Iterator[Action]:
    """Strokes of the true class along the middle of a place, with each radius."""
    margin = int(RADII[-1])
    rect = place.rect
    box = Rect(rect.x - margin, rect.y - margin, rect.width + 2 * margin, rect.height + 2 * margin)
    box = box.clip(view.mask.shape[1], view.mask.shape[0])
    cover = np.zeros((box.height, box.width), bool)
    cover[Rect(rect.x - box.x, rect.y - box.y, rect.width, rect.height).slices] = place.inside
    free = harmless(view, place.value, over)[box.slices]
    middle = thinned(cover)
    for radius in RADII:
        for line in strokes(cover, free, radius, middle):
            yield stroke_action(_moved(line, box), radius, place.value, over)


def polygon(view: View, place: Place, over: int | None = None) -> Iterator[Action]:
    """Polygons around a place with corners that are clicked, from close to coarse, and its hull."""
    for tolerance in TOLERANCES:
        for hull in (False, True):
            line = outline(place.inside, tolerance, hull=hull)
            if line is not None:
                # The last click, on the first corner, closes it.
                yield _polygon_action("polygon", _moved(line, place.rect), len(line) + 1, place.value, over)


def freehand(_view: View, place: Place) -> Iterator[Action]:
    """A polygon whose outline is dragged, and the key that closes it."""
    line = outline(place.inside, FREEHAND)
    if line is not None:
        yield _polygon_action("freehand", _moved(line, place.rect), 2, place.value, None, drawn=True)


def brush_over(view: View, place: Place) -> Iterator[Action]:
    """Strokes with all classes locked but the one that stands there wrongly."""
    yield from brush(view, place, _standing(view, place))


def polygon_over(view: View, place: Place) -> Iterator[Action]:
    """Polygons with all classes locked but the one that stands there wrongly."""
    yield from polygon(view, place, _standing(view, place))


def harmless(view: View, value: int, over: int | None = None) -> NDArray[np.bool_]:
    """bool [H,W]: where painting a class spoils nothing."""
    truth = view.frame.truth
    free: NDArray[np.bool_] = (truth == value) | (truth == IGNORE) | (view.mask != truth)
    return free if over is None else free | (view.mask != over)


def _standing(view: View, place: Place) -> int:
    """The class that most of a place's wrong pixels have."""
    inside = view.wrong[place.rect.slices] & place.inside
    return int(np.bincount(view.mask[place.rect.slices][inside]).argmax())


def protection_of(over: int | None) -> Protection:
    """Locks on all classes but one, as the window sets them; none without one."""
    return OPEN if over is None else Protection(locked=frozenset(range(IGNORE)) - {over})


def stroke_action(line: Line, radius: float, value: int, over: int | None = None) -> Action:
    """A brush that is pressed, moved along points and lifted."""
    moves = list(zip(line, (*line[1:], line[-1]), strict=True))
    protection, rect = protection_of(over), Rect(0, 0, 0, 0)
    for start, end in moves:
        rect = rect.union(stroke_bounds(start, end, radius))

    def change(mask: Mask) -> None:
        for start, end in moves:
            paint_stroke(mask, start, end, radius, value, protection=protection)

    return Action("brush", rect, change, 1, value, radius, over, length(line))


def _polygon_action(
    tool: str, line: Line, presses: int, value: int, over: int | None, *, drawn: bool = False
) -> Action:
    change = partial(_fill_polygon, line, value, protection_of(over))
    pixels = length(line, closed=True) if drawn else 0.0
    return Action(tool, polygon_bounds(line), change, presses, value, None, over, pixels)


def _fill_polygon(line: Line, value: int, protection: Protection, mask: Mask) -> None:
    paint_polygon(mask, line, value, protection=protection)


def _moved(line: Line, rect: Rect) -> tuple[Point, ...]:
    return tuple((x + rect.x, y + rect.y) for x, y in line)


# -- regions that are clicked -----------------------------------------------------------------------------------


def relabel(_view: View, place: Place) -> Iterator[Action]:
    """One click gives the region of the mask the active class."""
    x, y = inmost(place)

    def change(mask: Mask) -> None:
        paint_region(mask, region_at(mask, x, y), place.value)

    yield Action("relabel", place.rect, change, 1, place.value)


def second_choice(view: View, place: Place) -> Iterator[Action]:
    """One click gives the region of the mask what the model holds next likely, pixel by pixel."""
    (x, y), second = inmost(place), view.frame.second

    def change(mask: Mask) -> None:
        region = region_at(mask, x, y)
        put_pixels(mask, second, region.rect, region.inside)

    yield Action("second choice", place.rect, change)


def fill_class(view: View, place: Place) -> Iterator[Action]:
    """One click gives a class another one in the whole image: the pair that mends most."""
    known = view.frame.truth != IGNORE
    pairs = view.mask[known].astype(np.int64) * CLASSES + view.frame.truth[known]
    counts = np.bincount(pairs, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
    gains = counts - np.diag(counts)[:, None]
    old, new = np.unravel_index(int(gains.argmax()), gains.shape)
    if old != new:
        change = partial(_fill, int(old), int(new))
        yield Action("fill class", place.rect, change, 1, int(new))


def _fill(old: int, new: int, mask: Mask) -> None:
    fill_value(mask, old, new)


def inmost(place: Place) -> Where:
    """The pixel (x, y) of a place that is farthest from its border: where a person clicks."""
    room = cv2.distanceTransform(np.pad(place.inside, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(room)), room.shape)
    return place.rect.x + int(column), place.rect.y + int(row)


def doubtful_regions(view: View) -> list[Place]:
    """Regions that appear where the model's second choice stands wherever its margin is small."""
    return [
        place
        for doubt in DOUBTS
        for place in _regions_of(view, doubted(view, doubt), f"doubt {doubt}")
    ]


def doubted(view: View, doubt: int) -> Mask:
    """uint8 [H,W]: the model's ids, its second choice where the margin is below `doubt`."""
    frame = view.frame
    return np.where(frame.margin < doubt, frame.second, frame.ids)


def accept_doubt(view: View, place: Place) -> Iterator[Action]:
    """One click takes over a region of the model's doubts; the threshold is a setting like a radius."""
    doubt = int(place.name.split()[1])
    (x, y), ids = inmost(place), doubted(view, doubt)

    def change(mask: Mask) -> None:
        accept_region(mask, ids, x, y)

    yield Action("accept doubt", place.rect, change, 1)


DRAWN: tuple[Tool, ...] = (brush, polygon, freehand, brush_over, polygon_over)
Policy = Mapping[Finder, tuple[Tool, ...]]
POLICIES: Mapping[str, Policy] = {
    "brush": {wrong_pieces: (brush,), true_regions: (brush,)},
    "polygon": {wrong_pieces: (polygon,), true_regions: (polygon,)},
    "ours": {
        wrong_pieces: DRAWN,
        true_regions: DRAWN,
        mask_regions: (relabel, second_choice),
        whole: (fill_class,),
    },
}
Change = Callable[[Mask], object]
