"""Colours for the screen: a palette's own, a set of high contrast, and one for colour-blind eyes.

Files never see them. Distances are CIE76 (Euclidean in CIE L*a*b*, D65) of colours as they are seen: laid
over mid grey (128) at 50 %, as an overlay is. Colour-blind sight is simulated by the matrices of Machado,
Oliveira and Fernandes (2009), "A physiologically-based model for simulation of color vision deficiency",
severity 1.0, on linear RGB.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.annotation.palette import Colour, Palette

ORIGINAL, CONTRAST, SAFE = COLOUR_SETS = ("original", "contrast", "safe")
Rgb = NDArray[np.float32]
PROTANOPIA = np.array(
    [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    np.float32,
)
DEUTERANOPIA = np.array(
    [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    np.float32,
)
MID_GREY, OPACITY = 128.0, 0.5
# Levels of each channel among which colours are looked for, and how often the closest pair is moved apart.
LEVELS, STEPS = 8, 300
# Rounds in which two classes exchange colours if both together then resemble their own more.
EXCHANGES = 3


def screen_colours(palette: Palette, name: str) -> NDArray[np.uint8]:
    """uint8 [256,3]: the colour of every id on screen in one of COLOUR_SETS.

    Sets that the palette's file does not bring are made, always the same for the same colours. What is no
    class keeps the colour that it has in files.
    """
    table = palette.colours()
    shown = {ORIGINAL: None, CONTRAST: palette.editing, SAFE: palette.safe}[name]
    if name != ORIGINAL:
        own = tuple(entry.rgb for entry in palette.classes)
        for entry, rgb in zip(palette.classes, shown or spread(own, name), strict=True):
            table[entry.id] = rgb
    return table


def seen(rgb: Rgb, sight: NDArray[np.float32] | None = None) -> Rgb:
    """CIE L*a*b* float32 [N,3] of sRGB colours 0-255 [N,3] over mid grey; `sight` is a matrix from above."""
    blend = (rgb * OPACITY + MID_GREY * (1 - OPACITY)).astype(np.float32) / 255
    if sight is not None:
        linear = np.where(blend <= 0.04045, blend / 12.92, ((blend + 0.055) / 1.055) ** 2.4)
        linear = np.clip(linear @ sight.T, 0, 1)
        blend = np.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)
    lab: Rgb = cv2.cvtColor(np.ascontiguousarray(blend[None], np.float32), cv2.COLOR_RGB2Lab)[0]
    return lab


def distances(first: Rgb, second: Rgb, name: str) -> NDArray[np.float32]:
    """float32 [N,M]: how far colours are apart; for the safe set, to the eyes that tell them apart worst."""
    sights = (None, PROTANOPIA, DEUTERANOPIA) if name == SAFE else (None,)
    tables = []
    for sight in sights:
        one, other = seen(first, sight), seen(second, sight)
        squares = (one**2).sum(1)[:, None] + (other**2).sum(1)[None] - 2 * one @ other.T
        tables.append(np.sqrt(np.maximum(squares, 0)))
    least: NDArray[np.float32] = np.minimum.reduce(tables)
    return least


@lru_cache(maxsize=8)
def spread(own: tuple[Colour, ...], name: str) -> tuple[Colour, ...]:
    """As many colours as there are in `own`, far apart, each given to one that it resembles.

    Points as far as possible from all before them begin; then one of the closest pair is moved to the best
    place, STEPS times or until nothing gets better.
    """
    candidates, table = _candidates(name)
    chosen = _farthest(table, len(own))
    for _ in range(STEPS):
        if not _improve(table, chosen):
            break
    found = candidates[chosen]
    order = _alike(distances(np.array(own, np.float32), found, CONTRAST))
    return tuple((int(r), int(g), int(b)) for r, g, b in found[order].round())


@lru_cache(maxsize=len(COLOUR_SETS))
def _candidates(name: str) -> tuple[Rgb, NDArray[np.float32]]:
    axis = np.linspace(0, 255, LEVELS, dtype=np.float32).round()
    grid = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    return grid, distances(grid, grid, name)


def _farthest(table: NDArray[np.float32], count: int) -> list[int]:
    chosen = [0]
    nearest = table[0].copy()
    while len(chosen) < count:
        chosen.append(int(nearest.argmax()))
        nearest = np.minimum(nearest, table[chosen[-1]])
    return chosen


def _improve(table: NDArray[np.float32], chosen: list[int]) -> bool:
    """Moves one of the closest pair to where its nearest neighbour is farthest; False if both stand best."""
    if len(chosen) < 2:
        return False
    among = table[np.ix_(chosen, chosen)].copy()
    np.fill_diagonal(among, np.inf)
    pair = np.unravel_index(int(among.argmin()), among.shape)
    for place in (int(pair[0]), int(pair[1])):
        others = [point for index, point in enumerate(chosen) if index != place]
        nearest = table[:, others].min(axis=1)
        best = int(nearest.argmax())
        if nearest[best] > among.min() + 1e-4:
            chosen[place] = best
            return True
    return False


def _alike(table: NDArray[np.float32]) -> list[int]:
    """For every row its own column: the closest pairs first, then exchanges that help."""
    left = table.copy()
    order = [0] * len(table)
    for _ in range(len(table)):
        row, column = np.unravel_index(int(left.argmin()), left.shape)
        order[int(row)] = int(column)
        left[row, :] = left[:, column] = np.inf
    for _ in range(EXCHANGES):
        for one in range(len(order)):
            for other in range(one):
                now = table[one, order[one]] + table[other, order[other]]
                if table[one, order[other]] + table[other, order[one]] < now - 1e-3:
                    order[one], order[other] = order[other], order[one]
    return order
