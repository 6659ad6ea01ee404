"""Random fields that weather is made of: clouds and ice crystals, float32 [H,W] in 0-1."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
# Side branches of ice grow at the angles of its hexagonal lattice.
BRANCH = math.pi / 3
# Sub-pixel bits of drawn coordinates.
BITS = 4


def normalised(field: Field) -> Field:
    """Stretched to 0-1; all 0 where it is flat."""
    low, high = float(field.min()), float(field.max())
    return np.zeros_like(field) if high <= low else ((field - low) / (high - low)).astype(np.float32)


def clouds(size: tuple[int, int], decay: float, generator: np.random.Generator) -> Field:
    """Plasma: noise of all sizes, each octave half as large and `decay` times as faint as the one before.

    The spectrum of the diamond-square fractal that ImageNet-C draws its fog with.
    """
    height, width = size
    cell = 1 << max(0, max(height, width) - 1).bit_length()
    total, strength = np.zeros(size, np.float32), 1.0
    while cell >= 1:
        grid = generator.random((height // cell + 3, width // cell + 3), np.float32)
        offset = generator.integers(0, cell, 2)
        # Only the part of the enlarged grid that is needed, at a random place within the first cell.
        matrix = np.array([[cell, 0.0, -cell - offset[0]], [0.0, cell, -cell - offset[1]]])
        octave = cv2.warpAffine(grid, matrix, (width, height), flags=cv2.INTER_CUBIC)
        total += np.float32(strength) * octave.astype(np.float32, copy=False)
        cell, strength = cell // 2, strength / decay
    return normalised(total)


def ice(size: tuple[int, int], generator: np.random.Generator) -> Field:
    """Frost on a pane: feathery crystals that grow inwards from the rim, over a veil of rime."""
    height, width = size
    reach = float(max(height, width))
    cover = np.float32(0.3) + np.float32(0.7) * normalised(
        clouds(size, 1.7, generator) + np.float32(0.6) * _closeness_to_rim(size)
    )
    layers = np.zeros(size, np.float32)
    for stems, length, blur in ((14, 0.34, 1.2), (40, 0.16, 0.7), (90, 0.07, 0.4)):
        drawn = np.zeros(size, np.uint8)
        segments = _ferns(size, stems, length * reach, generator)
        cv2.polylines(drawn, list(segments), False, (255,), 1, cv2.LINE_AA, BITS)
        soft = cv2.GaussianBlur(drawn.astype(np.float32) / 255, (0, 0), blur * max(1.0, reach / 1000))
        np.maximum(layers, normalised(soft.astype(np.float32, copy=False)), out=layers)
    glow = cv2.GaussianBlur(layers, (0, 0), reach / 120)
    grain = clouds(size, 1.15, generator)
    rime = cover * (np.float32(0.35) + np.float32(0.35) * grain)
    frost: Field = np.clip(rime + cover * (np.float32(0.75) * layers + np.float32(0.5) * glow), 0, 1)
    return frost


def _closeness_to_rim(size: tuple[int, int]) -> Field:
    """1 at the rim of a picture, 0 in its middle."""
    rows, columns = (np.abs(np.linspace(-1, 1, side, dtype=np.float32)) for side in size)
    closeness: Field = np.maximum(rows[:, None], columns[None, :]) ** 2
    return closeness


def _ferns(
    size: tuple[int, int], stems: int, length: float, generator: np.random.Generator
) -> NDArray[np.int32]:
    """Stems with branches and their branches as lines, int32 [N,2,2] (x, y) in 1/16 pixels."""
    starts = generator.random((stems, 2)) * size[::-1]
    # Two stems of three begin at the rim.
    side = generator.integers(0, 6, stems)
    starts[side == 0, 0], starts[side == 1, 0] = 0, size[1]
    starts[side == 2, 1], starts[side == 3, 1] = 0, size[0]
    towards = np.array(size[::-1]) / 2 - starts
    angles = np.arctan2(towards[:, 1], towards[:, 0]) + generator.normal(0, 0.7, stems)
    lengths = length * generator.uniform(0.4, 1.0, stems)
    parts = [(starts, angles, lengths)]
    for most, share in ((22, 0.34), (9, 0.4)):
        # Branches closer than a few pixels would fill the crystal.
        count = max(3, min(most, round(length / 6)))
        parts.append(_branches(*parts[-1], count, share, generator))
        length *= share
    lines = [
        np.stack([start, start + reach[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)], 1)
        for start, angle, reach in parts
    ]
    drawn: NDArray[np.int32] = np.rint(np.concatenate(lines) * (1 << BITS)).astype(np.int32)
    return drawn


def _branches(
    starts: NDArray[np.float64],
    angles: NDArray[np.float64],
    lengths: NDArray[np.float64],
    count: int,
    share: float,
    generator: np.random.Generator,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """`count` pairs of branches a line, shorter towards its tip: starts [N,2], angles [N], lengths [N]."""
    place = np.tile((np.arange(count) + generator.random(count)) / count, (2, 1)).ravel()
    sides = np.repeat([-BRANCH, BRANCH], count)
    directions = np.stack([np.cos(angles), np.sin(angles)], 1)
    points = starts[:, None] + (lengths[:, None] * place)[:, :, None] * directions[:, None]
    turned = angles[:, None] + sides + generator.normal(0, 0.06, (len(angles), sides.size))
    reach = lengths[:, None] * share * (1 - place) * generator.uniform(0.5, 1.0, turned.shape)
    return points.reshape(-1, 2), turned.ravel(), reach.ravel()
