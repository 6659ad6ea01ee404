"""Exposure, colour and compression; images are float32 RGB [H,W,3] in 0-1.

Amounts for severities 1-5 are those of ImageNet-C (Hendrycks and Dietterich, arXiv 1903.12261, and its code).
"""

import io

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

Picture = NDArray[np.float32]

BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
# Factor and offset of the saturation: the first two fade colours, the others make them glaring.
SATURATION = ((0.3, 0.0), (0.1, 0.0), (2.0, 0.0), (5.0, 0.1), (20.0, 0.2))
JPEG_QUALITY = (25, 18, 15, 10, 7)


def brightness(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Adds to the value of HSV."""
    return _in_hsv(image, 2, 1.0, BRIGHTNESS[severity - 1])


def contrast(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Shrinks distances from the mean of each channel."""
    mean = image.mean(axis=(0, 1), dtype=np.float64).astype(np.float32)
    out: Picture = (image - mean) * np.float32(CONTRAST[severity - 1]) + mean
    return out


def saturate(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Scales and shifts the saturation of HSV."""
    return _in_hsv(image, 1, *SATURATION[severity - 1])


def jpeg(image: Picture, severity: int, generator: np.random.Generator) -> Picture:
    """Compresses with Pillow."""
    stream = io.BytesIO()
    whole = np.rint(image * 255).astype(np.uint8)
    Image.fromarray(whole).save(stream, "JPEG", quality=JPEG_QUALITY[severity - 1])
    with Image.open(stream) as decoded:
        return np.asarray(decoded, np.float32) / np.float32(255)


def _in_hsv(image: Picture, channel: int, gain: float, offset: float) -> Picture:
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
    hsv[:, :, channel] = np.clip(hsv[:, :, channel] * np.float32(gain) + np.float32(offset), 0, 1)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.float32, copy=False)
