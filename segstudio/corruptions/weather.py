"""Snow, spatter, fog and frost in front of the camera; images are float32 RGB [H,W,3] in 0-1.

Amounts for severities 1-5 are those of ImageNet-C (Hendrycks and Dietterich, arXiv 1903.12261, and its code).
Its frost comes from photographs; here it is drawn.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segstudio.corruptions.blur import length_scale, soften, streak
from segstudio.corruptions.texture import Field, clouds, ice

Picture = NDArray[np.float32]


@dataclass(frozen=True)
class Snow:
    """Flakes are values of normal noise (mean, deviation), `zoom` pixels wide, above a threshold."""

    mean: float
    deviation: float
    zoom: float
    threshold: float
    radius: int
    sigma: float
    # Share of the picture that is not whitened.
    kept: float


@dataclass(frozen=True)
class Spatter:
    """Drops are the places where blurred normal noise (mean, deviation, sigma) exceeds a threshold."""

    mean: float
    deviation: float
    sigma: float
    threshold: float
    # Water: opacity; mud: the blur of its rim in pixels.
    strength: float
    mud: bool


SNOW = (
    Snow(0.1, 0.3, 3.0, 0.5, 10, 4.0, 0.8),
    Snow(0.2, 0.3, 2.0, 0.5, 12, 4.0, 0.7),
    Snow(0.55, 0.3, 4.0, 0.9, 12, 8.0, 0.7),
    Snow(0.55, 0.3, 4.5, 0.85, 12, 8.0, 0.65),
    Snow(0.55, 0.3, 2.5, 0.85, 12, 12.0, 0.55),
)
SPATTER = (
    Spatter(0.65, 0.3, 4.0, 0.69, 0.6, False),
    Spatter(0.65, 0.3, 3.0, 0.68, 0.6, False),
    Spatter(0.65, 0.3, 2.0, 0.68, 0.5, False),
    Spatter(0.65, 0.3, 1.0, 0.65, 1.5, True),
    Spatter(0.67, 0.4, 1.0, 0.65, 1.5, True),
)
# Thickness, and the decay of the clouds' octaves.
FOG = ((1.5, 2.0), (2.0, 2.0), (2.5, 1.7), (2.5, 1.5), (3.0, 1.4))
# Shares of the picture and of the frost.
FROST = ((1.0, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))

WATER = np.array([175, 238, 238], np.float32) / np.float32(255)
MUD = np.array([63, 42, 20], np.float32) / np.float32(255)
ICE = np.array([0.86, 0.95, 1.0], np.float32)
# Drops are no thicker than this many pixels from their rim.
THICKEST = 20.0
# Its answer to a slope of 1 towards the light is 0.7.
EMBOSS = np.array([[-2, -1, 0], [-1, 0, 1], [0, 1, 2]], np.float32) / 12


def snow(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """A whitened picture behind two layers of falling flakes."""
    amounts = SNOW[severity - 1]
    height, width = image.shape[:2]
    zoom = amounts.zoom * length_scale(image.shape)
    small = math.ceil(height / zoom), math.ceil(width / zoom)
    noise = generator.normal(amounts.mean, amounts.deviation, small).astype(np.float32)
    flakes = cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR)
    seen: Field = np.where(flakes < amounts.threshold, 0, np.clip(flakes, 0, 1)).astype(np.float32)
    falling = math.radians(generator.uniform(45, 135))
    seen = streak(seen, amounts.radius, amounts.sigma, falling)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[:, :, None]
    white = np.maximum(image, grey * np.float32(1.5) + np.float32(0.5))
    kept = np.float32(amounts.kept)
    out: Picture = kept * image + (1 - kept) * white + (seen + seen[::-1, ::-1])[:, :, None]
    return out


def spatter(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Drops of water on the lens (severities 1-3), or mud (4 and 5)."""
    amounts = SPATTER[severity - 1]
    scale = length_scale(image.shape)
    noise = generator.normal(amounts.mean, amounts.deviation, image.shape[:2]).astype(np.float32)
    # Enlarged noise averages out less than its blur would: the share of the picture stays.
    layer = soften(noise, amounts.sigma * scale)
    layer = (layer - np.float32(amounts.mean)) * np.float32(scale) + np.float32(amounts.mean)
    wet = layer > amounts.threshold
    if amounts.mud:
        thick = soften(wet.astype(np.float32), amounts.strength * scale)
        cover: Field = np.where(thick < 0.8, np.float32(0), thick)[:, :, None]
        return image * (1 - cover) + MUD * cover
    out: Picture = image + _glint(wet, scale)[:, :, None] * np.float32(amounts.strength) * WATER
    return out


def _glint(wet: NDArray[np.bool_], scale: float) -> Field:
    """How bright drops are, 0-1: most where their surface faces a light at the upper left."""
    depth = cv2.distanceTransform(wet.astype(np.uint8), cv2.DIST_L2, 5)
    depth = soften(np.minimum(depth, THICKEST * scale).astype(np.float32), scale)
    slope = cv2.filter2D(depth, -1, EMBOSS / np.float32(scale)).astype(np.float32, copy=False)
    shine = np.clip(np.float32(0.35) + slope, 0.05, 1)
    # Rims are soft, since the lens is out of focus.
    bright: Field = shine * soften(wet.astype(np.float32), 0.7 * scale)
    return bright


def fog(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Adds clouds and brings the brightest value back to where it was."""
    thickness, decay = FOG[severity - 1]
    brightest = float(image.max(initial=0))
    veiled = image + np.float32(thickness) * clouds(image.shape[:2], decay, generator)[:, :, None]
    return veiled * np.float32(brightest / (brightest + thickness))


def frost(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """A dimmed picture behind ice crystals on a pane."""
    kept, added = FROST[severity - 1]
    return np.float32(kept) * image + np.float32(added) * ice(image.shape[:2], generator)[:, :, None] * ICE
