"""Sensor noise, independent in every value; images are float32 RGB [H,W,3] in 0-1.

Amounts for severities 1-5 are those of ImageNet-C (Hendrycks and Dietterich, arXiv 1903.12261, and its code).
"""

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]

GAUSSIAN = (0.08, 0.12, 0.18, 0.26, 0.38)
SHOT = (60.0, 25.0, 12.0, 5.0, 3.0)
IMPULSE = (0.03, 0.06, 0.09, 0.17, 0.27)
SPECKLE = (0.15, 0.2, 0.35, 0.45, 0.6)


def gaussian(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Adds normal noise of one standard deviation."""
    return image + np.float32(GAUSSIAN[severity - 1]) * _normal(image, generator)


def shot(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Counts photons: Poisson with so many at full brightness."""
    photons = SHOT[severity - 1]
    return (generator.poisson(image * photons) / photons).astype(np.float32)


def impulse(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Sets a share of the values to 0 or 1 with equal chances."""
    share = IMPULSE[severity - 1]
    drawn = generator.random(image.shape, np.float32)
    out = np.where(drawn < share / 2, np.float32(0), image)
    return np.where(drawn > 1 - share / 2, np.float32(1), out)


def speckle(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Adds normal noise in proportion to the value."""
    return image * (1 + np.float32(SPECKLE[severity - 1]) * _normal(image, generator))


def _normal(image: Picture, generator: np.random.Generator) -> Picture:
    return generator.standard_normal(image.shape, np.float32)
