"""What the scripted corrector may do: each tool's uses at a place, through its public function."""

import math
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.accept import accept_region
from segstudio.annotation.islands import remove_islands
from segstudio.annotation.rect import EMPTY, Rect
from segstudio.annotation.regions import Region, region_at
from segstudio.annotation.second_choice import Evidence, candidates
from segstudio.annotation.shape import fill_holes, grow, merge, shrink, smooth
from segstudio.annotation.tools import (
    fill_value,
    paint_polygon,
    paint_region,
    polygon_bounds,
    put_values,
    stroke_bounds,
    stroke_cover,
)
from segstudio.annotation.wand import like_region

# Beside a script that is run, Python finds modules by their bare name; the type checker wants the whole one.
if TYPE_CHECKING:
    from packaging.benchmarks.correction_counting import Action, Mask
    from packaging.benchmarks.correction_shapes import Line, length, outline, room_in, scrub, strokes, thinned
    from packaging.benchmarks.corrector import IGNORE, Place, Policy, Tool, View, pieces
else:
    from correction_counting import Action, Mask
    from correction_shapes import Line, length, outline, room_in, scrub, strokes, thinned
    from corrector import IGNORE, Place, Policy, Tool, View, pieces

RADII = (2.0, 4.0, 8.0, 16.0, 32.0)
TOLERANCES = (1.0, 2.0, 4.0, 8.0, 16.0)
# A hand that drags along a border strays about so far from it.
FREEHAND = 1.0
# Of each kind, the places with the most wrong pixels are looked at; the others bring less for the same price.
MOST_PLACES = 12
# Below these margins (times 255) the model doubts.
DOUBTS = (32, 64, 128, 192)
# How far colours may differ for the wand, in CIELAB.
COLOURS = (6.0, 12.0, 24.0)
# The window's settings, at first.
DISTANCE, ROUNDING, ISLAND = 1, 2, 64
CLASSES = 256
# A region is extended from a pixel so near to what is wrong, and so far inside if it is wide enough.
EXTEND_FROM, SURELY = 12, 2.0
Where = tuple[int, int]
Reshape = Callable[[Mask, Region], Rect]
# What a key does to a region, and how far beyond its box.
RESHAPES: tuple[tuple[str, int, Reshape], ...] = (
    ("merge", 0, merge),
    ("fill holes", 0, fill_holes),
    ("smooth", ROUNDING, partial(smooth, radius=ROUNDING)),
    ("grow", DISTANCE, partial(grow, pixels=DISTANCE)),
    ("shrink", DISTANCE, partial(shrink, pixels=DISTANCE)),
)


# -- places ----------------------------------------------------------------------------------------------


def wrong_pieces(view: View, most: int | None = MOST_PLACES) -> list[Place]:
    """Connected wrong pixels that have one true class, the largest ones."""
    wrong, truth = view.wrong, view.frame.truth
    found = [
        piece
        for value in np.unique(truth[wrong]).tolist()
        for piece in pieces(wrong & (truth == value), "wrong", value, most)
    ]
    return sorted(found, key=lambda piece: -piece.area)[:most]


def true_regions(view: View) -> list[Place]:
    """Regions of the truth, those with the most wrong pixels in them."""
    wrong = view.wrong
    found = [
        (int(np.count_nonzero(wrong[piece.rect.slices] & piece.inside)), piece)
        for piece in view.frame.regions
    ]
    # Where nothing is right yet, the region is a wrong piece too.
    return _most([(bad, piece) for bad, piece in found if 0 < bad < piece.area])


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


# -- shapes that are drawn -------------------------------------------------------------------------------


def brush(view: View, place: Place) -> Iterator[Action]:
    """Strokes of the true class along the middle of a place, with each radius."""
    middle, room = thinned(place.inside), harmless(view, place.value)[place.rect.slices]
    for radius in RADII:
        for line in strokes(middle, room, radius):
            yield stroke_action(moved(line, place.rect), radius, place.value)


def scrubbing(_view: View, place: Place) -> Iterator[Action]:
    """Strokes that go to and fro over the whole of a place, with each radius."""
    for radius in RADII:
        line = scrub(place.inside, radius)
        if line is not None:
            yield stroke_action(moved(line, place.rect), radius, place.value)


def polygon(_view: View, place: Place) -> Iterator[Action]:
    """Polygons around a place with corners that are clicked, from close to coarse, and its hull."""
    for tolerance in TOLERANCES:
        for hull in (False, True):
            line = outline(place.inside, tolerance, hull=hull)
            # The last click, on the first corner, closes it.
            yield polygon_action("polygon", moved(line, place.rect), len(line) + 1, place.value)


def freehand(_view: View, place: Place) -> Iterator[Action]:
    """A polygon whose outline is dragged, and the key that closes it."""
    line = moved(outline(place.inside, FREEHAND), place.rect)
    yield polygon_action("freehand", line, 2, place.value, dragged=True)


def lasso(_view: View, place: Place) -> Iterator[Action]:
    """An outline that is dragged and fills as the button comes up, close to a place and round its hull."""
    for hull in (False, True):
        line = moved(outline(place.inside, FREEHAND, hull=hull), place.rect)
        change = partial(_enclose, line, place.value)
        rect, pixels = polygon_bounds(line), length(line, closed=True)
        yield Action("lasso", "lasso", rect, change, 1, place.value, pixels=pixels, drawn=True)


def _enclose(line: Line, value: int, mask: Mask) -> None:
    paint_polygon(mask, line, value)


def extend(view: View, place: Place) -> Iterator[Action]:
    """The same, begun in a neighbouring region of the true class, with which it then fills."""
    for hull in (False, True):
        line = moved(outline(place.inside, FREEHAND, hull=hull), place.rect)
        start = beside(view.mask, place)
        if len(line) < 3 or start is None:
            return
        x, y = start[0] + 0.5, start[1] + 0.5
        near = min(range(len(line)), key=lambda n: math.dist(line[n], (x, y)))
        way = ((x, y), *line[near:], *line[:near])
        change = partial(_spread, way, start)
        pixels = length(way, closed=True)
        yield Action("extend", "extend", polygon_bounds(way), change, pixels=pixels)


def _spread(way: Line, start: Where, mask: Mask) -> None:
    paint_polygon(mask, way, int(mask[start[1], start[0]]))


def beside(mask: Mask, place: Place) -> Where | None:
    """A pixel (x, y) near a place, of its class in the mask and well inside its region, or None."""
    around = place.rect.grown(EXTEND_FROM).clip(mask.shape[1], mask.shape[0])
    inside = np.zeros((around.height, around.width), np.uint8)
    top, left = place.rect.y - around.y, place.rect.x - around.x
    inside[top : top + place.rect.height, left : left + place.rect.width] = place.inside
    far = cv2.distanceTransform(1 - inside, cv2.DIST_L2, 5)
    own = (mask[around.slices] == place.value) & (inside == 0) & (far <= EXTEND_FROM)
    if not own.any():
        return None
    # A person takes a pixel that is surely in the region, as near as that goes.
    room = np.minimum(cv2.distanceTransform(own.astype(np.uint8), cv2.DIST_L2, 5), SURELY)
    row, column = np.unravel_index(int(np.argmax(room * EXTEND_FROM - far * own)), room.shape)
    return around.x + int(column), around.y + int(row)


def harmless(view: View, value: int) -> NDArray[np.float32]:
    """float [H,W]: how far the nearest pixel is that painting a class could spoil."""
    truth = view.frame.truth
    return room_in((truth == value) | (truth == IGNORE), outside_is_free=True)


def stroke_action(line: Line, radius: float, value: int) -> Action:
    """A brush that is pressed, moved along points and lifted."""
    moves, rect = list(zip(line, (*line[1:], line[-1]), strict=True)), EMPTY
    for start, end in moves:
        rect = rect.union(stroke_bounds(start, end, radius))

    def change(mask: Mask) -> None:
        for start, end in moves:
            piece = stroke_bounds(start, end, radius).clip(mask.shape[1], mask.shape[0])
            put_values(mask, piece, stroke_cover(piece, start, end, radius), value)

    return Action("brush", "brush", rect, change, 1, value, radius=radius, pixels=length(line), drawn=True)


def polygon_action(tool: str, line: Line, presses: int, value: int, *, dragged: bool = False) -> Action:
    """A polygon that is filled with a class."""

    def change(mask: Mask) -> None:
        paint_polygon(mask, line, value)

    pixels = length(line, closed=True) if dragged else 0.0
    return Action(tool, "polygon", polygon_bounds(line), change, presses, value, pixels=pixels, drawn=True)


def moved(line: Line, rect: Rect) -> Line:
    """A line of a rectangle's own coordinates in those of the image."""
    return tuple((x + rect.x, y + rect.y) for x, y in line)


# -- regions that are clicked ----------------------------------------------------------------------------


def relabel(_view: View, place: Place) -> Iterator[Action]:
    """The key of a class, pressed over a region of the mask."""
    x, y = inmost(place)

    def change(mask: Mask) -> None:
        paint_region(mask, region_at(mask, x, y), place.value)

    yield Action("relabel", "relabel", place.rect, change, 1, place.value, by_key=True)


def reshape(_view: View, place: Place) -> Iterator[Action]:
    """What one key does to the region under the cursor: merge, fill its holes, smooth, grow or shrink it."""
    x, y = inmost(place)
    for name, reach, act in RESHAPES:

        def change(mask: Mask, act: Reshape = act) -> None:
            act(mask, region_at(mask, x, y))

        yield Action(name, None, place.rect.grown(reach), change)


def wand(view: View, place: Place) -> Iterator[Action]:
    """Clicks on a place that give its class to the connected pixels of like colour."""
    x, y = inmost(place)
    for tolerance in COLOURS:
        region = like_region(view.frame.image, x, y, tolerance)
        change = partial(_paint, region, place.value)
        yield Action("wand", "wand", region.rect, change, 1, place.value, tolerance=tolerance, drawn=True)


def _paint(region: Region, value: int, mask: Mask) -> None:
    paint_region(mask, region, value)


def islands(view: View, place: Place) -> Iterator[Action]:
    """The key that gives small regions of the active class to their surroundings, for each class."""
    for value in np.unique(view.mask[view.wrong]).tolist():
        change = partial(_remove, value)
        yield Action("remove islands", None, place.rect, change, 1, value)


def _remove(value: int, mask: Mask) -> None:
    remove_islands(mask, value, ISLAND)


def second_choice(view: View, place: Place) -> Iterator[Action]:
    """One key gives the region under the cursor the class that the model holds next likely there."""
    (x, y), frame = inmost(place), view.frame
    said = Evidence(frame.ids, frame.confidence, frame.second, frame.margin)

    def change(mask: Mask) -> None:
        region = region_at(mask, x, y)
        ranked = candidates(region, said)
        if ranked:
            paint_region(mask, region, ranked[0].class_id)

    yield Action("second choice", None, place.rect, change)


def fill_class(view: View, place: Place) -> Iterator[Action]:
    """One click gives a class another one in the whole image: the pair that mends most."""
    known = view.frame.truth != IGNORE
    pairs = view.mask[known].astype(np.int64) * CLASSES + view.frame.truth[known]
    counts = np.bincount(pairs, minlength=CLASSES * CLASSES).reshape(CLASSES, CLASSES)
    gains = counts - np.diag(counts)[:, None]
    old, new = np.unravel_index(int(gains.argmax()), gains.shape)
    if old != new:
        change = partial(_fill, int(old), int(new))
        yield Action("fill class", "fill", place.rect, change, 1, int(new))


def _fill(old: int, new: int, mask: Mask) -> None:
    fill_value(mask, old, new)


def inmost(place: Place) -> Where:
    """The pixel (x, y) of a place that is farthest from its border: where a person clicks."""
    room = cv2.distanceTransform(np.pad(place.inside, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(room)), room.shape)
    return place.rect.x + int(column), place.rect.y + int(row)


def doubtful_regions(view: View) -> list[Place]:
    """Regions that appear where the model's second choice stands wherever its margin is small."""
    return [place for doubt in DOUBTS for place in _regions_of(view, doubted(view, doubt), f"doubt {doubt}")]


def doubted(view: View, doubt: int) -> Mask:
    """uint8 [H,W]: the model's ids, its second choice where the margin is below `doubt`."""
    frame = view.frame
    return np.where(frame.margin < doubt, frame.second, frame.ids)


def accept_doubt(view: View, place: Place) -> Iterator[Action]:
    """One click takes over a region of the model's doubts; another threshold is another tool."""
    doubt = int(place.name.split()[1])
    (x, y), ids = inmost(place), doubted(view, doubt)

    def change(mask: Mask) -> None:
        accept_region(mask, ids, x, y)

    yield Action("accept doubt", place.name, place.rect, change)


def _policy(*drawn: Tool, clicked: tuple[Tool, ...] = (), on_all: tuple[Tool, ...] = ()) -> Policy:
    clicks = {mask_regions: clicked, whole: on_all} if clicked else {}
    return {wrong_pieces: drawn, true_regions: drawn, **clicks}


CLICKED = (relabel, second_choice, reshape)
ON_ALL = (fill_class, islands)
OURS = _policy(brush, polygon, lasso, extend, wand, clicked=CLICKED, on_all=ON_ALL)
POLICIES: Mapping[str, Policy] = {"brush": _policy(brush), "polygon": _policy(polygon), "ours": OURS}
# What the figures hang on, and what a tool that is not there yet would bring.
MORE_POLICIES: Mapping[str, Policy] = {
    "brush, scrubbing": _policy(brush, scrubbing),
    "ours, scrubbing": _policy(
        brush, scrubbing, polygon, lasso, extend, wand, clicked=CLICKED, on_all=ON_ALL
    ),
    "ours without extend": _policy(brush, polygon, lasso, wand, clicked=CLICKED, on_all=ON_ALL),
    "ours without lasso": _policy(brush, polygon, freehand, extend, wand, clicked=CLICKED, on_all=ON_ALL),
    "ours with polygon outlines alone": _policy(
        brush, polygon, freehand, wand, clicked=CLICKED, on_all=ON_ALL
    ),
    "ours without wand": _policy(brush, polygon, lasso, extend, clicked=CLICKED, on_all=ON_ALL),
    "ours without second choice": _policy(
        brush, polygon, lasso, extend, wand, clicked=(relabel, reshape), on_all=ON_ALL
    ),
    "ours with doubts": {**OURS, doubtful_regions: (accept_doubt,)},
}
