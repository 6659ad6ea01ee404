"""Affine views of a sample: their drawing blocks, their sampling, and what lies outside the image.

A view is a matrix float64 [3,3] from image to crop coordinates (x, y, 1). Coordinates are continuous: pixel n
covers n to n + 1, as in the bilinear resize of the deployment graph.
"""

import math
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.training.spec.schema import RandomFlip, RandomRotate

Image = NDArray[np.uint8]
Mask = NDArray[np.uint8]
View = NDArray[np.float64]
Size = tuple[int, int]
Colour = tuple[int, ...]
IGNORE = 255
# Crops are judged on a grid of about this many pixels a side.
PREVIEW = 64
# Below this factor bilinear sampling skips pixels so widely that it shows.
REDUCED = 0.7


def shift(x: float, y: float) -> View:
    """Moves by (x, y) pixels."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def stretch(x: float, y: float) -> View:
    """Scales both axes."""
    return np.diag([x, y, 1.0])


def turn(degrees: float) -> View:
    """Turns counter-clockwise as seen on a screen, about the origin; quarter turns are exact."""
    angle = math.radians(degrees)
    cosine, sine = round(math.cos(angle), 12), round(math.sin(angle), 12)
    return np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def about(view: View, x: float, y: float) -> View:
    """The same change with (x, y) in place of the origin."""
    return shift(x, y) @ view @ shift(-x, -y)


def draw_flips(keys: RandomFlip, generator: np.random.Generator) -> View:
    """Mirrors about the origin, left to right and upside down, with the probabilities of the spec."""
    mirrored, upended = generator.random(2) < (keys.hflip_probability, keys.vflip_probability)
    if not keys.enable:
        return np.eye(3)
    return stretch(-1.0 if mirrored else 1.0, -1.0 if upended else 1.0)


def draw_turn(keys: RandomRotate, generator: np.random.Generator) -> View:
    """A turn by one of the listed angles about the origin, with the probability of the spec."""
    chance, choice = generator.random(2)
    if not keys.enable or not keys.angle_list or chance >= keys.rotate_probability:
        return np.eye(3)
    return turn(keys.angle_list[int(choice * len(keys.angle_list))])


def pixel_of_class(mask: Mask, wanted: int, generator: np.random.Generator) -> tuple[int, int] | None:
    """(x, y) of a pixel of a class, all with equal chances; None where the class is absent."""
    flat = mask.ravel()
    # A class that is not rare is hit by chance, which saves a pass over a large mask.
    guesses = generator.integers(flat.size, size=PREVIEW)
    hits = guesses[flat[guesses] == wanted]
    if not hits.size:
        hits = np.flatnonzero(flat == wanted)
        if not hits.size:
            return None
        hits = hits[generator.integers(hits.size, size=1)]
    y, x = divmod(int(hits[0]), mask.shape[1])
    return x, y


def largest_class_share(mask: Mask, view: View, size: Size) -> float:
    """The share of a crop's valid pixels that its largest class covers, 0-1, on a coarse grid.

    1 where nothing is valid.
    """
    step = max(1.0, min(size) / PREVIEW)
    small = max(1, round(size[0] / step)), max(1, round(size[1] / step))
    preview = sample_mask(mask, stretch(small[1] / size[1], small[0] / size[0]) @ view, small)
    counts = np.bincount(preview.ravel(), minlength=256)[:IGNORE]
    return float(counts.max() / counts.sum()) if counts.any() else 1.0


def draw_mixed(draw: Callable[[], View], mask: Mask, size: Size, share: float, tries: int) -> View:
    """Draws a view, again up to `tries` times while one class covers more than `share` of its crop."""
    view = draw()
    for _ in range(tries if share < 1 else 0):
        if largest_class_share(mask, view, size) <= share:
            break
        view = draw()
    return view


def sample_image(image: Image, view: View, size: Size, colour: Colour, *, cubic: bool = False) -> Image:
    """uint8 [h,w,3] of a view, bilinear or bicubic; outside the image lies one colour."""
    return _sample(image, view, size, colour, cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR)


def sample_mask(mask: Mask, view: View, size: Size) -> Mask:
    """uint8 [h,w] of a view, nearest; what lies outside the mask is ignored."""
    return _sample(mask, view, size, (IGNORE,), cv2.INTER_NEAREST)


def cover(crop: NDArray[np.uint8], view: View, source: Size, colour: Colour) -> None:
    """Gives one colour to those pixels of a crop whose middle lies outside its source, (height, width)."""
    left, top, right, bottom = _shown(view, source, (crop.shape[0], crop.shape[1]))
    for slab in (crop[:top], crop[bottom:], crop[top:bottom, :left], crop[top:bottom, right:]):
        if slab.size:
            slab[...] = colour if crop.ndim == 3 else colour[0]
    if view[0, 1] or view[1, 0]:
        part = crop[top:bottom, left:right]
        outside = _outside(shift(-left, -top) @ view, source, (bottom - top, right - left))
        if outside.any():
            part[outside] = colour if crop.ndim == 3 else colour[0]


def _sample(
    source: NDArray[np.uint8], view: View, size: Size, colour: Colour, flags: int
) -> NDArray[np.uint8]:
    """Samples only the rectangle that the source covers: beyond it OpenCV is slow.

    The source's edge goes on, so that a pixel whose middle lies inside is never mixed with the outside.
    """
    left, top, right, bottom = _shown(view, (source.shape[0], source.shape[1]), size)
    out = np.empty((*size, *source.shape[2:]), np.uint8)
    if right > left and bottom > top:
        # OpenCV's coordinates are whole at the middles of pixels.
        matrix = (shift(-left - 0.5, -top - 0.5) @ view @ shift(0.5, 0.5))[:2]
        reach = (right - left, bottom - top)
        part = cv2.warpAffine(source, matrix, reach, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        out[top:bottom, left:right] = part
    cover(out, view, (source.shape[0], source.shape[1]), colour)
    return out


def _shown(view: View, source: Size, size: Size) -> tuple[int, int, int, int]:
    """left, top, right, bottom of the crop's pixels whose middles lie in the box around the source."""
    corners = (view @ _corners(source[1], source[0]))[:2]
    left, top = np.clip(np.floor(corners.min(1) + 0.5), 0, size[::-1]).astype(int)
    right, bottom = np.clip(np.ceil(corners.max(1) - 0.5), 0, size[::-1]).astype(int)
    return int(left), int(top), max(int(left), int(right)), max(int(top), int(bottom))


def _outside(view: View, source: Size, size: Size) -> NDArray[np.bool_]:
    """bool [h,w]: the pixels of a crop whose middle lies outside the source."""
    back = np.linalg.inv(view)
    columns, rows = np.arange(size[1]) + 0.5, np.arange(size[0]) + 0.5
    inside = np.ones(size, bool)
    for axis, side in enumerate(source[::-1]):
        first, last = _between(back[axis, 0], back[axis, 1] * rows + back[axis, 2], float(side))
        inside &= columns > first[:, None]
        inside &= columns < last[:, None]
    return ~inside


def _between(
    slope: float, offsets: NDArray[np.float64], side: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The x between which 0 < slope * x + offset < side holds, for each offset."""
    if abs(slope) < 1e-9:
        never = (offsets <= 0) | (offsets >= side)
        return np.where(never, np.inf, -np.inf), np.where(never, -np.inf, np.inf)
    ends = -offsets / slope, (side - offsets) / slope
    return (ends[0], ends[1]) if slope > 0 else (ends[1], ends[0])


def _corners(width: float, height: float) -> View:
    """[3,4]: the corners of a rectangle at the origin."""
    return np.array([[0.0, width, 0.0, width], [0.0, 0.0, height, height], [1.0, 1.0, 1.0, 1.0]])


def factor(view: View) -> float:
    """By how much a view enlarges lengths, on the average of both axes."""
    return math.sqrt(abs(float(np.linalg.det(view[:2, :2]))))


def softened(image: Image, view: View, size: Size) -> tuple[Image, View]:
    """The part of an image that a view needs, blurred as far as the view reduces it, and the view of it."""
    scale = factor(view)
    if scale >= REDUCED:
        return image, view
    sigma = 0.5 * math.sqrt(scale**-2 - 1)
    margin = math.ceil(3 * sigma) + 2
    height, width = image.shape[:2]
    corners = np.linalg.inv(view) @ _corners(size[1], size[0])
    left, top = np.clip(np.floor(corners[:2].min(1)).astype(int) - margin, 0, (width - 1, height - 1))
    right, bottom = np.clip(np.ceil(corners[:2].max(1)).astype(int) + margin, 1, (width, height))
    part = image[top : max(bottom, top + 1), left : max(right, left + 1)]
    reach = 2 * math.ceil(2 * sigma) + 1
    blurred = cv2.GaussianBlur(part, (reach, reach), sigma, borderType=cv2.BORDER_REPLICATE)
    return blurred.astype(np.uint8, copy=False), view @ shift(left, top)
